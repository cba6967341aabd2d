//! PutLogEvents: a batch is checked as a whole, events out of time are left out, the rest becomes durable before the answer.

use std::ops::Range;
use std::sync::Arc;

use watchkeep_core::{Caller, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{InputLogEvent, PutLogEventsRequest, PutLogEventsResponse, RejectedLogEventsInfo};
use watchkeep_store::{Append, Rows};

use crate::account_policies::PolicyType;
use crate::data_protection::{ForGroup, Shielded};
use crate::directory::{Group, Stream};
use crate::errors::{self, invalid};
use crate::large_objects::LargeObject;
use crate::limits::{
    BATCH_BYTES_MAX, BATCH_EVENTS_MAX, BATCH_SPAN_MS_MAX, EVENT_AGE_MS_MAX, EVENT_AHEAD_MS_MAX, EVENT_OVERHEAD_BYTES,
};
use crate::names::group_key;
use crate::position::Position;
use crate::s3_tables::TableAnnounced;
use crate::statistics::Statistics;
use crate::subscriptions::Announced;
use crate::tables::LOG_EVENTS;
use crate::tap::{Incoming, Stored};
use crate::transformers::Transformed;
use crate::{Logs, entity, imports, kms_keys, large_objects};

/// Stores events.
pub(crate) async fn put_log_events(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutLogEventsRequest,
) -> Result<PutLogEventsResponse, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    imports::ensure_not_managed(&group)?;
    let stream = group.stream(&input.log_stream_name)?;
    let class = group.document().class;
    let (entity, rejected_entity_info) = entity::accepted(input.entity.as_ref(), class);
    let now = logs.clock.now();
    check_size(&input.log_events)?;
    check_order(&input.log_events)?;
    let (accepted, rejected_log_events_info) = in_time(&input.log_events, now, group.cutoff(now))?;
    let response = PutLogEventsResponse {
        next_sequence_token: Some(sequence_token(&stream, now.0)),
        rejected_log_events_info,
        rejected_entity_info,
    };
    if let Some(events) = input.log_events.get(accepted).filter(|events| !events.is_empty()) {
        let along = Along { entity: entity.as_deref(), ..Along::default() };
        accept(logs, &group, stream, events, along, now).await?;
    }
    Ok(response)
}

/// The token of a stream after events were received at `ingested`. Nobody needs it, but agents read it.
pub(crate) fn sequence_token(stream: &Stream, ingested: i64) -> String {
    Position { time_ms: ingested, seq: stream.id }.to_string()
}

/// How events come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Arrival {
    /// Somebody puts them, when they happen or a little later.
    #[default]
    Put,
    /// They are history: nobody who listens for what happens hears of them, and nothing is made of them.
    Imported,
}

/// What events come with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Along<'e> {
    /// How they come in.
    pub arrival: Arrival,
    /// The entity that they are of, as JSON.
    pub entity: Option<&'e str>,
    /// What was cut off them.
    pub objects: &'e [LargeObject],
}

/// [`accept`], of as many events in the order of their times as there are.
pub(crate) async fn accept_all(
    logs: &Arc<Logs>,
    group: &Group,
    stream: &Arc<Stream>,
    events: &[InputLogEvent],
    along: Along<'_>,
    now: TimestampMs,
) -> Result<(), ServiceError> {
    for batch in batches(events) {
        accept(logs, group, stream.clone(), batch, along, now).await?;
    }
    Ok(())
}

