//! What becomes of the events that pass the prefix.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_lang::insights::discover::Discoverer;
use watchkeep_lang::insights::eval::Context;
use watchkeep_lang::insights::event::EventRow;
use watchkeep_lang::insights::patterns::{Clusterer, Sample};
use watchkeep_lang::insights::plan::{Aggregate, Patterns, Plan, SortKey, Stats, Step, System};
use watchkeep_lang::insights::value::Value;
use watchkeep_store::{Order, ScanStats, Store};

use super::columns;
use super::groups::Groups;
use super::nearest::Nearest;
use super::needs::{self, Needs};
use super::prefix::{Prefix, Take};
use super::pushdown::{self, FieldsAre};
use super::row::{Held, Layout, Lifted, Live, value_bytes};
use super::steps::{Seen, Steps, compare, sort_values};
use super::{Found, Job, shown};
use crate::answer::Pointer;
use crate::control::Bounds;
use crate::error::QueryError;
use crate::events::{EventBatch, Groups as LogGroups, Reading};
use crate::limits::{ROWS_READ_AT_FIRST, ROWS_READ_AT_ONCE_MAX};

/// A plan, and all that reading its events goes by.
struct Source<'s> {
    job: &'s Job,
    store: &'s Store,
    plan: &'s Plan,
    prefix: Prefix<'s>,
    discoverer: Discoverer,
    reading: Reading,
    bounds: &'s Bounds,
    context: &'s Context,
}

impl Job {
    /// Reads events, takes them through all steps, and gives the rows that are left.
    pub(super) fn sink(
        &self,
        store: &Store,
        plan: &Plan,
        groups: Arc<LogGroups>,
        limit: usize,
        bounds: &Bounds,
        context: &Context,
    ) -> Result<Found, QueryError> {
        let prefix = Prefix::of(&plan.steps, self.may_unmask(), context, &self.tables);
        let mut lifted = prefix.lifted_at_end();
        let (_, after) = plan.steps.split_at_checked(prefix.steps().len()).unwrap_or_default();
        let (sink, rest) = match after.split_first() {
            Some((sink, rest)) => (Some(sink), rest),
            None => (None, after),
        };
        let needs = self.needs(&plan.steps, plan);
        let layout = match sink {
            Some(Step::Stats(_) | Step::Pattern(_)) => Layout::default(),
            _ => Layout::new(&self.needs(after, plan)),
        };
        let reading = self.reading(&prefix, &needs, groups, sink);
        let source = Source {
            job: self,
            store,
            plan,
            prefix,
            discoverer: Discoverer::new(&plan.paths),
            reading,
            bounds,
            context,
        };
        let rows = match sink {
            Some(Step::Stats(stats)) => source.groups(stats)?,
            Some(Step::Pattern(patterns)) => source.patterns(patterns)?,
            Some(Step::Sort(keys)) => source.first_sorted(keys, cap(rest, limit), &layout)?,
            Some(Step::Dedup(dedup)) => {
                let mut seen = Seen::new(dedup, bounds.clone());
                let mut keeps = |row: &Live<'_>| seen.keeps(row, context);
                source.newest(cap(rest, limit), &mut keeps, &layout, rest.is_empty())?
            }
            Some(Step::Limit { skip, rows }) => {
                let mut passed_over = 0;
                let mut keeps = |_: &Live<'_>| {
                    passed_over += 1;
                    Ok(passed_over > *skip)
                };
                source.newest(Some(*rows), &mut keeps, &layout, rest.is_empty())?
            }
            None => source.newest(Some(limit), &mut |_| Ok(true), &layout, true)?,
            Some(_) => return Err(QueryError::Failed("a step stands where it cannot".to_owned())),
        };
        let steps = Steps {
            context,
            tables: &self.tables,
            layout: &layout,
            bounds,
            names: plan.names.len(),
            may_unmask: self.may_unmask(),
        };
        let rows = rest.iter().try_fold(rows, |rows, step| steps.step(step, rows, &mut lifted))?;
        Ok(Found { rows, layout, lifted })
    }

    fn needs(&self, steps: &[Step], plan: &Plan) -> Needs {
        let mut needs = Needs::of(steps, &plan.output.columns);
        needs.unmasked = self.may_unmask() && needs::unmasks(plan);
        needs
    }

    /// What is read for a plan.
    fn reading(&self, prefix: &Prefix<'_>, needs: &Needs, groups: Arc<LogGroups>, sink: Option<&Step>) -> Reading {
        let table = self.table;
        let in_order = |stats: &Stats| {
            let of_order =
                |function: Aggregate| matches!(function, Aggregate::First | Aggregate::Last | Aggregate::Take(_));
            stats.calls.iter().any(|call| of_order(call.function))
        };
        let order = match sink {
            Some(Step::Stats(stats)) if !in_order(stats) => Order::Any,
            Some(Step::Sort(_)) => Order::Any,
            _ => Order::Descending,
        };
        let mut columns = Vec::new();
        if needs.message() {
            columns.push(table.message);
        }
        if !needs.paths.is_empty() {
            columns.extend(table.transformed);
        }
        if needs.paths.iter().any(|(path, _)| path.name.starts_with("@entity")) {
            columns.extend(table.entity);
        }
        if needs.unmasked {
            columns.extend(table.masks);
        }
        if needs.system.contains(&System::IngestionTime) {
            columns.push(table.ingested);
        }
        let all = groups.all();
        let fields_are = if table.transformed.is_some() && all.iter().any(|group| group.may_be_transformed) {
            FieldsAre::Elsewhere
        } else {
            FieldsAre::InMessages
        };
        let standing_in = needs.standing_in();
        let standing_in =
            standing_in.filter(|fields| order == Order::Any && (fields.is_empty() || !groups.are_of_lambda()));
        // A literal may be behind a mask.
        let text = if needs.unmasked { None } else { pushdown::text_filter(prefix.steps(), fields_are) };
        Reading {
            table,
            time: self.time.clone(),
            order,
            limit: None,
            columns,
            seqs: !matches!(sink, Some(Step::Stats(_))) || needs.system.contains(&System::Pointer),
            stream_names: needs.system.contains(&System::LogStream),
            fields: standing_in.map(Into::into),
            text: text.filter(|_| needs.message()),
            choice: None,
            unmasked: needs.unmasked,
            surroundings: self.surroundings.clone(),
            groups,
        }
    }
}

