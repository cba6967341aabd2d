//! How a follower delivers: chunk by chunk, up to the newest frame of the journal. What is not taken is tried again with growing
//! pauses until its events are a day old; what a destination will never take is left out, and a destination that takes nothing is
//! left alone for ten minutes, and what comes meanwhile is skipped.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::MetricPlace;
use watchkeep_store::{Append, SEQ_ROW_BITS, StoreError};

use super::chunk::{self, Row, Wanted};
use super::follower::{Follower, Plan, Progress, Scope};
use super::measures::{FollowerCounters, Level};
use super::payload::{Envelope, EnvelopeEvent};
use super::resources::PositionDocument;
use super::target::{self, Message, Refusal, Vendor};
use crate::Logs;
use crate::directory::{Group, Stream};
use crate::limits::{
    GROUPS_MAX, SUBSCRIPTION_AGE_MS_MAX, SUBSCRIPTION_COUNTERS_MAX, SUBSCRIPTION_DISABLED_MS,
    SUBSCRIPTION_LOCKED_PAUSE_MS, SUBSCRIPTION_MESSAGE_BYTES, SUBSCRIPTION_NOTE_MS, SUBSCRIPTION_PAUSE_FIRST,
    SUBSCRIPTION_PAUSE_MAX,
};
use crate::position::Position;
use crate::resources::Class;

/// Whether there may be more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// All is delivered.
    Done,
    /// The follower was stopped.
    Stopped,
    /// Nothing is delivered until this time, in milliseconds since the epoch.
    Until(i64),
}

impl Logs {
    /// Delivers all that is in the store.
    pub(super) async fn round(self: &Arc<Self>, follower: &Follower) -> Result<Round, StoreError> {
        let mut progress = follower.turn.lock().await;
        let now = self.clock.now();
        if follower.take_renewed() {
            // Whoever put it anew had its destination tried.
            progress.disabled_until = None;
        }
        if let Some(until) = progress.disabled_until {
            if now.0 < until {
                return Ok(Round::Until(until));
            }
            // What came while it was disabled is skipped.
            let frame = self.store.append(Append::new()).await?.0;
            follower.hints().settle(frame);
            progress.next = progress.next.max(end_of(frame));
            progress.disabled_until = None;
        }
        let frame = self.store.append(Append::new()).await?.0;
        let end = end_of(frame);
        follower.hints().begin_round();
        loop {
            // Asked after the frame: whatever is in it was announced.
            let hints = follower.hints().all();
            let plan = follower.plan();
            let first_ms = hints.iter().map(|hint| hint.first_ms).min();
            let last_ms = hints.iter().map(|hint| hint.last_ms).max();
            let (Some(first_ms), Some(last_ms)) = (first_ms, last_ms) else { break };
            let of: Option<Vec<u64>> = hints.iter().map(|hint| hint.group).collect();
            let groups = self.groups_of(follower, &plan, of);
            if groups.is_empty() || progress.next >= end {
                break;
            }
            let wanted = Wanted {
                groups,
                next: progress.next,
                end,
                time_ms: first_ms..=last_ms,
                on_transformed: plan.definition.on_transformed,
            };
            let chunk = self.store.blocking(move |store| chunk::read(store, &wanted)).await?;
            if chunk.is_locked {
                let since = *progress.locked_since.get_or_insert(now.0);
                if now.0.saturating_sub(since) < SUBSCRIPTION_DISABLED_MS {
                    return Ok(Round::Until(now.0.saturating_add(SUBSCRIPTION_LOCKED_PAUSE_MS)));
                }
                tracing::warn!(
                    subscription = plan.name,
                    "a subscription passes over events whose KMS key cannot be used"
                );
            } else {
                progress.locked_since = None;
            }
            let Some(last) = chunk.rows.last() else { break };
            let (last, since) = (last.seq, last.ingested);
            match self.deliver(follower, &plan, chunk.rows).await {
                Delivered::Settled => {}
                Delivered::Stopped => return Ok(Round::Stopped),
                Delivered::Renewed => {
                    follower.take_renewed();
                    continue;
                }
                Delivered::Closed(until) => {
                    progress.disabled_until = Some(until);
                    return Ok(Round::Until(until));
                }
            }
            progress.next = last.saturating_add(1);
            self.note(follower, &mut progress, since).await;
            if !chunk.has_more {
                break;
            }
        }
        follower.hints().settle(frame);
        progress.next = progress.next.max(end);
        self.note(follower, &mut progress, now.0).await;
        Ok(Round::Done)
    }

    /// Writes down how far a follower is, unless it did so a moment ago.
    async fn note(&self, follower: &Follower, progress: &mut Progress, since: i64) {
        let now_ms = self.clock.monotonic().as_millis() as u64;
        if progress.next > progress.noted && now_ms >= progress.noted_ms.saturating_add(SUBSCRIPTION_NOTE_MS) {
            self.write_position(follower, progress, since).await;
        }
    }

