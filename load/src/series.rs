//! Many series: what each takes in memory, reads among a hundred thousand of them, and what happens at a million and beyond.

use anyhow::{Context as _, Result, ensure};
use watchkeep_model::cloudwatch::{
    Dimension, GetMetricDataInput, Metric, MetricDataQuery, MetricDatum, MetricStat, PutMetricDataInput, SERVICE,
    operations,
};
use watchkeep_model::{Protocol, Timestamp};

use crate::client::Client;
use crate::report::{Budget, Report};
use crate::server::Server;

const NAMESPACE: &str = "Fleet";
const DATUMS_A_CALL: usize = 1000;
const CONNECTIONS: usize = 8;
const LIVE: usize = 100_000;
const EXPLOSION: usize = 1_000_000;
/// So many more are tried before it is given up that any is refused.
const BEYOND_MAX: usize = 2_000_000;
const READ_SERIES: usize = 100;
const READS: usize = 20;
const MINUTE_MS: i64 = 60_000;

/// Measures all of it.
pub async fn run(client: &Client, server: &Server, report: &mut Report) -> Result<()> {
    let before = server.memory_mb()?;
    put(client, 0..LIVE).await?;
    let bytes = (server.memory_mb()? - before) * 1e6 / LIVE as f64;
    report.row(format!("memory of a series, {LIVE} live: bytes"), Budget::None, format!("{bytes:.0}"), "");
    read_among(client, LIVE, report).await?;

    let cpu = server.cpu()?;
    put(client, LIVE..EXPLOSION).await?;
    let micros = (server.cpu()? - cpu).as_secs_f64() * 1e6 / (EXPLOSION - LIVE) as f64;
    report.row("first datapoint of a new series: us", Budget::None, format!("{micros:.1}"), "");
    let memory = server.memory_mb()?;
    report.row(format!("memory with {EXPLOSION} series, MB"), Budget::None, format!("{memory:.0}"), "");
    read_among(client, EXPLOSION, report).await?;

    let mut taken = EXPLOSION;
    let refusal = loop {
        ensure!(taken < EXPLOSION + BEYOND_MAX, "{taken} series are taken, and there is no end to it");
        match put(client, taken..taken + DATUMS_A_CALL).await {
            Ok(()) => taken += DATUMS_A_CALL,
            Err(error) => break error.to_string(),
        }
    };
    ensure!(refusal.contains("LimitExceeded"), "not refused for want of room: {refusal}");
    // Those that are there go on.
    put(client, 0..DATUMS_A_CALL).await?;
    report.row("series at which further ones are refused", Budget::None, taken.to_string(), "");
    let memory = server.memory_mb()?;
    report.row("memory then, MB", Budget::None, format!("{memory:.0}"), "");
    Ok(())
}

async fn put(client: &Client, series: std::ops::Range<usize>) -> Result<()> {
    let numbers: Vec<usize> = series.collect();
    // Some at a time, so that the load generator does not hold them all.
    for some in numbers.chunks(100 * DATUMS_A_CALL) {
        let now = client.clock.now().0;
        let requests = some.chunks(DATUMS_A_CALL).map(|numbers| {
            let datum = |&number: &usize| MetricDatum {
                metric_name: "Latency".to_owned(),
                dimensions: Some(dimensions(number)),
                timestamp: Some(Timestamp(now)),
                value: Some(number as f64),
                ..MetricDatum::default()
            };
            let input = PutMetricDataInput {
                namespace: NAMESPACE.to_owned(),
                metric_data: Some(numbers.iter().map(datum).collect()),
                ..PutMetricDataInput::default()
            };
            client.prepare::<operations::PutMetricData>(&SERVICE, Protocol::RpcV2Cbor, &input)
        });
        client.send_all(requests.collect::<Result<Vec<_>>>()?, CONNECTIONS).await?;
    }
    Ok(())
}

fn dimensions(series: usize) -> Vec<Dimension> {
    vec![
        Dimension { name: "Service".to_owned(), value: format!("service-{}", series % 50) },
        Dimension { name: "InstanceId".to_owned(), value: format!("i-{series:017x}") },
    ]
}

async fn read_among(client: &Client, live: usize, report: &mut Report) -> Result<()> {
    for series in [READ_SERIES, 1] {
        let median = client.median(READS, || read(client, live, series)).await?;
        report.row(
            format!("GetMetricData of {series} of {live} series: ms"),
            Budget::None,
            format!("{:.2}", median.as_secs_f64() * 1e3),
            "",
        );
    }
    Ok(())
}

async fn read(client: &Client, live: usize, series: usize) -> Result<()> {
    let query = |index: usize| MetricDataQuery {
        id: format!("q{index}"),
        metric_stat: Some(MetricStat {
            metric: Metric {
                namespace: Some(NAMESPACE.to_owned()),
                metric_name: Some("Latency".to_owned()),
                dimensions: Some(dimensions(index * (live / series))),
            },
            period: 60,
            stat: "Average".to_owned(),
            unit: None,
        }),
        ..MetricDataQuery::default()
    };
    let now = client.clock.now().0;
    let input = GetMetricDataInput {
        metric_data_queries: (0..series).map(query).collect(),
        start_time: Timestamp(now - 60 * MINUTE_MS),
        end_time: Timestamp(now + 2 * MINUTE_MS),
        ..GetMetricDataInput::default()
    };
    let output = client.call::<operations::GetMetricData>(&SERVICE, input).await?;
    let results = output.metric_data_results.context("no results")?;
    let found = results.iter().filter(|result| result.values.as_ref().is_some_and(|values| !values.is_empty()));
    ensure!(found.count() == series, "not all of {series} series have their points");
    Ok(())
}
