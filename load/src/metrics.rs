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
use crate::report::{Budget, Report};
use crate::server::Server;
use crate::victoria::VictoriaMetrics;

const NAMESPACE: &str = "Load";
const DATUMS_A_CALL: usize = 20;
const CONNECTIONS: usize = 8;
const SERIES: usize = 500;
const READ_SERIES: usize = 100;
const READ_POINTS: usize = 180;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const READS: usize = 40;
const WARM_UP_CALLS: usize = 1000;
const STORED_SERIES: usize = 500;
const DAY_MINUTES: usize = 1440;
const STORED_DATUMS_A_CALL: usize = 960;
/// How long VictoriaMetrics has for its work in the background.
const VICTORIA_REST: Duration = Duration::from_secs(10);

/// Measures all of it.
pub async fn run(
    client: &Client,
    server: &Server,
    peers: &Peers,
    datapoints: usize,
    report: &mut Report,
) -> Result<()> {
    // The first calls register the series, and the server's memory takes its shape.
    let warm_up = (0..WARM_UP_CALLS).map(|call| {
        let input = put(client, call * DATUMS_A_CALL);
        client.prepare::<operations::PutMetricData>(&SERVICE, Protocol::RpcV2Cbor, &input)
    });
    client.send_all(warm_up.collect::<Result<Vec<_>>>()?, CONNECTIONS).await?;
    let protocols =
        [(Protocol::RpcV2Cbor, "CBOR", 2.0), (Protocol::AwsJson10, "JSON", 3.0), (Protocol::AwsQuery, "Query", 4.0)];
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
        let budget = Budget::AtMost(budget);
        report.row(format!("PutMetricData, 20 a call, {name}: us a datapoint"), budget, format!("{micros:.2}"), peer);
    }
    fill_history(client).await?;
    for (series, budget) in [(READ_SERIES, 8.0), (1, 0.5)] {
        let median = client.median(READS, || read(client, series)).await?;
        report.row(
            format!("GetMetricData, {series} series x {READ_POINTS} points: ms"),
            Budget::AtMost(budget),
            format!("{:.2}", median.as_secs_f64() * 1e3),
            "",
        );
    }
    stored(client, server, report).await
}

/// What a point takes on disk: a day of series, one point a minute, as gauges and counters of hosts are.
async fn stored(client: &Client, server: &Server, report: &mut Report) -> Result<()> {
    // A day that is over: its segments are compacted at once.
    let start = client.clock.now().floor_to(DAY_MS).0 - 2 * DAY_MS;
    let before = server.segment_bytes_by_day("metric_points")?;
    let points = (0..STORED_SERIES * DAY_MINUTES).collect::<Vec<_>>();
    let requests = points.chunks(STORED_DATUMS_A_CALL).map(|chunk| {
        let datum = |&number: &usize| {
            let (minute, series) = (number / STORED_SERIES, number % STORED_SERIES);
            MetricDatum {
                metric_name: "Stored".to_owned(),
                dimensions: Some(dimensions(series)),
                timestamp: Some(Timestamp(start + minute as i64 * MINUTE_MS)),
                value: Some(value(series, minute)),
                ..MetricDatum::default()
            }
        };
        let input = PutMetricDataInput {
            namespace: NAMESPACE.to_owned(),
            metric_data: Some(chunk.iter().map(datum).collect()),
            ..PutMetricDataInput::default()
        };
        client.prepare::<operations::PutMetricData>(&SERVICE, Protocol::RpcV2Cbor, &input)
    });
    let requests = requests.collect::<Result<Vec<_>>>()?;
    let cpu = server.cpu()?;
    client.send_all(requests, CONNECTIONS).await?;
    server.rest().await?;
    let seconds = (server.cpu()? - cpu).as_secs_f64() * 1e6 / points.len() as f64;
    let after = server.segment_bytes_by_day("metric_points")?;
    let of_that_day = after.iter().filter(|(day, _)| !before.contains_key(*day)).map(|(_, bytes)| bytes);
    let bytes = of_that_day.sum::<u64>() as f64 / points.len() as f64;
    let median = client.median(READS, || read_day(client, start)).await?.as_secs_f64() * 1e3;
    let peer = beside(client, &points, start).await?;
    let peer = |shown: fn(&Beside) -> String| peer.as_ref().map(shown).unwrap_or_default();
    report.row(
        format!("a day of {STORED_SERIES} series put, sealed and compacted: CPU seconds a million points"),
        Budget::None,
        format!("{seconds:.2}"),
        peer(|peer| format!("VictoriaMetrics {:.2}, not synced", peer.cpu_seconds)),
    );
    report.row(
        format!("that day read by five minutes, {READ_SERIES} series: ms"),
        Budget::None,
        format!("{median:.1}"),
        peer(|peer| format!("VictoriaMetrics {:.1}", peer.query_ms)),
    );
    report.row(
        format!("stored bytes of a datapoint, {STORED_SERIES} series of a day, compacted"),
        Budget::AtMost(2.0),
        format!("{bytes:.2}"),
        peer(|peer| format!("VictoriaMetrics {:.2}", peer.bytes)),
    );
    Ok(())
}

