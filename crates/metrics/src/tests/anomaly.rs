//! Anomaly detectors and bands, over stored data and on the manual clock.

use super::*;
use crate::anomaly::{delete_anomaly_detector, describe_anomaly_detectors, put_anomaly_detector};

impl World {
    async fn put_detector(&self, input: PutAnomalyDetectorInput) -> Result<String, ServiceError> {
        put_anomaly_detector(&self.metrics, &caller(), input).await.map(|output| output.anomaly_detector_id.unwrap())
    }

    async fn describe(
        &self,
        input: DescribeAnomalyDetectorsInput,
    ) -> Result<DescribeAnomalyDetectorsOutput, ServiceError> {
        describe_anomaly_detectors(&self.metrics, &caller(), input).await
    }

    /// All detectors, of both types.
    async fn detectors(&self) -> Vec<AnomalyDetector> {
        let types = Some(vec!["SINGLE_METRIC".into(), "METRIC_MATH".into()]);
        let input = DescribeAnomalyDetectorsInput { anomaly_detector_types: types, ..Default::default() };
        self.describe(input).await.unwrap().anomaly_detectors.unwrap()
    }

    async fn states(&self) -> Vec<String> {
        self.detectors().await.into_iter().map(|detector| detector.state_value.unwrap()).collect()
    }

    async fn delete_detector(&self, input: DeleteAnomalyDetectorInput) -> Result<(), ServiceError> {
        delete_anomaly_detector(&self.metrics, &caller(), input).await.map(|_| ())
    }

    /// The bounds of the band of `Load` every five minutes of the last hour and `ahead_ms` more: times relative to [`NOW`], upper
    /// and lower.
    async fn band(&self, queries: Vec<MetricDataQuery>, ahead_ms: i64) -> Vec<(i64, f64, f64)> {
        let input = GetMetricDataInput {
            metric_data_queries: queries,
            scan_by: Some("TimestampAscending".into()),
            ..query("Sum", 60, -HOUR, ahead_ms)
        };
        let results = self.data(input).await.unwrap().metric_data_results.unwrap();
        let [upper, lower] = results.as_slice() else { panic!("not two: {results:?}") };
        let (upper, lower) = (points(upper), points(lower));
        assert!(upper.iter().map(|point| point.0).eq(lower.iter().map(|point| point.0)));
        upper.into_iter().zip(lower).map(|(upper, lower)| (upper.0, upper.1, lower.1)).collect()
    }

    /// Two weeks of `name`, a point every `step`: high by day, low by night.
    async fn put_days(&self, name: &str, step: i64, factor: f64) {
        let slots: Vec<i64> = (1..=14 * DAY / step).collect();
        for slots in slots.chunks(1000) {
            let data = slots.iter().map(|slot| {
                let at = -slot * step;
                MetricDatum { metric_name: name.into(), ..datum(at, factor * usual(at)) }
            });
            self.put("Shop", data.collect()).await.unwrap();
        }
    }
}

/// What is usual at a time relative to [`NOW`]: 100 from six to six, 20 at night, and up to 7 more by chance.
fn usual(at: i64) -> f64 {
    let hour = (NOW + at).rem_euclid(DAY) / HOUR;
    let chance = (at / MINUTE * 7919).rem_euclid(8);
    if (6..18).contains(&hour) { 100.0 + chance as f64 } else { 20.0 + chance as f64 }
}

fn single(name: &str) -> SingleMetricAnomalyDetector {
    SingleMetricAnomalyDetector {
        namespace: Some("Shop".into()),
        metric_name: Some(name.into()),
        stat: Some("Average".into()),
        ..Default::default()
    }
}

fn of_single(single: SingleMetricAnomalyDetector) -> PutAnomalyDetectorInput {
    PutAnomalyDetectorInput { single_metric_anomaly_detector: Some(single), ..Default::default() }
}

fn flat(name: &str) -> PutAnomalyDetectorInput {
    let SingleMetricAnomalyDetector { namespace, metric_name, dimensions, stat, .. } = single(name);
    PutAnomalyDetectorInput { namespace, metric_name, dimensions, stat, ..Default::default() }
}

fn hidden(query: MetricDataQuery) -> MetricDataQuery {
    MetricDataQuery { return_data: Some(false), ..query }
}