/// How many rows behind a sink can matter, if only so many are shown; none, if all can.
fn cap(rest: &[Step], limit: usize) -> Option<usize> {
    for step in rest {
        match step {
            Step::Define(_) | Step::Parse(_) | Step::Lookup(_) | Step::Unmask(_) => {}
            Step::Limit { skip, rows } => return Some(skip.saturating_add(*rows)),
            _ => return None,
        }
    }
    Some(limit)
}

impl Source<'_> {
    /// Takes the events of a batch through the prefix.
    fn each(&self, batch: &EventBatch<'_>, take: &mut Take<'_>) -> Result<ControlFlow<()>, QueryError> {
        let Some(lifted) = self.prefix.lifted_at_start() else { return Ok(ControlFlow::Continue(())) };
        // Columns tell which events pass filters before any is put together.
        let by_columns = self.prefix.only_filters() && batch.columns().is_some();
        let selected = if by_columns { columns::select(batch, self.prefix.steps(), self.context) } else { None };
        let rows: Box<dyn Iterator<Item = usize>> = match &selected {
            Some(rows) => Box::new(rows.iter().map(|&row| row as usize)),
            None => Box::new(0..batch.len()),
        };
        for at in rows {
            if self.one(batch, at, lifted, take)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes an event of a batch through the prefix.
    fn one(
        &self,
        batch: &EventBatch<'_>,
        at: usize,
        lifted: &Lifted,
        take: &mut Take<'_>,
    ) -> Result<ControlFlow<()>, QueryError> {
        let unmasked = batch.unmasked(at);
        let Some(event) = batch.event(at, unmasked.as_deref(), "") else { return Ok(ControlFlow::Continue(())) };
        let event = EventRow::new(event, &self.discoverer);
        let mut row = Live::new(batch, at, event, self.plan.names.len(), lifted);
        self.prefix.run(&mut row, take)
    }

    fn groups(&self, stats: &Stats) -> Result<Vec<Held>, QueryError> {
        let mut groups = Groups::new(stats, self.bounds.clone());
        let is_columnar = self.prefix.only_filters() && Groups::is_columnar(stats);
        let filters = self.prefix.steps();
        self.read(&mut |batch| {
            if is_columnar && batch.columns().is_some() {
                let selected = columns::select(batch, filters, self.context);
                let matched = selected.as_ref().map_or(batch.len(), Vec::len);
                self.job.counts.add_matched(matched as u64);
                groups.add_batch(batch, selected.as_deref())?;
            } else {
                // It takes all rows: it never asks to stop.
                let _ = self.each(batch, &mut |row| {
                    self.job.counts.add_matched(1);
                    groups.add(row, Some(row.time_ms()), self.context)?;
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            self.job.report(|_| Vec::new());
            Ok(ControlFlow::Continue(()))
        })?;
        groups.finish(self.plan.names.len(), self.context)
    }

    fn patterns(&self, patterns: &Patterns) -> Result<Vec<Held>, QueryError> {
        let mut clusterer = Clusterer::default();
        let mut add = |reading: &Reading, is_earlier: bool| {
            self.read_this(reading, &mut |batch| {
                let flow = self.each(batch, &mut |row| {
                    self.job.counts.add_matched(1);
                    if let Some(text) = patterns.input.evaluate(row, self.context).as_text() {
                        clusterer.add(&text, Sample { time_ms: Some(row.time_ms()), is_earlier });
                    }
                    Ok(ControlFlow::Continue(()))
                })?;
                self.job.report(|_| Vec::new());
                Ok(flow)
            })
        };
        add(&self.reading, false)?;
        if let Some(shift) = patterns.diff {
            let earlier = Reading { time: shift.earlier(self.reading.time.clone()), ..self.reading.clone() };
            add(&earlier, true)?;
        }
        let row = |values: Vec<Value<'static>>| {
            let mut row = Held::of_columns(vec![Value::Null; self.plan.names.len()]);
            patterns.columns.iter().zip(values).for_each(|(name, value)| row.set(name, value));
            row
        };
        Ok(clusterer.finish(patterns).into_iter().map(row).collect())
    }

    /// The first rows of a sort, so many if that is said; those of equal keys newest first.
    fn first_sorted(&self, keys: &[SortKey], cap: Option<usize>, layout: &Layout) -> Result<Vec<Held>, QueryError> {
        let nearest = cap.filter(|_| self.prefix.only_filters() && !self.reading.groups.are_of_lambda());
        let nearest = nearest.and_then(|cap| Nearest::of(keys, cap, self.prefix.steps(), self.context));
        if let Some(nearest) = nearest {
            let before = self.job.counts.copied();
            let choice = Some(nearest.choice(self.bounds.clone(), self.job.counts.clone()));
            let (sorted, read) = self.sorted(&Reading { choice, ..self.reading.clone() }, keys, cap, layout)?;
            if read.chosen_in_vain == 0 {
                return Ok(sorted.into_rows());
            }
            // Events that have expired were among the first: what is behind them may matter.
            self.bounds.give_back(sorted.bytes());
            self.job.counts.become_as(&before);
        }
        let (sorted, _) = self.sorted(&self.reading, keys, cap, layout)?;
        Ok(sorted.into_rows())
    }

    fn sorted<'k>(
        &'k self,
        reading: &Reading,
        keys: &'k [SortKey],
        cap: Option<usize>,
        layout: &Layout,
    ) -> Result<(Sorted<'k>, ScanStats), QueryError> {
        let mut sorted = Sorted { keys, cap, rows: Vec::new(), worst: None, bounds: self.bounds };
        let read = self.read_this(reading, &mut |batch| {
            let flow = self.each(batch, &mut |row| {
                self.job.counts.add_matched(1);
                sorted.add(row, layout, self.context)?;
                Ok(ControlFlow::Continue(()))
            })?;
            self.job.report(|_| Vec::new());
            Ok(flow)
        })?;
        Ok((sorted, read))
    }

    /// The newest rows that `keeps` keeps, so many if that is said.
    fn newest(
        &self,
        cap: Option<usize>,
        keeps: &mut dyn FnMut(&Live<'_>) -> Result<bool, QueryError>,
        layout: &Layout,
        are_shown: bool,
    ) -> Result<Vec<Held>, QueryError> {
        let mut rows: Vec<Held> = Vec::new();
        if cap == Some(0) {
            return Ok(rows);
        }
        let lifted = self.prefix.lifted_at_end();
        // As long as it is not known how many events must be read, few are read first, then more.
        let mut at_once = cap.map(|cap| {
            let first = if self.prefix.steps().is_empty() { cap } else { cap.saturating_mul(4) };
            first.saturating_add(ROWS_READ_AT_FIRST)
        });
        let mut boundary: Option<Pointer> = None;
        loop {
            let mut reading = Reading { limit: at_once, ..self.reading.clone() };
            if let Some(boundary) = boundary {
                reading.time.end = reading.time.end.min(boundary.time_ms.saturating_add(1));
            }
            let mut last = boundary;
            let mut is_full = false;
            let read = self.read_this(&reading, &mut |batch| {
                let is_new = |at: usize| boundary.is_none_or(|from| is_before(&batch.pointer(at), &from));
                if let Some(at) = batch.len().checked_sub(1).filter(|&at| is_new(at)) {
                    last = Some(batch.pointer(at));
                }
                let flow = self.each(batch, &mut |row| {
                    if boundary.is_some_and(|from| !is_before(&row.pointer(), &from)) {
                        return Ok(ControlFlow::Continue(()));
                    }
                    self.job.counts.add_matched(1);
                    if !keeps(row)? {
                        return Ok(ControlFlow::Continue(()));
                    }
                    let held = row.hold(layout);
                    self.bounds.take(held.bytes())?;
                    rows.push(held);
                    is_full = cap.is_some_and(|cap| rows.len() >= cap);
                    Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })?;
                self.job.report(|most| {
                    let shown_rows = if are_shown { rows.iter().take(most) } else { rows.iter().take(0) };
                    shown_rows.map(|row| shown(self.plan, row, layout, &lifted)).collect()
                });
                Ok(flow)
            })?;
            let is_exhausted = at_once.is_none_or(|limit| read.rows < limit as u64);
            if is_full || is_exhausted {
                return Ok(rows);
            }
            // Where all events read are of one moment, more must be read to get beyond it.
            let most = if last == boundary { usize::MAX } else { ROWS_READ_AT_ONCE_MAX };
            at_once = at_once.map(|limit| limit.saturating_mul(8).min(most.max(limit)));
            boundary = last;
        }
    }

    fn read(
        &self,
        visit: &mut dyn FnMut(&EventBatch<'_>) -> Result<ControlFlow<()>, QueryError>,
    ) -> Result<ScanStats, QueryError> {
        self.read_this(&self.reading, visit)
    }

    fn read_this(
        &self,
        reading: &Reading,
        visit: &mut dyn FnMut(&EventBatch<'_>) -> Result<ControlFlow<()>, QueryError>,
    ) -> Result<ScanStats, QueryError> {
        reading.run(self.store, self.bounds, &self.job.counts, visit)
    }
}

/// Whether an event is older than another, or before it at the same time.
fn is_before(one: &Pointer, other: &Pointer) -> bool {
    (one.time_ms, one.seq) < (other.time_ms, other.seq)
}

/// Rows that are being sorted.
struct Sorted<'s> {
    keys: &'s [SortKey],
    cap: Option<usize>,
    rows: Vec<Ranked>,
    /// The values of the last row that matters, once there are as many.
    worst: Option<Vec<Value<'static>>>,
    bounds: &'s Bounds,
}

struct Ranked {
    values: Vec<Value<'static>>,
    row: Held,
    bytes: usize,
}

impl Sorted<'_> {
    fn add(&mut self, row: &Live<'_>, layout: &Layout, context: &Context) -> Result<(), QueryError> {
        let values = sort_values(self.keys, row, context);
        if self.worst.as_ref().is_some_and(|worst| compare(self.keys, &values, worst) == Ordering::Greater) {
            return Ok(());
        }
        let row = row.hold(layout);
        let bytes = row.bytes() + values.iter().map(value_bytes).sum::<usize>();
        self.bounds.take(bytes)?;
        self.rows.push(Ranked { values, row, bytes });
        if self.cap.is_some_and(|cap| self.rows.len() >= cap.saturating_mul(2).max(1024)) {
            self.sort();
        }
        Ok(())
    }

    /// The rows, in order.
    fn into_rows(mut self) -> Vec<Held> {
        self.sort();
        self.rows.into_iter().map(|ranked| ranked.row).collect()
    }

    /// What it holds of the query's memory.
    fn bytes(&self) -> usize {
        self.rows.iter().map(|ranked| ranked.bytes).sum()
    }

    /// Brings the rows into order and forgets those that do not matter.
    fn sort(&mut self) {
        let keys = self.keys;
        let place = |ranked: &Ranked| ranked.row.pointer.map(|pointer| (pointer.time_ms, pointer.seq));
        self.rows.sort_by(|one, other| {
            compare(keys, &one.values, &other.values).then_with(|| place(other).cmp(&place(one)))
        });
        let Some(cap) = self.cap else { return };
        if self.rows.len() > cap {
            let freed: usize = self.rows.drain(cap..).map(|ranked| ranked.bytes).sum();
            self.bounds.give_back(freed);
        }
        if self.rows.len() == cap {
            self.worst = self.rows.last().map(|ranked| ranked.values.clone());
        }
    }
}
