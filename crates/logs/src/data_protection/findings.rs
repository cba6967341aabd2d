//! Audit findings: a report for each event in which a policy finds something, delivered where the policy says. Source: "Audit findings
//! reports".
//!
//! Reports are durable together with their events. Those for a log group are events of it, in a stream that is named as the group
//! where something was found; the others wait as rows of [`LOG_FINDINGS`], which a task delivers, at least once. How far that has
//! come is in the catalog, a cursor for each destination.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use watchkeep_core::ports::{BucketClient, BucketObject, MetricPlace};
use watchkeep_core::{AccountId, Arn, Region, TimestampMs};
use watchkeep_lang::data_protection::{Destinations, Finding};
use watchkeep_store::{Collection, Keep, Order, Resource, ResourceKey, Rows, Scan, Store, StoreError, TableOwner};

use crate::Logs;
use crate::directory::{Group, Stream};
use crate::limits::{DETECTIONS_PER_REPORT_MAX, REPORTS_AT_ONCE_MAX};
use crate::log_streams::find_or_create;
use crate::names::group_arn_with_streams;
use crate::tables::{LOG_FINDINGS, findings as columns};

/// How long reports that could not be delivered are kept.
const FINDINGS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// How far behind the last row that was delivered others are looked for: the clock may have been set back.
const CLOCK_SLACK_MS: i64 = 3_600_000;

/// How long delivering waits after it failed.
const RETRY_WAIT: Duration = Duration::from_secs(30);

/// A report, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Where to.
    to: To,
    /// The report: JSON.
    text: Arc<str>,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum To {
    /// Into a log group of the same account and Region.
    LogGroup(String),
    /// Elsewhere.
    Outside(Destination),
}

/// A bucket or a delivery stream, as the table and the catalog name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Destination {
    account: String,
    region: String,
    /// `s3` or `firehose`.
    kind: String,
    name: String,
}

/// How far the reports for a destination are delivered; its name is the destination's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// The `seq` of the last row that was delivered.
    delivered: u64,
    /// Its time, in milliseconds since the epoch.
    time_ms: i64,
}

impl Resource for Cursor {
    const KIND: &'static str = "log_findings_cursor";
}

/// Says how long rows of [`LOG_FINDINGS`] are kept.
#[derive(Debug)]
pub(crate) struct FindingsOwner;

impl TableOwner for FindingsOwner {
    fn keep(&self, _: &[u64]) -> Keep {
        Keep::For(FINDINGS_KEPT)
    }

    fn label(&self, _: &str, _: u64) -> Option<String> {
        None
    }
}

/// What is to be delivered.
pub(super) struct Deliveries {
    cursors: Collection<Cursor>,
    /// The destinations that rows may wait for.
    due: Mutex<BTreeSet<Destination>>,
    woken: Notify,
}

impl Deliveries {
    pub(super) async fn open(store: &Store) -> Result<Deliveries, StoreError> {
        let cursors = store.catalog().collection::<Cursor>().await?;
        Ok(Deliveries { cursors, due: Mutex::default(), woken: Notify::new() })
    }

    fn due(&self) -> std::sync::MutexGuard<'_, BTreeSet<Destination>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries").finish_non_exhaustive()
    }
}

/// The reports of what a policy found in one event.
pub(super) fn report(
    group: &Group,
    destinations: &Destinations,
    names: &[String],
    message: &str,
    findings: &[&Finding],
    now: TimestampMs,
) -> Vec<Report> {
    let mut reports = Vec::new();
    let account = group.key.account.as_str().to_owned();
    let region = group.key.region.as_ref().map_or_else(String::new, |region| region.as_str().to_owned());
    let outside = |kind: &str, name: &String| {
        let (account, region) = (account.clone(), region.clone());
        To::Outside(Destination { account, region, kind: kind.to_owned(), name: name.clone() })
    };
    let to = [
        destinations.log_group.clone().map(To::LogGroup),
        destinations.bucket.as_ref().map(|bucket| outside("s3", bucket)),
        destinations.delivery_stream.as_ref().map(|stream| outside("firehose", stream)),
    ];
    if to.iter().any(Option::is_some) {
        let text: Arc<str> = text(&group_arn_with_streams(&group.key), names, message, findings, now).into();
        reports.extend(to.into_iter().flatten().map(|to| Report { to, text: text.clone() }));
    }
    reports
}

