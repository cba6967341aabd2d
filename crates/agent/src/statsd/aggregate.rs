//! Samples of an interval, brought together by series.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use watchkeep_core::TimestampMs;
use watchkeep_lang::statsd::{Line, Sample};
use watchkeep_model::Timestamp;
use watchkeep_model::cloudwatch::{Dimension, MetricDatum};

use crate::limits::{STATSD_SERIES_MAX, STATSD_SET_MEMBERS_MAX, STATSD_VALUES_MAX, VALUES_PER_DATUM_MAX};

/// The largest magnitude that CloudWatch takes: 2^360.
const MAGNITUDE_MAX: f64 = 2.348_542_582_773_833_2e108;

/// By how much a bucket's bounds differ.
const BUCKET_GROWTH: f64 = 1.1;

/// The dimension `metric_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Counter,
    Gauge,
    Set,
    Timing,
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Set => "set",
            Kind::Timing => "timing",
            Kind::Histogram => "histogram",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Series {
    name: String,
    tags: Vec<(String, String)>,
    kind: Kind,
}

/// What came of a series since the last collection.
#[derive(Debug)]
enum Current {
    Counter(f64),
    Gauge(f64),
    /// Digests of the texts.
    Set(HashSet<u64>),
    Values(Values),
}

/// Values, each with how often it occurred.
#[derive(Debug, Default)]
struct Values {
    /// By the bits of the value.
    counts: HashMap<u64, f64>,
    /// Whether values are put into buckets.
    is_coarse: bool,
}

impl Values {
    fn add(&mut self, value: f64, count: f64) {
        let value = if self.is_coarse { bucket(value) } else { value };
        // One zero, not two.
        *self.counts.entry((value + 0.0).to_bits()).or_default() += count;
        if !self.is_coarse && self.counts.len() > STATSD_VALUES_MAX {
            self.is_coarse = true;
            for (bits, count) in std::mem::take(&mut self.counts) {
                self.add(f64::from_bits(bits), count);
            }
        }
    }

    /// In ascending order.
    fn sorted(&self) -> Vec<(f64, f64)> {
        let mut values: Vec<(f64, f64)> =
            self.counts.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).collect();
        values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        values
    }
}

/// The value that stands for this one's bucket, as the CloudWatch agent has them.
fn bucket(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let index = (value.abs().ln() / BUCKET_GROWTH.ln()).floor();
    BUCKET_GROWTH.powf(index + 0.5).copysign(value)
}

/// Brings samples together.
#[derive(Debug)]
pub(super) struct Aggregator {
    host: String,
    separator: String,
    /// Zero for none.
    interval_ms: i64,
    current: HashMap<Series, Current>,
    /// The samples of the aggregation interval that began at `window`.
    collected: HashMap<Series, Values>,
    window: TimestampMs,
    /// Samples for which there was no room.
    lost: u64,
    digests: RandomState,
}

impl Aggregator {
    pub(super) fn new(host: String, separator: String, interval: Duration) -> Aggregator {
        Aggregator {
            host,
            separator,
            interval_ms: interval.as_millis() as i64,
            current: HashMap::new(),
            collected: HashMap::new(),
            window: TimestampMs(0),
            lost: 0,
            digests: RandomState::new(),
        }
    }

    /// Takes a line's samples.
    pub(super) fn take(&mut self, line: &Line<'_>) {
        for sample in &line.samples {
            let series = self.series(line, kind(*sample));
            if !self.current.contains_key(&series) && self.current.len() >= STATSD_SERIES_MAX {
                self.lost += 1;
                continue;
            }
            match *sample {
                Sample::Counter(count) => {
                    if let Current::Counter(total) = self.current.entry(series).or_insert(Current::Counter(0.0)) {
                        *total += count;
                    }
                }
                Sample::Gauge(value) => drop(self.current.insert(series, Current::Gauge(value))),
                Sample::GaugeChange(change) => {
                    if let Current::Gauge(value) = self.current.entry(series).or_insert(Current::Gauge(0.0)) {
                        *value += change;
                    }
                }
                Sample::Set(text) => {
                    let digest = self.digests.hash_one(text);
                    if let Current::Set(members) =
                        self.current.entry(series).or_insert_with(|| Current::Set(HashSet::new()))
                        && members.len() < STATSD_SET_MEMBERS_MAX
                    {
                        members.insert(digest);
                    }
                }
                Sample::Timing { value, weight } | Sample::Histogram { value, weight } => {
                    let empty = || Current::Values(Values::default());
                    if let Current::Values(values) = self.current.entry(series).or_insert_with(empty) {
                        values.add(value, weight);
                    }
                }
            }
        }
    }

