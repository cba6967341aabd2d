//! Records on their way: to log groups and delivery streams as they come, to buckets in files of five minutes.
//!
//! Rows of a delivery are read in the order of their `seq`, behind its cursor. What a file is named by comes from its first row, so what
//! is delivered once more after a crash replaces itself.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use watchkeep_core::ports::{BucketObject, IfAbsent, LogEventInput, MetricPlace, VendedLogKind};
use watchkeep_core::{Arn, TimestampMs};
use watchkeep_delivery::DeliveryError;
use watchkeep_store::{Order, ResourceKey, Scan, StoreError, Versioned};

use super::layout::{self, File};
use super::resources::{CursorDocument, DeliveryDocument, DestinationDocument, Named, TargetKind, resource_type};
use super::{DeliveryPorts, format};
use crate::Logs;
use crate::limits::{DELIVERY_FILE_AGE_MS, DELIVERY_FILE_BYTES, DELIVERY_RECORDS_AT_ONCE, DELIVERY_RETRY_MS};
use crate::names::group_named;
use crate::sink;
use crate::tables::{VENDED_LOGS, vended as columns};

/// How far behind the last row that was delivered others are looked for: the clock may have been set back.
const CLOCK_SLACK_MS: i64 = 3_600_000;

/// What is known of the rows that wait for a delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// Since when the first of them waits.
    since: TimestampMs,
    /// How many bytes they have.
    pub bytes: usize,
    /// When they are tried again, if that failed.
    retry: Option<TimestampMs>,
}

impl Due {
    /// Rows may wait since ever.
    pub(super) fn at_once() -> Due {
        Due::since(TimestampMs(0))
    }

    /// Rows wait from now on.
    pub(super) fn since(since: TimestampMs) -> Due {
        Due { since, bytes: 0, retry: None }
    }

    /// When they are to be delivered.
    fn at(&self, kind: Option<TargetKind>) -> TimestampMs {
        let at = match kind {
            Some(TargetKind::Bucket) if self.bytes < DELIVERY_FILE_BYTES => self.since.plus_ms(DELIVERY_FILE_AGE_MS),
            _ => self.since,
        };
        self.retry.map_or(at, |retry| at.max(retry))
    }
}

/// A row that is yet to be delivered.
#[derive(Debug, Clone)]
struct Waiting {
    seq: u64,
    time_ms: i64,
    at_ms: i64,
    record: String,
}

/// Why rows were not delivered.
enum Undelivered {
    /// They are tried again.
    Later(String),
    /// They never will be.
    Never(String),
}

/// All that is needed to deliver.
struct Way<'l> {
    logs: &'l Arc<Logs>,
    ports: &'l DeliveryPorts,
    delivery: Arc<Versioned<DeliveryDocument>>,
    destination: Arc<Versioned<DestinationDocument>>,
    kind: VendedLogKind,
    resource: Arn,
    target: (TargetKind, Arn),
}