/// A report as JSON. Places are counted in characters from 1, the last one included.
fn text(resource: &str, names: &[String], message: &str, findings: &[&Finding], now: TimestampMs) -> String {
    let mut by_identifier: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        by_identifier.entry(finding.identifier).or_default().push(finding);
    }
    let identifiers = by_identifier.into_iter().map(|(identifier, findings)| {
        let mut counted = (0, 0);
        // Those of an identifier are in the order of the text, so each character is counted once.
        let mut characters_before = |place: usize| {
            let between = message.get(counted.0..place).map_or(0, |between| between.chars().count());
            counted = (place, counted.1 + between);
            counted.1
        };
        let detections = findings.iter().take(DETECTIONS_PER_REPORT_MAX).map(|finding| {
            let start = characters_before(finding.at.start) + 1;
            json!({"start": start, "end": characters_before(finding.at.end)})
        });
        let detections: Vec<serde_json::Value> = detections.collect();
        json!({"name": names.get(identifier), "count": findings.len(), "detections": detections})
    });
    let identifiers: Vec<serde_json::Value> = identifiers.collect();
    let time = Timestamp::from_second(now.seconds()).unwrap_or_default().to_string();
    json!({"auditTimestamp": time, "resourceArn": resource, "dataIdentifiers": identifiers}).to_string()
}

/// Reports for one log group.
pub(crate) struct ForGroup {
    pub(crate) group: Arc<Group>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) texts: Vec<Arc<str>>,
}

impl Logs {
    /// The reports for log groups, with the groups and streams that they go to; as rows, those for elsewhere. What is for a group
    /// that is not there any more is told of in the log, and left out.
    pub(crate) async fn placed(self: &Arc<Self>, from: &Group, reports: Vec<Report>) -> (Vec<ForGroup>, Option<Rows>) {
        let mut for_groups: BTreeMap<String, Vec<Arc<str>>> = BTreeMap::new();
        let mut rows = Rows::new(&LOG_FINDINGS);
        let now = self.clock.now();
        for Report { to, text } in reports {
            match to {
                To::LogGroup(name) => for_groups.entry(name).or_default().push(text),
                To::Outside(destination) => {
                    rows.i64(now.0);
                    rows.text(&destination.to_text());
                    rows.text(&from.key.name);
                    rows.text(&text);
                    rows.end_row();
                }
            }
        }
        let mut placed = Vec::with_capacity(for_groups.len());
        for (name, texts) in for_groups {
            let key = ResourceKey { name, ..from.key.clone() };
            let found = match self.directory.group(&key) {
                Ok(group) => find_or_create(self, &group, &from.key.name).await.map(|stream| (group, stream)),
                Err(error) => Err(error),
            };
            match found {
                Ok((group, stream)) => placed.push(ForGroup { group, stream, texts }),
                Err(error) => {
                    tracing::warn!(from = from.key.name, to = key.name, %error, "findings are not reported");
                }
            }
        }
        (placed, (!rows.is_empty()).then_some(rows))
    }

    /// Hears of rows of [`LOG_FINDINGS`] that are durable now.
    pub(crate) fn findings_stored(&self, reports: &[Report]) {
        let deliveries = &self.data_protection.deliveries;
        let mut due = deliveries.due();
        for report in reports {
            if let To::Outside(destination) = &report.to {
                due.insert(destination.clone());
            }
        }
        if !due.is_empty() {
            deliveries.woken.notify_one();
        }
    }