fn expression(id: &str, text: &str) -> MetricDataQuery {
    MetricDataQuery { id: id.into(), expression: Some(text.into()), ..Default::default() }
}

fn of_math(queries: Vec<MetricDataQuery>) -> PutAnomalyDetectorInput {
    let math = MetricMathAnomalyDetector { metric_data_queries: Some(queries) };
    PutAnomalyDetectorInput { metric_math_anomaly_detector: Some(math), ..Default::default() }
}

/// The band of `Load`.
fn band_of_load() -> Vec<MetricDataQuery> {
    vec![hidden(metric_query("m1", "Load", "Average", 300)), expression("ad1", "ANOMALY_DETECTION_BAND(m1)")]
}

#[tokio::test]
async fn detectors_are_put_described_and_deleted() {
    let world = World::new().await;
    let id = world.put_detector(flat("Load")).await.unwrap();
    assert_eq!(world.put_detector(of_single(single("Load"))).await.unwrap(), id, "the same, put again");
    let other = SingleMetricAnomalyDetector { stat: Some("p99.9".into()), ..single("Load") };
    let other = world.put_detector(of_single(other)).await.unwrap();
    assert_ne!(other, id);
    let with_dimensions =
        SingleMetricAnomalyDetector { dimensions: dimensions(&[("A", "1"), ("B", "2")]), ..single("Load") };
    let configured = PutAnomalyDetectorInput {
        configuration: Some(AnomalyDetectorConfiguration {
            excluded_time_ranges: Some(vec![Range { start_time: Timestamp(NOW - DAY), end_time: Timestamp(NOW) }]),
            metric_timezone: Some("Europe/Berlin".into()),
            adaptation_speed: Some("FAST".into()),
            outlier_filtering_strength: Some("STRICT".into()),
        }),
        metric_characteristics: Some(MetricCharacteristics { periodic_spikes: Some(true) }),
        ..of_single(with_dimensions)
    };
    let third = world.put_detector(configured.clone()).await.unwrap();

    let found = world.detectors().await;
    assert_eq!(found.len(), 3);
    let plain = found.iter().find(|detector| detector.anomaly_detector_id.as_ref() == Some(&id)).unwrap();
    assert_eq!((plain.namespace.as_deref(), plain.metric_name.as_deref()), (Some("Shop"), Some("Load")));
    assert_eq!((plain.stat.as_deref(), plain.dimensions.as_deref()), (Some("Average"), Some(&[][..])));
    assert_eq!(plain.state_value.as_deref(), Some("PENDING_TRAINING"));
    assert_eq!(plain.configuration.as_ref().unwrap().excluded_time_ranges.as_ref().unwrap().len(), 0);
    let nested = plain.single_metric_anomaly_detector.as_ref().unwrap();
    assert_eq!((nested.account_id.as_deref(), nested.stat.as_deref()), (Some("000000000000"), Some("Average")));
    let set = found.iter().find(|detector| detector.anomaly_detector_id.as_ref() == Some(&third)).unwrap();
    assert_eq!(format!("{:?}", set.configuration), format!("{:?}", configured.configuration));
    assert_eq!(set.metric_characteristics.as_ref().unwrap().periodic_spikes, Some(true));

    // The order of dimensions does not matter; a subset is another metric.
    let delete = |pairs: &[(&str, &str)]| DeleteAnomalyDetectorInput {
        single_metric_anomaly_detector: Some(SingleMetricAnomalyDetector {
            dimensions: dimensions(pairs),
            ..single("Load")
        }),
        ..Default::default()
    };
    let gone = world.delete_detector(delete(&[("A", "1")])).await.unwrap_err();
    assert_eq!(gone.code, "ResourceNotFoundException");
    world.delete_detector(delete(&[("B", "2"), ("A", "1")])).await.unwrap();
    let by_id = DeleteAnomalyDetectorInput { anomaly_detector_id: Some(other), ..Default::default() };
    world.delete_detector(by_id.clone()).await.unwrap();
    assert_eq!(world.delete_detector(by_id).await.unwrap_err().code, "ResourceNotFoundException");
    let world = world.restart().await;
    assert_eq!(world.detectors().await.len(), 1);
}

