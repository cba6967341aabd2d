//! Streams of a whole service, on a manual clock, into a delivery stream that remembers what it got.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use watchkeep_core::BoxFuture;
use watchkeep_delivery::{DeliveryError, DeliveryStreams};
use watchkeep_model::cloudwatch::*;

use super::*;
use crate::tests::{DAY, HOUR, MINUTE, NOW, World, caller, datum, dimensions};

const FIREHOSE: &str = "arn:aws:firehose:us-east-1:000000000000:deliverystream/metrics";

/// A delivery stream that remembers.
#[derive(Debug, Default)]
struct Remembered {
    records: Mutex<Vec<Bytes>>,
    fails: AtomicBool,
    /// Held by a test for as long as this shall not answer.
    hangs: tokio::sync::Mutex<()>,
    /// How many deliveries have begun.
    begun: watch::Sender<usize>,
}

impl DeliveryStreams for Remembered {
    fn has(&self, arn: &str) -> bool {
        arn == FIREHOSE
    }

    fn deliver<'a>(&'a self, _: &'a str, records: Vec<Bytes>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        Box::pin(async move {
            self.begun.send_modify(|begun| *begun += 1);
            let _answers = self.hangs.lock().await;
            if self.fails.load(Ordering::Relaxed) {
                return Err(DeliveryError::Later("down".into()));
            }
            self.records.lock().unwrap().extend(records);
            Ok(())
        })
    }
}

impl Remembered {
    /// Waits until so many deliveries have begun.
    async fn begun(&self, deliveries: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= deliveries).await.unwrap();
    }

    /// The times of the lines delivered since the last time, relative to [`NOW`], ascending.
    fn times(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self.lines().iter().map(|line| line["timestamp"].as_i64().unwrap() - NOW).collect();
        times.sort_unstable();
        times
    }

    /// The lines delivered since the last time, but for those of the streams' own metrics.
    fn lines(&self) -> Vec<Value> {
        let records: Vec<Bytes> = self.records.lock().unwrap().drain(..).collect();
        let text = String::from_utf8(records.concat()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["namespace"] != "AWS/CloudWatch/MetricStreams").collect()
    }
}

fn input(name: &str, format: &str) -> PutMetricStreamInput {
    PutMetricStreamInput {
        name: name.into(),
        firehose_arn: FIREHOSE.into(),
        role_arn: "arn:aws:iam::000000000000:role/stream".into(),
        output_format: format.into(),
        ..Default::default()
    }
}

impl World {
    /// What is done every minute.
    async fn publish(&self) {
        self.metrics.fill_feeds().await.unwrap();
        self.metrics.settle().await.unwrap();
        for feed in self.metrics.feeds.all() {
            self.metrics.clone().publish(feed).await;
        }
    }

    /// The same after a crash, with the feeds that it begins with.
    async fn crash_streaming(self, remembered: &Arc<Remembered>) -> World {
        let world = self.crash_delivering(remembered.clone()).await;
        world.metrics.refresh_feeds(Begin::FromStore);
        world
    }
}

async fn world() -> (World, Arc<Remembered>) {
    let remembered = Arc::new(Remembered::default());
    (World::delivering(remembered.clone()).await, remembered)
}

fn filter(namespace: &str, names: &[&str]) -> MetricStreamFilter {
    let metric_names = (!names.is_empty()).then(|| names.iter().map(|name| name.to_string()).collect());
    MetricStreamFilter { namespace: Some(namespace.into()), metric_names }
}

