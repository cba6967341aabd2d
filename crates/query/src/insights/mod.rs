//! Plans of Logs Insights QL and PPL, carried out.
//!
//! The first steps that look at one event at a time are the **prefix**: done as events are read (`prefix`). What ends it is the **sink** (`sink`): rows in
//! their order, the first of a sort, groups, patterns. The steps after that work on rows that are held (`steps`). The few steps that need
//! all rows side by side (joins, running averages, totals) are left to `lang::insights`' own evaluation in memory (`whole`), which is
//! also what all this is tested against.

mod columns;
mod groups;
mod lookup;
mod nearest;
mod needs;
mod prefix;
mod pushdown;
mod row;
mod sink;
mod steps;
#[cfg(test)]
pub(crate) mod tests;
mod whole;

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::TimestampMs;
use watchkeep_lang::insights::eval::{Context, Row as _};
use watchkeep_lang::insights::plan::{Plan, Step};
use watchkeep_lang::insights::render;
use watchkeep_lang::insights::value::{Value, ValueSet};
use watchkeep_store::Store;

use crate::answer::{Answer, Partial, Row};
use crate::control::{Bounds, Control};
use crate::engine::Engine;
use crate::error::QueryError;
use crate::events::{Counts, Groups as LogGroups};
use crate::limits::{PARTIAL_EVERY, PARTIAL_ROWS_MAX, SUBQUERY_TIME_MAX};
use crate::request::{EventTable, Group, InsightsQuery, Masks, Surroundings};
use lookup::Tables;
pub use needs::unmasks;
use row::{Held, Layout, Lifted};

impl Engine {
    /// Carries out a query in Logs Insights QL or PPL.
    ///
    /// # Errors
    ///
    /// [`QueryError`]; nothing was changed, whatever it is.
    pub async fn run(
        &self,
        query: &InsightsQuery,
        table: EventTable,
        surroundings: Arc<dyn Surroundings>,
        control: Control,
    ) -> Result<Answer, QueryError> {
        let mut tables = Tables::default();
        tables.load(&query.plan, &*surroundings).await?;
        let bounds = self.bounds(control);
        let job = Job {
            table,
            surroundings,
            tables,
            bounds,
            counts: Arc::new(Counts::default()),
            time: query.time.clone(),
            started: query.started,
            masks: query.masks,
            reported: Cell::new(Duration::ZERO),
        };
        let (plan, groups, limit) = (query.plan.clone(), query.groups.clone(), query.limit);
        self.store.blocking(move |store| job.run(store, &plan, groups, limit)).await
    }
}

/// A query under way.
struct Job {
    table: EventTable,
    surroundings: Arc<dyn Surroundings>,
    tables: Tables,
    bounds: Bounds,
    counts: Arc<Counts>,
    time: Range<i64>,
    started: TimestampMs,
    masks: Masks,
    /// When its progress was last reported.
    reported: Cell<Duration>,
}

/// Rows, and how to read them.
struct Found {
    rows: Vec<Held>,
    layout: Layout,
    lifted: Lifted,
}

impl Job {
    fn run(&self, store: &Store, plan: &Plan, groups: Vec<Group>, limit: usize) -> Result<Answer, QueryError> {
        self.reported.set(self.bounds.clock().monotonic());
        let rows = self.rows(store, plan, groups, limit, &self.bounds)?;
        Ok(Answer { rows, statistics: self.counts.statistics() })
    }

    /// The rows that a plan shows.
    fn rows(
        &self,
        store: &Store,
        plan: &Plan,
        groups: Vec<Group>,
        limit: usize,
        bounds: &Bounds,
    ) -> Result<Vec<Row>, QueryError> {
        if !plan.steps.iter().all(steps::is_known) {
            return self.whole(store, plan, groups, limit, bounds);
        }
        let found = self.found(store, plan, groups, limit, bounds)?;
        Ok(found.rows.iter().take(limit).map(|row| shown(plan, row, &found.layout, &found.lifted)).collect())
    }

    /// The rows after the last step of a plan; of more than `limit` perhaps not all.
    fn found(
        &self,
        store: &Store,
        plan: &Plan,
        groups: Vec<Group>,
        limit: usize,
        bounds: &Bounds,
    ) -> Result<Found, QueryError> {
        let mut subqueries = Vec::new();
        for nested in &plan.subqueries {
            subqueries.push(self.values(store, nested, &groups, bounds)?);
        }
        let context = Context { now_ms: self.started.0, subqueries };
        let groups = LogGroups::new(groups.into_iter().filter(|group| is_indexed(&plan.steps, group)));
        self.sink(store, plan, Arc::new(groups), limit, bounds, &context)
    }

    /// What a query in parentheses finds: the values of its first column.
    fn values(&self, store: &Store, plan: &Plan, outer: &[Group], bounds: &Bounds) -> Result<ValueSet, QueryError> {
        let bounds = bounds.within(SUBQUERY_TIME_MAX);
        let groups = match &plan.source {
            Some(source) => self.surroundings.groups(source)?,
            None => outer.to_vec(),
        };
        let Some(column) = plan.output.columns.first() else { return Ok(ValueSet::default()) };
        if !plan.steps.iter().all(steps::is_known) {
            let rows = self.whole(store, plan, groups, usize::MAX, &bounds)?;
            let value = |row: Row| row.fields.into_iter().find(|(name, _)| *name == column.name).map(|(_, text)| text);
            return Ok(rows.into_iter().filter_map(value).map(Value::text).collect());
        }
        let found = self.found(store, plan, groups, usize::MAX, &bounds)?;
        let value = |row: &Held| row.row(&found.layout, &found.lifted).field(&column.field).into_owned();
        Ok(found.rows.iter().map(value).filter(|value| !value.is_null()).collect())
    }

    /// Reports progress, if it is time to.
    fn report(&self, rows: impl FnOnce(usize) -> Vec<Row>) {
        let Some(on_partial) = &self.bounds.control().on_partial else { return };
        let now = self.bounds.clock().monotonic();
        if now.saturating_sub(self.reported.get()) >= PARTIAL_EVERY {
            self.reported.set(now);
            on_partial(Partial { rows: rows(PARTIAL_ROWS_MAX), statistics: self.counts.statistics() });
        }
    }

    fn may_unmask(&self) -> bool {
        self.masks == Masks::MayBeLifted
    }
}

/// Whether a group has an index on all fields of the plan's `filterIndex`.
fn is_indexed(steps: &[Step], group: &Group) -> bool {
    steps.iter().all(|step| match step {
        Step::FilterIndex { fields, .. } => {
            fields.iter().all(|field| group.indexed.iter().any(|(name, _)| *name == *field.name()))
        }
        _ => true,
    })
}

/// A row as the result shows it.
fn shown(plan: &Plan, row: &Held, layout: &Layout, lifted: &Lifted) -> Row {
    let values = row.row(layout, lifted);
    let text = |column: &watchkeep_lang::insights::plan::Column| {
        Some((column.name.clone(), render(&values.field(&column.field))?))
    };
    Row {
        fields: plan.output.columns.iter().filter_map(text).collect(),
        pointer: row.pointer.filter(|_| plan.output.has_pointer),
    }
}