#[tokio::test]
async fn what_is_not_allowed_is_refused() {
    let world = World::new().await;
    let ranges = |count: usize, length: i64| {
        let range = Range { start_time: Timestamp(0), end_time: Timestamp(length) };
        Some(AnomalyDetectorConfiguration { excluded_time_ranges: Some(vec![range; count]), ..Default::default() })
    };
    let zone =
        |name: &str| Some(AnomalyDetectorConfiguration { metric_timezone: Some(name.into()), ..Default::default() });
    let m = |id: &str, name: &str, period| hidden(metric_query(id, name, "Sum", period));
    let sum = || vec![m("m1", "One", 60), m("m2", "Two", 60), expression("e1", "m1 + m2")];
    let math = |text: &str| of_math(vec![m("m1", "One", 60), m("m2", "Two", 60), expression("e1", text)]);
    let many: Vec<MetricDataQuery> =
        (0..10).map(|n| m(&format!("m{n}"), "One", 60)).chain([expression("e1", "m1 + m2")]).collect();
    let both = PutAnomalyDetectorInput { single_metric_anomaly_detector: Some(single("Load")), ..of_math(sum()) };
    let mixed = PutAnomalyDetectorInput { single_metric_anomaly_detector: Some(single("Load")), ..flat("Load") };
    let cases: Vec<(PutAnomalyDetectorInput, &str)> = vec![
        (Default::default(), "MissingRequiredParameterException"),
        (PutAnomalyDetectorInput { namespace: None, ..flat("Load") }, "MissingRequiredParameterException"),
        (PutAnomalyDetectorInput { stat: None, ..flat("Load") }, "MissingRequiredParameterException"),
        (
            of_single(SingleMetricAnomalyDetector { metric_name: None, ..single("Load") }),
            "MissingRequiredParameterException",
        ),
        (PutAnomalyDetectorInput { stat: Some("Most".into()), ..flat("Load") }, "InvalidParameterValueException"),
        (
            PutAnomalyDetectorInput { dimensions: dimensions(&[("A", "1"), ("A", "2")]), ..flat("Load") },
            "InvalidParameterValueException",
        ),
        (
            of_single(SingleMetricAnomalyDetector { account_id: Some("111122223333".into()), ..single("Load") }),
            "InvalidParameterValueException",
        ),
        (both, "InvalidParameterCombinationException"),
        (mixed, "InvalidParameterCombinationException"),
        (
            PutAnomalyDetectorInput { stat: Some("Sum".into()), ..of_math(sum()) },
            "InvalidParameterCombinationException",
        ),
        (PutAnomalyDetectorInput { configuration: ranges(11, 1), ..flat("Load") }, "InvalidParameterValueException"),
        (PutAnomalyDetectorInput { configuration: ranges(1, 0), ..flat("Load") }, "InvalidParameterValueException"),
        (
            PutAnomalyDetectorInput { configuration: zone("Europe/Atlantis"), ..flat("Load") },
            "InvalidParameterValueException",
        ),
        (of_math(Vec::new()), "MissingRequiredParameterException"),
        (of_math(many), "InvalidParameterValueException"),
        (of_math(vec![m("m1", "One", 60)]), "InvalidParameterValueException"),
        (of_math(vec![metric_query("m1", "One", "Sum", 60)]), "InvalidParameterValueException"),
        (
            of_math(vec![m("m1", "One", 60), expression("e1", "m1"), expression("e2", "m1 * 2")]),
            "InvalidParameterValueException",
        ),
        (
            of_math(vec![m("m1", "One", 60), m("m2", "Two", 300), expression("e1", "m1 + m2")]),
            "InvalidParameterValueException",
        ),
        (of_math(vec![m("m1", "One", 10), expression("e1", "m1 * 2")]), "InvalidParameterValueException"),
        (math("METRICS() * 2"), "InvalidParameterValueException"),
        (math("[m1, m2]"), "InvalidParameterValueException"),
        (math("SUM(METRICS())"), "InvalidParameterValueException"),
        (math("FIRST(ANOMALY_DETECTION_BAND(m1))"), "InvalidParameterValueException"),
        (math("SUM(SEARCH('{Shop} One', 'Sum', 60))"), "InvalidParameterValueException"),
        (math("SELECT SUM(One) FROM Shop"), "InvalidParameterValueException"),
        (math("m1 +"), "InvalidParameterValueException"),
        (math("m1 + m9"), "InvalidParameterValueException"),
    ];
    for (input, code) in cases {
        let error = world.put_detector(input.clone()).await.expect_err(&format!("{input:?}"));
        assert_eq!(error.code, code, "{input:?}: {}", error.message);
    }
    assert!(world.detectors().await.is_empty());
    let delete = DeleteAnomalyDetectorInput {
        anomaly_detector_id: Some("x".into()),
        stat: Some("Sum".into()),
        ..Default::default()
    };
    assert_eq!(world.delete_detector(delete).await.unwrap_err().code, "InvalidParameterCombinationException");
    assert_eq!(world.delete_detector(Default::default()).await.unwrap_err().code, "MissingRequiredParameterException");
}