    /// Delivers findings, as they come, for ever.
    pub(crate) async fn keep_delivering_findings(self: Arc<Self>) {
        let deliveries = &self.data_protection.deliveries;
        match self.destinations_waiting().await {
            Ok(waiting) => deliveries.due().extend(waiting),
            Err(error) => tracing::error!(%error, "findings that wait from before cannot be read"),
        }
        loop {
            let due = std::mem::take(&mut *deliveries.due());
            let attempts = due.iter().map(|destination| self.deliver_findings(destination));
            let failed: Vec<Destination> = join_all(attempts)
                .await
                .into_iter()
                .zip(&due)
                .filter_map(|(outcome, destination)| {
                    let error = outcome.err()?;
                    tracing::warn!(kind = destination.kind, name = destination.name, error, "findings wait");
                    Some(destination.clone())
                })
                .collect();
            let must_retry = !failed.is_empty();
            deliveries.due().extend(failed);
            if must_retry {
                self.clock.sleep(RETRY_WAIT).await;
            } else {
                deliveries.woken.notified().await;
            }
        }
    }

    /// The destinations that there are rows for.
    async fn destinations_waiting(self: &Arc<Self>) -> Result<BTreeSet<Destination>, StoreError> {
        self.store
            .blocking(move |store| {
                let mut waiting = BTreeSet::new();
                let scan = Scan::new(&LOG_FINDINGS).columns(&[columns::DESTINATION]);
                store.scan(&scan, &mut |batch| {
                    let texts = batch.texts(columns::DESTINATION);
                    waiting.extend((0..batch.len()).filter_map(|row| Destination::parse(texts.get(row))));
                    ControlFlow::Continue(())
                })?;
                Ok(waiting)
            })
            .await
    }

    /// Delivers all that waits for a destination. The error says why not.
    async fn deliver_findings(self: &Arc<Self>, destination: &Destination) -> Result<(), String> {
        let key = ResourceKey::global(AccountId::DEFAULT, destination.to_text());
        loop {
            let cursors = &self.data_protection.deliveries.cursors;
            let cursor = cursors.get(&key).map(|cursor| cursor.value.clone());
            let waiting = self.waiting_findings(destination.to_text(), cursor).await;
            let waiting = waiting.map_err(|error| error.to_string())?;
            let Some(last) = waiting.last() else { return Ok(()) };
            let cursor = Cursor { delivered: last.seq, time_ms: last.time_ms };
            self.hand_over(destination, waiting).await?;
            cursors.put(key.clone(), cursor).await.map_err(|error| error.to_string())?;
        }
    }

    /// The first rows for a destination behind those that were delivered, in the order in which they became durable.
    async fn waiting_findings(
        self: &Arc<Self>,
        destination: String,
        cursor: Option<Cursor>,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (delivered, from_ms) = match cursor {
            Some(cursor) => (cursor.delivered, cursor.time_ms.saturating_sub(CLOCK_SLACK_MS)),
            None => (0, i64::MIN),
        };
        self.store
            .blocking(move |store| {
                let mut waiting = Vec::new();
                let scan = Scan::new(&LOG_FINDINGS).texts(columns::DESTINATION, [destination]);
                let scan = scan.time(from_ms..i64::MAX);
                let scan = scan.columns(&[columns::LOG_GROUP, columns::REPORT]).order(Order::Ascending);
                store.scan(&scan, &mut |batch| {
                    for row in 0..batch.len() {
                        let seq = batch.seqs().get(row).copied().unwrap_or_default();
                        if seq <= delivered {
                            continue;
                        }
                        waiting.push(Waiting {
                            seq,
                            time_ms: batch.times().get(row).copied().unwrap_or_default(),
                            log_group: batch.text(columns::LOG_GROUP, row).to_owned(),
                            report: batch.text(columns::REPORT, row).to_owned(),
                        });
                        // Rows do not come in the order of their numbers (the clock may have been set back, and calls overtake
                        // each other): all are looked at, the first are kept.
                        if waiting.len() > 2 * REPORTS_AT_ONCE_MAX {
                            keep_first(&mut waiting);
                        }
                    }
                    ControlFlow::Continue(())
                })?;
                keep_first(&mut waiting);
                Ok(waiting)
            })
            .await
    }