    /// Ends a collection interval, and says what is to be sent now.
    pub(super) fn collect(&mut self, now: TimestampMs) -> Vec<MetricDatum> {
        let window = if self.interval_ms > 0 { now.floor_to(self.interval_ms) } else { now };
        let due = if window == self.window { Vec::new() } else { self.flush() };
        self.window = window;
        for (series, current) in std::mem::take(&mut self.current) {
            if !self.collected.contains_key(&series) && self.collected.len() >= STATSD_SERIES_MAX {
                self.lost += 1;
                continue;
            }
            let values = self.collected.entry(series).or_default();
            match current {
                Current::Counter(value) | Current::Gauge(value) => values.add(value, 1.0),
                Current::Set(members) => values.add(members.len() as f64, 1.0),
                Current::Values(new) => new.sorted().into_iter().for_each(|(value, count)| values.add(value, count)),
            }
        }
        if self.interval_ms == 0 { self.flush() } else { due }
    }

    /// What the aggregation interval has until now.
    pub(super) fn flush(&mut self) -> Vec<MetricDatum> {
        let mut collected: Vec<(Series, Values)> = std::mem::take(&mut self.collected).into_iter().collect();
        collected.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut datums = Vec::with_capacity(collected.len());
        for (series, values) in collected {
            let mut values = values.sorted();
            values.retain(|(value, count)| value.abs() <= MAGNITUDE_MAX && *count <= MAGNITUDE_MAX);
            datums.extend(values.chunks(VALUES_PER_DATUM_MAX).map(|values| self.datum(&series, values)));
        }
        datums
    }

    /// How many samples were lost since this was asked last.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    fn series(&self, line: &Line<'_>, kind: Kind) -> Series {
        let tags = line.tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Series { name: line.name.replace('.', &self.separator), tags, kind }
    }

    /// The values of one datum: CloudWatch takes 150. They are sent as they are, so that every statistic is right.
    fn datum(&self, series: &Series, values: &[(f64, f64)]) -> MetricDatum {
        let dimension = |name: &str, value: &str| Dimension { name: name.to_owned(), value: value.to_owned() };
        let mut dimensions: Vec<Dimension> = series.tags.iter().map(|(key, value)| dimension(key, value)).collect();
        dimensions.push(dimension("metric_type", series.kind.name()));
        dimensions.push(dimension("host", &self.host));
        MetricDatum {
            metric_name: series.name.clone(),
            dimensions: Some(dimensions),
            timestamp: Some(Timestamp(self.window.0)),
            values: Some(values.iter().map(|(value, _)| *value).collect()),
            counts: Some(values.iter().map(|(_, count)| *count).collect()),
            unit: Some("None".to_owned()),
            storage_resolution: Some(if self.interval_ms < 60_000 { 1 } else { 60 }),
            ..MetricDatum::default()
        }
    }
}

