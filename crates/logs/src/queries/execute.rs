//! Carrying out a query, where it may block: events are read by a scan, and the plan runs over them in memory.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use watchkeep_core::{AccountId, Caller};
use watchkeep_lang::insights::Plan;
use watchkeep_lang::insights::event::EventGroup;
use watchkeep_lang::insights::plan::Source;
use watchkeep_lang::insights::run::{LookupTable, OwnedEvent, RunError, Surroundings, run};
use watchkeep_store::{Scan, Store};

use super::record::Pointer;
use super::resources::Statistics;
use super::running::Running;
use super::{groups, lookup_tables};
use crate::Logs;
use crate::directory::Group;
use crate::limits::{QUERY_MEMORY_BYTES_MAX, QUERY_RESULT_BYTES_MAX};
use crate::tables::{GROUP, INGESTED, LOG_EVENTS, MESSAGE, STREAM};

/// A query, ready to be carried out.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) groups: Vec<Arc<Group>>,
    /// In milliseconds since the epoch; the end is not included.
    pub(super) time: Range<i64>,
    pub(super) now_ms: i64,
    pub(super) limit: usize,
    pub(super) caller: Caller,
}

/// A row: columns and their values.
pub(super) type ResultRow = Vec<(Arc<str>, String)>;

/// What a query found.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) rows: Arc<Vec<ResultRow>>,
    pub(super) statistics: Statistics,
}

/// Carries out a query. The error is for the log: clients see that it failed.
pub(super) fn execute(logs: &Logs, store: &Store, prepared: &Prepared, running: &Running) -> Result<Found, RunError> {
    let world = World { logs, store, prepared, running, of_groups: std::cell::RefCell::default() };
    let outcome = run(&prepared.plan, &world, prepared.time.clone(), prepared.now_ms, prepared.limit)?;
    let pointer_name: Arc<str> = "@ptr".into();
    let mut bytes = 0_usize;
    let mut rows = Vec::with_capacity(outcome.rows.len());
    for row in outcome.rows {
        let mut fields = row.fields;
        fields.extend(row.pointer.map(|pointer| (pointer_name.clone(), pointer)));
        bytes += fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes > QUERY_RESULT_BYTES_MAX {
            return Err(RunError(format!("the result has more than {QUERY_RESULT_BYTES_MAX} bytes")));
        }
        rows.push(fields);
    }
    let statistics = Statistics {
        records_matched: outcome.matched as f64,
        records_scanned: outcome.scanned as f64,
        bytes_scanned: outcome.scanned_bytes as f64,
        groups_scanned: prepared.groups.len() as f64,
    };
    Ok(Found { rows: Arc::new(rows), statistics })
}

/// The events of the store.
struct World<'w> {
    logs: &'w Logs,
    store: &'w Store,
    prepared: &'w Prepared,
    running: &'w Running,
    of_groups: std::cell::RefCell<HashMap<u64, Arc<EventGroup>>>,
}

impl World<'_> {
    fn group(&self, group: &Group) -> Arc<EventGroup> {
        let account: AccountId = group.key.account;
        let region = group.key.region.as_ref().map_or("", |region| region.as_str());
        let new = || Arc::new(EventGroup::new(account.as_str(), region, &group.key.name));
        self.of_groups.borrow_mut().entry(group.id).or_insert_with(new).clone()
    }
}

impl Surroundings for World<'_> {
    fn events(&self, source: Option<&Source>, time: Range<i64>) -> Result<Vec<OwnedEvent>, RunError> {
        let own;
        let of_source = match source {
            // What the query itself names was found when it was started.
            source if source == self.prepared.plan.source.as_ref() => self.prepared.groups.as_slice(),
            None => self.prepared.groups.as_slice(),
            Some(source) => {
                let found = groups::of_source(self.logs, &self.prepared.caller, source);
                own = found.map_err(|error| RunError(error.message))?;
                own.as_slice()
            }
        };
        let by_id: HashMap<u64, Arc<EventGroup>> =
            of_source.iter().map(|group| (group.id, self.group(group))).collect();
        let scan = Scan::new(&LOG_EVENTS).ids(GROUP, by_id.keys().copied()).time(time);
        let mut streams: HashMap<u64, Option<Arc<str>>> = HashMap::new();
        let mut events = Vec::new();
        let (mut bytes, mut failure) = (0_usize, None);
        let visited = self.store.scan(&scan.columns(&[GROUP, STREAM, INGESTED, MESSAGE]), &mut |batch| {
            if self.running.is_cancelled() {
                failure = Some(RunError("the query was cancelled".to_owned()));
                return ControlFlow::Break(());
            }
            let columns = batch.times().iter().zip(batch.seqs()).zip(batch.u64s(GROUP)).zip(batch.u64s(STREAM));
            let rows = columns.zip(batch.i64s(INGESTED)).enumerate();
            for (row, ((((&time_ms, &seq), &group), &stream), &ingested_ms)) in rows {
                let name = streams
                    .entry(stream)
                    .or_insert_with(|| self.logs.directory.stream(stream).map(|stream| stream.name.clone()));
                // A stream that was deleted meanwhile has no name any more.
                let (Some(of_group), Some(log_stream)) = (by_id.get(&group), name.as_ref()) else { continue };
                let message = batch.text(MESSAGE, row);
                bytes += message.len();
                events.push(OwnedEvent {
                    group: of_group.clone(),
                    log_stream: log_stream.clone(),
                    time_ms,
                    ingested_ms,
                    seq,
                    message: message.to_owned(),
                    unmasked: None,
                    transformed: String::new(),
                    entity: String::new(),
                    pointer: Pointer { group, stream, time_ms, seq }.to_string(),
                });
            }
            if bytes > QUERY_MEMORY_BYTES_MAX {
                failure = Some(RunError(format!("the query reads more than {QUERY_MEMORY_BYTES_MAX} bytes")));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        visited.map_err(|error| RunError(error.to_string()))?;
        failure.map_or(Ok(events), Err)
    }

    fn lookup_table(&self, name: &str) -> Result<Arc<LookupTable>, RunError> {
        let table = lookup_tables::parsed(self.logs, &self.prepared.caller, name);
        table.ok_or_else(|| RunError(format!("the lookup table {name} does not exist")))
    }

    fn is_cancelled(&self) -> bool {
        self.running.is_cancelled()
    }
}
