//! Expressions as they are written to expressions of a plan.

use std::sync::Arc;

use super::builder::Builder;
use super::error::QueryError;
use super::functions::{self, Found};
use super::limits::TAKE_MAX;
use super::period::{Caps, Period};
use super::plan::{
    Aggregate, AggregateCall, Arithmetic, Definition, Digest, Expr, ExprKind, Field, Function, Language, Name, Span,
    Stats, Step, System, Type,
};
use super::syntax::{Call, Node, NodeKind};
use super::value::Value;

/// An expression and the name that was given to it.
pub(super) type Named = (Node, Option<(String, Span)>);

/// Where an expression stands.
enum Place<'p> {
    /// In a command over rows.
    Row,
    /// Among the outputs of `stats`: aggregates are calls, names are of keys and outputs before.
    Outputs { calls: &'p mut Vec<AggregateCall>, known: &'p [Name] },
}

impl Builder {
    /// An expression over rows.
    pub(super) fn resolve(&mut self, node: &Node) -> Result<Expr, QueryError> {
        self.resolve_at(node, &mut Place::Row)
    }

    /// A condition.
    pub(super) fn resolve_condition(&mut self, node: &Node) -> Result<Expr, QueryError> {
        if let NodeKind::Literal(Value::Text(_) | Value::Number(_)) = &node.kind {
            return Err(QueryError::new(node.span, "a condition is expected: compare a field, or use like"));
        }
        self.resolve(node)
    }

    fn resolve_at(&mut self, node: &Node, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        let span = node.span;
        let kind = match &node.kind {
            NodeKind::Literal(value) => ExprKind::Literal(value.clone()),
            NodeKind::Name(name) => return self.name_at(name, span, place),
            NodeKind::Part(whole, part) => {
                let whole = self.resolve_at(whole, place)?;
                match &whole.kind {
                    ExprKind::Field(Field::Discovered(path)) => {
                        ExprKind::Field(self.event_field(&format!("{}.{part}", path.name)))
                    }
                    _ => part_of(whole, part),
                }
            }
            NodeKind::Not(operand) => ExprKind::Not(Box::new(self.resolve_at(operand, place)?)),
            NodeKind::Negate(operand) => ExprKind::Negate(Box::new(self.resolve_at(operand, place)?)),
            NodeKind::And(all) => ExprKind::And(self.all_at(all, place)?),
            NodeKind::Or(all) => ExprKind::Or(self.all_at(all, place)?),
            NodeKind::Compare(comparison, left, right) => {
                let (left, right) = (self.resolve_at(left, place)?, self.resolve_at(right, place)?);
                ExprKind::Compare(*comparison, Box::new(left), Box::new(right))
            }
            NodeKind::Arithmetic(operator, left, right) => {
                let (left, right) = (self.resolve_at(left, place)?, self.resolve_at(right, place)?);
                ExprKind::Arithmetic(*operator, Box::new(left), Box::new(right))
            }
            NodeKind::Like { operand, pattern, negated } => ExprKind::Like {
                operand: Box::new(self.resolve_at(operand, place)?),
                pattern: pattern.clone(),
                negated: *negated,
            },
            NodeKind::In { operand, list, negated } => ExprKind::In {
                operand: Box::new(self.resolve_at(operand, place)?),
                list: Arc::new(list.iter().cloned().collect()),
                negated: *negated,
            },
            NodeKind::InQuery { operand, query, negated } => {
                let operand = Box::new(self.resolve_at(operand, place)?);
                self.subqueries.push(query.as_ref().clone());
                ExprKind::InQuery { operand, subquery: self.subqueries.len() - 1, negated: *negated }
            }
            NodeKind::Period(..) => {
                return Err(QueryError::new(span, format!("unexpected symbol found {}", self.text(span))));
            }
            NodeKind::Call(call) => return self.call_at(call, span, place),
        };
        Ok(Expr { span, kind })
    }

    fn all_at(&mut self, nodes: &[Node], place: &mut Place<'_>) -> Result<Vec<Expr>, QueryError> {
        nodes.iter().map(|node| self.resolve_at(node, place)).collect()
    }

    fn name_at(&mut self, name: &str, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        let Place::Outputs { known, .. } = place else { return self.resolve_name(name, span) };
        match known.iter().find(|column| column.name.as_ref() == name) {
            Some(column) => Ok(Expr { span, kind: ExprKind::Field(Field::Column(column.clone())) }),
            None => Err(QueryError::new(span, format!("{name} is neither aggregated nor a group of stats"))),
        }
    }

