//! GetMetricWidgetImage: which data a widget shows, and that a picture of its size comes of it.

use serde_json::{Value, json};
use watchkeep_chart::{Chart, Side};
use watchkeep_core::Region;
use watchkeep_core::ports::{AlarmPictures, MetricIdentity, PicturedAlarm, QueryOf, WatchQuery};

use super::*;
use crate::widget::Widget;

/// The last six minutes have data: `Orders` of two stores, `Size` in bytes; another Region has `Orders`, too.
async fn world() -> World {
    let world = World::new().await;
    let orders = |store: &str, minute: i64, value| MetricDatum {
        metric_name: "Orders".into(),
        dimensions: dimensions(&[("Store", store)]),
        unit: Some("Count".into()),
        ..datum(minute * MINUTE, value)
    };
    let size = |minute: i64| MetricDatum {
        metric_name: "Size".into(),
        unit: Some("Bytes".into()),
        ..datum(minute * MINUTE, 1e6 * minute as f64)
    };
    let mut data: Vec<MetricDatum> = (-6..0).map(|minute| orders("berlin", minute, minute as f64)).collect();
    data.extend((-6..0).map(|minute| orders("paris", minute, 2.0)));
    data.extend((-6..0).map(size));
    world.put("Shop", data).await.unwrap();
    let elsewhere = Caller { region: "eu-central-1".parse().unwrap(), ..caller() };
    let input = PutMetricDataInput {
        namespace: "Shop".into(),
        metric_data: Some(vec![orders("rome", -1, 7.0)]),
        ..Default::default()
    };
    crate::put_metric_data::put_metric_data(&world.metrics, &elsewhere, input).await.unwrap();
    world
}

async fn chart(world: &World, widget: &Value) -> Result<Chart, ServiceError> {
    let widget = Widget::parse(&widget.to_string(), TimestampMs(NOW)).unwrap();
    world.metrics.chart(&widget, &caller(), TimestampMs(NOW)).await
}

async fn image(
    world: &World,
    widget: &str,
    format: Option<&str>,
) -> Result<Reply<GetMetricWidgetImageOutput>, ServiceError> {
    let input =
        GetMetricWidgetImageInput { metric_widget: widget.to_owned(), output_format: format.map(str::to_owned) };
    crate::get_metric_widget_image::get_metric_widget_image(&world.metrics, &caller(), input).await
}

/// Label, unit and values of each series.
fn shown(chart: &Chart) -> Vec<(&str, &str, Vec<f64>)> {
    let values = |series: &watchkeep_chart::Series| series.points.iter().map(|point| point.1).collect();
    chart.series.iter().map(|series| (series.label.as_str(), series.unit.as_str(), values(series))).collect()
}