    async fn hand_over(&self, destination: &Destination, waiting: Vec<Waiting>) -> Result<(), String> {
        let ports = self.data_protection.ports().map_err(|error| error.to_string())?;
        if destination.kind == "firehose" {
            let records = waiting.into_iter().map(|row| Bytes::from(row.report + "\n")).collect();
            let delivered = ports.deliveries.deliver(&destination.stream_arn(), records).await;
            return delivered.map_err(|error| error.to_string());
        }
        let mut by_group: BTreeMap<String, (u64, Vec<u8>)> = BTreeMap::new();
        for Waiting { seq, log_group, report, .. } in waiting {
            let (first, body) = by_group.entry(log_group).or_insert((seq, Vec::new()));
            *first = seq.min(*first);
            body.extend_from_slice(report.as_bytes());
            body.push(b'\n');
        }
        for (log_group, (first, body)) in by_group {
            let client = destination.bucket_client().ok_or("the destination has no place")?;
            // Named by its first row: what is delivered once more after a crash replaces itself.
            let key = destination.object_key(&log_group, self.clock.now(), first);
            let object = BucketObject { key, body, content_type: Some("application/json"), ..BucketObject::default() };
            let put = ports.buckets.put(&client, &destination.name, object).await;
            put.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Keeps the first rows, as many as are delivered at once.
fn keep_first(waiting: &mut Vec<Waiting>) {
    waiting.sort_unstable_by_key(|row| row.seq);
    waiting.truncate(REPORTS_AT_ONCE_MAX);
}

/// A row that is yet to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    seq: u64,
    time_ms: i64,
    log_group: String,
    report: String,
}

impl Destination {
    fn to_text(&self) -> String {
        let Destination { account, region, kind, name } = self;
        format!("{account} {region} {kind} {name}")
    }

    fn parse(text: &str) -> Option<Destination> {
        let mut parts = text.splitn(4, ' ').map(str::to_owned);
        Some(Destination { account: parts.next()?, region: parts.next()?, kind: parts.next()?, name: parts.next()? })
    }

    fn stream_arn(&self) -> String {
        delivery_stream_arn(&self.account, &self.region, &self.name)
    }

    fn bucket_client(&self) -> Option<BucketClient> {
        let (account, region): (AccountId, Region) = (self.account.parse().ok()?, self.region.parse().ok()?);
        Some(bucket_client(account, &region))
    }

    fn object_key(&self, log_group: &str, now: TimestampMs, first: u64) -> String {
        let time = Timestamp::from_second(now.seconds()).unwrap_or_default().strftime("%Y/%m/%d/%H").to_string();
        let Destination { account, region, .. } = self;
        let log_group = log_group.trim_start_matches('/');
        format!("AWSLogs/{account}/CloudWatchLogs/{region}/data-protection/{log_group}/{time}/{first:016x}.json")
    }
}

/// The ARN of a delivery stream.
pub(super) fn delivery_stream_arn(account: &str, region: &str, name: &str) -> String {
    Arn::new("firehose", region, account, format!("deliverystream/{name}")).to_string()
}

/// Who asks for buckets.
pub(super) fn bucket_client(account: AccountId, region: &Region) -> BucketClient {
    BucketClient {
        principal: "delivery.logs.amazonaws.com".to_owned(),
        place: MetricPlace { account, region: region.clone() },
        source_arn: Some(Arn::new("logs", region.as_str(), account.as_str(), "*").to_string()),
    }
}