/// Where every accepted event passes, once: masks what is sensitive, makes events durable, with the objects that were cut off them and
/// what taps keep of them, and counts them.
pub(crate) async fn accept(
    logs: &Arc<Logs>,
    group: &Group,
    stream: Arc<Stream>,
    events: &[InputLogEvent],
    along: Along<'_>,
    now: TimestampMs,
) -> Result<(), ServiceError> {
    let Along { arrival, entity, objects } = along;
    let shielded = logs.shielded(group, &stream, events, now).await?;
    let object_events: Vec<InputLogEvent> = objects.iter().map(LargeObject::event).collect();
    let shielded_objects = logs.shielded(group, &stream, &object_events, now).await?;
    let mut staged = Staged::default();
    let as_they_come = Batch {
        bytes: events.iter().map(|event| event.message.len() as u64).collect(),
        events: shielded.as_ref().map_or(events, |shielded| &shielded.events),
        masks: shielded.as_ref().map_or(&[], |shielded| &shielded.masks),
        entity,
        arrival,
    };
    if !objects.is_empty() {
        let key = logs.encryption_key(group).await?;
        staged.append.push(large_objects::rows(group, &stream, objects, shielded_objects.as_ref(), key));
    }
    staged.add(logs, group, stream, &as_they_come, now).await?;
    let all_shielded: Vec<Shielded> = [shielded, shielded_objects].into_iter().flatten().collect();
    for shielded in &all_shielded {
        let (for_groups, rows) = logs.placed(group, shielded.reports.clone()).await;
        rows.into_iter().for_each(|rows| staged.append.push(rows));
        for ForGroup { group, stream, texts } in for_groups {
            staged.add_findings(logs, &group, stream, &texts, now).await;
        }
    }
    let logs = logs.clone();
    errors::finish(async move {
        let frame = logs.store.append(staged.append).await.map_err(kms_keys::of_store)?;
        staged.announced.into_iter().for_each(|announced| announced.stored(frame.0));
        staged.for_tables.into_iter().for_each(|announced| announced.stored(frame.0));
        for (stream, counted) in staged.counted {
            stream.statistics().add(&counted);
        }
        staged.stored.into_iter().for_each(|stored| stored());
        for shielded in all_shielded {
            shielded.count();
            logs.findings_stored(&shielded.reports);
        }
        Ok(())
    })
    .await
}

/// Events for one stream, as they are stored.
struct Batch<'e> {
    /// The events, without what is sensitive in them.
    events: &'e [InputLogEvent],
    /// The bytes of each message as it was put.
    bytes: Vec<u64>,
    /// What the row of each event has in the column `masks`; nothing if there are none.
    masks: &'e [Option<Vec<u8>>],
    entity: Option<&'e str>,
    arrival: Arrival,
}

/// What becomes durable together, and what is done then.
#[derive(Default)]
struct Staged {
    append: Append,
    counted: Vec<(Arc<Stream>, Statistics)>,
    stored: Vec<Stored>,
    /// Who follows the groups knows that something comes, before it is appended.
    announced: Vec<Announced>,
    for_tables: Vec<TableAnnounced>,
}

impl Staged {
    /// Adds events, and what taps keep of them.
    async fn add(
        &mut self,
        logs: &Arc<Logs>,
        group: &Group,
        stream: Arc<Stream>,
        batch: &Batch<'_>,
        now: TimestampMs,
    ) -> Result<(), ServiceError> {
        let key = logs.encryption_key(group).await?;
        let transformation = logs.transform(group, &stream, batch.events);
        if transformation.is_some() {
            logs.remember_transforming(group).await?;
        }
        let transformed = transformation.iter().flat_map(|transformation| &transformation.events);
        let transformed: Vec<&str> = transformed.map(Transformed::json).collect();
        let message_bytes = batch.events.iter().map(|event| event.message.len()).sum::<usize>();
        let message_bytes = message_bytes + transformed.iter().map(|json| json.len()).sum::<usize>();
        let mut rows = Rows::with_capacity(&LOG_EVENTS, batch.events.len(), message_bytes);
        let mut counted = Statistics::default();
        let (mut masks, mut transformed) = (batch.masks.iter(), transformed.into_iter());
        for (event, &bytes) in batch.events.iter().zip(&batch.bytes) {
            rows.u64(group.id);
            rows.u64(stream.id);
            rows.i64(event.timestamp);
            rows.i64(now.0);
            rows.u64(bytes);
            rows.text(&event.message);
            rows.text_or_null(transformed.next());
            rows.bytes_or_null(masks.next().and_then(Option::as_deref));
            rows.text_or_null(batch.entity);
            rows.end_row();
            counted.count(event.timestamp, now.0, bytes);
        }
        self.append.push(rows.encrypted_under(key));
        // Who follows looks for whatever may be in the store.
        let times =
            batch.events.first().zip(batch.events.last()).map(|(first, last)| (first.timestamp, last.timestamp));
        let (first_ms, last_ms) = times.unwrap_or_default();
        self.announced.push(logs.subscriptions.announce(group, first_ms, last_ms));
        self.for_tables.extend(logs.s3_tables.announce(group, first_ms, last_ms));
        if batch.arrival == Arrival::Imported {
            self.counted.push((stream, counted));
            return Ok(());
        }
        self.stored.extend(logs.live_tails.tap(group, &stream, batch.events, now.0));
        self.counted.push((stream, counted));
        if let Some(region) = &group.key.region {
            let incoming = Incoming {
                account: group.key.account,
                region,
                log_group: group.key.name.as_str(),
                class: group.document().class,
                received: now,
                makes_metrics: logs.account_policies.of(&group.key, PolicyType::MetricExtraction).is_empty(),
                events: batch.events,
                transformation: transformation.as_ref(),
            };
            self.stored.extend(logs.taps.tap(&incoming, &mut self.append));
            self.stored.extend(logs.metric_filters.tap(group.id, &incoming, logs.clock.now(), &mut self.append));
        }
        Ok(())
    }