#[tokio::test]
async fn detectors_are_found_by_what_they_are_of_page_by_page() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for name in ["One", "Two", "Three"] {
        ids.push(world.put_detector(flat(name)).await.unwrap());
        let other = PutAnomalyDetectorInput {
            namespace: Some("Other".into()),
            dimensions: dimensions(&[("A", "1")]),
            ..flat(name)
        };
        world.put_detector(other).await.unwrap();
    }
    let math = of_math(vec![hidden(metric_query("m1", "One", "Sum", 60)), expression("e1", "m1 * 2")]);
    world.put_detector(math).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let types = |types: &[&str]| Some(types.iter().map(|kind| kind.to_string()).collect());
    let any = DescribeAnomalyDetectorsInput::default;
    let cases = [
        (any(), 6),
        (DescribeAnomalyDetectorsInput { anomaly_detector_types: types(&["METRIC_MATH"]), ..any() }, 1),
        (
            DescribeAnomalyDetectorsInput { anomaly_detector_types: types(&["METRIC_MATH", "SINGLE_METRIC"]), ..any() },
            7,
        ),
        (DescribeAnomalyDetectorsInput { namespace: text("Other"), ..any() }, 3),
        (DescribeAnomalyDetectorsInput { namespace: text("Nothing"), ..any() }, 0),
        (DescribeAnomalyDetectorsInput { metric_name: text("Two"), ..any() }, 2),
        (DescribeAnomalyDetectorsInput { dimensions: dimensions(&[("A", "1")]), ..any() }, 3),
        (DescribeAnomalyDetectorsInput { dimensions: dimensions(&[]), ..any() }, 3),
        (DescribeAnomalyDetectorsInput { dimensions: dimensions(&[("A", "2")]), ..any() }, 0),
        (DescribeAnomalyDetectorsInput { anomaly_detector_ids: Some([&ids[..2], &["x".into()]].concat()), ..any() }, 2),
    ];
    for (input, count) in cases {
        assert_eq!(world.describe(input.clone()).await.unwrap().anomaly_detectors.unwrap().len(), count, "{input:?}");
    }
    let mut input = DescribeAnomalyDetectorsInput { max_results: Some(4), ..any() };
    let mut seen = Vec::new();
    loop {
        let output = world.describe(input.clone()).await.unwrap();
        let page = output.anomaly_detectors.unwrap();
        assert!(page.len() <= 4);
        seen.extend(page.into_iter().map(|detector| detector.anomaly_detector_id.unwrap()));
        input.next_token = output.next_token;
        if input.next_token.is_none() {
            break;
        }
        let others = DescribeAnomalyDetectorsInput { namespace: text("Shop"), ..input.clone() };
        assert_eq!(world.describe(others).await.unwrap_err().code, "InvalidNextToken");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6);
    for (input, code) in [
        (DescribeAnomalyDetectorsInput { max_results: Some(0), ..any() }, "InvalidParameterValueException"),
        (DescribeAnomalyDetectorsInput { max_results: Some(101), ..any() }, "InvalidParameterValueException"),
        (DescribeAnomalyDetectorsInput { next_token: text("x"), ..any() }, "InvalidNextToken"),
        (
            DescribeAnomalyDetectorsInput {
                anomaly_detector_ids: Some(ids.clone()),
                metric_name: text("One"),
                ..any()
            },
            "InvalidParameterCombinationException",
        ),
    ] {
        assert_eq!(world.describe(input).await.unwrap_err().code, code);
    }
}