#[tokio::test]
async fn whole_minutes_go_out_once_with_their_statistics() {
    let (world, remembered) = world().await;
    let configuration = MetricStreamStatisticsConfiguration {
        include_metrics: vec![MetricStreamStatisticsMetric { namespace: "Shop".into(), metric_name: "Load".into() }],
        additional_statistics: vec!["p50".into(), "TM(10%:90%)".into()],
    };
    let input = PutMetricStreamInput { statistics_configurations: Some(vec![configuration]), ..input("all", "json") };
    put_metric_stream(&world.metrics, &caller(), input).await.unwrap();
    let data = (1..=3).map(|value| MetricDatum {
        unit: Some("Count".into()),
        dimensions: dimensions(&[("Host", "h1")]),
        ..datum(0, f64::from(value))
    });
    world.put("Shop", data.collect()).await.unwrap();
    world.publish().await;
    assert!(remembered.lines().is_empty(), "the minute is not over");
    world.pass(MINUTE);
    world.publish().await;
    let expected = json!({
        "metric_stream_name": "all",
        "account_id": "000000000000",
        "region": "us-east-1",
        "namespace": "Shop",
        "metric_name": "Load",
        "dimensions": {"Host": "h1"},
        "timestamp": NOW,
        "value": {"max": 3.0, "min": 1.0, "sum": 6.0, "count": 3.0, "p50": 2.0, "TM(10%:90%)": 2.0},
        "unit": "Count",
    });
    assert_eq!(remembered.lines(), [expected]);
    world.publish().await;
    assert!(remembered.lines().is_empty());
    // Late data go out, too: the whole minute again.
    world.pass(HOUR);
    world.put("Shop", vec![datum(0, 9.0)]).await.unwrap();
    world.publish().await;
    assert_eq!(remembered.lines().iter().map(|line| line["timestamp"].as_i64()).collect::<Vec<_>>(), [Some(NOW)]);
    // But not those of long ago.
    world.put("Shop", vec![datum(-3 * DAY, 9.0)]).await.unwrap();
    world.publish().await;
    assert!(remembered.lines().is_empty());
}