    /// Adds reports of findings, which are events of the group that they are sent to. If its key cannot be used they are left out:
    /// events are not refused because of where findings go.
    async fn add_findings(
        &mut self,
        logs: &Arc<Logs>,
        group: &Group,
        stream: Arc<Stream>,
        texts: &[Arc<str>],
        now: TimestampMs,
    ) {
        let event = |text: &Arc<str>| InputLogEvent { timestamp: now.0, message: text.as_ref().to_owned() };
        let events: Vec<InputLogEvent> = texts.iter().map(event).collect();
        let bytes = events.iter().map(|event| event.message.len() as u64).collect();
        let batch = Batch { events: &events, bytes, masks: &[], entity: None, arrival: Arrival::Put };
        if let Err(error) = self.add(logs, group, stream, &batch, now).await {
            tracing::warn!(to = group.key.name, %error, "findings are not reported");
        }
    }
}

/// The events in batches that are no larger than those of PutLogEvents.
fn batches(events: &[InputLogEvent]) -> impl Iterator<Item = &[InputLogEvent]> {
    let mut rest = events;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |event: &&InputLogEvent| {
            bytes += event.message.len() + EVENT_OVERHEAD_BYTES;
            bytes <= BATCH_BYTES_MAX
        };
        let count = rest.iter().take(BATCH_EVENTS_MAX).take_while(fits).count();
        let (batch, behind) = rest.split_at_checked(count)?;
        rest = behind;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Refuses batches that are too large. An event may be as large as a batch, so that the batch's limit is the only one.
fn check_size(events: &[InputLogEvent]) -> Result<(), ServiceError> {
    let bytes: usize = events.iter().map(|event| event.message.len() + EVENT_OVERHEAD_BYTES).sum();
    match bytes {
        bytes if bytes <= BATCH_BYTES_MAX => Ok(()),
        bytes => Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}"))),
    }
}

fn check_order(events: &[InputLogEvent]) -> Result<(), ServiceError> {
    match events.is_sorted_by_key(|event| event.timestamp) {
        true => Ok(()),
        false => Err(invalid("Log events in a single PutLogEvents request must be in chronological order.")),
    }
}