    fn call_at(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        // What a step before called like this expression: `stats count(*) | sort count(*)`.
        let written = self.text(span);
        if let Some(column) = self.scope.columns.iter().find(|column| column.name.as_ref() == written)
            && matches!(place, Place::Row)
        {
            return Ok(Expr { span, kind: ExprKind::Field(Field::Column(column.clone())) });
        }
        if let Some(aggregate) = functions::find_aggregate(&call.name, self.language) {
            let Place::Outputs { calls, .. } = place else {
                let message = format!("{} is an aggregate: it is allowed in stats only", call.name);
                return Err(QueryError::new(call.name_span, message));
            };
            let aggregate = self.aggregate(aggregate, call, span)?;
            calls.push(aggregate);
            return Ok(Expr { span, kind: ExprKind::Aggregate(calls.len() - 1) });
        }
        if call.star {
            return Err(QueryError::new(span, format!("{}(*) is not a function", call.name)));
        }
        match (call.name.as_str(), self.language) {
            ("bin", Language::Cwli) => self.bin(call, span),
            ("datefloor" | "dateceil", Language::Cwli) => self.round(call, span, place),
            ("span", Language::Ppl) => self.span(call, span, place),
            ("case", Language::Ppl) => self.case(call, span, place),
            ("cast", Language::Ppl) => self.cast(call, span, place),
            ("like", Language::Ppl) => self.like(call, span, place),
            _ => self.function(call, span, place),
        }
    }

    fn function(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        if let Some(last) = &call.last {
            return Err(QueryError::new(last.span, "unexpected symbol found"));
        }
        if self.language == Language::Ppl
            && let Some(kind) = self.rewritten(call, span, place)?
        {
            return Ok(Expr { span, kind });
        }
        let function = match functions::find(&call.name, self.language, call.arguments.len()) {
            Found::Function(function) => function,
            Found::Arity { least, most } => {
                let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
                return Err(QueryError::new(
                    span,
                    format!("{} takes {wanted} arguments, but has {}", call.name, call.arguments.len()),
                ));
            }
            Found::None => {
                return Err(QueryError::new(
                    call.name_span,
                    format!("unknown function: {}", self.text(call.name_span)),
                ));
            }
        };
        let arguments = self.all_at(&call.arguments, place)?;
        if function == Function::Unmask && !arguments.iter().all(|argument| matches!(argument.kind, ExprKind::Field(_)))
        {
            return Err(QueryError::new(span, "unmask takes a field"));
        }
        Ok(Expr { span, kind: ExprKind::Call(function, arguments) })
    }