fn kind(sample: Sample<'_>) -> Kind {
    match sample {
        Sample::Counter(_) => Kind::Counter,
        Sample::Gauge(_) | Sample::GaugeChange(_) => Kind::Gauge,
        Sample::Set(_) => Kind::Set,
        Sample::Timing { .. } => Kind::Timing,
        Sample::Histogram { .. } => Kind::Histogram,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_lang::statsd::lines;

    const MINUTE: TimestampMs = TimestampMs(1_795_000_020_000);

    fn aggregator(interval_seconds: u64) -> Aggregator {
        Aggregator::new("web1".to_owned(), "_".to_owned(), Duration::from_secs(interval_seconds))
    }

    fn take(aggregator: &mut Aggregator, packet: &str) {
        lines(packet.as_bytes()).flatten().for_each(|line| aggregator.take(&line));
    }

    fn shown(datums: &[MetricDatum]) -> Vec<String> {
        let shown = |datum: &MetricDatum| {
            let dimensions = datum.dimensions.iter().flatten().map(|d| format!("{}={}", d.name, d.value));
            let values = datum.values.iter().flatten().zip(datum.counts.iter().flatten());
            let values: Vec<String> = values.map(|(value, count)| format!("{value}x{count}")).collect();
            format!("{}{{{}}} {}", datum.metric_name, dimensions.collect::<Vec<_>>().join(","), values.join(" "))
        };
        datums.iter().map(shown).collect()
    }

    #[test]
    fn an_interval_of_everything() {
        let mut aggregator = aggregator(60);
        take(
            &mut aggregator,
            "api.hits:1|c\napi.hits:2|c|#env:prod\napi.hits:1|c|@0.1\nqueue:7|g\nqueue:+3|g\nlat:320|ms\nlat:320|ms|@0.5\n\
             users:bob|s\nusers:amy|s\nusers:bob|s\nx:1|z",
        );
        assert!(aggregator.collect(MINUTE.plus_ms(10_000)).is_empty());
        let datums = aggregator.collect(MINUTE.plus_ms(60_000));
        assert_eq!(
            shown(&datums),
            [
                "api_hits{metric_type=counter,host=web1} 11x1",
                "api_hits{env=prod,metric_type=counter,host=web1} 2x1",
                "lat{metric_type=timing,host=web1} 320x3",
                "queue{metric_type=gauge,host=web1} 10x1",
                "users{metric_type=set,host=web1} 2x1",
            ]
        );
        let datum = &datums[0];
        assert_eq!((datum.timestamp, datum.storage_resolution), (Some(Timestamp(MINUTE.0)), Some(60)));
        assert_eq!(datum.unit.as_deref(), Some("None"));
    }

    #[test]
    fn each_collection_is_a_sample() {
        let mut aggregator = aggregator(60);
        for (ms, packet) in [(10_000, "n:1|c\nq:5|g"), (20_000, "n:1|c\nq:+2|g"), (30_000, ""), (40_000, "n:3|c")] {
            take(&mut aggregator, packet);
            assert!(aggregator.collect(MINUTE.plus_ms(ms)).is_empty());
        }
        // A gauge is forgotten when it was collected, and what did not come is not sent.
        let expected = ["n{metric_type=counter,host=web1} 1x2 3x1", "q{metric_type=gauge,host=web1} 2x1 5x1"];
        assert_eq!(shown(&aggregator.flush()), expected);
        assert!(aggregator.flush().is_empty());
    }

    #[test]
    fn without_aggregation_each_is_sent_to_the_second() {
        let mut aggregator = aggregator(0);
        take(&mut aggregator, "n:1|c");
        let datums = aggregator.collect(MINUTE.plus_ms(7_000));
        assert_eq!(shown(&datums), ["n{metric_type=counter,host=web1} 1x1"]);
        assert_eq!(datums[0].timestamp, Some(Timestamp(MINUTE.0 + 7_000)));
        assert_eq!(datums[0].storage_resolution, Some(1));
    }

    #[test]
    fn many_values_go_to_buckets_and_several_datums() {
        let mut aggregator = aggregator(60);
        let packet = |count: usize| (1..=count).map(|value| format!("t:{value}|ms\n")).collect::<String>();
        take(&mut aggregator, &packet(200));
        aggregator.collect(MINUTE);
        let datums = aggregator.flush();
        let sizes: Vec<usize> = datums.iter().map(|datum| datum.values.as_ref().unwrap().len()).collect();
        assert_eq!(sizes, [150, 50]);

        take(&mut aggregator, &packet(5_000));
        aggregator.collect(MINUTE);
        let datums = aggregator.flush();
        assert_eq!(datums.len(), 1);
        let counts: f64 = datums[0].counts.iter().flatten().sum();
        assert_eq!(counts, 5_000.0);
        for value in [0.004, 1.0, 11.0, 320.0, 1e9, -7.0] {
            assert!((bucket(value) / value - 1.0).abs() < 0.05, "{value} {}", bucket(value));
        }
        assert!((bucket(320.0) - 319.343).abs() < 1e-3);
        assert_eq!(bucket(0.0), 0.0);
    }

    #[test]
    fn series_beyond_the_limit_are_counted() {
        let mut aggregator = aggregator(60);
        for series in 0..STATSD_SERIES_MAX + 5 {
            take(&mut aggregator, &format!("n{series}:1|c"));
        }
        take(&mut aggregator, "n0:1|c");
        assert_eq!((aggregator.take_lost(), aggregator.take_lost()), (5, 0));
        take(&mut aggregator, "big:1e300|c");
        aggregator.collect(MINUTE);
        assert_eq!(aggregator.flush().len(), STATSD_SERIES_MAX);
    }
}