/// Which events, in order of their times, are neither too old nor too new, and what is said of the others. Events before
/// `cutoff` are past the group's retention.
fn in_time(
    events: &[InputLogEvent],
    now: TimestampMs,
    cutoff: TimestampMs,
) -> Result<(Range<usize>, Option<RejectedLogEventsInfo>), ServiceError> {
    let before = |time: TimestampMs| events.partition_point(|event| event.timestamp < time.0);
    let too_old_end = before(now.plus_ms(-EVENT_AGE_MS_MAX));
    let too_new_start = before(now.plus_ms(EVENT_AHEAD_MS_MAX + 1));
    let expired_end = before(cutoff);
    if let Some([first, .., last]) = events.get(too_old_end..too_new_start)
        && last.timestamp - first.timestamp > BATCH_SPAN_MS_MAX
    {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    let index = |index: usize| i32::try_from(index).ok();
    let rejected = RejectedLogEventsInfo {
        too_old_log_event_end_index: index(too_old_end).filter(|&end| end > 0),
        expired_log_event_end_index: index(expired_end).filter(|&end| end > 0),
        too_new_log_event_start_index: index(too_new_start).filter(|_| too_new_start < events.len()),
    };
    let is_clean = rejected == RejectedLogEventsInfo::default();
    Ok((too_old_end.max(expired_end)..too_new_start, (!is_clean).then_some(rejected)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{DAY_MS, HOUR_MS};

    fn events(now: i64, offsets: &[i64]) -> Vec<InputLogEvent> {
        offsets.iter().map(|offset| InputLogEvent { timestamp: now + offset, message: "m".into() }).collect()
    }

    #[test]
    fn events_out_of_time_are_named() {
        const MINUTE: i64 = 60_000;
        let none = (None, None, None);
        // Offsets from now; days of retention; the accepted range; too old, expired, too new.
        type Indexes = (Option<i32>, Option<i32>, Option<i32>);
        type Case<'t> = (&'t [i64], Option<i64>, Range<usize>, Indexes);
        let cases: &[Case<'_>] = &[
            (&[-MINUTE, 0], None, 0..2, none),
            (&[-15 * DAY_MS, -MINUTE, 0, 3 * HOUR_MS], None, 1..3, (Some(1), None, Some(3))),
            (&[-14 * DAY_MS], None, 0..1, none),
            (&[-14 * DAY_MS - 1], None, 1..1, (Some(1), None, None)),
            (&[2 * HOUR_MS, 2 * HOUR_MS + 1], None, 0..1, (None, None, Some(1))),
            (&[-15 * DAY_MS, -DAY_MS - 1, -DAY_MS, -1], Some(1), 2..4, (Some(1), Some(2), None)),
            (&[-40 * DAY_MS, -20 * DAY_MS, 0], Some(30), 2..3, (Some(2), Some(1), None)),
            (&[-40 * DAY_MS, 40 * DAY_MS], None, 1..1, (Some(1), None, Some(1))),
        ];
        let now = 1_700_000_000_000;
        for (offsets, retention_days, accepted, rejected) in cases {
            let cutoff = TimestampMs(retention_days.map_or(i64::MIN, |days| now - days * DAY_MS));
            let (range, info) = in_time(&events(now, offsets), TimestampMs(now), cutoff).unwrap();
            assert_eq!(range, *accepted, "{offsets:?}");
            assert_eq!(info.is_none(), *rejected == none, "{offsets:?}");
            let info = info.unwrap_or_default();
            let found = (
                info.too_old_log_event_end_index,
                info.expired_log_event_end_index,
                info.too_new_log_event_start_index,
            );
            assert_eq!(found, *rejected, "{offsets:?}");
        }
    }

    #[test]
    fn valid_events_span_at_most_a_day() {
        let now = 1_700_000_000_000;
        let span = |offsets: &[i64]| in_time(&events(now, offsets), TimestampMs(now), TimestampMs(i64::MIN)).is_ok();
        assert!(span(&[-DAY_MS, 0]));
        assert!(!span(&[-DAY_MS - 1, 0]));
        assert!(span(&[-15 * DAY_MS, 0, 3 * HOUR_MS]), "events that are left out do not count");
    }

    #[test]
    fn a_batch_counts_26_bytes_for_each_event() {
        let event = |bytes: usize| InputLogEvent { timestamp: 0, message: "x".repeat(bytes) };
        assert!(check_size(&[event(1_048_550)]).is_ok());
        assert_eq!(
            check_size(&[event(1_048_500), event(25)]).unwrap_err().message,
            "Upload too large: 1048577 bytes exceeds limit of 1048576"
        );
        assert!(check_order(&events(0, &[1, 1, 2])).is_ok());
        assert_eq!(
            check_order(&events(0, &[2, 1])).unwrap_err().message,
            "Log events in a single PutLogEvents request must be in chronological order."
        );
    }

    #[test]
    fn batches_are_as_large_as_those_of_calls() {
        let sizes = |messages: &[usize]| {
            let events: Vec<InputLogEvent> =
                messages.iter().map(|size| InputLogEvent { timestamp: 0, message: "x".repeat(*size) }).collect();
            batches(&events).map(<[InputLogEvent]>::len).collect::<Vec<_>>()
        };
        let half = BATCH_BYTES_MAX / 2 - EVENT_OVERHEAD_BYTES;
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[half, half, 1]), [2, 1]);
        assert_eq!(sizes(&[half, half + 1, half]), [1, 1, 1]);
        assert_eq!(sizes(&vec![1; BATCH_EVENTS_MAX + 1]), [BATCH_EVENTS_MAX, 1]);
    }
}
