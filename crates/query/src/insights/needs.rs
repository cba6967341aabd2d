//! What of events the steps of a plan look at.

use watchkeep_lang::insights::plan::{
    Aggregate, AggregateCall, Column, Definition, Expr, ExprKind, Field, Function, Path, Plan, Stats, Step, System,
};
use watchkeep_store::Spelling;

/// What of events is looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Needs {
    /// What every event has.
    pub system: Vec<System>,
    /// Discovered fields, and whether only the value of their numbers matters.
    pub paths: Vec<(Path, Spelling)>,
    /// Whether it matters of which type a value is, so that nothing but the event itself will do.
    pub types_matter: bool,
    /// Whether something that is masked is looked at as it was.
    pub unmasked: bool,
}

impl Needs {
    /// What the steps, and the output behind them, look at.
    pub(super) fn of(steps: &[Step], output: &[Column]) -> Needs {
        let mut needs = Needs::default();
        steps.iter().for_each(|step| needs.step(step));
        output.iter().for_each(|column| needs.field(&column.field, Spelling::Kept));
        needs
    }

    /// What an expression looks at.
    pub(super) fn of_expr(expr: &Expr) -> Needs {
        let mut needs = Needs::default();
        needs.expr(expr, Spelling::Kept);
        needs
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Filter(condition) => self.expr(condition, Spelling::Kept),
            Step::FilterIndex { condition, fields } => {
                self.expr(condition, Spelling::Kept);
                fields.iter().for_each(|field| self.field(field, Spelling::Kept));
            }
            Step::Define(definitions) => self.definitions(definitions),
            Step::Parse(parse) => self.expr(&parse.input, Spelling::Kept),
            Step::Stats(stats) | Step::EventStats(stats) => self.stats(stats),
            Step::Sort(keys) => keys.iter().for_each(|key| self.expr(&key.value, Spelling::Kept)),
            Step::Limit { .. } => {}
            Step::Dedup(dedup) => dedup.keys.iter().for_each(|key| self.expr(key, Spelling::Kept)),
            Step::Pattern(patterns) => {
                self.expr(&patterns.input, Spelling::Kept);
                self.system(System::Timestamp);
            }
            Step::Unmask(field) => {
                self.unmasked = true;
                field.iter().for_each(|field| self.field(field, Spelling::Kept));
            }
            Step::Unnest { list, .. } => {
                self.types_matter = true;
                self.expr(list, Spelling::Kept);
            }
            Step::Lookup(lookup) => lookup.keys.iter().for_each(|(_, key)| self.expr(key, Spelling::Kept)),
            Step::Join(join) => {
                join.left.keys.iter().for_each(|key| self.field(key, Spelling::Kept));
                join.left.columns.iter().for_each(|(_, field)| self.field(field, Spelling::Kept));
            }
            Step::AddTotals(totals) => {
                totals.columns.iter().for_each(|column| self.field(&column.field, Spelling::Kept))
            }
            Step::Flatten(map) => {
                self.types_matter = true;
                self.expr(map, Spelling::Kept);
            }
            Step::Trendline(trends) => trends.iter().for_each(|trend| self.expr(&trend.value, Spelling::Kept)),
            Step::FieldSummary { fields, .. } => {
                self.types_matter = true;
                fields.iter().for_each(|column| self.field(&column.field, Spelling::Kept));
            }
        }
    }

    fn stats(&mut self, stats: &Stats) {
        self.definitions(&stats.keys);
        self.definitions(&stats.outputs);
        for AggregateCall { function, argument } in &stats.calls {
            let spelling = match function {
                // A row counts if it has a value, whichever.
                Aggregate::Count
                | Aggregate::CountDistinct
                | Aggregate::Min
                | Aggregate::Max
                | Aggregate::Sum
                | Aggregate::Avg
                | Aggregate::Percentile(_)
                | Aggregate::Stddev { .. }
                | Aggregate::Variance { .. } => Spelling::Ignored,
                Aggregate::Take(_) => {
                    self.types_matter = true;
                    Spelling::Kept
                }
                Aggregate::Earliest | Aggregate::Latest => {
                    self.system(System::Timestamp);
                    Spelling::Kept
                }
                _ => Spelling::Kept,
            };
            argument.iter().for_each(|argument| self.expr(argument, spelling));
        }
    }

    fn definitions(&mut self, definitions: &[Definition]) {
        definitions.iter().for_each(|definition| self.expr(&definition.value, Spelling::Kept));
    }

    /// `spelling` is what is wanted if the expression is a field.
    fn expr(&mut self, expr: &Expr, spelling: Spelling) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Aggregate(_) => {}
            ExprKind::Field(field) => self.field(field, spelling),
            ExprKind::Part(whole, _) => {
                self.types_matter = true;
                self.expr(whole, Spelling::Kept);
            }
            ExprKind::Not(operand) => self.expr(operand, Spelling::Kept),
            ExprKind::Negate(operand) => self.expr(operand, Spelling::Ignored),
            ExprKind::And(all) | ExprKind::Or(all) => all.iter().for_each(|one| self.expr(one, Spelling::Kept)),
            ExprKind::Compare(_, left, right) => {
                // Beside a number, a number is compared by its value.
                self.expr(left, if is_number(right) { Spelling::Ignored } else { Spelling::Kept });
                self.expr(right, if is_number(left) { Spelling::Ignored } else { Spelling::Kept });
            }
            ExprKind::Arithmetic(_, left, right) => {
                self.expr(left, Spelling::Ignored);
                self.expr(right, Spelling::Ignored);
            }
            ExprKind::Like { operand, .. } | ExprKind::In { operand, .. } | ExprKind::InQuery { operand, .. } => {
                self.expr(operand, Spelling::Kept);
            }
            ExprKind::Call(function, arguments) => {
                match function {
                    Function::TypeOf
                    | Function::JsonStringify
                    | Function::JsonParse
                    | Function::JsonExtract
                    | Function::JsonValid
                    | Function::ArrayLength
                    | Function::Cast(_) => self.types_matter = true,
                    Function::Unmask => self.unmasked = true,
                    _ => {}
                }
                arguments.iter().for_each(|argument| self.expr(argument, Spelling::Kept));
            }
            ExprKind::Round { time, .. } => self.expr(time, Spelling::Kept),
        }
    }

    fn field(&mut self, field: &Field, spelling: Spelling) {
        match field {
            Field::Column(_) => {}
            Field::System(what) => self.system(*what),
            Field::Discovered(path) => self.path(path, spelling),
        }
    }

    fn system(&mut self, what: System) {
        if !self.system.contains(&what) {
            self.system.push(what);
        }
    }

    /// Adds a discovered field.
    pub(super) fn path(&mut self, path: &Path, spelling: Spelling) {
        match self.paths.iter_mut().find(|(found, _)| found.name == path.name) {
            Some((_, found)) if spelling == Spelling::Kept => *found = Spelling::Kept,
            Some(_) => {}
            None => self.paths.push((path.clone(), spelling)),
        }
    }

    /// Whether events need be looked at by message, be it to discover fields in it.
    pub(super) fn message(&self) -> bool {
        self.system.contains(&System::Message) || !self.paths.is_empty()
    }

    /// The fields, perhaps none, that columns may stand in for, if nothing else of the message is needed.
    pub(super) fn standing_in(&self) -> Option<&[(Path, Spelling)]> {
        let only_fields = !self.system.contains(&System::Message) && !self.types_matter;
        let in_json = |path: &Path| !path.name.starts_with('@');
        (only_fields && self.paths.iter().all(|(path, _)| in_json(path))).then_some(&self.paths)
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(value) if value.as_number().is_some())
}

/// Whether any step of a plan makes what is masked visible; plans nested in it are not asked.
pub fn unmasks(plan: &Plan) -> bool {
    Needs::of(&plan.steps, &plan.output.columns).unmasked
}
