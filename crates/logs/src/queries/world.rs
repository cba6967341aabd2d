//! What the query engine asks of the log service.

use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_lang::insights::event::EventGroup;
use watchkeep_lang::insights::plan::Source;
use watchkeep_query::{EventTable, Group as QueryGroup, LookupTable, Pointer, QueryError, Surroundings};

use super::{groups, lookup_tables};
use crate::Logs;
use crate::data_protection::Unmasking;
use crate::directory::Group;
use crate::tables::{BYTES, ENTITY, GROUP, INGESTED, LOG_EVENTS, MASKS, MESSAGE, STREAM, TRANSFORMED};

/// Which columns of the events are what.
pub(super) const EVENTS: EventTable = EventTable {
    table: &LOG_EVENTS,
    group: GROUP,
    stream: STREAM,
    ingested: INGESTED,
    bytes: BYTES,
    message: MESSAGE,
    transformed: Some(TRANSFORMED),
    masks: Some(MASKS),
    entity: Some(ENTITY),
};

/// The service, as the author of a query sees it.
pub(super) struct World {
    pub(super) logs: Arc<Logs>,
    pub(super) caller: Caller,
    /// For each group that the caller may see behind the masks of, the leave to.
    pub(super) unmasking: HashMap<u64, Unmasking>,
}

impl Surroundings for World {
    fn stream_name(&self, stream: u64) -> Option<Arc<str>> {
        self.logs.directory.stream(stream).map(|stream| stream.name.clone())
    }

    fn groups(&self, source: &Source) -> Result<Vec<QueryGroup>, QueryError> {
        match groups::of_source(&self.logs, &self.caller, source) {
            Ok(found) => Ok(found.iter().map(|group| self.logs.query_group(group)).collect()),
            Err(error) => Err(QueryError::Malformed { message: error.message, location: None }),
        }
    }

    fn lookup_table<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<LookupTable>, QueryError>> {
        let missing =
            || QueryError::Malformed { message: format!("the lookup table {name} does not exist"), location: None };
        let found = lookup_tables::parsed(&self.logs, &self.caller, name).ok_or_else(missing);
        Box::pin(std::future::ready(found))
    }

    fn unmasked(&self, at: Pointer, message: &str, masks: &[u8]) -> Option<String> {
        self.unmasking.get(&at.group)?.restore(at.stream, at.time_ms, message, masks).ok()
    }
}

impl Logs {
    /// A group as the query engine sees it.
    pub(super) fn query_group(&self, group: &Group) -> QueryGroup {
        QueryGroup {
            id: group.id,
            shown: self.event_group(group),
            may_be_transformed: self.may_be_transformed(group),
            indexed: self.filter_index_fields(group).into(),
        }
    }

    /// A group as its events show it.
    pub(super) fn event_group(&self, group: &Group) -> EventGroup {
        let region = group.key.region.as_ref().map_or("", |region| region.as_str());
        EventGroup::new(group.key.account.as_str(), region, &group.key.name).of_data_source(self.data_source(group))
    }
}