#[tokio::test]
async fn there_is_a_limit_of_detectors() {
    let world = World::new().await;
    for number in 0..crate::limits::DETECTORS_MAX {
        world.put_detector(flat(&format!("Load{number}"))).await.unwrap();
    }
    assert_eq!(world.put_detector(flat("More")).await.unwrap_err().code, "LimitExceededException");
    world.put_detector(flat("Load7")).await.unwrap();
}

#[tokio::test]
async fn a_detector_is_trained_and_its_band_holds_what_is_usual() {
    let world = World::new().await;
    world.put_days("Load", 5 * MINUTE, 1.0).await;
    world.put_detector(flat("Load")).await.unwrap();
    world.put_detector(flat("Nothing")).await.unwrap();
    assert_eq!(world.states().await, ["PENDING_TRAINING"; 2]);
    world.metrics.train_due().await;
    let mut states = world.states().await;
    states.sort();
    assert_eq!(states, ["TRAINED", "TRAINED_INSUFFICIENT_DATA"]);

    let band = world.band(band_of_load(), 12 * HOUR).await;
    // Every five minutes of the window, in the future, too.
    let times: Vec<i64> = band.iter().map(|bound| bound.0).collect();
    assert_eq!(times, (-12..144).map(|slot| slot * 5 * MINUTE).collect::<Vec<_>>());
    for (at, upper, lower) in &band {
        let usual = usual(*at);
        assert!(*upper > usual && *lower < usual && upper - lower < 40.0, "{at}: {lower} {usual} {upper}");
    }
    assert_eq!(
        world
            .band(
                vec![
                    hidden(metric_query("m1", "Nothing", "Average", 300)),
                    expression("a", "ANOMALY_DETECTION_BAND(m1)")
                ],
                0
            )
            .await,
        []
    );

    let world = world.restart().await;
    let mut states = world.states().await;
    states.sort();
    assert_eq!(states, ["TRAINED", "TRAINED_INSUFFICIENT_DATA"]);
    assert_eq!(world.band(band_of_load(), 12 * HOUR).await, band, "trained anew from the same data");
}

#[tokio::test]
async fn bands_are_operands_and_have_labels() {
    let world = World::new().await;
    world.put_days("Load", 5 * MINUTE, 1.0).await;
    let strange = MetricDatum { metric_name: "Strange".into(), ..datum(-30 * MINUTE, 500.0) };
    world.put("Shop", vec![strange]).await.unwrap();
    let labelled = |label: &str, text: &str| MetricDataQuery { label: Some(label.into()), ..expression("a", text) };
    let cases: [(MetricDataQuery, &[&str]); 5] = [
        (expression("a", "ANOMALY_DETECTION_BAND(m1, 3)"), &["Load High", "Load Low"]),
        (labelled("Load (expected)", "ANOMALY_DETECTION_BAND(m1)"), &["Load (expected) High", "Load (expected) Low"]),
        (expression("a", "ANOMALY_DETECTION_BAND(m1 * 2)"), &["Load High", "Load Low"]),
        (expression("a", "ANOMALY_DETECTION_BAND(m1 + m2)"), &["a High", "a Low"]),
        (expression("a", "FIRST(ANOMALY_DETECTION_BAND(m1))"), &["a"]),
    ];
    for (band, labels) in cases {
        let text = band.expression.clone();
        let m2 = hidden(metric_query("m2", "Strange", "Average", 300));
        let queries = vec![hidden(metric_query("m1", "Load", "Average", 300)), m2, band];
        let input = GetMetricDataInput { metric_data_queries: queries, ..query("Sum", 60, -HOUR, 0) };
        let results = world.data(input).await.unwrap().metric_data_results.unwrap();
        let got: Vec<&str> = results.iter().map(|result| result.label.as_deref().unwrap()).collect();
        assert_eq!(got, labels, "{text:?}");
        assert!(results.iter().all(|result| result.values.as_ref().unwrap().len() == 12), "{text:?}");
    }
    // What is beyond the band, as an alarm would see it.
    let count = expression("e", "SUM(IF(m2 > FIRST(ANOMALY_DETECTION_BAND(m1, 5)), 1, 0)) + TIME_SERIES(0)");
    let queries = vec![
        hidden(metric_query("m1", "Load", "Average", 300)),
        hidden(metric_query("m2", "Strange", "Average", 300)),
        MetricDataQuery { period: Some(300), ..count },
    ];
    let input = GetMetricDataInput { metric_data_queries: queries, ..query("Sum", 60, -HOUR, 0) };
    let results = world.data(input).await.unwrap().metric_data_results.unwrap();
    assert_eq!(results[0].values.as_ref().unwrap()[0], 1.0);
}

