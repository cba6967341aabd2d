//! How fast a query is computed: the rate of 1,000 counters that were scraped every 15 seconds for 24 hours, at 200 steps, by itself
//! and summed up; through the API, from finding the series to the JSON of the answer. The metrics are in memory, so it is the
//! computation that counts.
//!
//! `cargo bench -p watchkeep-prometheus --bench query`.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, Method, Uri};
use watchkeep_core::ports::{
    Measurement, MetricIdentity, MetricPlace, MetricReadings, MetricSink, MetricSource, MetricsError, Publisher,
    Reading, RefusedMeasurement,
};
use watchkeep_core::{AccountId, BoxFuture, Caller, Principal, SystemClock, TimestampMs};
use watchkeep_prometheus::Prometheus;
use watchkeep_wire::http_api::{HttpApi, HttpRequest};

const SERIES: usize = 1000;
const SCRAPE_MS: i64 = 15_000;
const START_MS: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 86_400_000;
const STEPS: i64 = 200;

/// Counters, computed as they are read.
struct Counters(Vec<MetricIdentity>);

impl MetricSource for Counters {
    fn find(
        &self,
        _: &MetricPlace,
        _: Option<&str>,
        wanted: &mut dyn FnMut(&MetricIdentity) -> bool,
        max: usize,
    ) -> Vec<MetricIdentity> {
        self.0.iter().filter(|metric| wanted(metric)).take(max).cloned().collect()
    }

    fn read<'a>(
        &'a self,
        _: &'a MetricPlace,
        metrics: &'a [MetricIdentity],
        times: Range<TimestampMs>,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<MetricReadings>, MetricsError>> {
        Box::pin(async move {
            let first = (times.start.0 - START_MS).div_euclid(SCRAPE_MS) + 1;
            let last = (times.end.0 - START_MS).div_euclid(SCRAPE_MS);
            let of = |index: usize| MetricReadings {
                index,
                unit: "None",
                readings: (first..last)
                    .map(|scrape| {
                        // It begins anew every hour.
                        let value = ((scrape.rem_euclid(240)) * (index as i64 + 1)) as f64;
                        let reading = Reading { count: 1.0, sum: value, minimum: value, maximum: value };
                        (TimestampMs(START_MS + scrape * SCRAPE_MS), reading)
                    })
                    .collect(),
            };
            let own = metrics.iter().enumerate().filter(|(_, metric)| metric.namespace.as_ref() == "Prometheus");
            Ok(own.map(|(index, _)| of(index)).collect())
        })
    }
}

impl MetricSink for Counters {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: Publisher,
        _: Vec<Measurement>,
    ) -> BoxFuture<'a, Result<Vec<RefusedMeasurement>, MetricsError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn caller() -> Caller {
    Caller {
        account: AccountId::DEFAULT,
        region: Default::default(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "r".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

fn metric(place: usize) -> MetricIdentity {
    let dimensions = [("job", "node".to_owned()), ("instance", format!("host-{place}:9100"))];
    MetricIdentity {
        namespace: "Prometheus".into(),
        name: "requests_total".into(),
        dimensions: dimensions.map(|(name, value)| (Arc::from(name), Arc::from(value))).to_vec(),
    }
}

fn query(api: &Arc<dyn HttpApi>, runtime: &tokio::runtime::Runtime, query: &str) -> usize {
    let end = (START_MS + DAY_MS) / 1000;
    let step = DAY_MS / STEPS / 1000;
    let uri = format!("/api/v1/query_range?query={query}&start={}&end={end}&step={step}", START_MS / 1000 + step);
    let uri: Uri = uri.parse().unwrap();
    let operation = api.route(&Method::GET, uri.path()).unwrap();
    let request = HttpRequest { method: Method::GET, uri, headers: HeaderMap::new(), body: Default::default() };
    let answer = runtime.block_on(api.call(operation, caller(), request)).unwrap();
    assert_eq!(answer.status, 200);
    answer.body.len()
}

fn queries(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let metrics = Arc::new(Counters((0..SERIES).map(metric).collect()));
    let api = Prometheus::new(metrics.clone(), metrics, Arc::new(SystemClock::new())).api();
    let mut group = criterion.benchmark_group("1,000 series of 24 h at 200 steps");
    group.sample_size(10).throughput(Throughput::Elements((SERIES as i64 * DAY_MS / SCRAPE_MS) as u64));
    for (name, text) in [
        ("rate", "rate(requests_total[5m])"),
        ("sum of rates", "sum(rate(requests_total[5m]))"),
        ("avg_over_time of an hour", "avg_over_time(requests_total[1h])"),
        ("instant", "requests_total"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| query(&api, &runtime, text)));
    }
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
