//! The steps that look at one event at a time: they are done as events are read, and what does not pass is forgotten at once.

use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_lang::insights::eval::{Context, Row};
use watchkeep_lang::insights::plan::{Definition, ExprKind, Field, Matcher, Name, Parse, SortKey, Step, System};
use watchkeep_lang::insights::value::Value;

use super::lookup::Tables;
use super::row::{Lifted, Live};
use crate::error::QueryError;

/// The first steps of a plan, as far as each looks at one event.
pub(super) struct Prefix<'p> {
    steps: &'p [Step],
    /// What is shown before each step, and after the last.
    lifted: Vec<Lifted>,
    context: &'p Context,
    tables: &'p Tables,
}

/// Takes an event that passed all steps.
pub(super) type Take<'t> = dyn FnMut(&Live<'_>) -> Result<ControlFlow<()>, QueryError> + 't;

impl<'p> Prefix<'p> {
    /// Of a plan's steps, the first that look at one event.
    pub(super) fn of(all: &'p [Step], may_unmask: bool, context: &'p Context, tables: &'p Tables) -> Prefix<'p> {
        let end = all.iter().position(|step| !is_of_one(step)).unwrap_or(all.len());
        let steps = all.get(..end).unwrap_or_default();
        let mut lifted = vec![Lifted::default()];
        for step in steps {
            let mut now = lifted.last().cloned().unwrap_or_default();
            if let Step::Unmask(field) = step
                && may_unmask
            {
                now.lift(field.as_ref());
            }
            lifted.push(now);
        }
        Prefix { steps, lifted, context, tables }
    }

    /// The steps.
    pub(super) fn steps(&self) -> &'p [Step] {
        self.steps
    }

    /// What is shown before the first step.
    pub(super) fn lifted_at_start(&self) -> Option<&Lifted> {
        self.lifted.first()
    }

    /// What is shown after the last step.
    pub(super) fn lifted_at_end(&self) -> Lifted {
        self.lifted.last().cloned().unwrap_or_default()
    }

    /// Whether all steps are filters, so that events pass as they are.
    pub(super) fn only_filters(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Filter(_)) || is_newest_first(step))
    }

    /// Takes an event through the steps.
    pub(super) fn run<'r>(&'r self, row: &mut Live<'r>, take: &mut Take<'_>) -> Result<ControlFlow<()>, QueryError> {
        self.from(0, row, take)
    }

    fn from<'r>(
        &'r self,
        first: usize,
        row: &mut Live<'r>,
        take: &mut Take<'_>,
    ) -> Result<ControlFlow<()>, QueryError> {
        for (index, step) in self.steps.iter().enumerate().skip(first) {
            match step {
                Step::Filter(condition) if condition.is_true(row, self.context) => {}
                Step::Filter(_) => return Ok(ControlFlow::Continue(())),
                Step::FilterIndex { condition, fields } => {
                    let (batch, at) = row.event();
                    let indexed = batch.group(at).map(|group| group.indexed.clone()).unwrap_or_default();
                    let is_indexed = |name: &str| {
                        indexed.iter().any(|(field, since_ms)| field == name && row.time_ms() >= *since_ms)
                    };
                    let covered = fields.iter().all(|field| is_indexed(field.name()));
                    if !covered || !condition.is_true(row, self.context) {
                        return Ok(ControlFlow::Continue(()));
                    }
                }
                Step::Define(definitions) => define(definitions, self.context, row),
                Step::Parse(parse) => {
                    for (name, value) in parsed(parse, row, self.context) {
                        row.set(name, value);
                    }
                }
                Step::Unmask(_) => {
                    if let Some(lifted) = self.lifted.get(index + 1) {
                        row.show(lifted);
                    }
                }
                Step::Lookup(lookup) => {
                    for (name, value) in self.tables.found(lookup, row, self.context)? {
                        row.set(name, value);
                    }
                }
                Step::Unnest { list, into } => {
                    let elements = elements(list.evaluate(row, self.context).into_owned());
                    let before = row.columns().to_vec();
                    for element in elements {
                        row.restore(&before);
                        row.set(into, element);
                        if self.from(index + 1, row, take)?.is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    return Ok(ControlFlow::Continue(()));
                }
                // The prefix ends before any other.
                _ => {}
            }
        }
        take(row)
    }
}

/// Whether a step looks at one event at a time.
pub(super) fn is_of_one(step: &Step) -> bool {
    matches!(
        step,
        Step::Filter(_)
            | Step::FilterIndex { .. }
            | Step::Define(_)
            | Step::Parse(_)
            | Step::Unmask(_)
            | Step::Unnest { .. }
            | Step::Lookup(_)
    ) || is_newest_first(step)
}

/// Whether a step only brings the newest events first: so they are read anyway, wherever their order matters.
pub(super) fn is_newest_first(step: &Step) -> bool {
    let Step::Sort(keys) = step else { return false };
    let [SortKey { value, descending: true }] = keys.as_slice() else { return false };
    value.kind == ExprKind::Field(Field::System(System::Timestamp))
}

fn define(definitions: &[Definition], context: &Context, row: &mut Live<'_>) {
    for definition in definitions {
        let value = definition.value.evaluate(row, context).into_owned();
        row.set(&definition.name, value);
    }
}

/// The columns of a parsed text: nothing, where it does not match.
pub(super) fn parsed<'p>(parse: &'p Parse, row: &dyn Row, context: &Context) -> Vec<(&'p Name, Value<'static>)> {
    let input = parse.input.evaluate(row, context);
    let text = input.as_text().unwrap_or_default();
    let value = |text: Option<&str>| text.map_or(Value::Null, Value::text);
    let found: Option<Vec<Value<'static>>> = match &parse.by {
        Matcher::Glob(glob) => {
            glob.captures(&text).map(|captures| captures.into_iter().map(|capture| value(Some(capture))).collect())
        }
        Matcher::Regex(regex, groups) => regex.captures(&text).map(|captures| {
            groups.iter().map(|&group| value(captures.get(group).map(|found| found.as_str()))).collect()
        }),
    };
    let mut found = found.unwrap_or_default().into_iter();
    parse.columns.iter().map(|name| (name, found.next().unwrap_or_default())).collect()
}

/// The elements that `unnest` makes rows of.
pub(super) fn elements(list: Value<'static>) -> Vec<Value<'static>> {
    match list {
        Value::Null => Vec::new(),
        Value::Json(json) => match json.as_array() {
            Some(elements) => elements.iter().map(Value::of_json).collect(),
            None => vec![Value::Json(Arc::clone(&json))],
        },
        other => vec![other],
    }
}