#[tokio::test]
async fn a_band_without_a_detector_is_that_of_a_plain_one() {
    let world = World::new().await;
    world.put_days("Load", 5 * MINUTE, 1.0).await;
    let without = world.band(band_of_load(), 0).await;
    assert_eq!(without.len(), 12);
    world.put_detector(flat("Load")).await.unwrap();
    assert_eq!(world.band(band_of_load(), 0).await, without);
    // What a detector says is heeded from when it is put.
    let everything = Range { start_time: Timestamp(NOW - 20 * DAY), end_time: Timestamp(NOW + DAY) };
    let configuration =
        AnomalyDetectorConfiguration { excluded_time_ranges: Some(vec![everything]), ..Default::default() };
    world.put_detector(PutAnomalyDetectorInput { configuration: Some(configuration), ..flat("Load") }).await.unwrap();
    assert_eq!(world.band(band_of_load(), 0).await, []);
    world.metrics.train_due().await;
    assert_eq!(world.states().await, ["TRAINED_INSUFFICIENT_DATA"]);
    let delete =
        DeleteAnomalyDetectorInput { single_metric_anomaly_detector: Some(single("Load")), ..Default::default() };
    world.delete_detector(delete).await.unwrap();
    assert_eq!(world.band(band_of_load(), 0).await, without);
}

#[tokio::test]
async fn a_band_is_of_the_period_that_is_asked_for() {
    let world = World::new().await;
    world.put_days("Load", 5 * MINUTE, 1.0).await;
    let sum =
        |period| vec![hidden(metric_query("m1", "Load", "Sum", period)), expression("a", "ANOMALY_DETECTION_BAND(m1)")];
    let (short, long) = (world.band(sum(300), 0).await, world.band(sum(3600), 0).await);
    assert_eq!((short.len(), long.len()), (12, 1));
    assert!(short[0].1 < 150.0 && long[0].1 > 1000.0 && long[0].2 < 1300.0, "{short:?} {long:?}");
}

#[tokio::test]
async fn math_is_trained_through_its_expression_whatever_the_ids_are() {
    let world = World::new().await;
    world.put_days("One", 5 * MINUTE, 1.0).await;
    world.put_days("Two", 5 * MINUTE, 2.0).await;
    let m = |id: &str, name: &str| hidden(metric_query(id, name, "Average", 300));
    let math = vec![m("m1", "One"), m("m2", "Two"), hidden(expression("e1", "m1 * 3")), expression("e2", "e1 + m2")];
    let id = world.put_detector(of_math(math)).await.unwrap();
    world.metrics.train_due().await;
    assert_eq!(world.states().await, ["TRAINED"]);
    let names = |one: &str, two: &str| {
        vec![
            m(one, "One"),
            m(two, "Two"),
            hidden(expression("x", &format!("{one}*3"))),
            hidden(expression("y", &format!("x + {two}"))),
            expression("ad", "ANOMALY_DETECTION_BAND(y, 3)"),
        ]
    };
    let band = world.band(names("a", "b"), 0).await;
    for (at, upper, lower) in &band {
        assert!(*lower < 5.0 * usual(*at) && *upper > 5.0 * usual(*at), "{at} {lower} {upper}");
    }
    // It is the detector's own model: without it, nothing is excluded any more.
    let of = |queries| {
        let everything = Range { start_time: Timestamp(NOW - 20 * DAY), end_time: Timestamp(NOW + DAY) };
        let configuration =
            AnomalyDetectorConfiguration { excluded_time_ranges: Some(vec![everything]), ..Default::default() };
        PutAnomalyDetectorInput { configuration: Some(configuration), ..of_math(queries) }
    };
    let again = vec![m("q", "Two"), m("r", "One"), hidden(expression("s", "r * 3")), expression("t", "s + q")];
    assert_eq!(world.put_detector(of(again)).await.unwrap(), id, "the same under other ids");
    assert_eq!(world.band(names("c", "d"), 0).await, []);
    assert_eq!(world.band(names("b", "a"), 0).await, [], "ids the other way round are the same, too");
    let swapped = [m("a", "Two"), m("b", "One")].into_iter().chain(names("a", "b").into_iter().skip(2)).collect();
    assert_eq!(world.band(swapped, 0).await.len(), 12, "another expression is not");
}