/// What VictoriaMetrics takes for the same points.
struct Beside {
    /// For a million of them.
    cpu_seconds: f64,
    query_ms: f64,
    /// Of each.
    bytes: f64,
}

async fn beside(client: &Client, points: &[usize], start: i64) -> Result<Option<Beside>> {
    let Some(victoria) = VictoriaMetrics::start(client.clock.clone()).await? else { return Ok(None) };
    let before = victoria.cpu()?;
    for chunk in points.chunks(STORED_DATUMS_A_CALL) {
        let mut lines = String::new();
        for &number in chunk {
            let (minute, series) = (number / STORED_SERIES, number % STORED_SERIES);
            let (value, time) = (value(series, minute), start + minute as i64 * MINUTE_MS);
            let service = series % 10;
            lines.push_str(&format!(
                "Stored{{Service=\"service-{service}\",InstanceId=\"i-{series:017x}\"}} {value} {time}\n"
            ));
        }
        victoria.import(lines).await?;
    }
    victoria.flush().await?;
    // Merging goes on in the background.
    client.clock.sleep(VICTORIA_REST).await;
    let cpu_seconds = (victoria.cpu()? - before).as_secs_f64() * 1e6 / points.len() as f64;
    let (start_s, end_s) = (start / 1000, (start + DAY_MS) / 1000 - 300);
    let wanted: Vec<String> = (0..READ_SERIES).map(|series| format!("i-{series:017x}")).collect();
    let query = format!("avg_over_time(Stored{{InstanceId=~\"{}\"}}[5m])", wanted.join("|"));
    let mut taken = Vec::with_capacity(READS);
    for _ in 0..READS {
        taken.push(victoria.query_range(&query, start_s, end_s, 300).await?.as_secs_f64() * 1e3);
    }
    taken.sort_by(f64::total_cmp);
    let bytes = victoria.stored_bytes().await? as f64 / points.len() as f64;
    Ok(Some(Beside { cpu_seconds, query_ms: taken.get(READS / 2).copied().unwrap_or_default(), bytes }))
}

/// Reads some series of the day by five minutes.
async fn read_day(client: &Client, start: i64) -> Result<()> {
    let query = |series: usize| MetricDataQuery {
        id: format!("q{series}"),
        metric_stat: Some(MetricStat {
            metric: Metric {
                namespace: Some(NAMESPACE.to_owned()),
                metric_name: Some("Stored".to_owned()),
                dimensions: Some(dimensions(series)),
            },
            period: 300,
            stat: "Average".to_owned(),
            unit: None,
        }),
        ..MetricDataQuery::default()
    };
    let input = GetMetricDataInput {
        metric_data_queries: (0..READ_SERIES).map(query).collect(),
        start_time: Timestamp(start),
        end_time: Timestamp(start + DAY_MS),
        ..GetMetricDataInput::default()
    };
    let output = client.call::<operations::GetMetricData>(&SERVICE, input).await?;
    let values = output.metric_data_results.iter().flatten().map(|result| result.values.as_ref().map_or(0, Vec::len));
    ensure!(values.sum::<usize>() == READ_SERIES * DAY_MINUTES / 5, "not all points of the day");
    Ok(())
}

/// A series' value at a minute of the day. One in four is a setting that never changes, one a count of requests, one a
/// percentage to one decimal, one a latency to two.
fn value(series: usize, minute: usize) -> f64 {
    // The steps of a plain multiple would be regular, and compress as no measurement does.
    let mixed = mix((series * DAY_MINUTES + minute) as u64);
    let noise = (mixed >> 40) as f64 / (1u64 << 24) as f64;
    let of_day = 1.0 + (minute as f64 / DAY_MINUTES as f64 * std::f64::consts::TAU).sin();
    match series % 4 {
        0 => series as f64,
        1 => (of_day * 50.0 + noise * 10.0).floor(),
        2 => (of_day * 300.0 + noise * 40.0).floor() / 10.0,
        _ => (of_day * 2000.0 + noise * 800.0).floor() / 100.0,
    }
}

/// Numbers without pattern, the same in every run (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
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
