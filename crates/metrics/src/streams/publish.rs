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
use watchkeep_store::{Append, Scan, Store, StoreError};

use super::feed::{Begin, Feed, Minutes, Pending};
use super::{arn, json, opentelemetry};
use crate::Metrics;
use crate::buckets::{Bucket, Buckets};
use crate::index::SeriesIndex;
use crate::limits::{
    STREAM_AGE_MS_MAX, STREAM_JSON_RECORD_BYTES, STREAM_PUBLISH_DELAY_MS, STREAM_RECORD_METRICS, STREAM_SERIES_AT_ONCE,
};
use crate::read::Reading;
use crate::resources::{StreamDefinition, StreamFormat, StreamStatistics};
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
        self.refresh_feeds(Begin::FromStore);
        tokio::spawn(self.clone().keep_settling());
        loop {
            if let Err(error) = self.fill_feeds().await {
                tracing::warn!(%error, "metric streams cannot read what is to be delivered; they try again in a minute");
            }
            let now_ms = self.clock.now().0;
            let due_ms = TimestampMs(now_ms - STREAM_PUBLISH_DELAY_MS).floor_to(MINUTE_MS).0
                + MINUTE_MS
                + STREAM_PUBLISH_DELAY_MS;
            self.clock.sleep(Duration::from_millis((due_ms - now_ms).unsigned_abs())).await;
            // Each by itself: a receiver that hangs holds up its own streams only.
            for feed in self.feeds.all() {
                tokio::spawn(self.clone().publish(feed));
            }
        }
    }

    /// Notes every minute up to which frame everything is in the feeds.
    async fn keep_settling(self: Arc<Self>) {
        loop {
            self.clock.sleep(Duration::from_millis(MINUTE_MS.unsigned_abs())).await;
            if !self.feeds.all().is_empty()
                && let Err(error) = self.settle().await
            {
                tracing::warn!(error = %error.message, "metric streams may repeat data after a restart");
            }
        }
    }

    /// Notes that everything that was put so far is in the feeds, once it is.
    pub(super) async fn settle(&self) -> Result<(), ServiceError> {
        let frame = self.frame().await?;
        self.feeds.settle(frame).await;
        Ok(())
    }

    /// Makes the feeds those of the streams that run.
    pub(crate) fn refresh_feeds(&self, begin: Begin) {
        self.feeds.refresh(&self.resources.metric_streams, begin);
    }

    /// Notes in feeds with gaps what the store has and may not be delivered.
    pub(super) async fn fill_feeds(&self) -> Result<(), StoreError> {
        let streams = &self.resources.metric_streams;
        let unfilled = self.feeds.all().into_iter().filter_map(|feed| {
            let stream = streams.get(&feed.key).filter(|stream| stream.value.began == feed.began)?;
            Some(Gap { gaps: feed.gaps()?, definition: feed.definition(), delivered: stream.value.delivered, feed })
        });
        let unfilled: Vec<Gap> = unfilled.collect();
        if unfilled.is_empty() {
            return Ok(());
        }
        // What is under way in the journal before it is what the scan has to see.
        self.store.append(Append::new()).await?;
        let (index, since_ms) = (self.index.clone(), self.clock.now().0.saturating_sub(STREAM_AGE_MS_MAX));
        self.store.blocking(move |store| fill(store, &index, &unfilled, since_ms)).await
    }

    /// Publishes what the feed has of whole minutes, unless that is being done.
    pub(super) async fn publish(self: Arc<Self>, feed: Arc<Feed>) {
        let Ok(_turn) = feed.turn.try_lock() else { return };
        let settled = self.feeds.settled();
        let taken = feed.take(self.clock.now().floor_to(MINUTE_MS).0);
        let stream = &feed.key.name;
        if taken.lost > 0 {
            tracing::warn!(stream, minutes = taken.lost, "a metric stream gave up data that could not be delivered");
        }
        let minutes = taken.minutes;
        let published = if minutes == 0 { Ok(()) } else { self.deliver(&feed, &taken).await };
        if let Err(error) = &published {
            tracing::warn!(stream, %error, "a metric stream could not deliver; it tries again in a minute");
            feed.give_back(taken);
        }
        if let Some(frame) = feed.delivered(settled)
            && let Err(error) = self.delivered_to(&feed.key, feed.began, frame).await
        {
            tracing::warn!(stream, error = %error.message, "a metric stream may repeat data after a restart");
        }
        self.measure(&feed, if published.is_ok() { minutes } else { 0 }, published.is_err()).await;
    }

    async fn deliver(&self, feed: &Feed, taken: &Pending) -> Result<(), DeliveryError> {
        let definition = feed.definition();
        let mut records = Vec::new();
        let all: Vec<_> = taken.by_series.values().collect();
        for some in all.chunks(STREAM_SERIES_AT_ONCE) {
            let later = |error: ServiceError| DeliveryError::Later(error.message.to_string());
            let (now, mut readings) = (self.clock.now(), Vec::with_capacity(some.len()));
            for Minutes { series, behind } in some {
                let (Some((first, _)), Some((last, _))) = (behind.first_key_value(), behind.last_key_value()) else {
                    continue;
                };
                let (start, end) = (TimestampMs(*first), TimestampMs(last.saturating_add(MINUTE_MS)));
                let window = Window::new(start, end, 60, now, &self.rollups.retention);
                let has_more = further(&definition.statistics, &series.identity()).next().is_some();
                readings.push(Reading { key: series.key.to_string(), buckets: Buckets::new(window, None, has_more) });
            }
            let readings = self.read(readings).await.map_err(later)?;
            let definition = &definition;
            let minutes = readings.iter().zip(some).flat_map(|(reading, Minutes { series, behind })| {
                let identity = series.identity();
                let units = reading.buckets.units().into_iter();
                units.flat_map(move |unit| {
                    let buckets = reading.buckets.of_unit(unit).filter(|(start_ms, _)| behind.contains_key(start_ms));
                    buckets.map(move |(start_ms, bucket)| minute(definition, identity, start_ms, unit, bucket))
                })
            });
            encode(feed, definition.format, &minutes.collect::<Vec<_>>(), &mut records);
        }
        self.deliveries.deliver(&definition.firehose_arn, records).await
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

fn minute<'a>(
    definition: &'a StreamDefinition,
    identity: Identity<'a>,
    start_ms: i64,
    unit: Unit,
    bucket: &Bucket,
) -> Minute<'a> {
    let further = further(&definition.statistics, &identity);
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
fn encode(feed: &Feed, format: StreamFormat, minutes: &[Minute<'_>], records: &mut Vec<Bytes>) {
    match format {
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

/// A feed that may lack something.
struct Gap {
    feed: Arc<Feed>,
    /// How many gaps this fills.
    gaps: u64,
    definition: Arc<StreamDefinition>,
    /// It lacks nothing that was put up to this frame.
    delivered: u64,
}

/// Notes in each feed what was put behind its frame.
fn fill(store: &Store, index: &SeriesIndex, unfilled: &[Gap], since_ms: i64) -> Result<(), StoreError> {
    let scan = Scan::new(&METRIC_POINTS).time(since_ms..i64::MAX).columns(&[points::SERIES]);
    store.scan(&scan, &mut |batch| {
        let rows = batch.u64s(points::SERIES).iter().zip(batch.times()).zip(batch.seqs());
        for ((&series, &time_ms), &seq) in rows {
            let frame = seq >> watchkeep_store::SEQ_ROW_BITS;
            if unfilled.iter().all(|gap| frame <= gap.delivered) {
                continue;
            }
            let Some(series) = index.by_id(SeriesId(series)) else { continue };
            let identity = series.identity();
            let lacking = |gap: &&Gap| frame > gap.delivered && gap.feed.wants(&gap.definition, &identity);
            unfilled.iter().filter(lacking).for_each(|gap| gap.feed.mark(&series, time_ms, frame - 1));
        }
        ControlFlow::Continue(())
    })?;
    unfilled.iter().for_each(|gap| gap.feed.were_filled(gap.gaps));
    Ok(())
}