    /// Writes down how far a follower is.
    pub(super) async fn write_position(&self, follower: &Follower, progress: &mut Progress, since: i64) {
        if progress.next <= progress.noted || follower.is_stopped() && !self.subscriptions.has(follower) {
            return;
        }
        let position = PositionDocument { next: progress.next, since };
        match self.subscriptions.positions.put(follower.key.clone(), position).await {
            Ok(_) => {
                progress.noted = progress.next;
                progress.noted_ms = self.clock.monotonic().as_millis() as u64;
            }
            Err(error) => tracing::warn!(%error, "a subscription may repeat events after a restart"),
        }
    }

    /// The groups that a follower looks at; of them those with hints, if all hints are of one.
    fn groups_of(&self, follower: &Follower, plan: &Plan, of: Option<Vec<u64>>) -> Vec<u64> {
        match (&plan.scope, of) {
            (Scope::Group(id), _) => vec![*id],
            (Scope::Account(_), Some(mut hinted)) => {
                hinted.sort_unstable();
                hinted.dedup();
                hinted
            }
            (Scope::Account(criteria), None) => {
                let (account, region) = follower.place();
                let selected =
                    |group: &Group| group.document().class == Class::Standard && criteria.selects(&group.key.name);
                let groups = self.directory.groups((account, &region), "", None, GROUPS_MAX, selected);
                groups.iter().map(|group| group.id).collect()
            }
        }
    }

    /// Delivers the events of a chunk.
    async fn deliver(&self, follower: &Follower, plan: &Plan, rows: Vec<Row>) -> Delivered {
        let Some(ports) = self.subscriptions.ports() else { return Delivered::Settled };
        let mut messages = self.messages(plan, &rows);
        // What waits for a destination waits compressed.
        drop(rows);
        let mut tries = 0u32;
        while !messages.is_empty() {
            if follower.is_stopped() {
                return Delivered::Stopped;
            }
            if follower.is_renewed() {
                return Delivered::Renewed;
            }
            // Looked for each time: a destination may have been changed, or deleted.
            let target = self.target_of(follower, plan);
            let vendor = target.as_ref().map_or(Vendor::Destination, |(vendor, _)| *vendor);
            let sent = match &target {
                Some((vendor, arn)) => {
                    let to = (*vendor, arn);
                    target::send(ports, self.random.as_ref(), to, plan.definition.distribution, messages).await
                }
                None => target::Sent {
                    left: messages,
                    refusal: Some(Refusal::Closed("the destination does not exist".to_owned())),
                    ..Default::default()
                },
            };
            for message in &sent.taken {
                if let Some(counters) = self.counters_of(follower, plan, vendor, message.stream) {
                    counters.forwarded_events.add(message.events as f64);
                    counters.forwarded_bytes.add(message.data.len() as f64);
                }
            }
            messages = sent.left;
            let Some(refusal) = sent.refusal else { return Delivered::Settled };
            let count = |messages: &[Message], throttled: bool| {
                for message in messages {
                    if let Some(counters) = self.counters_of(follower, plan, vendor, message.stream) {
                        let counter = if throttled { &counters.throttling } else { &counters.errors };
                        counter.add(message.events as f64);
                    }
                }
            };
            let why = refusal.reason();
            let now = self.clock.now();
            match &refusal {
                Refusal::Never(_) => {
                    tracing::warn!(subscription = plan.name, why, "events cannot be delivered, and are left out");
                    count(&sent.refused, false);
                    continue;
                }
                Refusal::Closed(_) => {
                    tracing::warn!(
                        subscription = plan.name,
                        why,
                        "a subscription's destination takes nothing; it is disabled for ten minutes"
                    );
                    count(&messages, false);
                    return Delivered::Closed(now.0.saturating_add(SUBSCRIPTION_DISABLED_MS));
                }
                Refusal::Throttled(_) => count(&messages, true),
                Refusal::Later(_) => count(&messages, false),
            }
            let before = messages.len();
            messages.retain(|message| now.0.saturating_sub(message.ingested) <= SUBSCRIPTION_AGE_MS_MAX);
            if messages.len() < before {
                tracing::warn!(
                    subscription = plan.name,
                    why,
                    "events that could not be delivered for a day are left out"
                );
            }
            if messages.is_empty() {
                break;
            }
            tracing::info!(subscription = plan.name, why, "a subscription cannot deliver; it tries again");
            let pause = SUBSCRIPTION_PAUSE_FIRST.saturating_mul(1 << tries.min(16)).min(SUBSCRIPTION_PAUSE_MAX);
            // Half of it is left to chance, so that many who failed together do not come back together.
            let pause = pause / 2 + (pause / 2).mul_f64(self.random.next_u64() as f64 / u64::MAX as f64);
            tries = tries.saturating_add(1);
            self.pause(follower, pause).await;
        }
        Delivered::Settled
    }

    /// Waits, unless the follower is stopped or put anew meanwhile.
    pub(super) async fn pause(&self, follower: &Follower, pause: Duration) {
        let mut sleep = self.clock.sleep(pause);
        while !follower.is_stopped() && !follower.is_renewed() {
            tokio::select! {
                () = &mut sleep => return,
                // New events do not make it come sooner.
                () = follower.wake.notified() => {}
            }
        }
    }

