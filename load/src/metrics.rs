//! PutMetricData in each protocol, and GetMetricData.

use std::time::Duration;

use anyhow::{Result, ensure};
use watchkeep_model::cloudwatch::{
    Dimension, GetMetricDataInput, Metric, MetricDataQuery, MetricDatum, MetricStat, PutMetricDataInput, SERVICE,
    operations,
};
use watchkeep_model::{Protocol, Timestamp};

use crate::client::Client;
use crate::peers::Peers;
use crate::report::Report;
use crate::server::Server;

const NAMESPACE: &str = "Load";
const DATUMS_A_CALL: usize = 20;
const CONNECTIONS: usize = 8;
const SERIES: usize = 500;
const READ_SERIES: usize = 100;
const READ_POINTS: usize = 180;
const MINUTE_MS: i64 = 60_000;
const READS: usize = 40;

/// Measures all of it.
pub async fn run(
    client: &Client,
    server: &Server,
    peers: &Peers,
    datapoints: usize,
    report: &mut Report,
) -> Result<()> {
    let protocols =
        [(Protocol::RpcV2Cbor, "CBOR", "2"), (Protocol::AwsJson10, "JSON", "3"), (Protocol::AwsQuery, "Query", "4")];
    for (protocol, name, budget) in protocols {
        let requests = (0..datapoints / DATUMS_A_CALL).map(|call| {
            client.prepare::<operations::PutMetricData>(&SERVICE, protocol, &put(client, call * DATUMS_A_CALL))
        });
        let requests = requests.collect::<Result<Vec<_>>>()?;
        let sample = requests.first().cloned();
        let before = server.cpu()?;
        client.send_all(requests, CONNECTIONS).await?;
        let micros = (server.cpu()? - before).as_secs_f64() * 1e6 / datapoints as f64;
        let peer = match sample {
            Some(request) => peers.emulator(Vec::new(), request, DATUMS_A_CALL).await?,
            None => None,
        };
        let peer =
            peer.map_or(String::new(), |peer| format!("emulator in memory {peer:.0} ({:.1} times)", peer / micros));
        report.row(format!("PutMetricData, 20 a call, {name}: us a datapoint"), budget, format!("{micros:.1}"), peer);
    }
    fill_history(client).await?;
    for (series, budget) in [(READ_SERIES, "8"), (1, "0.5")] {
        let median = client.median(READS, || read(client, series)).await?;
        report.row(
            format!("GetMetricData, {series} series x {READ_POINTS} points: ms"),
            budget,
            format!("{:.2}", median.as_secs_f64() * 1e3),
            "",
        );
    }
    Ok(())
}

fn put(client: &Client, first: usize) -> PutMetricDataInput {
    let now = client.clock.now().0;
    let datum = |number: usize| MetricDatum {
        metric_name: "Latency".to_owned(),
        dimensions: Some(dimensions(number % SERIES)),
        timestamp: Some(Timestamp(now - (number / SERIES) as i64 % 600 * 1000)),
        value: Some(number as f64 * 0.25),
        unit: Some("Milliseconds".to_owned()),
        ..MetricDatum::default()
    };
    PutMetricDataInput {
        namespace: NAMESPACE.to_owned(),
        metric_data: Some((first..first + DATUMS_A_CALL).map(datum).collect()),
        ..PutMetricDataInput::default()
    }
}

fn dimensions(series: usize) -> Vec<Dimension> {
    vec![
        Dimension { name: "Service".to_owned(), value: format!("service-{}", series % 10) },
        Dimension { name: "InstanceId".to_owned(), value: format!("i-{series:017x}") },
    ]
}

async fn fill_history(client: &Client) -> Result<()> {
    let start = history_start(client);
    let mut requests = Vec::new();
    for series in 0..READ_SERIES {
        for points in (0..READ_POINTS).collect::<Vec<_>>().chunks(DATUMS_A_CALL) {
            let datum = |&point: &usize| MetricDatum {
                metric_name: "History".to_owned(),
                dimensions: Some(dimensions(series)),
                timestamp: Some(Timestamp(start + point as i64 * MINUTE_MS)),
                value: Some(point as f64),
                ..MetricDatum::default()
            };
            let input = PutMetricDataInput {
                namespace: NAMESPACE.to_owned(),
                metric_data: Some(points.iter().map(datum).collect()),
                ..PutMetricDataInput::default()
            };
            requests.push(client.prepare::<operations::PutMetricData>(&SERVICE, Protocol::RpcV2Cbor, &input)?);
        }
    }
    client.send_all(requests, CONNECTIONS).await
}

fn history_start(client: &Client) -> i64 {
    client.clock.now().floor_to(MINUTE_MS).0 - (READ_POINTS as i64 - 1) * MINUTE_MS
}

async fn read(client: &Client, series: usize) -> Result<()> {
    let query = |series: usize| MetricDataQuery {
        id: format!("q{series}"),
        metric_stat: Some(MetricStat {
            metric: Metric {
                namespace: Some(NAMESPACE.to_owned()),
                metric_name: Some("History".to_owned()),
                dimensions: Some(dimensions(series)),
            },
            period: 60,
            stat: "Average".to_owned(),
            unit: None,
        }),
        ..MetricDataQuery::default()
    };
    let start = history_start(client) - 10 * MINUTE_MS;
    let input = GetMetricDataInput {
        metric_data_queries: (0..series).map(query).collect(),
        start_time: Timestamp(start),
        end_time: Timestamp(start + Duration::from_secs(4 * 3600).as_millis() as i64),
        ..GetMetricDataInput::default()
    };
    let output = client.call::<operations::GetMetricData>(&SERVICE, input).await?;
    let values: usize =
        output.metric_data_results.iter().flatten().map(|result| result.values.as_ref().map_or(0, Vec::len)).sum();
    ensure!(values + 2 * series >= series * READ_POINTS, "{values} of {} points", series * READ_POINTS);
    Ok(())
}
