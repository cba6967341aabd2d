//! What alarms cost while nothing changes, and how long a notification takes from the datapoint that causes it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use watchkeep_model::cloudwatch::{
    DescribeAlarmsInput, Dimension, MetricDatum, PutMetricAlarmInput, PutMetricDataInput, SERVICE, operations,
};
use watchkeep_model::sns::{self, ConfirmSubscriptionInput, CreateTopicInput, SubscribeInput};

use crate::client::{Client, Prepared};
use crate::report::{Budget, Report};
use crate::server::Server;

const NAMESPACE: &str = "LoadAlarms";
/// The series that the alarms watch, each by many.
const SERIES: usize = 1000;
const CONNECTIONS: usize = 8;
const DATUMS_A_CALL: usize = 500;
/// Over how long their share of a core is taken.
const WATCHED: Duration = Duration::from_secs(60);
/// Notifications whose latency is measured.
const NOTIFICATIONS: usize = 20;
/// How long one may take at most: a high-resolution alarm has its turn every ten seconds.
const NOTIFIED_MAX: Duration = Duration::from_secs(60);

/// Measures all of it, with `counts` alarms.
pub async fn run(client: &Client, server: &Server, counts: &[usize], report: &mut Report) -> Result<()> {
    latency(client, report).await?;
    let mut made = 0;
    for &count in counts {
        let requests = (made..count).map(|number| prepare_alarm(client, number)).collect::<Result<Vec<_>>>()?;
        client.send_all(requests, CONNECTIONS).await?;
        made = count;
        // Their first turns make them OK; that is over before it is measured.
        put(client).await?;
        client.clock.sleep(Duration::from_secs(75)).await;
        put(client).await?;
        let (cpu, begun) = (server.cpu()?, client.clock.monotonic());
        client.clock.sleep(WATCHED).await;
        let share = (server.cpu()? - cpu).as_secs_f64() / (client.clock.monotonic() - begun).as_secs_f64();
        let budget = if count == 100_000 { Budget::AtMost(5.0) } else { Budget::None };
        let what = format!("{count} alarms at 60 s: share of one core, %");
        report.row(what, budget, format!("{:.2}", share * 100.0), "");
        report.row(format!("memory with {count} alarms, MB"), Budget::None, format!("{:.0}", server.memory_mb()?), "");
    }
    Ok(())
}

fn dimensions(series: usize) -> Vec<Dimension> {
    vec![Dimension { name: "Host".to_owned(), value: format!("host-{series}") }]
}

fn prepare_alarm(client: &Client, number: usize) -> Result<Prepared> {
    let input = PutMetricAlarmInput {
        alarm_name: format!("load-{number}"),
        namespace: Some(NAMESPACE.to_owned()),
        metric_name: Some("Cpu".to_owned()),
        dimensions: Some(dimensions(number % SERIES)),
        statistic: Some("Average".to_owned()),
        period: Some(60),
        evaluation_periods: Some(3),
        threshold: Some(80.0),
        comparison_operator: Some("GreaterThanThreshold".to_owned()),
        treat_missing_data: Some("notBreaching".to_owned()),
        ..PutMetricAlarmInput::default()
    };
    let protocol = *SERVICE.protocols.first().context("CloudWatch speaks no protocol")?;
    client.prepare::<operations::PutMetricAlarm>(&SERVICE, protocol, &input)
}

/// A datapoint of each of the last minutes for each series, all of them below the threshold.
async fn put(client: &Client) -> Result<()> {
    let now = client.clock.now();
    let datums: Vec<MetricDatum> = (0..6 * SERIES)
        .map(|number| MetricDatum {
            metric_name: "Cpu".to_owned(),
            dimensions: Some(dimensions(number % SERIES)),
            timestamp: Some(watchkeep_model::Timestamp(now.0 - (number / SERIES) as i64 * 60_000)),
            value: Some(40.0),
            ..MetricDatum::default()
        })
        .collect();
    for datums in datums.chunks(DATUMS_A_CALL) {
        let input = PutMetricDataInput {
            namespace: NAMESPACE.to_owned(),
            metric_data: Some(datums.to_vec()),
            ..PutMetricDataInput::default()
        };
        client.call::<operations::PutMetricData>(&SERVICE, input).await?;
    }
    Ok(())
}