    /// The messages of events that pass the filter, those of a log stream in the order in which they came.
    fn messages(&self, plan: &Plan, rows: &[Row]) -> Vec<Message> {
        let Some(pattern) = &plan.pattern else { return Vec::new() };
        let mut by_stream: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in rows.iter().filter(|row| pattern.matches(row.message.as_bytes())) {
            by_stream.entry(row.stream).or_default().push(row);
        }
        let mut messages = Vec::new();
        for (stream, rows) in by_stream {
            let group = rows.first().and_then(|row| self.directory.group_numbered(row.group));
            // Who deleted a group or a stream wants nothing of it any more.
            let (Some(group), Some(stream)) = (group, self.directory.stream(stream)) else { continue };
            if !plan.selects(&group.key) {
                continue;
            }
            let mut rest = &rows[..];
            while !rest.is_empty() {
                let mut bytes = 0;
                let fits = |row: &&&Row| {
                    let is_first = bytes == 0;
                    bytes += row.message.len() + 128;
                    is_first || bytes <= SUBSCRIPTION_MESSAGE_BYTES
                };
                let count = rest.iter().take_while(fits).count();
                let (some, after) = rest.split_at(count);
                messages.push(message(plan, &group, &stream, some));
                rest = after;
            }
        }
        messages
    }

    /// What a subscription delivers to: its destination, or what that stands for.
    pub(super) fn target_of(&self, follower: &Follower, plan: &Plan) -> Option<(Vendor, watchkeep_core::Arn)> {
        let arn = plan.destination.as_ref()?;
        let vendor = Vendor::of(arn)?;
        if vendor != Vendor::Destination {
            return Some((vendor, arn.clone()));
        }
        let target = self.subscriptions.open_destination(arn, follower.key.account)?;
        Some((Vendor::of(&target)?, target))
    }

    fn counters_of(
        &self,
        follower: &Follower,
        plan: &Plan,
        vendor: Vendor,
        stream: u64,
    ) -> Option<Arc<FollowerCounters>> {
        let group = self.directory.group_numbered(self.directory.stream(stream)?.group_id)?;
        let mut counters = follower.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = counters.get(&group.id) {
            return Some(found.clone());
        }
        if counters.len() >= SUBSCRIPTION_COUNTERS_MAX {
            counters.clear();
        }
        let place = MetricPlace { account: group.key.account, region: group.key.region.clone()? };
        let level = if matches!(plan.scope, Scope::Account(_)) { Level::Account } else { Level::Group };
        let meter = &self.subscriptions.ports()?.meter;
        let made = FollowerCounters::new(meter, &place, (&group.key.name, &plan.name, level), vendor);
        Some(counters.entry(group.id).or_insert(Arc::new(made)).clone())
    }
}

/// What became of a chunk.
enum Delivered {
    /// It is delivered, or given up.
    Settled,
    /// The follower was stopped meanwhile.
    Stopped,
    /// The follower delivers something else now: what is left is to be looked at again.
    Renewed,
    /// The destination takes nothing; it is tried again at this time.
    Closed(i64),
}

/// The end of the rows of a frame and of those before it.
pub(crate) fn end_of(frame: u64) -> u64 {
    frame.saturating_add(1) << SEQ_ROW_BITS
}

/// One message of events of a log stream.
fn message(plan: &Plan, group: &Group, stream: &Stream, rows: &[&Row]) -> Message {
    let region = group.key.region.as_ref().map_or("", |region| region.as_str());
    let account = group.key.account.as_str();
    let mut envelope = Envelope::new(account, &group.key.name, &stream.name, &plan.name);
    envelope.policy_level = matches!(plan.scope, Scope::Account(_)).then_some("ACCOUNT_LEVEL_POLICY");
    let mut system_fields = BTreeMap::new();
    for (name, value) in [("@aws.account", account), ("@aws.region", region)] {
        if plan.definition.system_fields.iter().any(|wanted| wanted == name) {
            system_fields.insert(name, value);
        }
    }
    for row in rows {
        let extracted = plan.pattern.as_ref().filter(|_| plan.extracts());
        let extracted = extracted.and_then(|pattern| pattern.extract(row.message.as_bytes()));
        let field = |(name, value): (String, String)| (name.trim_start_matches('$').to_owned(), value);
        envelope.log_events.push(EnvelopeEvent {
            id: Position { time_ms: row.time_ms, seq: row.seq }.to_string(),
            timestamp: row.time_ms,
            message: &row.message,
            extracted_fields: extracted.map(|fields| fields.into_iter().map(field).collect()),
            system_fields: system_fields.clone(),
        });
    }
    let ingested = rows.iter().map(|row| row.ingested).max().unwrap_or_default();
    Message { stream: stream.id, data: envelope.compressed(), events: rows.len(), ingested }
}

/// Since when events may have been received that a position does not tell of, and how old and how new they may be.
pub(crate) fn span_since(since: TimestampMs) -> (i64, i64) {
    use crate::limits::{EVENT_AGE_MS_MAX, HOUR_MS};
    (since.0.saturating_sub(EVENT_AGE_MS_MAX).saturating_sub(HOUR_MS), i64::MAX - 1)
}
