//! ListMetrics: filters, activity, pages.

use super::*;

fn named(name: &str, pairs: &[(&str, &str)]) -> MetricDatum {
    MetricDatum { metric_name: name.into(), dimensions: dimensions(pairs), ..datum(0, 1.0) }
}

/// The metrics as `name Dim=value ...`.
async fn listed(world: &World, input: ListMetricsInput) -> Vec<String> {
    let metrics = world.list(input).await.unwrap().metrics.unwrap();
    let text = |metric: &Metric| {
        let mut text = metric.metric_name.clone().unwrap();
        for dimension in metric.dimensions.iter().flatten() {
            text.push_str(&format!(" {}={}", dimension.name, dimension.value));
        }
        text
    };
    metrics.iter().map(text).collect()
}

fn filter(name: &str, value: Option<&str>) -> DimensionFilter {
    DimensionFilter { name: name.into(), value: value.map(str::to_owned) }
}

#[tokio::test]
async fn filters_choose_and_dimensions_must_all_hold() {
    let world = World::new().await;
    world
        .put(
            "Shop",
            vec![named("Load", &[("Host", "h1"), ("Az", "a")]), named("Load", &[]), named("Lo", &[("Host", "h2")])],
        )
        .await
        .unwrap();
    world.put("Shops", vec![named("Other", &[("Host", "h1")])]).await.unwrap();
    let shop = || ListMetricsInput { namespace: Some("Shop".into()), ..Default::default() };
    let by = |filters: Vec<DimensionFilter>| ListMetricsInput { dimensions: Some(filters), ..Default::default() };
    let cases = [
        (ListMetricsInput::default(), vec!["Lo Host=h2", "Load", "Load Az=a Host=h1", "Other Host=h1"]),
        (shop(), vec!["Lo Host=h2", "Load", "Load Az=a Host=h1"]),
        (ListMetricsInput { metric_name: Some("Load".into()), ..shop() }, vec!["Load", "Load Az=a Host=h1"]),
        (ListMetricsInput { metric_name: Some("Other".into()), ..Default::default() }, vec!["Other Host=h1"]),
        (ListMetricsInput { namespace: Some("Sho".into()), ..Default::default() }, vec![]),
        (by(vec![filter("Host", None)]), vec!["Lo Host=h2", "Load Az=a Host=h1", "Other Host=h1"]),
        (by(vec![filter("Host", Some("h1"))]), vec!["Load Az=a Host=h1", "Other Host=h1"]),
        (by(vec![filter("Host", Some("h1")), filter("Az", None)]), vec!["Load Az=a Host=h1"]),
        (by(vec![filter("Az", Some("b"))]), vec![]),
    ];
    for (input, expected) in cases {
        assert_eq!(listed(&world, input.clone()).await, expected, "{input:?}");
    }
    let elsewhere = Caller { region: "eu-central-1".parse().unwrap(), ..caller() };
    let output = crate::list_metrics::list_metrics(&world.metrics, &elsewhere, Default::default()).await.unwrap();
    assert_eq!(output.metrics.unwrap().len(), 0);
    let linked = ListMetricsInput { include_linked_accounts: Some(true), ..shop() };
    assert_eq!(world.list(linked).await.unwrap().owning_accounts.unwrap(), ["000000000000"; 3]);
    assert!(world.list(shop()).await.unwrap().owning_accounts.is_none());
}

#[tokio::test]
async fn metrics_without_recent_data_are_not_listed() {
    let world = World::new().await;
    world.put("Shop", vec![datum(0, 1.0)]).await.unwrap();
    let recent = || ListMetricsInput { recently_active: Some("PT3H".into()), ..Default::default() };
    world.pass(3 * HOUR);
    assert_eq!(listed(&world, recent()).await, ["Load"]);
    world.pass(MINUTE);
    assert_eq!(listed(&world, recent()).await, [""; 0]);
    world.pass(14 * DAY - 3 * HOUR - MINUTE);
    assert_eq!(listed(&world, Default::default()).await, ["Load"]);
    world.pass(1);
    assert_eq!(listed(&world, Default::default()).await, [""; 0]);
    world.put("Shop", vec![datum(14 * DAY, 1.0)]).await.unwrap();
    assert_eq!(listed(&world, recent()).await, ["Load"]);
}

#[tokio::test]
async fn pages_hold_500_and_tokens_belong_to_their_filters() {
    let world = World::new().await;
    let names: Vec<String> = (0..1001).map(|number| format!("m{number:04}")).collect();
    for part in names.chunks(1000) {
        world.put("Shop", part.iter().map(|name| named(name, &[])).collect()).await.unwrap();
    }
    let (mut got, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let output = world.list(ListMetricsInput { next_token: token, ..Default::default() }).await.unwrap();
        got.extend(output.metrics.unwrap().into_iter().map(|metric| metric.metric_name.unwrap()));
        pages += 1;
        token = output.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((pages, got), (3, names));
    // The last of very many is found, too.
    for part in 0..crate::limits::WALK_AT_ONCE / 1000 {
        let many = (0..1000).map(|number| named(&format!("a{}", part * 1000 + number), &[]));
        world.put("Before", many.collect()).await.unwrap();
    }
    let last = ListMetricsInput { metric_name: Some("m1000".into()), ..Default::default() };
    assert_eq!(listed(&world, last).await, ["m1000"]);
    let token = world.list(Default::default()).await.unwrap().next_token;
    let other = ListMetricsInput { namespace: Some("Shop".into()), next_token: token, ..Default::default() };
    assert_eq!(world.list(other).await.unwrap_err().query_code, "InvalidParameterValue");
    let bad = ListMetricsInput { next_token: Some("x".into()), ..Default::default() };
    assert_eq!(world.list(bad).await.unwrap_err().query_code, "InvalidParameterValue");
}