#[tokio::test]
async fn models_are_trained_anew_as_time_passes() {
    let world = World::new().await;
    world.put_days("Load", HOUR, 1.0).await;
    world.put_detector(flat("Load")).await.unwrap();
    world.metrics.train_due().await;
    let hourly =
        || vec![hidden(metric_query("m1", "Load", "Average", 3600)), expression("a", "ANOMALY_DETECTION_BAND(m1)")];
    let before = world.band(hourly(), 0).await;
    // Two days of something else: first nothing changes, then it is learned.
    let data = (0..48).map(|hour| datum(hour * HOUR, 700.0));
    world.pass(2 * DAY);
    world.put("Shop", data.collect()).await.unwrap();
    world.metrics.train_due().await;
    let input = GetMetricDataInput { metric_data_queries: hourly(), ..query("Sum", 60, 2 * DAY, 2 * DAY + HOUR) };
    let results = world.data(input).await.unwrap().metric_data_results.unwrap();
    let (upper, lower) = (points(&results[0])[0].1, points(&results[1])[0].1);
    assert!(before[0].1 < 150.0 && upper > 700.0 && lower > 150.0, "{before:?} {upper} {lower}");
}

#[tokio::test]
async fn bands_that_cannot_be_are_refused() {
    let world = World::new().await;
    let m1 = || hidden(metric_query("m1", "Load", "Average", 300));
    for text in [
        "ANOMALY_DETECTION_BAND(SUM(METRICS()))",
        "ANOMALY_DETECTION_BAND(SUM(SEARCH('{Shop} Load', 'Sum', 60)))",
        "ANOMALY_DETECTION_BAND(FIRST(ANOMALY_DETECTION_BAND(m1)))",
        "ANOMALY_DETECTION_BAND(METRICS())",
        "ANOMALY_DETECTION_BAND(m1, 0)",
        "ANOMALY_DETECTION_BAND(m9)",
        "ANOMALY_DETECTION_BAND()",
    ] {
        let queries = vec![m1(), expression("a", text)];
        let input = GetMetricDataInput { metric_data_queries: queries, ..query("Sum", 60, -HOUR, 0) };
        assert_eq!(world.data(input).await.expect_err(text).code, "ValidationException", "{text}");
    }
    let many = (0..51).map(|n| expression(&format!("a{n}"), &format!("ANOMALY_DETECTION_BAND(m1 * {n})")));
    let queries = std::iter::once(m1()).chain(many).collect();
    let input = GetMetricDataInput { metric_data_queries: queries, ..query("Sum", 60, -HOUR, 0) };
    assert_eq!(world.data(input).await.unwrap_err().code, "ValidationException");
    // A long window has no more than what the model knows.
    world.put_days("Load", HOUR, 1.0).await;
    let queries =
        vec![hidden(metric_query("m1", "Load", "Average", 3600)), expression("a", "ANOMALY_DETECTION_BAND(m1)")];
    let input = GetMetricDataInput {
        metric_data_queries: queries,
        start_time: Timestamp(NOW - 60 * DAY),
        end_time: Timestamp(NOW + 60 * DAY),
        ..Default::default()
    };
    let results = world.data(input).await.unwrap().metric_data_results.unwrap();
    assert_eq!(results[0].values.as_ref().unwrap().len(), 21 * 24);
}

#[tokio::test]
async fn alarms_may_ask_for_a_band() {
    let world = World::new().await;
    world.put_days("Load", 5 * MINUTE, 1.0).await;
    let queries = [metric_query("m1", "Load", "Average", 300)];
    let range = TimestampMs(NOW - 10 * MINUTE)..TimestampMs(NOW + 5 * MINUTE);
    let band = world.metrics.band(&caller(), &queries, "m1", 3.0, range).await.unwrap();
    let times: Vec<i64> = band.iter().map(|(time, _)| time.0 - NOW).collect();
    assert_eq!(times, [-10 * MINUTE, -5 * MINUTE, 0]);
    assert!(band.iter().all(|(time, band)| (band.lower..band.upper).contains(&usual(time.0 - NOW))), "{band:?}");
}
