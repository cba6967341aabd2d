//! Finds and reads the series of a query's selectors.

use std::sync::Arc;

use hashbrown::HashSet;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{Enrichment, MetricIdentity, MetricPlace, MetricReadings, Reading};
use watchkeep_model::ServiceError;

use crate::Prometheus;
use crate::errors::{execution, of_metrics};
use crate::limits::{READ_SERIES, SAMPLES_MAX, SERIES_MAX};
use crate::promql::eval::plan::Need;
use crate::promql::eval::{SampleSeries, is_absent};
use crate::series::{MARKERS, Selection, Shown, WRITTEN, is_written, marked};

/// The samples of each selector, and how many there are of them.
pub(crate) async fn read(
    prometheus: &Prometheus,
    place: &MetricPlace,
    needs: &[Need<'_>],
    go_on: &(dyn Fn() -> Result<(), ServiceError> + Sync),
) -> Result<Vec<Vec<SampleSeries>>, ServiceError> {
    let enrichment = prometheus.source.enrichment(place);
    let mut reader = Reader { prometheus, place, enrichment, room: SAMPLES_MAX, series: 0 };
    let mut samples = Vec::with_capacity(needs.len());
    for need in needs {
        samples.push(reader.selector(need, go_on).await?);
    }
    Ok(samples)
}

struct Reader<'r> {
    prometheus: &'r Prometheus,
    place: &'r MetricPlace,
    enrichment: Option<Arc<dyn Enrichment>>,
    /// How many samples may still be read.
    room: usize,
    /// How many series were found.
    series: usize,
}

impl Reader<'_> {
    async fn selector(
        &mut self,
        need: &Need<'_>,
        go_on: &(dyn Fn() -> Result<(), ServiceError> + Sync),
    ) -> Result<Vec<SampleSeries>, ServiceError> {
        let selection = Selection::new(need.selector, self.place, self.enrichment.clone());
        let room = SERIES_MAX.saturating_sub(self.series);
        let name = need.selector.metric_name();
        let mut is_wanted = |metric: &MetricIdentity| selection.accepts(metric);
        let found = self.prometheus.source.find(self.place, name, &mut is_wanted, 2 * room + 1);
        let metrics = without_markers(found);
        self.series += metrics.len();
        if self.series > SERIES_MAX {
            return Err(execution(format!("the query selects more than {SERIES_MAX} series")));
        }
        let mut series = Vec::with_capacity(metrics.len());
        for metrics in metrics.chunks(READ_SERIES) {
            go_on()?;
            self.chunk(need, &selection, metrics, &mut series).await?;
        }
        series.sort_by(|one, other| one.labels.cmp(&other.labels));
        Ok(series)
    }

    async fn chunk(
        &mut self,
        need: &Need<'_>,
        selection: &Selection,
        metrics: &[MetricIdentity],
        series: &mut Vec<SampleSeries>,
    ) -> Result<(), ServiceError> {
        let times = TimestampMs(need.from_ms)..TimestampMs(need.to_ms.saturating_add(1));
        // Behind the metrics, the markers of those that were written.
        let mut wanted = metrics.to_vec();
        let mut markers = Vec::with_capacity(metrics.len());
        for metric in metrics {
            let has_markers = is_written(metric);
            markers.push(has_markers.then_some(wanted.len()));
            if has_markers {
                wanted.push(MetricIdentity { namespace: MARKERS.into(), ..metric.clone() });
            }
        }
        let read = self.prometheus.source.read(self.place, &wanted, times, self.room).await.map_err(of_metrics)?;
        let mut readings: Vec<Vec<(TimestampMs, Reading)>> = wanted.iter().map(|_| Vec::new()).collect();
        for MetricReadings { index, readings: read, .. } in read {
            self.room = self.room.saturating_sub(read.len());
            if let Some(own) = readings.get_mut(index) {
                *own = if own.is_empty() { read } else { together(std::mem::take(own), read) };
            }
        }
        for ((metric, index), markers) in metrics.iter().zip(0..).zip(markers) {
            let take = |index: usize, readings: &mut Vec<Vec<_>>| readings.get_mut(index).map(std::mem::take);
            let own = take(index, &mut readings).unwrap_or_default();
            let markers = markers.and_then(|index| take(index, &mut readings)).unwrap_or_default();
            if own.is_empty() && markers.is_empty() {
                continue;
            }
            for (labels, shown) in selection.series(metric) {
                let mut samples = SampleSeries { labels, ..samples(&own, &markers, shown) };
                if need.is_range {
                    without_ends(&mut samples);
                }
                series.push(samples);
            }
        }
        Ok(())
    }
}

/// Each metric once: of those that were written, values and markers are found by themselves.
fn without_markers(found: Vec<MetricIdentity>) -> Vec<MetricIdentity> {
    let mut seen = HashSet::<MetricIdentity, foldhash::fast::RandomState>::default();
    let mut metrics = Vec::with_capacity(found.len());
    for metric in found {
        if !is_written(&metric) {
            metrics.push(metric);
            continue;
        }
        let metric = MetricIdentity { namespace: WRITTEN.into(), ..metric };
        if seen.insert(metric.clone()) {
            metrics.push(metric);
        }
    }
    metrics
}

/// Readings of one metric in two units: of one time, they are summed up.
fn together(one: Vec<(TimestampMs, Reading)>, other: Vec<(TimestampMs, Reading)>) -> Vec<(TimestampMs, Reading)> {
    let mut all = one;
    all.extend(other);
    all.sort_by_key(|(time, _)| *time);
    all.dedup_by(|(later, next), (time, first)| {
        let is_same = later == time;
        if is_same {
            first.count += next.count;
            first.sum += next.sum;
            first.minimum = first.minimum.min(next.minimum);
            first.maximum = first.maximum.max(next.maximum);
        }
        is_same
    });
    all
}

/// Values and markers by time; where both are, the value.
fn samples(own: &[(TimestampMs, Reading)], markers: &[(TimestampMs, Reading)], shown: Shown) -> SampleSeries {
    let mut samples = SampleSeries::default();
    let mut markers = markers.iter().peekable();
    let mut push = |time: TimestampMs, value| {
        samples.times_ms.push(time.0);
        samples.values.push(value);
    };
    for (time, reading) in own {
        while let Some((before, reading)) = markers.next_if(|(before, _)| before < time) {
            push(*before, marked(reading));
        }
        markers.next_if(|(same, _)| same == time);
        push(*time, shown.value(reading));
    }
    markers.for_each(|(time, reading)| push(*time, marked(reading)));
    samples
}

/// Takes out the markers of where the series ended: in a range of samples they do not count.
fn without_ends(samples: &mut SampleSeries) {
    if !samples.values.iter().any(|value| is_absent(*value)) {
        return;
    }
    let kept = |(_, value): &(i64, f64)| !is_absent(*value);
    let times = samples.times_ms.iter().copied().zip(samples.values.iter().copied());
    (samples.times_ms, samples.values) = times.filter(kept).unzip();
}