#[tokio::test]
async fn rows_become_series_in_their_order() {
    let world = world().await;
    let widget = json!({
        "period": 60, "stat": "Sum", "start": "-PT10M",
        "metrics": [
            [{"expression": "m1 * 10", "label": "tenfold", "color": "#102030"}],
            ["Shop", "Orders", "Store", "berlin", {"id": "m1"}],
            ["...", "paris", {"yAxis": "right"}],
            ["...", "rome", {"region": "eu-central-1", "label": "${PROP('Region')} max ${MAX}"}],
            [".", "Size", {"visible": false, "id": "size"}],
            ["Shop", "Size", {"stat": "Maximum", "period": 300}],
            [{"expression": "SEARCH('{Shop,Store} Orders', 'Average', 60)"}],
            [{"expression": "SELECT MAX(Orders) FROM SCHEMA(Shop, Store)", "id": "q", "label": "most"}]
        ]
    });
    let chart = chart(&world, &widget).await.unwrap();
    let berlin: Vec<f64> = (-6..0).map(f64::from).collect();
    let expected = [
        ("tenfold", "", berlin.iter().map(|value| value * 10.0).collect()),
        ("berlin", "Count", berlin.clone()),
        ("paris", "Count", vec![2.0; 6]),
        ("eu-central-1 max 7", "Count", vec![7.0]),
        ("Size Maximum 300", "Bytes", vec![-2e6, -1e6]),
        ("berlin", "", berlin.clone()),
        ("paris", "", vec![2.0; 6]),
        ("most", "", vec![2.0; 6]),
    ];
    let got = shown(&chart);
    for (got, expected) in got.iter().zip(&expected) {
        assert_eq!((got.0, got.1), (expected.0, expected.1));
        if expected.1 != "Bytes" {
            assert_eq!(got.2, expected.2, "{}", expected.0);
        }
    }
    assert_eq!(got.len(), expected.len());
    assert_eq!(chart.series[0].color.map(|color| color.to_string()).as_deref(), Some("#102030"));
    let sides: Vec<usize> = (0..8).filter(|place| chart.series[*place].side == Side::Right).collect();
    assert_eq!(sides, [2]);
    assert_eq!(
        chart.series.iter().map(|series| series.period_ms / 1000).collect::<Vec<_>>(),
        [60, 60, 60, 60, 300, 60, 60, 60]
    );
    assert_eq!((chart.start_ms, chart.end_ms), (NOW - 10 * MINUTE, NOW));
}

#[tokio::test]
async fn the_widgets_region_and_range_count() {
    let world = world().await;
    let widget = json!({
        "region": "eu-central-1", "view": "singleValue", "stat": "Sum", "setPeriodToTimeRange": true,
        "metrics": [["Shop", "Orders", "Store", "rome"], ["...", "paris", {"region": "us-east-1"}], ["...", "berlin"]]
    });
    let chart = chart(&world, &widget).await.unwrap();
    assert_eq!(shown(&chart), [("rome", "Count", vec![7.0]), ("paris", "Count", vec![12.0]), ("berlin", "", vec![])]);
}