/// Delivers records, as they come, until the service is gone. A delivery whose destination is slow keeps no other waiting.
pub(crate) async fn keep_delivering(logs: Weak<Logs>) {
    let mut under_way = JoinSet::new();
    loop {
        let Some(strong) = logs.upgrade() else { return };
        let Turns { begun, next } = strong.vended_logs_due();
        for turn in begun {
            under_way.spawn(strong.clone().deliver_vended_logs(turn));
        }
        let (clock, woken) = (strong.clock.clone(), strong.deliveries.woken.clone());
        drop(strong);
        let until = async {
            match next {
                Some(next) => {
                    let ms = next.0.saturating_sub(clock.now().0).max(1).unsigned_abs();
                    clock.sleep(Duration::from_millis(ms)).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = woken.notified() => {}
            () = until => {}
            Some(_) = under_way.join_next() => {}
        }
    }
}

/// A delivery whose turn has come. Until it is dropped the delivery has no other.
pub(super) struct Turn {
    logs: Arc<Logs>,
    key: ResourceKey,
    due: Due,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.logs.deliveries.under_way().remove(&self.key);
    }
}

/// Whose turn has come, and when somebody's comes next.
pub(super) struct Turns {
    pub begun: Vec<Turn>,
    pub next: Option<TimestampMs>,
}

impl Logs {
    /// Begins the turns of all deliveries that are due and have none.
    pub(super) fn vended_logs_due(self: &Arc<Self>) -> Turns {
        let mut turns = Turns { begun: Vec::new(), next: None };
        let Some(ports) = self.deliveries.ports() else { return turns };
        let now = self.clock.now();
        let mut under_way = self.deliveries.under_way();
        self.deliveries.due().retain(|key, due| {
            if under_way.contains(key) {
                // What came meanwhile has its turn when this one ends, which wakes who asks.
                return true;
            }
            let Some(way) = self.way(ports, key) else { return false };
            let at = due.at(Some(way.target.0));
            if at > now {
                turns.next = Some(turns.next.map_or(at, |next| next.min(at)));
                return true;
            }
            under_way.insert(key.clone());
            turns.begun.push(Turn { logs: self.clone(), key: key.clone(), due: *due });
            false
        });
        turns
    }

    /// Delivers what waits for the delivery whose turn it is; what could not be delivered is due again later.
    pub(super) async fn deliver_vended_logs(self: Arc<Self>, turn: Turn) {
        let Turn { key, due, .. } = &turn;
        let Some(way) = self.deliveries.ports().and_then(|ports| self.way(ports, key)) else { return };
        let Err(error) = way.deliver().await else { return };
        let id = &key.name;
        tracing::warn!(delivery = id, error, "a delivery of logs waits; it is tried again");
        let mut all = self.deliveries.due();
        let entry = all.entry(key.clone()).or_insert(*due);
        entry.since = due.since;
        entry.retry = Some(self.clock.now().plus_ms(DELIVERY_RETRY_MS));
    }

    /// What a delivery consists of, if all of it is there.
    fn way<'l>(self: &'l Arc<Self>, ports: &'l DeliveryPorts, key: &ResourceKey) -> Option<Way<'l>> {
        let delivery = self.deliveries.deliveries.get(key)?;
        let source = ResourceKey { name: delivery.source.clone(), ..key.clone() };
        let source = self.deliveries.sources.get(&source)?;
        let (_, destination) = Named::parse(&delivery.destination_arn)?;
        let destination = self.deliveries.destinations.get(&destination)?;
        let kind = self.deliveries.kind(&source)?;
        let resource = source.resource_arn.parse().ok()?;
        let target = destination.target()?;
        Some(Way { logs: self, ports, delivery, destination, kind, resource, target })
    }

    /// The first rows of a delivery behind its cursor, in the order in which they became durable: some megabytes at most.
    async fn waiting_records(
        self: &Arc<Self>,
        number: u64,
        cursor: Option<CursorDocument>,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (delivered, from_ms) = match cursor {
            Some(cursor) => (cursor.delivered, cursor.time_ms.saturating_sub(CLOCK_SLACK_MS)),
            None => (0, i64::MIN),
        };
        self.store
            .blocking(move |store| {
                let (mut waiting, mut bytes) = (Vec::new(), 0);
                let scan = Scan::new(&VENDED_LOGS).ids(columns::DELIVERY, [number]).time(from_ms..i64::MAX);
                let scan = scan.columns(&[columns::AT, columns::RECORD]).order(Order::Ascending);
                store.scan(&scan, &mut |batch| {
                    for row in 0..batch.len() {
                        let seq = batch.seqs().get(row).copied().unwrap_or_default();
                        if seq <= delivered {
                            continue;
                        }
                        let record = batch.text(columns::RECORD, row).to_owned();
                        bytes += record.len();
                        waiting.push(Waiting {
                            seq,
                            time_ms: batch.times().get(row).copied().unwrap_or_default(),
                            at_ms: batch.i64s(columns::AT).get(row).copied().unwrap_or_default(),
                            record,
                        });
                        // Rows do not come in the order of their numbers: all are looked at, the first are kept.
                        if waiting.len() > 2 * DELIVERY_RECORDS_AT_ONCE || bytes > 2 * DELIVERY_FILE_BYTES {
                            bytes = keep_first(&mut waiting);
                        }
                    }
                    ControlFlow::Continue(())
                })?;
                keep_first(&mut waiting);
                Ok(waiting)
            })
            .await
    }
}

/// Keeps the first rows, as many as are delivered at once; returns their bytes.
fn keep_first(waiting: &mut Vec<Waiting>) -> usize {
    waiting.sort_unstable_by_key(|row| row.seq);
    let mut bytes = 0;
    let fits = |row: &&Waiting| {
        let is_first = bytes == 0;
        bytes += row.record.len();
        is_first || bytes <= DELIVERY_FILE_BYTES
    };
    let count = waiting.iter().take(DELIVERY_RECORDS_AT_ONCE).take_while(fits).count();
    waiting.truncate(count);
    waiting.iter().map(|row| row.record.len()).sum()
}

impl Way<'_> {
    /// Delivers all that waits. The error says why not.
    async fn deliver(&self) -> Result<(), String> {
        let key = &self.delivery.key;
        let cursors = &self.logs.deliveries.cursors;
        loop {
            let cursor = cursors.get(key).map(|cursor| cursor.value.clone());
            let waiting = self.logs.waiting_records(self.delivery.number, cursor).await;
            let waiting = waiting.map_err(|error| error.to_string())?;
            let Some(last) = waiting.last() else { return Ok(()) };
            let cursor = CursorDocument { delivered: last.seq, time_ms: last.time_ms };
            match self.hand_over(waiting).await {
                Ok(()) => {}
                Err(Undelivered::Later(why)) => return Err(why),
                Err(Undelivered::Never(why)) => {
                    let delivery = &key.name;
                    tracing::warn!(delivery, why, "records of vended logs were refused, and are not delivered");
                }
            }
            if self.logs.deliveries.deliveries.get(key).is_none() {
                return Ok(());
            }
            cursors.put(key.clone(), cursor).await.map_err(|error| error.to_string())?;
        }
    }

    async fn hand_over(&self, waiting: Vec<Waiting>) -> Result<(), Undelivered> {
        match self.target.0 {
            TargetKind::LogGroup => self.to_log_group(waiting).await,
            TargetKind::DeliveryStream => self.to_delivery_stream(waiting).await,
            TargetKind::Bucket => self.to_bucket(waiting).await,
        }
    }

    /// A record as the delivery has it.
    fn text(&self, row: &Waiting) -> String {
        let fields: Map<String, Value> = serde_json::from_str(&row.record).unwrap_or_default();
        format::record(self.destination.format, &self.delivery, &fields)
    }

    async fn to_log_group(&self, waiting: Vec<Waiting>) -> Result<(), Undelivered> {
        let key = &self.destination.key;
        let place = MetricPlace { account: key.account, region: key.region.clone().unwrap_or_default() };
        let group = group_named(&self.target.1).unwrap_or_default();
        let stream = layout::log_stream(&self.kind, &self.resource);
        let events = waiting.iter().map(|row| LogEventInput { time: TimestampMs(row.at_ms), message: self.text(row) });
        let put = sink::put(self.logs, &place, (group, &stream), IfAbsent::Create, events.collect()).await;
        match put {
            Ok(unstored) if unstored.total() > 0 => {
                let delivery = &self.delivery.key.name;
                tracing::warn!(delivery, ?unstored, "some records of vended logs were refused by their log group");
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) if error.status >= 500 => Err(Undelivered::Later(error.message)),
            Err(error) => Err(Undelivered::Never(error.message)),
        }
    }

    async fn to_delivery_stream(&self, waiting: Vec<Waiting>) -> Result<(), Undelivered> {
        let arn = &self.destination.target_arn;
        if !self.ports.streams.has(arn) {
            return Err(Undelivered::Later(format!("there is no delivery stream {arn}")));
        }
        let records = waiting.iter().map(|row| Bytes::from(self.text(row) + "\n")).collect();
        self.ports.streams.deliver(arn, records).await.map_err(|error| match error {
            DeliveryError::Later(why) => Undelivered::Later(why),
            DeliveryError::Refused(why) => Undelivered::Never(why),
        })
    }

    async fn to_bucket(&self, waiting: Vec<Waiting>) -> Result<(), Undelivered> {
        let Some(first) = waiting.first() else { return Ok(()) };
        let key = &self.delivery.key;
        let region = key.region.clone().unwrap_or_default();
        let file = File {
            account: key.account,
            region: region.as_str(),
            folder: self.kind.folder,
            resource: resource_type(&self.resource).1,
            time: TimestampMs(first.time_ms),
            first: first.seq,
        };
        let suffix_path = self.delivery.suffix_path.as_deref().unwrap_or_default();
        let object_key = layout::key(&self.target.1, suffix_path, self.delivery.is_hive_compatible, &file);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let head = format::head(self.destination.format, &self.delivery).unwrap_or_default();
        // Writing to memory does not fail.
        let _ = encoder.write_all(head.as_bytes());
        for row in &waiting {
            let _ = writeln!(encoder, "{}", self.text(row));
        }
        let object = BucketObject {
            key: object_key,
            body: encoder.finish().unwrap_or_default(),
            content_type: Some("application/x-gzip"),
            ..BucketObject::default()
        };
        let client = layout::bucket_client(key.account, &region);
        let (bucket, _) = layout::bucket_of(&self.target.1);
        let put = self.ports.buckets.put(&client, bucket, object).await;
        put.map_err(|error| Undelivered::Later(error.to_string()))
    }
}
