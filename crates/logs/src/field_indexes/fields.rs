//! DescribeFieldIndexes: of each indexed field, the first and the last event that has it. They are looked for at each call.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{DescribeFieldIndexesRequest, DescribeFieldIndexesResponse, FieldIndex};
use watchkeep_store::{Batch, Order, Scan, StoreError};

use super::document::IndexType;
use crate::Logs;
use crate::directory::Group;
use crate::errors::{self, invalid_token};
use crate::event_fields::EventFields;
use crate::limits::{DAY_MS, FIELD_INDEX_DAYS, FIELD_INDEX_SCAN_BYTES_MAX};
use crate::names::{group_arn, identified};
use crate::resources::Class;
use crate::tables::{GROUP, INGESTED, LOG_EVENTS, MESSAGE, TRANSFORMED};

/// Fields that are indexed in any group of the class Standard.
pub(super) const DEFAULTS: &[&str] = &[
    "@logStream",
    "@aws.region",
    "@aws.account",
    "@source.log",
    "@data_source_name",
    "@data_source_type",
    "@data_format",
    "traceId",
    "severityText",
    "attributes.session.id",
];

/// The first and the last time of events that have a field.
type Times = (Option<i64>, Option<i64>);

/// Lists the indexed fields of groups.
pub(crate) async fn describe_field_indexes(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeFieldIndexesRequest,
) -> Result<DescribeFieldIndexesResponse, ServiceError> {
    if input.next_token.is_some() {
        return Err(invalid_token());
    }
    let categories = input.index_categories;
    let has = |category: &str| categories.as_ref().is_none_or(|wanted| wanted.iter().any(|one| one == category));
    let mut found = Vec::new();
    let bytes_max = FIELD_INDEX_SCAN_BYTES_MAX / input.log_group_identifiers.len().max(1);
    for identifier in &input.log_group_identifiers {
        let group = logs.directory.group(&identified(caller, identifier)?)?;
        let mut fields: BTreeMap<String, (IndexType, i64, &str)> = BTreeMap::new();
        if has("DEFAULT") && group.document().class == Class::Standard {
            let created = group.document().created;
            fields
                .extend(DEFAULTS.iter().map(|name| ((*name).to_owned(), (IndexType::FieldIndex, created, "DEFAULT"))));
        }
        if has("CUSTOM") {
            let custom = logs.indexed_fields(&group).into_iter();
            fields.extend(custom.map(|(name, (kind, since))| (name, (kind, since, "CUSTOM"))));
        }
        let wanted = fields.iter().map(|(name, (_, since, _))| (name.clone(), *since)).collect();
        let times = times(logs, &group, wanted, bytes_max).await?;
        let now = logs.clock.now().0;
        found.extend(fields.into_iter().map(|(name, (kind, _, category))| {
            let (first, last) = times.get(&name).copied().unwrap_or_default();
            FieldIndex {
                log_group_identifier: Some(group_arn(&group.key)),
                field_index_name: Some(name),
                last_scan_time: Some(now),
                first_event_time: first,
                last_event_time: last,
                r#type: Some(kind.as_str().to_owned()),
                index_category: Some(category.to_owned()),
            }
        }));
    }
    Ok(DescribeFieldIndexesResponse { field_indexes: Some(found), next_token: None })
}

/// When the first and the last event with each of some fields was, of those that came since the field is indexed.
async fn times(
    logs: &Arc<Logs>,
    group: &Arc<Group>,
    wanted: Vec<(String, i64)>,
    bytes_max: usize,
) -> Result<BTreeMap<String, Times>, ServiceError> {
    let from = logs.clock.now().plus_ms(-FIELD_INDEX_DAYS * DAY_MS).0;
    let id = group.id;
    let scanned = logs.store.blocking(move |store| {
        let mut times: BTreeMap<String, Times> = BTreeMap::new();
        let mut stats = Vec::new();
        for order in [Order::Ascending, Order::Descending] {
            let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [id]).time(from..i64::MAX).order(order);
            let scan = scan.columns(&[INGESTED, MESSAGE, TRANSFORMED]);
            let mut search = Search { missing: wanted.clone(), times: &mut times, bytes_left: bytes_max, order };
            stats.push(store.scan(&scan, &mut |batch| search.visit(batch))?);
        }
        Ok::<_, StoreError>((times, stats))
    });
    let (times, stats) = scanned.await.map_err(errors::store)?;
    for stats in &stats {
        logs.ensure_unlocked(group, stats).await?;
    }
    Ok(times)
}

/// A search from one end.
struct Search<'s> {
    /// The fields not met yet, and since when each is indexed.
    missing: Vec<(String, i64)>,
    times: &'s mut BTreeMap<String, Times>,
    bytes_left: usize,
    order: Order,
}

impl Search<'_> {
    fn visit(&mut self, batch: &Batch) -> ControlFlow<()> {
        let rows = batch.times().iter().zip(batch.i64s(INGESTED));
        for (row, (&time, &ingested)) in rows.enumerate() {
            let (message, transformed) = (batch.text(MESSAGE, row), batch.text(TRANSFORMED, row));
            self.bytes_left = self.bytes_left.saturating_sub(message.len() + transformed.len());
            let fields = EventFields::of(message, transformed);
            let (times, order) = (&mut *self.times, self.order);
            self.missing.retain(|(name, since)| {
                if ingested < *since || !fields.has(name) {
                    return true;
                }
                let found = times.entry(name.clone()).or_default();
                match order {
                    Order::Ascending => found.0 = Some(time),
                    _ => found.1 = Some(time),
                }
                false
            });
            if self.missing.is_empty() || self.bytes_left == 0 {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}
