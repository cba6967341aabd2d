//! What PutMetricData takes, and how it refuses the rest.

use super::*;

#[tokio::test]
async fn every_source_of_values_is_stored() {
    let world = World::new().await;
    let base = MetricDatum { metric_name: "Load".into(), ..Default::default() };
    let set = StatisticSet { sample_count: 4.0, sum: 20.0, minimum: 1.0, maximum: 9.0 };
    let data = vec![
        MetricDatum { value: Some(2.0), ..base.clone() },
        MetricDatum { values: Some(vec![3.0, 5.0]), ..base.clone() },
        MetricDatum { values: Some(vec![7.0, 8.0]), counts: Some(vec![0.5, 0.0]), ..base.clone() },
        MetricDatum { values: Some(vec![1000.0]), statistic_values: Some(set), ..base.clone() },
        MetricDatum { values: Some(vec![1000.0]), counts: Some(vec![0.0]), ..base.clone() },
    ];
    world.put("Shop", data).await.unwrap();
    for (stat, expected) in
        [("SampleCount", 7.5), ("Sum", 33.5), ("Minimum", 1.0), ("Maximum", 9.0), ("Average", 33.5 / 7.5)]
    {
        assert_eq!(world.series(stat, 60, 0, MINUTE).await, [(0, expected)], "{stat}");
    }
    assert_eq!(world.series("p50", 60, 0, MINUTE).await, []);
}

#[tokio::test]
async fn times_are_kept_as_precisely_as_the_resolution_says() {
    let world = World::new().await;
    let at = -10 * MINUTE + 34_567;
    let fine = MetricDatum { storage_resolution: Some(1), ..datum(at, 1.0) };
    world.put("Shop", vec![fine, datum(at, 2.0)]).await.unwrap();
    assert_eq!(world.series("Sum", 1, -HOUR, 0).await, [(-10 * MINUTE, 2.0), (-10 * MINUTE + 34_000, 1.0)]);
    assert_eq!(world.series("Sum", 60, -HOUR, 0).await, [(-10 * MINUTE, 3.0)]);
}

#[tokio::test]
async fn what_the_api_forbids_is_refused_with_its_words() {
    let world = World::new().await;
    let at = |change: fn(&mut MetricDatum)| {
        let mut bad = datum(0, 1.0);
        change(&mut bad);
        bad
    };
    let (value, combination) = ("InvalidParameterValue", "InvalidParameterCombination");
    let set = |sample_count, minimum, maximum| Some(StatisticSet { sample_count, sum: 1.0, minimum, maximum });
    let none = |datum: MetricDatum| MetricDatum { value: None, ..datum };
    let cases: Vec<(MetricDatum, &str, &str)> = vec![
        (
            at(|d| d.values = Some(vec![1.0])),
            combination,
            "The parameters MetricData.member.2.Value and MetricData.member.2.Values are mutually exclusive and you have specified both.",
        ),
        (
            MetricDatum { statistic_values: set(1.0, 1.0, 1.0), ..datum(0, 1.0) },
            combination,
            "The parameters MetricData.member.2.Value and MetricData.member.2.StatisticValues are mutually exclusive and you have specified both.",
        ),
        (none(datum(0, 0.0)), combination, "At least one of the parameters must be specified."),
        (
            at(|d| d.counts = Some(vec![1.0])),
            combination,
            "The parameter values must appears when the counts parameter is specified.",
        ),
        (
            none(at(|d| (d.values, d.counts) = (Some(vec![1.0]), Some(vec![1.0, 2.0])))),
            value,
            "The parameters MetricData.member.2.Values and MetricData.member.2.Counts must be of the same size.",
        ),
        (
            none(at(|d| (d.values, d.counts) = (Some(vec![1.0]), Some(vec![-1.0])))),
            value,
            "The value -1.0 for parameter MetricData.member.2.Counts.member.1 is invalid.",
        ),
        (
            none(at(|d| d.values = Some(vec![1.0; 151]))),
            value,
            "The collection MetricData.member.2.Values must not have a size greater than 150.",
        ),
        (
            MetricDatum { statistic_values: set(0.0, 1.0, 1.0), ..none(datum(0, 0.0)) },
            value,
            "The parameter MetricData.member.2.StatisticValues.SampleCount must be greater than 0.",
        ),
        (
            MetricDatum { statistic_values: set(1.0, 2.0, 1.0), ..none(datum(0, 0.0)) },
            value,
            "The parameter MetricData.member.2.StatisticValues.Maximum must be greater than or equal to the parameter MetricData.member.2.StatisticValues.Minimum.",
        ),
        (datum(0, f64::NAN), value, "The value NaN for parameter MetricData.member.2.Value is invalid."),
        (datum(0, f64::INFINITY), value, "The value Infinity for parameter MetricData.member.2.Value is invalid."),
        (datum(0, 4.69e108), value, "The value 4.69E108 for parameter MetricData.member.2.Value is invalid."),
        (
            datum(-14 * DAY - 1, 1.0),
            value,
            "The parameter MetricData.member.2.Timestamp must specify a time within the past two weeks.",
        ),
        (
            datum(2 * HOUR + 1, 1.0),
            value,
            "The parameter MetricData.member.2.Timestamp must specify a time no more than two hours in the future.",
        ),
        (
            at(|d| d.storage_resolution = Some(30)),
            value,
            "The parameter MetricData.member.2.StorageResolution must be a value in the set [1, 60].",
        ),
        (
            at(|d| d.dimensions = dimensions(&[("A", "1"), ("A", "2")])),
            value,
            "No metric may specify the same dimension name twice.",
        ),
        (
            at(|d| d.dimensions = dimensions(&[(":A", "1")])),
            value,
            "The value :A for parameter MetricData.member.2.Dimensions.member.1.Name is invalid.",
        ),
        (
            at(|d| d.dimensions = dimensions(&[("A", " ")])),
            value,
            "The parameter MetricData.member.2.Dimensions.member.1.Value must contain a character other than a blank.",
        ),
        (
            at(|d| d.dimensions = Some(vec![Dimension { name: "A".into(), value: "ü".into() }])),
            value,
            "The value ü for parameter MetricData.member.2.Dimensions.member.1.Value contains non-ASCII characters.",
        ),
        (
            at(|d| {
                d.dimensions = Some((0..31).map(|n| Dimension { name: n.to_string(), value: "x".into() }).collect())
            }),
            value,
            "The collection MetricData.member.2.Dimensions must not have a size greater than 30.",
        ),
        (
            at(|d| d.metric_name = "a\u{0}b".into()),
            value,
            "The parameter MetricData.member.2.MetricName must not contain control characters.",
        ),
        (
            at(|d| d.metric_name = "x".repeat(256)),
            value,
            "The parameter MetricData.member.2.MetricName must be at most 255 characters long.",
        ),
    ];
    for (bad, code, message) in cases {
        // Atomic: the good datum beside it is refused as well.
        let error = world.put("Shop", vec![datum(0, 1.0), bad]).await.unwrap_err();
        assert_eq!((&*error.query_code, &*error.message), (code, message));
    }
    let unit = at(|d| d.unit = Some("seconds".into()));
    assert_eq!(world.put("Shop", vec![unit]).await.unwrap_err().query_code, value);
    let error = world.put("Shop", vec![]).await.unwrap_err();
    assert_eq!(
        (&*error.query_code, &*error.message),
        ("MissingParameter", "At least one MetricDatum object must be present in the request.")
    );
    assert_eq!(world.put("Shop", vec![datum(0, 1.0); 1001]).await.unwrap_err().query_code, value);
    let error = world.put("AWS/EC2", vec![datum(0, 1.0)]).await.unwrap_err();
    assert_eq!((&*error.query_code, &*error.message), (value, "The value AWS/ for parameter Namespace is invalid."));
    assert_eq!(world.put("  ", vec![datum(0, 1.0)]).await.unwrap_err().query_code, value);
    assert_eq!(world.metrics.series(), 0);
}