#[tokio::test]
async fn filters_say_what_goes_out() {
    let (world, remembered) = world().await;
    let include = Some(vec![filter("Shop", &["Load"]), filter("Other", &[])]);
    let cases = [
        (
            PutMetricStreamInput { include_filters: include.clone(), ..input("s", "json") },
            vec!["Other/Size", "Shop/Load"],
        ),
        (PutMetricStreamInput { exclude_filters: include, ..input("s", "json") }, vec!["Shop/Size"]),
        (input("s", "json"), vec!["Other/Size", "Shop/Load", "Shop/Size"]),
    ];
    for (minute, (input, expected)) in cases.into_iter().enumerate() {
        put_metric_stream(&world.metrics, &caller(), input).await.unwrap();
        let at = minute as i64 * MINUTE;
        let size = MetricDatum { metric_name: "Size".into(), ..datum(at, 1.0) };
        world.put("Shop", vec![datum(at, 1.0), size.clone()]).await.unwrap();
        world.put("Other", vec![size]).await.unwrap();
        world.pass(MINUTE);
        world.publish().await;
        let name =
            |line: &Value| format!("{}/{}", line["namespace"].as_str().unwrap(), line["metric_name"].as_str().unwrap());
        let got: BTreeSet<String> = remembered.lines().iter().map(name).collect();
        assert_eq!(got.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_stopped_stream_delivers_nothing_and_makes_up_for_nothing() {
    let (world, remembered) = world().await;
    let names = || vec!["s".to_owned(), "no such".to_owned()];
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    stop_metric_streams(&world.metrics, &caller(), StopMetricStreamsInput { names: names() }).await.unwrap();
    let state = || async {
        let input = GetMetricStreamInput { name: "s".into() };
        get_metric_stream(&world.metrics, &caller(), input).await.unwrap().state.unwrap()
    };
    assert_eq!(state().await, "stopped");
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    // An update leaves it stopped.
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    world.pass(MINUTE);
    start_metric_streams(&world.metrics, &caller(), StartMetricStreamsInput { names: names() }).await.unwrap();
    assert_eq!(state().await, "running");
    world.publish().await;
    assert!(remembered.lines().is_empty());
    world.put("Shop", vec![datum(MINUTE, 2.0)]).await.unwrap();
    world.pass(MINUTE);
    world.publish().await;
    assert_eq!(remembered.lines().len(), 1);
}

#[tokio::test]
async fn what_was_not_delivered_goes_out_after_a_failure_and_after_a_crash() {
    let (world, remembered) = world().await;
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    world.pass(MINUTE);
    remembered.fails.store(true, Ordering::Relaxed);
    world.publish().await;
    remembered.fails.store(false, Ordering::Relaxed);
    world.publish().await;
    assert_eq!(remembered.lines().len(), 1);
    world.put("Shop", vec![datum(MINUTE, 2.0), datum(-HOUR, 3.0)]).await.unwrap();

    let world = world.crash_streaming(&remembered).await;
    world.pass(MINUTE);
    world.publish().await;
    assert_eq!(remembered.times(), [-HOUR, MINUTE], "nothing is left out, and what was delivered is not repeated");
}

#[tokio::test]
async fn what_is_stamped_ahead_of_its_time_outlives_a_crash() {
    let (world, remembered) = world().await;
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    world.put("Shop", vec![datum(HOUR, 1.0), datum(0, 2.0)]).await.unwrap();
    for _ in 0..3 {
        world.pass(MINUTE);
        world.publish().await;
    }
    assert_eq!(remembered.times(), [0]);
    let world = world.crash_streaming(&remembered).await;
    world.pass(2 * HOUR);
    world.publish().await;
    // What was put together with it is repeated: a position in the journal cannot tell them apart.
    assert_eq!(remembered.times(), [0, HOUR]);
    let world = world.crash_streaming(&remembered).await;
    world.publish().await;
    assert_eq!(remembered.times(), [0; 0]);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_its_own_stream_only_and_a_change_meanwhile_loses_nothing() {
    let (world, remembered) = world().await;
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    world.pass(MINUTE);
    world.metrics.settle().await.unwrap();
    let feed = || world.metrics.feeds.all().remove(0);
    let answer = remembered.hangs.lock().await;
    let hanging = tokio::spawn(world.metrics.clone().publish(feed()));
    remembered.begun(1).await;
    // Whoever comes meanwhile does not wait, and does not deliver it twice.
    world.metrics.clone().publish(feed()).await;
    // Another definition, and the batch fails.
    let other = PutMetricStreamInput { exclude_filters: Some(vec![filter("Other", &[])]), ..input("s", "json") };
    put_metric_stream(&world.metrics, &caller(), other).await.unwrap();
    remembered.fails.store(true, Ordering::Relaxed);
    drop(answer);
    hanging.await.unwrap();
    remembered.fails.store(false, Ordering::Relaxed);
    world.publish().await;
    assert_eq!(remembered.times(), [0]);
    let world = world.crash_streaming(&remembered).await;
    world.publish().await;
    assert_eq!(remembered.times(), [0; 0]);
}

#[tokio::test]
async fn a_publication_that_outlives_its_stream_says_nothing_of_the_next() {
    let (world, remembered) = world().await;
    let (names, somebody) = (|| vec!["s".to_owned()], caller());
    let start = || start_metric_streams(&world.metrics, &somebody, StartMetricStreamsInput { names: names() });
    let stop = || stop_metric_streams(&world.metrics, &somebody, StopMetricStreamsInput { names: names() });
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    world.pass(MINUTE);
    world.metrics.settle().await.unwrap();
    let answer = remembered.hangs.lock().await;
    let hanging = tokio::spawn(world.metrics.clone().publish(world.metrics.feeds.all().remove(0)));
    remembered.begun(1).await;
    stop().await.unwrap();
    world.put("Shop", vec![datum(MINUTE, 1.0)]).await.unwrap();
    start().await.unwrap();
    world.put("Shop", vec![datum(2 * MINUTE, 1.0)]).await.unwrap();
    drop(answer);
    hanging.await.unwrap();
    assert_eq!(remembered.times(), [0]);
    // Neither what was put while it was stopped, nor what was delivered; and nothing that was put since is left out.
    let world = world.crash_streaming(&remembered).await;
    world.pass(10 * MINUTE);
    world.publish().await;
    assert_eq!(remembered.times(), [2 * MINUTE]);
    delete_metric_stream(&world.metrics, &caller(), DeleteMetricStreamInput { name: "s".into() }).await.unwrap();
    world.publish().await;
    assert!(world.metrics.feeds.all().is_empty());
}

#[tokio::test]
async fn points_whose_caller_gave_up_are_looked_for_in_the_store() {
    let (world, remembered) = world().await;
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    {
        // Gives up once the append is under way.
        let mut put = Box::pin(world.put("Shop", vec![datum(0, 1.0)]));
        let first = std::future::poll_fn(|context| std::task::Poll::Ready(put.as_mut().poll(context).is_pending()));
        assert!(first.await, "the append waits for the disk");
    }
    world.pass(MINUTE);
    // The first time notes that something may be missing, the second finds it.
    world.publish().await;
    world.publish().await;
    assert_eq!(remembered.times(), [0]);
}

#[tokio::test]
async fn a_stream_measures_itself() {
    let (world, remembered) = world().await;
    put_metric_stream(&world.metrics, &caller(), input("s", "json")).await.unwrap();
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    world.pass(MINUTE);
    remembered.fails.store(true, Ordering::Relaxed);
    world.publish().await;
    remembered.fails.store(false, Ordering::Relaxed);
    world.publish().await;
    let statistics = |metric: &str, statistic: &str, with_name: bool| {
        let input = GetMetricStatisticsInput {
            namespace: "AWS/CloudWatch/MetricStreams".into(),
            metric_name: metric.into(),
            dimensions: with_name.then(|| dimensions(&[("MetricStreamName", "s")])).flatten(),
            start_time: Timestamp(NOW),
            end_time: Timestamp(NOW + HOUR),
            period: 3600,
            statistics: Some(vec![statistic.into()]),
            ..Default::default()
        };
        let world = &world;
        async move { world.statistics(input).await.unwrap().datapoints.unwrap()[0].clone() }
    };
    assert_eq!(statistics("MetricUpdate", "Sum", true).await.sum, Some(1.0));
    assert_eq!(statistics("TotalMetricUpdate", "Sum", false).await.sum, Some(1.0));
    assert_eq!(statistics("PublishErrorRate", "Average", true).await.average, Some(0.5));
}

#[tokio::test]
async fn streams_are_told_listed_and_deleted() {
    let (world, _) = world().await;
    let full = PutMetricStreamInput {
        include_filters: Some(vec![filter("Shop", &["Load"])]),
        statistics_configurations: Some(vec![MetricStreamStatisticsConfiguration {
            include_metrics: vec![MetricStreamStatisticsMetric {
                namespace: "Shop".into(),
                metric_name: "Load".into(),
            }],
            additional_statistics: vec!["p99".into()],
        }]),
        ..input("b", "opentelemetry1.0")
    };
    let put = put_metric_stream(&world.metrics, &caller(), full.clone()).await.unwrap();
    assert_eq!(put.arn.as_deref(), Some("arn:aws:cloudwatch:us-east-1:000000000000:metric-stream/b"));
    for name in ["a", "c"] {
        put_metric_stream(&world.metrics, &caller(), input(name, "json")).await.unwrap();
    }
    let got = get_metric_stream(&world.metrics, &caller(), GetMetricStreamInput { name: "b".into() }).await.unwrap();
    assert_eq!((got.include_filters, got.exclude_filters), (full.include_filters, None));
    assert_eq!(got.statistics_configurations, full.statistics_configurations);
    assert_eq!((got.output_format.as_deref(), got.state.as_deref()), (Some("opentelemetry1.0"), Some("running")));
    let list = |next_token| {
        let input = ListMetricStreamsInput { next_token, max_results: Some(2) };
        let world = &world;
        async move { list_metric_streams(&world.metrics, &caller(), input).await.unwrap() }
    };
    let names = |page: &ListMetricStreamsOutput| -> Vec<String> {
        page.entries.iter().flatten().map(|entry| entry.name.clone().unwrap()).collect()
    };
    let first = list(None).await;
    let second = list(first.next_token.clone()).await;
    assert_eq!(
        (names(&first), names(&second), second.next_token),
        (vec!["a".into(), "b".into()], vec!["c".to_owned()], None)
    );
    for _ in 0..2 {
        delete_metric_stream(&world.metrics, &caller(), DeleteMetricStreamInput { name: "b".into() }).await.unwrap();
    }
    let gone = get_metric_stream(&world.metrics, &caller(), GetMetricStreamInput { name: "b".into() }).await;
    assert_eq!(&*gone.unwrap_err().code, "ResourceNotFoundException");
}

#[tokio::test]
async fn what_no_stream_can_be_is_refused() {
    let (world, _) = world().await;
    let shop = || Some(vec![filter("Shop", &[])]);
    let statistics = |metrics: usize, names: &[&str]| {
        let metric = MetricStreamStatisticsMetric { namespace: "Shop".into(), metric_name: "Load".into() };
        Some(vec![MetricStreamStatisticsConfiguration {
            include_metrics: vec![metric; metrics],
            additional_statistics: names.iter().map(|name| name.to_string()).collect(),
        }])
    };
    let base = || input("s", "json");
    let otel = || input("s", "opentelemetry1.0");
    let cases = [
        (PutMetricStreamInput { name: "a b".into(), ..base() }, "InvalidParameterValue"),
        (
            PutMetricStreamInput { include_filters: shop(), exclude_filters: shop(), ..base() },
            "InvalidParameterCombination",
        ),
        (
            PutMetricStreamInput { firehose_arn: FIREHOSE.replace("metrics", "other"), ..base() },
            "InvalidParameterValue",
        ),
        (
            PutMetricStreamInput { role_arn: "arn:aws:iam::000000000000:user/x".into(), ..base() },
            "InvalidParameterValue",
        ),
        (
            PutMetricStreamInput { include_filters: Some(vec![MetricStreamFilter::default()]), ..base() },
            "MissingParameter",
        ),
        (
            PutMetricStreamInput { include_filters: Some([shop().unwrap(), shop().unwrap()].concat()), ..base() },
            "InvalidParameterValue",
        ),
        (
            PutMetricStreamInput { include_filters: Some(vec![filter("Shop", &["x"; 1001])]), ..base() },
            "InvalidParameterValue",
        ),
        (
            PutMetricStreamInput { statistics_configurations: statistics(1, &["tm99"]), ..otel() },
            "InvalidParameterValue",
        ),
        (
            PutMetricStreamInput { statistics_configurations: statistics(1, &["Sum"]), ..base() },
            "InvalidParameterValue",
        ),
        (
            PutMetricStreamInput { statistics_configurations: statistics(1, &["p99"; 21]), ..base() },
            "InvalidParameterValue",
        ),
        (
            PutMetricStreamInput { statistics_configurations: statistics(101, &["p99"]), ..base() },
            "InvalidParameterValue",
        ),
    ];
    for (index, (input, code)) in cases.into_iter().enumerate() {
        let error = put_metric_stream(&world.metrics, &caller(), input).await.err();
        assert_eq!(error.map(|error| error.query_code.to_string()).as_deref(), Some(code), "case {index}");
    }
}

/// Both versions, byte for byte by the protocol's field numbers.
#[test]
fn opentelemetry_records_are_written_as_the_protocol_says() {
    let key = "000000000000\0us-east-1\0N\0M\0D\0v\0";
    let minute = publish::Minute {
        identity: crate::series::Identity::of(key),
        start_ms: 60_000,
        unit: crate::unit::Unit::parse("Bytes/Second").unwrap(),
        summary: watchkeep_lang::statistic::Summary { count: 2.0, sum: 3.0, minimum: 1.0, maximum: 2.0 },
        statistics: vec![("p99", watchkeep_lang::statistic::Statistic::Percentile(99.0), 2.0)],
    };
    let hex = |format| {
        let record = opentelemetry::record(std::slice::from_ref(&minute), "arn", format);
        record.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let text = |field: u8, text: &str| {
        let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("{:02x}{:02x}{bytes}", field << 3 | 2, text.len())
    };
    let within = |field: u8, inside: &str| {
        let length = inside.len() / 2;
        assert!(length < 1 << 14);
        let varint = if length < 128 {
            format!("{length:02x}")
        } else {
            format!("{:02x}{:02x}", length & 127 | 128, length >> 7)
        };
        format!("{:02x}{varint}{inside}", field << 3 | 2)
    };
    let fixed = |field: u8, value: u64| {
        format!("{:02x}{}", field << 3 | 1, value.to_le_bytes().map(|byte| format!("{byte:02x}")).concat())
    };
    let attribute = |key: &str, value: &str| text(1, key) + &within(2, &text(1, value));
    let label = |key: &str, value: &str| within(1, &(text(1, key) + &text(2, value)));
    let resource: String = [
        attribute("cloud.provider", "aws"),
        attribute("cloud.account.id", "000000000000"),
        attribute("cloud.region", "us-east-1"),
        attribute("aws.exporter.arn", "arn"),
    ]
    .map(|attribute| within(1, &attribute))
    .concat();
    let quantile = |quantile: f64, value: f64| within(6, &(fixed(1, quantile.to_bits()) + &fixed(2, value.to_bits())));
    let times = fixed(2, 60_000_000_000) + &fixed(3, 120_000_000_000);
    let values =
        fixed(4, 2) + &fixed(5, 3f64.to_bits()) + &quantile(0.0, 1.0) + &quantile(0.99, 2.0) + &quantile(1.0, 2.0);
    let labels = label("Namespace", "N") + &label("MetricName", "M") + &label("D", "v");
    let dimensions = text(1, "Dimensions") + &within(2, &within(6, &within(1, &attribute("D", "v"))));
    let attributes =
        within(7, &attribute("Namespace", "N")) + &within(7, &attribute("MetricName", "M")) + &within(7, &dimensions);
    let expected = |point: &str| {
        let metric = text(1, "amazonaws.com/N/M") + &text(3, "By/s") + &within(11, &within(1, point));
        let request = within(1, &(within(1, &resource) + &within(2, &within(2, &metric))));
        // The length, then the request.
        within(0, &request)[2..].to_owned()
    };
    use crate::resources::StreamFormat::*;
    assert_eq!(hex(OpenTelemetry07), expected(&(labels + &times + &values)));
    assert_eq!(hex(OpenTelemetry10), expected(&(times + &values + &attributes)));
}
