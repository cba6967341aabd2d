//! The port through which other ways out (the Prometheus API) find metrics and read what is kept of them, as it is kept.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::ports::{
    Enrichment, MetricIdentity, MetricPlace, MetricReadings, MetricSource, MetricsError, Reading,
};
use watchkeep_core::{BoxFuture, TimestampMs};
use watchkeep_model::cloudwatch::Dimension;
use watchkeep_store::{Scan, Store, StoreError};

use crate::Metrics;
use crate::index::Walk;
use crate::limits::{LISTED_MS, UNREGISTERED_MS};
use crate::point::{PointRef, of_batch};
use crate::rollup::Tier;
use crate::series::{Identity, KeyWriter, SeriesId, key_prefix};
use crate::sink::failed;
use crate::tables::points;
use crate::unit::Unit;

impl MetricSource for Metrics {
    fn find(
        &self,
        place: &MetricPlace,
        name: Option<&str>,
        wanted: &mut dyn FnMut(&MetricIdentity) -> bool,
        max: usize,
    ) -> Vec<MetricIdentity> {
        let since_ms = self.clock.now().0.saturating_sub(LISTED_MS);
        let prefix = key_prefix(place.account, &place.region, None, None);
        let mut found = Vec::new();
        self.index.walk(&prefix, None, |series| {
            if found.len() >= max {
                return Walk::Stop;
            }
            // What most series fail at costs no more than a comparison.
            let has_name = name.is_none_or(|name| series.identity().name == name);
            if has_name && series.newest_ms() >= since_ms {
                let identity = identity(&series.identity());
                if wanted(&identity) {
                    found.push(identity);
                }
            }
            Walk::On
        });
        found
    }

    fn read<'a>(
        &'a self,
        place: &'a MetricPlace,
        metrics: &'a [MetricIdentity],
        times: Range<TimestampMs>,
        readings_max: usize,
    ) -> BoxFuture<'a, Result<Vec<MetricReadings>, MetricsError>> {
        Box::pin(async move {
            let readable = self.ensure_readable(place.account.as_str(), place.region.as_str()).await;
            let lock = readable.map_err(|error| failed(&error))?;
            let locked_until_ms = lock.map_or(i64::MIN, |lock| lock.until_ms);
            let range = times.start.0..times.end.0;
            let mut gathered = Gathered { max: readings_max, count: 0, by_metric: BTreeMap::new() };
            let mut cold = HashMap::<u64, usize>::default();
            let now_ms = self.clock.now().0;
            for (index, metric) in metrics.iter().enumerate() {
                let Some(key) = key(place, metric) else { continue };
                let id = match self.index.get(&key) {
                    Some(series) => {
                        let head = series.head();
                        if head.is_complete_from(range.start) && range.start >= locked_until_ms {
                            head.for_each(range.start, range.end, |point| gathered.add(index, point));
                            continue;
                        }
                        series.id
                    }
                    None if range.start >= now_ms.saturating_sub(UNREGISTERED_MS) => continue,
                    None => SeriesId::of(&key, 0),
                };
                cold.insert(id.0, index);
            }
            if !cold.is_empty() {
                let tiers = self.rollups.tiers(range, now_ms);
                let read = self.store.blocking(move |store| read_cold(store, gathered, &cold, &tiers)).await;
                gathered = read.map_err(|error| failed(&error))?;
            }
            gathered.finish()
        })
    }

    fn enrichment(&self, place: &MetricPlace) -> Option<Arc<dyn Enrichment>> {
        self.enriched(place)
    }
}

/// What was read so far.
struct Gathered {
    /// How many readings there may be.
    max: usize,
    /// How many there are; one more than there may be, if there were too many.
    count: usize,
    by_metric: BTreeMap<(usize, u8), BTreeMap<i64, Reading>>,
}

impl Gathered {
    fn add(&mut self, index: usize, point: &PointRef<'_>) {
        let summary = point.samples.summary();
        let added =
            Reading { count: summary.count, sum: summary.sum, minimum: summary.minimum, maximum: summary.maximum };
        if self.count > self.max {
            return;
        }
        let readings = self.by_metric.entry((index, point.unit.code())).or_default();
        readings
            .entry(point.time_ms)
            .and_modify(|reading| {
                reading.count += added.count;
                reading.sum += added.sum;
                reading.minimum = reading.minimum.min(added.minimum);
                reading.maximum = reading.maximum.max(added.maximum);
            })
            .or_insert_with(|| {
                self.count += 1;
                added
            });
    }

    fn finish(self) -> Result<Vec<MetricReadings>, MetricsError> {
        if self.count > self.max {
            return Err(MetricsError::TooMany(self.max));
        }
        let readings = self.by_metric.into_iter().map(|((index, unit), readings)| MetricReadings {
            index,
            unit: Unit::from_code(unit).unwrap_or(Unit::NONE).name(),
            readings: readings.into_iter().map(|(time_ms, reading)| (TimestampMs(time_ms), reading)).collect(),
        });
        Ok(readings.collect())
    }
}

fn read_cold(
    store: &Store,
    mut gathered: Gathered,
    cold: &HashMap<u64, usize>,
    tiers: &[(Tier, Range<i64>)],
) -> Result<Gathered, StoreError> {
    for (tier, range) in tiers {
        let scan = Scan::new(tier.table()).time(range.clone()).ids(points::SERIES, cold.keys().copied()).without_seqs();
        store.scan(&scan, &mut |batch| {
            for (series, point) in of_batch(batch) {
                if let Some(&index) = cold.get(&series) {
                    gathered.add(index, &point);
                }
            }
            if gathered.count > gathered.max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    Ok(gathered)
}

fn identity(identity: &Identity<'_>) -> MetricIdentity {
    MetricIdentity {
        namespace: identity.namespace.into(),
        name: identity.name.into(),
        dimensions: identity.dimensions().map(|(name, value)| (Arc::from(name), Arc::from(value))).collect(),
    }
}

fn key(place: &MetricPlace, metric: &MetricIdentity) -> Option<String> {
    let dimension =
        |(name, value): &(Arc<str>, Arc<str>)| Dimension { name: name.to_string(), value: value.to_string() };
    let dimensions: Vec<Dimension> = metric.dimensions.iter().map(dimension).collect();
    let mut writer = KeyWriter::new(place.account, &place.region, &metric.namespace);
    writer.key(&metric.name, &dimensions).ok().map(str::to_owned)
}
