//! Once a minute, what the feeds have becomes records and goes to the delivery streams.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{Measurement, MetricIdentity, MetricPlace, MetricSink as _, Precision, Publisher, Samples};
use watchkeep_delivery::DeliveryError;
use watchkeep_lang::statistic::{Statistic, Summary};
use watchkeep_model::ServiceError;
use watchkeep_store::{Scan, Store, StoreError};

use super::feed::{Feed, Pending};
use super::{arn, json, opentelemetry};
use crate::Metrics;
use crate::buckets::{Bucket, Buckets};
use crate::index::SeriesIndex;
use crate::limits::{
    STREAM_AGE_MS_MAX, STREAM_JSON_RECORD_BYTES, STREAM_PUBLISH_DELAY_MS, STREAM_RECORD_METRICS, STREAM_SERIES_AT_ONCE,
};
use crate::read::Reading;
use crate::resources::{StreamFormat, StreamStatistics};
use crate::series::{Identity, SeriesId};
use crate::tables::{METRIC_POINTS, points};
use crate::unit::Unit;
use crate::window::Window;

const MINUTE_MS: i64 = 60_000;

/// Where the streams' own metrics are. Source: "Monitoring your metric streams with CloudWatch metrics".
const NAMESPACE: &str = "AWS/CloudWatch/MetricStreams";

/// One minute of a metric in one unit.
pub(super) struct Minute<'a> {
    pub(super) identity: Identity<'a>,
    pub(super) start_ms: i64,
    pub(super) unit: Unit,
    pub(super) summary: Summary,
    /// Further statistics, by their names.
    pub(super) statistics: Vec<(&'a str, Statistic, f64)>,
}

impl Metrics {
    /// Publishes every minute, from now on.
    pub(crate) async fn keep_publishing(self: Arc<Self>) {
        self.refresh_feeds();
        if let Err(error) = self.fill_feeds().await {
            tracing::error!(%error, "metric streams may leave out data that was put before the start");
        }
        // Everything up to this frame was noted in the feeds long before the next publication begins.
        let mut noted = None;
        loop {
            let now_ms = self.clock.now().0;
            let due_ms = TimestampMs(now_ms - STREAM_PUBLISH_DELAY_MS).floor_to(MINUTE_MS).0
                + MINUTE_MS
                + STREAM_PUBLISH_DELAY_MS;
            self.clock.sleep(Duration::from_millis((due_ms - now_ms).unsigned_abs())).await;
            let next = self.store.append(watchkeep_store::Append::new()).await.map(|frame| frame.0).ok();
            self.publish(noted).await;
            noted = next;
        }
    }

    /// Makes the feeds those of the streams that run.
    pub(crate) fn refresh_feeds(&self) {
        self.feeds.set(self.resources.metric_streams.all().into_iter());
    }

    /// Notes in the feeds what was put before the process ended and may not be delivered.
    pub(super) async fn fill_feeds(&self) -> Result<(), StoreError> {
        let feeds = self.feeds.all();
        let positions = &self.resources.stream_positions;
        let with_frame = |feed: Arc<Feed>| Some((feed.clone(), positions.get(&feed.key)?.value.frame));
        let feeds: Vec<(Arc<Feed>, u64)> = feeds.into_iter().filter_map(with_frame).collect();
        if feeds.is_empty() {
            return Ok(());
        }
        let (index, since_ms) = (self.index.clone(), self.clock.now().0.saturating_sub(STREAM_AGE_MS_MAX));
        self.store.blocking(move |store| fill(store, &index, &feeds, since_ms)).await
    }

    /// Publishes what the feeds have of whole minutes. Everything that was put up to the frame `noted` is in the feeds by now.
    pub(crate) async fn publish(&self, noted: Option<u64>) {
        for feed in self.feeds.all() {
            let end_ms = self.clock.now().floor_to(MINUTE_MS).0;
            let taken = feed.take(end_ms);
            let stream = &feed.key.name;
            if taken.lost > 0 {
                tracing::warn!(
                    stream,
                    minutes = taken.lost,
                    "a metric stream gave up data that could not be delivered"
                );
            }
            let minutes = taken.minutes;
            let published = if minutes == 0 { Ok(()) } else { self.publish_feed(&feed, &taken).await };
            if let Err(error) = &published {
                tracing::warn!(stream, %error, "a metric stream could not deliver; it tries again in a minute");
                feed.give_back(taken);
            } else if let Some(frame) = noted
                && let Err(error) = self.begin_at(&feed.key, frame).await
            {
                tracing::warn!(stream, error = %error.message, "a metric stream may repeat data after a restart");
            }
            self.measure(&feed, if published.is_ok() { minutes } else { 0 }, published.is_err()).await;
        }
    }