    /// PPL's functions that are something else.
    fn rewritten(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Option<ExprKind>, QueryError> {
        let number = |number| Expr { span, kind: ExprKind::Literal(Value::Number(number)) };
        let count = call.arguments.len();
        let arity = match call.name.as_str() {
            "isnull" | "log10" | "log2" | "sha224" => 1,
            "pow" | "power" | "mod" | "modulus" | "sha2" => 2,
            "add" | "subtract" | "multiply" | "divide" => 2,
            _ => return Ok(None),
        };
        if count != arity {
            return Err(QueryError::new(span, format!("{} takes {arity} arguments, but has {count}", call.name)));
        }
        let mut arguments = self.all_at(&call.arguments, place)?.into_iter();
        let (Some(first), second) = (arguments.next(), arguments.next()) else { return Ok(None) };
        let arithmetic = |operator, second: Option<Expr>| {
            second.map(|second| ExprKind::Arithmetic(operator, Box::new(first.clone()), Box::new(second)))
        };
        Ok(match call.name.as_str() {
            "isnull" => {
                let present = ExprKind::Call(Function::IsPresent, vec![first]);
                Some(ExprKind::Not(Box::new(Expr { span, kind: present })))
            }
            "log10" => Some(ExprKind::Call(Function::LogBase, vec![number(10.0), first])),
            "log2" => Some(ExprKind::Call(Function::LogBase, vec![number(2.0), first])),
            "pow" | "power" => arithmetic(Arithmetic::Power, second),
            "mod" | "modulus" => arithmetic(Arithmetic::Remainder, second),
            "add" => arithmetic(Arithmetic::Add, second),
            "subtract" => arithmetic(Arithmetic::Subtract, second),
            "multiply" => arithmetic(Arithmetic::Multiply, second),
            "divide" => arithmetic(Arithmetic::Divide, second),
            "sha2" => match second.map(|second| second.kind) {
                Some(ExprKind::Literal(bits)) if bits.as_number() == Some(256.0) => {
                    Some(ExprKind::Call(Function::Digest(Digest::Sha256), vec![first]))
                }
                _ => return Err(QueryError::new(span, "sha2 is of 256 bits")),
            },
            _ => return Err(QueryError::new(call.name_span, format!("unknown function: {}", call.name))),
        })
    }

    /// `bin(5m)`: of `@timestamp`.
    fn bin(&mut self, call: &Call, span: Span) -> Result<Expr, QueryError> {
        let [period] = call.arguments.as_slice() else {
            return Err(QueryError::new(span, "bin takes a period, as in bin(5m)"));
        };
        let period = self.period(period, Caps::Clamped)?;
        let time = Box::new(self.resolve_name(System::Timestamp.name(), span)?);
        Ok(Expr { span, kind: ExprKind::Round { time, period, up: false } })
    }

    fn round(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        let [time, period] = call.arguments.as_slice() else {
            return Err(QueryError::new(span, format!("{} takes a time and a period", call.name)));
        };
        let period = self.period(period, Caps::Clamped)?;
        let time = Box::new(self.resolve_at(time, place)?);
        Ok(Expr { span, kind: ExprKind::Round { time, period, up: call.name == "dateceil" } })
    }

    fn span(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        let [time, period] = call.arguments.as_slice() else {
            return Err(QueryError::new(span, "span takes a field and a period"));
        };
        let period = match &period.kind {
            NodeKind::Literal(number) => {
                let number = number.as_number().and_then(Period::of_number);
                number.ok_or_else(|| QueryError::new(period.span, "the period of span is no number above 0"))?
            }
            _ => self.period(period, Caps::None)?,
        };
        let time = Box::new(self.resolve_at(time, place)?);
        Ok(Expr { span, kind: ExprKind::Round { time, period, up: false } })
    }

    fn period(&self, node: &Node, caps: Caps) -> Result<Period, QueryError> {
        let NodeKind::Period(number, unit) = &node.kind else {
            return Err(QueryError::new(node.span, "a period is expected, as 5m"));
        };
        Period::of(*number, unit, caps)
            .ok_or_else(|| QueryError::new(node.span, format!("{} is not a period", self.text(node.span))))
    }

    fn case(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        if call.arguments.is_empty() || !call.arguments.len().is_multiple_of(2) {
            return Err(QueryError::new(span, "case takes pairs of a condition and a value"));
        }
        let mut arguments = self.all_at(&call.arguments, place)?;
        if let Some(last) = &call.last {
            arguments.push(self.resolve_at(last, place)?);
        }
        Ok(Expr { span, kind: ExprKind::Call(Function::Case, arguments) })
    }

    fn cast(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        let ([value], Some(Node { kind: NodeKind::Name(name), .. })) =
            (call.arguments.as_slice(), call.last.as_deref())
        else {
            return Err(QueryError::new(span, "cast takes a value and a type, as in cast(x as int)"));
        };
        let to = match name.to_ascii_lowercase().as_str() {
            "int" | "integer" | "long" | "bigint" | "short" | "byte" => Type::Integer,
            "double" | "float" => Type::Double,
            "string" => Type::Text,
            "boolean" => Type::Boolean,
            "timestamp" | "date" => Type::Timestamp,
            _ => return Err(QueryError::new(span, format!("unknown type: {name}"))),
        };
        Ok(Expr { span, kind: ExprKind::Call(Function::Cast(to), vec![self.resolve_at(value, place)?]) })
    }

    /// PPL's `like(f, '%x%')`.
    fn like(&mut self, call: &Call, span: Span, place: &mut Place<'_>) -> Result<Expr, QueryError> {
        let [operand, Node { kind: NodeKind::Literal(Value::Text(pattern)), span: pattern_span, .. }] =
            call.arguments.as_slice()
        else {
            return Err(QueryError::new(span, "like takes a field and a pattern in quotes"));
        };
        let pattern = super::text_pattern::wildcards(pattern, *pattern_span)?;
        let operand = Box::new(self.resolve_at(operand, place)?);
        Ok(Expr { span, kind: ExprKind::Like { operand, pattern, negated: false } })
    }

    fn aggregate(&mut self, function: Aggregate, call: &Call, span: Span) -> Result<AggregateCall, QueryError> {
        let wrong = |message: String| Err(QueryError::new(span, message));
        let number = |node: &Node| match &node.kind {
            NodeKind::Literal(value) => value.as_number(),
            _ => None,
        };
        let (function, argument) = match (function, call.arguments.as_slice()) {
            (Aggregate::Count, []) => (function, None),
            (_, _) if call.star => return wrong(format!("{}(*) is not an aggregate", call.name)),
            (Aggregate::Percentile(_), [argument, percent]) => match number(percent) {
                Some(percent) if (0.0..=100.0).contains(&percent) => (Aggregate::Percentile(percent), Some(argument)),
                _ => return wrong(format!("{} takes a percentage from 0 to 100", call.name)),
            },
            (Aggregate::Percentile(_), _) => return wrong(format!("{} takes a field and a percentage", call.name)),
            (Aggregate::Take(_), [argument, count]) => match number(count) {
                Some(count) if count >= 1.0 && count <= TAKE_MAX as f64 => {
                    (Aggregate::Take(count as usize), Some(argument))
                }
                _ => return wrong(format!("take takes a number from 1 to {TAKE_MAX}")),
            },
            (function, [argument]) => (function, Some(argument)),
            (_, arguments) => {
                return wrong(format!("{} takes 1 argument, but has {}", call.name, arguments.len()));
            }
        };
        let argument = argument.map(|argument| self.resolve(argument)).transpose()?;
        Ok(AggregateCall { function, argument })
    }

    /// What a column is called: what it was called, or as it is written.
    pub(super) fn name_of(&self, (node, alias): &Named) -> String {
        match (alias, &node.kind) {
            (Some((alias, _)), _) => alias.clone(),
            (None, NodeKind::Name(name)) => name.clone(),
            (None, _) => self.text(node.span),
        }
    }

    /// An aggregation of aggregates and groups.
    pub(super) fn resolve_stats(&mut self, aggregates: &[Named], groups: &[Named]) -> Result<Stats, QueryError> {
        let mut keys: Vec<Definition> = Vec::new();
        for group in groups {
            let value = self.resolve(&group.0)?;
            let name = self.name_of(group);
            if keys.iter().any(|key| key.name.name.as_ref() == name) {
                return Err(QueryError::new(group.0.span, format!("duplicate field in stats: {name}")));
            }
            let name = self.intern(&name);
            keys.push(Definition { name, value });
        }
        let mut known: Vec<Name> = keys.iter().map(|key| key.name.clone()).collect();
        let mut calls = Vec::new();
        let mut outputs: Vec<Definition> = Vec::new();
        for aggregate in aggregates {
            let before = calls.len();
            let value = self.resolve_at(&aggregate.0, &mut Place::Outputs { calls: &mut calls, known: &known })?;
            let uses_outputs = uses_column(&value);
            if calls.len() == before && !uses_outputs {
                return Err(QueryError::new(aggregate.0.span, "stats needs an aggregate function"));
            }
            let name = self.name_of(aggregate);
            if known.iter().any(|column| column.name.as_ref() == name) {
                return Err(QueryError::new(aggregate.0.span, format!("duplicate field in stats: {name}")));
            }
            let name = self.intern(&name);
            known.push(name.clone());
            outputs.push(Definition { name, value });
        }
        Ok(Stats { keys, calls, outputs })
    }

    /// Adds an aggregation after which nothing else remains.
    pub(super) fn add_stats(&mut self, stats: Stats, span: Span) -> Result<(), QueryError> {
        let columns = stats.keys.iter().chain(&stats.outputs).map(|definition| definition.name.clone()).collect();
        self.step(Step::Stats(stats), span)?;
        self.replace_scope(columns);
        self.said.stats += 1;
        self.said.sort_or_limit = None;
        Ok(())
    }
}

/// A part of a map or a list; of a part, one part with a longer path.
fn part_of(whole: Expr, part: &str) -> ExprKind {
    match whole.kind {
        ExprKind::Part(inner, path) => ExprKind::Part(inner, format!("{path}.{part}").into()),
        _ => ExprKind::Part(Box::new(whole), part.into()),
    }
}

fn uses_column(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Field(Field::Column(_)) => true,
        ExprKind::Not(one) | ExprKind::Negate(one) | ExprKind::Part(one, _) => uses_column(one),
        ExprKind::Compare(_, one, other) | ExprKind::Arithmetic(_, one, other) => {
            uses_column(one) || uses_column(other)
        }
        ExprKind::And(all) | ExprKind::Or(all) | ExprKind::Call(_, all) => all.iter().any(uses_column),
        ExprKind::Round { time, .. } => uses_column(time),
        ExprKind::Like { operand, .. } | ExprKind::In { operand, .. } | ExprKind::InQuery { operand, .. } => {
            uses_column(operand)
        }
        _ => false,
    }
}
