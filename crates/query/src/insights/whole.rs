//! Plans with steps that need all rows side by side: carried out by `lang::insights` over the events in memory.

use std::cell::RefCell;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_lang::insights::event::EventGroup;
use watchkeep_lang::insights::plan::{Plan, Source};
use watchkeep_lang::insights::run::{self, LookupTable, OwnedEvent, RunError};
use watchkeep_store::{Order, Store};

use super::Job;
use crate::answer::{Pointer, Row};
use crate::control::Bounds;
use crate::error::QueryError;
use crate::events::{Groups, Reading};
use crate::request::Group;

/// What an event weighs in memory beside its texts: itself, and the row of it.
const EVENT_BYTES: usize = 512;

impl Job {
    /// The rows that a plan shows.
    pub(super) fn whole(
        &self,
        store: &Store,
        plan: &Plan,
        groups: Vec<Group>,
        limit: usize,
        bounds: &Bounds,
    ) -> Result<Vec<Row>, QueryError> {
        let memory = Memory { job: self, store, groups, own: plan.source.as_ref(), bounds, failed: RefCell::new(None) };
        let outcome = run::run(plan, &memory, self.time.clone(), self.started.0, limit);
        if let Some(failed) = memory.failed.take() {
            return Err(failed);
        }
        bounds.check()?;
        let outcome = outcome.map_err(|error| QueryError::malformed(error.0))?;
        self.counts.add_matched(outcome.matched);
        let row = |row: run::OutputRow| Row {
            fields: row.fields,
            pointer: row.pointer.and_then(|pointer| pointer.parse::<Pointer>().ok()),
        };
        Ok(outcome.rows.into_iter().map(row).collect())
    }
}

/// The events and tables that a plan asks for.
struct Memory<'m> {
    job: &'m Job,
    store: &'m Store,
    groups: Vec<Group>,
    /// Where the plan itself says that its events come from.
    own: Option<&'m Source>,
    bounds: &'m Bounds,
    failed: RefCell<Option<QueryError>>,
}

impl Memory<'_> {
    /// The error, kept as it is, in the words of the evaluation.
    fn fail(&self, error: QueryError) -> RunError {
        let words = RunError(error.to_string());
        self.failed.replace(Some(error));
        words
    }

    fn read(&self, source: Option<&Source>, time: Range<i64>) -> Result<Vec<OwnedEvent>, QueryError> {
        let groups = match source {
            // The plan's own groups were found by who asked; those of plans nested in it were not.
            Some(source) if self.own != Some(source) => self.job.surroundings.groups(source)?,
            _ => self.groups.clone(),
        };
        let table = self.job.table;
        let mut columns = vec![table.message, table.ingested];
        columns.extend(table.transformed.into_iter().chain(table.entity).chain(table.masks));
        let reading = Reading {
            table,
            groups: Arc::new(Groups::new(groups)),
            time,
            order: Order::Any,
            limit: None,
            columns,
            seqs: true,
            stream_names: true,
            fields: None,
            choice: None,
            text: None,
            unmasked: self.job.may_unmask(),
            surroundings: self.job.surroundings.clone(),
        };
        let mut events = Vec::new();
        let mut shown: HashMap<u64, Arc<EventGroup>> = HashMap::new();
        reading.run(self.store, self.bounds, &self.job.counts, &mut |batch| {
            for at in 0..batch.len() {
                let unmasked = batch.unmasked(at);
                let pointer = batch.pointer(at);
                let Some(event) = batch.event(at, None, "") else { continue };
                let group = shown.entry(pointer.group).or_insert_with(|| Arc::new(event.group.clone()));
                let texts = event.message.len() + event.transformed.len() + event.entity.len();
                self.bounds.take(EVENT_BYTES + 2 * texts + unmasked.as_ref().map_or(0, String::len))?;
                events.push(OwnedEvent {
                    group: group.clone(),
                    log_stream: event.log_stream.into(),
                    time_ms: event.time_ms,
                    ingested_ms: event.ingested_ms,
                    seq: pointer.seq,
                    message: event.message.to_owned(),
                    unmasked,
                    transformed: event.transformed.to_owned(),
                    entity: event.entity.to_owned(),
                    pointer: pointer.to_string(),
                });
            }
            self.job.report(|_| Vec::new());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(events)
    }
}

impl run::Surroundings for Memory<'_> {
    fn events(&self, source: Option<&Source>, time: Range<i64>) -> Result<Vec<OwnedEvent>, RunError> {
        self.read(source, time).map_err(|error| self.fail(error))
    }

    fn lookup_table(&self, name: &str) -> Result<Arc<LookupTable>, RunError> {
        let missing = || self.fail(QueryError::Failed(format!("the lookup table {name} was not fetched")));
        self.job.tables.table(name).ok_or_else(missing)
    }

    fn may_unmask(&self) -> bool {
        self.job.may_unmask()
    }

    fn hold(&self, bytes: usize) -> Result<(), RunError> {
        self.bounds.check().and_then(|()| self.bounds.take(bytes)).map_err(|error| self.fail(error))
    }
}