/// From PutMetricData to the delivery at an HTTP endpoint: an alarm of ten seconds changes back and forth.
async fn latency(client: &Client, report: &mut Report) -> Result<()> {
    let (url, mut bodies) = receiver().await?;
    let topic = client.call::<sns::operations::CreateTopic>(&sns::SERVICE, create_topic()).await?;
    let topic_arn = topic.topic_arn.context("no topic")?;
    let input = SubscribeInput {
        topic_arn: topic_arn.clone(),
        protocol: "http".to_owned(),
        endpoint: Some(url),
        ..SubscribeInput::default()
    };
    client.call::<sns::operations::Subscribe>(&sns::SERVICE, input).await?;
    let asked = next(client, &mut bodies).await?;
    let token = text_member(&asked, "Token").context("no token")?;
    let input = ConfirmSubscriptionInput { topic_arn: topic_arn.clone(), token, ..ConfirmSubscriptionInput::default() };
    client.call::<sns::operations::ConfirmSubscription>(&sns::SERVICE, input).await?;
    let input = PutMetricAlarmInput {
        alarm_name: "load-latency".to_owned(),
        namespace: Some(NAMESPACE.to_owned()),
        metric_name: Some("Pulse".to_owned()),
        statistic: Some("Maximum".to_owned()),
        period: Some(10),
        evaluation_periods: Some(1),
        threshold: Some(80.0),
        comparison_operator: Some("GreaterThanThreshold".to_owned()),
        treat_missing_data: Some("ignore".to_owned()),
        alarm_actions: Some(vec![topic_arn.clone()]),
        ok_actions: Some(vec![topic_arn]),
        ..PutMetricAlarmInput::default()
    };
    client.call::<operations::PutMetricAlarm>(&SERVICE, input).await?;
    let mut taken = Vec::with_capacity(NOTIFICATIONS);
    for number in 0..NOTIFICATIONS {
        let begun = client.clock.monotonic();
        let datum = MetricDatum {
            metric_name: "Pulse".to_owned(),
            value: Some(if number % 2 == 0 { 99.0 } else { 1.0 }),
            storage_resolution: Some(1),
            ..MetricDatum::default()
        };
        let input = PutMetricDataInput {
            namespace: NAMESPACE.to_owned(),
            metric_data: Some(vec![datum]),
            ..PutMetricDataInput::default()
        };
        client.call::<operations::PutMetricData>(&SERVICE, input).await?;
        let body = next(client, &mut bodies).await?;
        ensure!(body.contains("load-latency"), "something else was delivered");
        taken.push(client.clock.monotonic() - begun);
        // The next datapoint comes at another place of the alarm's ten seconds.
        client.clock.sleep(Duration::from_millis(1700 * (number as u64 % 5) + 300)).await;
    }
    taken.sort_unstable();
    let at = |share: usize| taken.get((taken.len() * share / 100).min(taken.len() - 1)).copied().unwrap_or_default();
    let waits = "an alarm of 10 s has its turn every 10 s, over periods that are over";
    // Of so few the 99th percentile is the slowest.
    for (name, share) in [("p50", 50), ("p99", 99)] {
        let what = format!("from PutMetricData to a webhook, alarm of 10 s, {name}: s");
        report.row(what, Budget::None, format!("{:.2}", at(share).as_secs_f64()), waits);
    }
    let described = client.call::<operations::DescribeAlarms>(&SERVICE, DescribeAlarmsInput::default()).await?;
    ensure!(described.metric_alarms.is_some_and(|alarms| !alarms.is_empty()), "the alarm is not there");
    Ok(())
}

fn create_topic() -> CreateTopicInput {
    CreateTopicInput { name: "load-latency".to_owned(), ..CreateTopicInput::default() }
}

async fn next(client: &Client, bodies: &mut mpsc::UnboundedReceiver<String>) -> Result<String> {
    tokio::select! {
        body = bodies.recv() => body.context("the receiver ended"),
        () = client.clock.sleep(NOTIFIED_MAX) => bail!("nothing was delivered in a minute"),
    }
}

/// The text of a member of a JSON document whose texts hold no quotes.
fn text_member(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("\"{name}\""))?;
    let (_, rest) = rest.split_once('"')?;
    rest.split_once('"').map(|(text, _)| text.to_owned())
}

/// An HTTP endpoint that hands on what it gets.
async fn receiver() -> Result<(String, mpsc::UnboundedReceiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    let (sender, receiver) = mpsc::unbounded_channel();
    let sender = Arc::new(sender);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sender = sender.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let sender = sender.clone();
                async move {
                    let body = request.into_body().collect().await?.to_bytes();
                    // An error means that nobody waits any more.
                    let _ = sender.send(String::from_utf8_lossy(&body).into_owned());
                    Ok::<_, hyper::Error>(Response::new(Full::<Bytes>::default()))
                }
            });
            tokio::spawn(async move {
                // A connection that ends is the server's affair.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok((url, receiver))
}