#[tokio::test]
async fn the_edges_of_what_is_allowed_are_taken() {
    let world = World::new().await;
    let thirty = (0..30).map(|n| Dimension { name: n.to_string(), value: "x".repeat(1024) }).collect();
    let good = vec![
        datum(-14 * DAY, 1.0),
        datum(2 * HOUR, 1.0),
        datum(0, 2f64.powi(360)),
        MetricDatum { dimensions: Some(thirty), ..datum(0, 1.0) },
        MetricDatum { values: Some(vec![1.0; 150]), value: None, ..datum(0, 1.0) },
        MetricDatum { storage_resolution: Some(60), unit: Some("Bytes/Second".into()), ..datum(0, -1.0) },
    ];
    world.put("Shop", good).await.unwrap();
    world.put(":odd name", vec![datum(0, 1.0); 1000]).await.unwrap();
    assert_eq!(world.metrics.series(), 3);
}

#[tokio::test]
async fn entities_are_checked_as_strictly_as_asked() {
    let world = World::new().await;
    let entity = |kind: &str| {
        let pairs = [("Type", kind), ("Name", "cart"), ("Environment", "prod")];
        let key_attributes = pairs.into_iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Entity { key_attributes: Some(key_attributes), attributes: None }
    };
    let input = |kind: &str, strict: Option<bool>| PutMetricDataInput {
        namespace: "Shop".into(),
        entity_metric_data: Some(vec![EntityMetricData {
            entity: Some(entity(kind)),
            metric_data: Some(vec![datum(0, 1.0)]),
        }]),
        strict_entity_validation: strict,
        ..Default::default()
    };
    let error = world.put_input(input("Service", None)).await.err().unwrap();
    assert_eq!(error.query_code, "InvalidParameterCombination");
    let error = world.put_input(input("Server", Some(true))).await.err().unwrap();
    assert_eq!(
        (&*error.query_code, &*error.message),
        ("InvalidParameterValue", "InvalidTypeValue: Unknown entity type")
    );
    assert_eq!(world.series("Sum", 60, 0, MINUTE).await, []);
    assert_eq!(
        world.put_input(input("Server", Some(false))).await.unwrap().headers,
        [("x-amzn-failure-message", "InvalidTypeValue".into())]
    );
    assert_eq!(world.put_input(input("Service", Some(true))).await.unwrap().headers, []);
    assert_eq!(world.series("Sum", 60, 0, MINUTE).await, [(0, 2.0)]);
    let mut many = input("Service", Some(true));
    many.entity_metric_data = many.entity_metric_data.map(|data| [data.clone(), data.clone(), data].concat());
    assert_eq!(world.put_input(many.clone()).await.err().unwrap().query_code, "InvalidParameterValue");
    many.strict_entity_validation = Some(false);
    assert_eq!(world.put_input(many).await.unwrap().headers, [("x-amzn-failure-message", "EntitySizeTooLarge".into())]);
    assert_eq!(world.series("Sum", 60, 0, MINUTE).await, [(0, 5.0)]);
    let mut bad = input("Service", Some(true));
    bad.entity_metric_data.as_mut().unwrap()[0].metric_data.as_mut().unwrap()[0].value = Some(f64::NAN);
    assert_eq!(
        world.put_input(bad).await.err().unwrap().message,
        "The value NaN for parameter EntityMetricData.member.1.MetricData.member.1.Value is invalid."
    );
}
