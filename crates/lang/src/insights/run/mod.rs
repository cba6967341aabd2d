//! A whole plan carried out over events in memory, row by row: slow, and obviously right. It is what engines are tested against.

mod relations;
mod row;
mod rows;
mod stats;

use std::ops::Range;
use std::sync::Arc;

use super::eval::Context;
use super::limits::ROWS_HELD_MAX;
use super::plan::{Plan, Source, Step};
use super::render::render;
use super::value::{Value, ValueSet};

use row::Held;
pub use row::OwnedEvent;

/// What a plan is carried out on.
pub trait Surroundings {
    /// The events of a time, in milliseconds since the epoch, the end not included: of the groups of a source, or of those of the
    /// request. In any order.
    ///
    /// # Errors
    ///
    /// What the query fails with.
    fn events(&self, source: Option<&Source>, time: Range<i64>) -> Result<Vec<OwnedEvent>, RunError>;

    /// A lookup table.
    ///
    /// # Errors
    ///
    /// [`RunError`] if there is none of this name.
    fn lookup_table(&self, name: &str) -> Result<Arc<LookupTable>, RunError>;

    /// Whether `unmask` may show what is masked.
    fn may_unmask(&self) -> bool {
        true
    }

    /// Takes so many bytes of memory for what a step makes; also none, where a step takes long.
    ///
    /// # Errors
    ///
    /// What the query fails with: it holds too much, or is to end.
    fn hold(&self, _bytes: usize) -> Result<(), RunError> {
        Ok(())
    }
}

/// Rows of texts under names, the first row's values first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LookupTable {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each of as many texts.
    pub rows: Vec<Vec<String>>,
}

/// Why a query failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RunError(pub String);

/// A row of a result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputRow {
    /// The columns that are something in this row, and their values.
    pub fields: Vec<(Arc<str>, String)>,
    /// `@ptr`, if the row is an event.
    pub pointer: Option<String>,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The rows, in order.
    pub rows: Vec<OutputRow>,
    /// How many events were read.
    pub scanned: u64,
    /// How many passed the filters.
    pub matched: u64,
    /// The bytes of the messages that were read.
    pub scanned_bytes: u64,
}

/// Carries out a plan over a time, in milliseconds since the epoch, with at most so many rows.
///
/// # Errors
///
/// [`RunError`] if it needs what is not there, or too much.
pub fn run(
    plan: &Plan,
    surroundings: &dyn Surroundings,
    time: Range<i64>,
    now_ms: i64,
    limit: usize,
) -> Result<Outcome, RunError> {
    let mut outcome = Outcome::default();
    let rows = rows_of(plan, surroundings, &time, now_ms, &mut outcome)?;
    let show = |row: &Held| {
        let value = |column: &super::plan::Column| Some((column.name.clone(), render(&row.get(&column.field))?));
        OutputRow {
            fields: plan.output.columns.iter().filter_map(value).collect(),
            pointer: row.pointer().filter(|_| plan.output.has_pointer),
        }
    };
    outcome.rows = rows.iter().take(limit).map(show).collect();
    Ok(outcome)
}

/// The rows after the last step.
fn rows_of(
    plan: &Plan,
    surroundings: &dyn Surroundings,
    time: &Range<i64>,
    now_ms: i64,
    outcome: &mut Outcome,
) -> Result<Vec<Held>, RunError> {
    let mut subqueries = Vec::new();
    for subquery in &plan.subqueries {
        let rows = rows_of(subquery, surroundings, time, now_ms, &mut Outcome::default())?;
        let column = subquery.output.columns.first();
        let value = |row: &Held| column.map_or(Value::Null, |column| row.get(&column.field).into_owned());
        subqueries.push(rows.iter().map(value).filter(|value| !value.is_null()).collect::<ValueSet>());
    }
    let context = Context { now_ms, subqueries };
    let mut rows = events_of(plan, surroundings, time, outcome)?;
    let first_other = plan.steps.iter().position(|step| !is_row_by_row(step)).unwrap_or(plan.steps.len());
    for (index, step) in plan.steps.iter().enumerate() {
        surroundings.hold(0)?;
        if index == first_other {
            outcome.matched = rows.len() as u64;
        }
        rows = match step {
            Step::Stats(stats) => stats::stats(stats, &rows, &context, surroundings)?,
            Step::EventStats(stats) => stats::event_stats(stats, rows, &context, surroundings)?,
            Step::Pattern(patterns) => relations::patterns(patterns, &rows, &context),
            Step::Lookup(lookup) => {
                let table = surroundings.lookup_table(&lookup.table)?;
                relations::lookup(lookup, &table, rows, &context, surroundings)?
            }
            Step::Join(join) => {
                let right = rows_of(&join.query, surroundings, time, now_ms, &mut Outcome::default())?;
                relations::join(join, &rows, &right, surroundings)?
            }
            step => rows::step(step, rows, &context, surroundings)?,
        };
        if rows.len() > ROWS_HELD_MAX {
            return Err(RunError(format!("the query needs more than {ROWS_HELD_MAX} rows at once")));
        }
    }
    if first_other == plan.steps.len() {
        outcome.matched = rows.len() as u64;
    }
    Ok(rows)
}

/// Steps that look at each row by itself, and so belong to what events are matched by.
fn is_row_by_row(step: &Step) -> bool {
    matches!(
        step,
        Step::Filter(_)
            | Step::FilterIndex { .. }
            | Step::Define(_)
            | Step::Parse(_)
            | Step::Unmask(_)
            | Step::Lookup(_)
    )
}

/// The events that a plan starts from, newest first.
fn events_of(
    plan: &Plan,
    surroundings: &dyn Surroundings,
    time: &Range<i64>,
    outcome: &mut Outcome,
) -> Result<Vec<Held>, RunError> {
    let discoverer = Arc::new(super::discover::Discoverer::new(&plan.paths));
    let held = |event: OwnedEvent, is_earlier: bool| Held::of_event(event, &discoverer, plan.names.len(), is_earlier);
    let events = surroundings.events(plan.source.as_ref(), time.clone())?;
    outcome.scanned = events.len() as u64;
    outcome.scanned_bytes = events.iter().map(|event| event.message.len() as u64).sum();
    let mut rows: Vec<Held> = events.into_iter().map(|event| held(event, false)).collect();
    let diff = plan.steps.iter().find_map(|step| match step {
        Step::Pattern(patterns) => patterns.diff,
        _ => None,
    });
    if let Some(shift) = diff {
        let earlier = surroundings.events(plan.source.as_ref(), shift.earlier(time.clone()))?;
        rows.extend(earlier.into_iter().map(|event| held(event, true)));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.order()));
    Ok(rows)
}
