//! GetLogGroupFields: which fields the events of some minutes have, and how many of them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{GetLogGroupFieldsRequest, GetLogGroupFieldsResponse, LogGroupField};
use watchkeep_store::{Order, Scan};

use crate::Logs;
use crate::errors;
use crate::event_fields::EventFields;
use crate::limits::{GROUP_FIELDS_MAX, GROUP_FIELDS_SCAN_BYTES_MAX, MINUTE_MS};
use crate::names::group_of;
use crate::tables::{GROUP, LOG_EVENTS, MESSAGE, TRANSFORMED};

/// The minutes that are looked at, up to now.
const RECENT_MINUTES: i64 = 15;

/// The minutes that are looked at before and after a time.
const AROUND_MINUTES: i64 = 8;

/// Lists the fields, the most frequent first.
pub(crate) async fn get_log_group_fields(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogGroupFieldsRequest,
) -> Result<GetLogGroupFieldsResponse, ServiceError> {
    let key = group_of(caller, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
    let group = logs.directory.group(&key)?;
    let time = match input.time {
        Some(seconds) => {
            let centre = seconds.saturating_mul(1000);
            let around = AROUND_MINUTES * MINUTE_MS;
            centre.saturating_sub(around)..centre.saturating_add(around + 1)
        }
        None => {
            let now = logs.clock.now().0;
            now - RECENT_MINUTES * MINUTE_MS..now + 1
        }
    };
    let id = group.id;
    let scanned = logs.store.blocking(move |store| {
        let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [id]).time(time).order(Order::Descending);
        let scan = scan.columns(&[MESSAGE, TRANSFORMED]);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let (mut events, mut bytes) = (0_u64, 0);
        let stats = store.scan(&scan, &mut |batch| {
            for row in 0..batch.len() {
                let (message, transformed) = (batch.text(MESSAGE, row), batch.text(TRANSFORMED, row));
                bytes += message.len() + transformed.len();
                events += 1;
                for name in EventFields::of(message, transformed).names() {
                    let is_known = counts.contains_key(&name);
                    if is_known || counts.len() < GROUP_FIELDS_MAX {
                        *counts.entry(name).or_default() += 1;
                    }
                }
                if bytes > GROUP_FIELDS_SCAN_BYTES_MAX {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok::<_, watchkeep_store::StoreError>((counts, events, stats))
    });
    let (counts, events, stats) = scanned.await.map_err(errors::store)?;
    logs.ensure_unlocked(&group, &stats).await?;
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    let fields = counts.into_iter().map(|(name, count)| LogGroupField {
        name: Some(name),
        percent: i32::try_from(count * 100 / events.max(1)).ok(),
    });
    Ok(GetLogGroupFieldsResponse { log_group_fields: Some(fields.collect()) })
}