    async fn publish_feed(&self, feed: &Feed, taken: &Pending) -> Result<(), DeliveryError> {
        let mut records = Vec::new();
        let all: Vec<_> = taken.by_series.values().collect();
        for some in all.chunks(STREAM_SERIES_AT_ONCE) {
            let later = |error: ServiceError| DeliveryError::Later(error.message.to_string());
            let (now, mut readings) = (self.clock.now(), Vec::with_capacity(some.len()));
            for (series, minutes) in some {
                let (Some(first), Some(last)) = (minutes.first(), minutes.last()) else { continue };
                let (start, end) = (TimestampMs(*first), TimestampMs(last.saturating_add(MINUTE_MS)));
                let window = Window::new(start, end, 60, now, &self.rollups.retention);
                let has_more = further(&feed.definition.statistics, &series.identity()).next().is_some();
                readings.push(Reading { key: series.key.to_string(), buckets: Buckets::new(window, None, has_more) });
            }
            let readings = self.read(readings).await.map_err(later)?;
            let minutes = readings.iter().zip(some).flat_map(|(reading, (series, wanted))| {
                let identity = series.identity();
                let units = reading.buckets.units().into_iter();
                units.flat_map(move |unit| {
                    let buckets = reading.buckets.of_unit(unit).filter(|(start_ms, _)| wanted.contains(start_ms));
                    buckets.map(move |(start_ms, bucket)| minute(feed, identity, start_ms, unit, bucket))
                })
            });
            encode(feed, &minutes.collect::<Vec<_>>(), &mut records);
        }
        self.deliveries.deliver(&feed.definition.firehose_arn, records).await
    }

    /// Puts the stream's own metrics.
    async fn measure(&self, feed: &Feed, minutes: usize, has_failed: bool) {
        let Some(region) = feed.key.region.clone() else { return };
        let place = MetricPlace { account: feed.key.account, region };
        let name = ("MetricStreamName".into(), feed.key.name.as_str().into());
        let time = self.clock.now();
        let measurement = |metric: &str, dimensions: Vec<_>, value: f64, unit: &'static str| Measurement {
            metric: MetricIdentity { namespace: NAMESPACE.into(), name: metric.into(), dimensions },
            time,
            precision: Precision::Minute,
            unit,
            samples: Samples::One(value),
        };
        let failed = f64::from(u8::from(has_failed));
        let measurements = vec![
            measurement("MetricUpdate", vec![name.clone()], minutes as f64, "Count"),
            measurement("TotalMetricUpdate", Vec::new(), minutes as f64, "Count"),
            measurement("PublishErrorRate", vec![name], failed, "None"),
            measurement("PublishErrorRate", Vec::new(), failed, "None"),
        ];
        if let Err(error) = self.put(&place, Publisher::Service, measurements).await {
            tracing::warn!(%error, "the metrics of a metric stream are lost");
        }
    }
}

fn minute<'a>(feed: &'a Feed, identity: Identity<'a>, start_ms: i64, unit: Unit, bucket: &Bucket) -> Minute<'a> {
    let further = further(&feed.definition.statistics, &identity);
    let statistics = further.filter_map(|name| {
        let statistic = Statistic::parse(name).ok()?;
        Some((name, statistic, bucket.value(statistic)?))
    });
    let statistics = statistics.collect();
    Minute { identity, start_ms, unit, summary: bucket.summary(), statistics }
}

/// The names of the further statistics of a metric.
fn further<'a>(
    configurations: &'a [StreamStatistics],
    identity: &Identity<'_>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let (namespace, name) = (identity.namespace.to_owned(), identity.name.to_owned());
    let of_metric = configurations.iter().filter(move |configuration| {
        configuration.metrics.iter().any(|(of_namespace, of_name)| *of_namespace == namespace && *of_name == name)
    });
    of_metric.flat_map(|configuration| configuration.statistics.iter().map(String::as_str))
}

/// Adds the records of these minutes.
fn encode(feed: &Feed, minutes: &[Minute<'_>], records: &mut Vec<Bytes>) {
    match feed.definition.format {
        StreamFormat::Json => {
            let mut record = Vec::new();
            for minute in minutes {
                json::write(minute, &feed.key.name, &mut record);
                if record.len() >= STREAM_JSON_RECORD_BYTES {
                    records.push(std::mem::take(&mut record).into());
                }
            }
            if !record.is_empty() {
                records.push(record.into());
            }
        }
        format => {
            let arn = arn(&feed.key);
            let of_some = |some: &[Minute<'_>]| Bytes::from(opentelemetry::record(some, &arn, format));
            records.extend(minutes.chunks(STREAM_RECORD_METRICS).map(of_some));
        }
    }
}

/// Notes in each feed what was put behind its frame.
fn fill(store: &Store, index: &SeriesIndex, feeds: &[(Arc<Feed>, u64)], since_ms: i64) -> Result<(), StoreError> {
    let scan = Scan::new(&METRIC_POINTS).time(since_ms..i64::MAX).columns(&[points::SERIES]);
    store.scan(&scan, &mut |batch| {
        let rows = batch.u64s(points::SERIES).iter().zip(batch.times()).zip(batch.seqs());
        for ((&series, &time_ms), &seq) in rows {
            let frame = seq >> watchkeep_store::SEQ_ROW_BITS;
            if feeds.iter().all(|(_, from)| frame <= *from) {
                continue;
            }
            let Some(series) = index.by_id(SeriesId(series)) else { continue };
            let identity = series.identity();
            for (feed, _) in feeds.iter().filter(|(feed, from)| frame > *from && feed.wants(&identity)) {
                feed.mark(&series, time_ms);
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}