#[tokio::test]
async fn pictures_have_the_size_asked_for() {
    let world = world().await;
    let views = [
        json!({"view": "timeSeries", "stacked": true}),
        json!({"view": "bar"}),
        json!({"view": "pie", "theme": "dark"}),
        json!({"view": "gauge", "yAxis": {"left": {"min": 0, "max": 10}}}),
        json!({"view": "singleValue", "sparkline": true}),
    ];
    for view in views {
        let mut widget =
            json!({"width": 320, "height": 180, "period": 60, "metrics": [["Shop", "Orders", "Store", "paris"]]});
        widget.as_object_mut().unwrap().extend(view.as_object().unwrap().clone());
        let reply = image(&world, &widget.to_string(), None).await.unwrap();
        let png = reply.output.metric_widget_image.unwrap();
        assert_eq!((&png[..8], &png[16..24]), (&b"\x89PNG\r\n\x1a\n"[..], &[0, 0, 1, 64, 0, 0, 0, 180][..]), "{view}");
        assert!(png.len() > 1500 && reply.bare.is_none());
    }
    let reply = image(&world, r#"{"metrics":[["Shop","None"]]}"#, Some("image/png")).await.unwrap();
    let bare = reply.bare.unwrap();
    assert_eq!((bare.member, bare.content_type), ("MetricWidgetImage", "image/png"));
    assert_eq!(reply.output.metric_widget_image.unwrap()[16..24], [0, 0, 2, 88, 0, 0, 1, 144]);
}

#[tokio::test]
async fn what_cannot_be_drawn_is_a_validation_error() {
    let world = world().await;
    let large = format!(r#"{{"metrics":[["Shop","Orders"]],"title":"{}"}}"#, "x".repeat(100 << 10));
    let cases = [
        ("", "Invalid MetricWidget: Should be a valid JSON object"),
        ("{}", "Invalid MetricWidget: /metrics: Should have at least one item"),
        (r#"{"metrics":[["Shop"]]}"#, "Invalid MetricWidget: /metrics/0: "),
        (r#"{"metrics":[["Shop","Orders",{"id":"a"}],["Shop","Orders",{"id":"a"}]]}"#, "The values for parameter id"),
        (r#"{"metrics":[["Shop","Orders",{"id":"A"}]]}"#, "The value A for parameter MetricDataQueries.member.1.Id"),
        (r#"{"metrics":[["Shop","Orders",{"stat":"Median"}]]}"#, "The value Median for parameter"),
        (r#"{"metrics":[["Shop","Orders","Store","a","Store","b"]]}"#, "No metric may specify the same dimension"),
        (r#"{"metrics":[[{"expression":"m1 +"}]]}"#, "Error in expression 'row1': "),
        (r#"{"metrics":[[{"expression":"m9 * 2"}]]}"#, "Error in expression 'row1': "),
        (r#"{"metrics":[["Shop","Orders",{"label":"${MAX}${MAX}${MAX}${MAX}${MAX}${MAX}"}]]}"#, "The parameter "),
        (
            r#"{"annotations":{"alarms":["arn:aws:cloudwatch:us-east-1:000000000000:alarm:a"]}}"#,
            "Invalid MetricWidget: /annotations/alarms/0: ",
        ),
        (&large, "The parameter MetricWidget must not be larger"),
    ];
    for (widget, text) in cases {
        let error = image(&world, widget, None).await.err().unwrap();
        assert_eq!((&*error.query_code, error.status), ("ValidationError", 400), "{widget:.80}");
        assert!(error.message.starts_with(text), "{widget:.80}: {}", error.message);
    }
    let error = image(&world, r#"{"metrics":[["Shop","Orders"]]}"#, Some("jpeg")).await.err().unwrap();
    assert_eq!(error.message, "The value jpeg for parameter OutputFormat is invalid.");
}

/// One alarm, of the mean of two metrics.
struct OneAlarm;

impl AlarmPictures for OneAlarm {
    fn picture(&self, _: AccountId, region: &Region, name: &str) -> Option<PicturedAlarm> {
        let metric = |store: &str| MetricIdentity {
            namespace: "Shop".into(),
            name: "Orders".into(),
            dimensions: vec![("Store".into(), store.into())],
        };
        let query = |id: &str, of, returns_data| WatchQuery { id: id.into(), of, label: None, returns_data };
        let of = |store| QueryOf::Metric { metric: metric(store), statistic: "Sum".into(), unit: None, period_s: 60 };
        let mean = QueryOf::Expression { text: "AVG([m1, m2])".into(), period_s: None };
        (name == "few/orders" && region.as_str() == "us-east-1").then(|| PicturedAlarm {
            name: name.to_owned(),
            queries: vec![query("m1", of("berlin"), false), query("m2", of("paris"), false), query("e1", mean, true)],
            threshold: Some(1.5),
            condition: "e1 < 1.5 for 1 datapoint within 1 minute".to_owned(),
        })
    }
}

#[tokio::test]
async fn an_alarm_is_drawn_with_its_metrics_and_its_threshold() {
    let world = world().await;
    world.metrics.set_alarm_pictures(Arc::new(OneAlarm));
    let widget = |name: &str| json!({"start": "-PT6M", "annotations": {"alarms": [format!("arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}")]}});
    let drawn = chart(&world, &widget("few/orders")).await.unwrap();
    assert_eq!(drawn.title, "few/orders");
    assert_eq!(shown(&drawn), [("e1", "", vec![-2.0, -1.5, -1.0, -0.5, 0.0, 0.5])]);
    let [mark] = &drawn.horizontal[..] else { panic!("{:?}", drawn.horizontal) };
    assert_eq!((mark.value, mark.label.as_str()), (1.5, "e1 < 1.5 for 1 datapoint within 1 minute"));
    let other = chart(&world, &widget("other")).await.unwrap_err();
    assert!(other.message.contains("There is no alarm"), "{other:?}");
}
