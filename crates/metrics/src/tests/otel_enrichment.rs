//! OTel enrichment: its states, its filters, and the labels that it gives.

use watchkeep_core::ports::{Enrichment, MetricIdentity, MetricPlace, MetricSource};

use super::*;
use crate::otel_enrichment::*;

type Selectors = Option<Vec<OTelEnrichmentMetricSelector>>;

/// Namespaces, each with names of metrics.
fn selectors(given: &[(&str, &[&str])]) -> Selectors {
    let selector = |(namespace, names): &(&str, &[&str])| OTelEnrichmentMetricSelector {
        namespace: namespace.to_string(),
        metric_names: (!names.is_empty()).then(|| names.iter().map(|name| name.to_string()).collect()),
    };
    Some(given.iter().map(selector).collect())
}

async fn start(
    world: &World,
    include: Selectors,
    exclude: Selectors,
) -> Result<StartOTelEnrichmentOutput, ServiceError> {
    let input = StartOTelEnrichmentInput { include_filters: include, exclude_filters: exclude };
    start_otel_enrichment(&world.metrics, &caller(), input).await
}

async fn update(
    world: &World,
    include: Selectors,
    exclude: Selectors,
) -> Result<UpdateOTelEnrichmentOutput, ServiceError> {
    let input = UpdateOTelEnrichmentInput { include_filters: include, exclude_filters: exclude };
    update_otel_enrichment(&world.metrics, &caller(), input).await
}

async fn get(world: &World) -> GetOTelEnrichmentOutput {
    get_otel_enrichment(&world.metrics, &caller(), GetOTelEnrichmentInput {}).await.unwrap()
}

async fn stop(world: &World) {
    stop_otel_enrichment(&world.metrics, &caller(), StopOTelEnrichmentInput {}).await.unwrap();
}

fn enrichment(world: &World) -> Option<Arc<dyn Enrichment>> {
    world.metrics.enrichment(&MetricPlace { account: AccountId::DEFAULT, region: Default::default() })
}

/// The labels of a metric by its only dimension.
fn labels(world: &World, namespace: &str, name: &str, dimension: (&str, &str)) -> Vec<(String, String)> {
    let dimensions = vec![(dimension.0.into(), dimension.1.into())];
    let metric = MetricIdentity { namespace: namespace.into(), name: name.into(), dimensions };
    let labels = enrichment(world).unwrap().labels(&metric);
    labels.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[tokio::test]
async fn the_filters_are_those_of_the_start_until_they_are_updated() {
    let world = World::with_neighbours().await;
    assert_eq!(get(&world).await, GetOTelEnrichmentOutput { status: "Stopped".into(), ..Default::default() });
    assert!(enrichment(&world).is_none());
    assert_eq!(update(&world, None, None).await.unwrap_err().code, "ResourceNotFoundException");
    let (ec2, logs) = (selectors(&[("AWS/EC2", &[])]), selectors(&[("AWS/Logs", &["IncomingBytes"])]));
    let started = start(&world, ec2.clone(), Some(Vec::new())).await.unwrap();
    assert_eq!((&started.include_filters, &started.exclude_filters), (&ec2, &None));
    assert_eq!((started.created_at, started.updated_at), (Some(Timestamp(NOW)), Some(Timestamp(NOW))));
    world.pass(MINUTE);
    assert_eq!(start(&world, None, logs.clone()).await.unwrap(), started, "it runs already");
    let updated = update(&world, None, logs.clone()).await.unwrap();
    assert_eq!((&updated.include_filters, &updated.exclude_filters), (&None, &logs), "filters are replaced as a pair");
    assert_eq!((updated.created_at, updated.updated_at), (Some(Timestamp(NOW)), Some(Timestamp(NOW + MINUTE))));
    let world = world.crash().await;
    let running = get(&world).await;
    assert_eq!((running.status.as_str(), &running.exclude_filters), ("Running", &logs));
    assert_eq!((running.created_at, running.updated_at), (updated.created_at, updated.updated_at));
    stop(&world).await;
    stop(&world).await;
    assert_eq!(get(&world).await.status, "Stopped");
}

#[tokio::test]
async fn there_are_no_more_than_a_hundred_selectors() {
    let world = World::new().await;
    let many = |count: usize| {
        let selector = |number| OTelEnrichmentMetricSelector { namespace: format!("AWS/{number}"), metric_names: None };
        Some((0..count).map(selector).collect::<Vec<_>>())
    };
    let error = start(&world, many(60), many(60)).await.unwrap_err();
    assert_eq!(error.code, "ValidationException");
    assert_eq!(get(&world).await.status, "Stopped");
    start(&world, many(60), many(40)).await.unwrap();
    assert_eq!(update(&world, many(41), many(60)).await.unwrap_err().code, "ValidationException");
}

#[tokio::test]
async fn metrics_of_resources_have_their_arn_and_tags() {
    let world = World::with_neighbours().await;
    start(&world, None, None).await.unwrap();
    let expected = [
        ("@aws.account", "000000000000"),
        ("@aws.region", "us-east-1"),
        ("@aws.tag.Team", "team of web"),
        ("@instrumentation.@name", "cloudwatch.aws/logs"),
        ("@instrumentation.cloudwatch.solution", "CloudWatchOTelEnrichment"),
        ("@instrumentation.cloudwatch.source", "aws.logs"),
        ("@resource.cloud.account.id", "000000000000"),
        ("@resource.cloud.provider", "aws"),
        ("@resource.cloud.region", "us-east-1"),
        ("@resource.cloud.resource_id", "arn:aws:logs:us-east-1:000000000000:log-group:web"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(labels(&world, "AWS/Logs", "IncomingBytes", ("LogGroupName", "web")), expected);
    for (namespace, dimension) in
        [("AWS/Logs", ("LogGroupName", "absent")), ("AWS/Usage", ("Service", "web")), ("Shop", ("LogGroupName", "web"))]
    {
        assert_eq!(labels(&world, namespace, "IncomingBytes", dimension), [], "{namespace} {dimension:?}");
    }
}

#[tokio::test]
async fn what_is_excluded_wins_over_what_is_included() {
    let world = World::with_neighbours().await;
    start(&world, None, None).await.unwrap();
    type Given<'a> = &'a [(&'a str, &'a [&'a str])];
    // Whether CPUUtilization, NetworkIn and IncomingBytes are enriched.
    let cases: &[(Given<'_>, Given<'_>, [bool; 3])] = &[
        (&[], &[], [true, true, true]),
        (&[("AWS/EC2", &[])], &[], [true, true, false]),
        (&[("AWS/EC2", &["NetworkIn"]), ("AWS/Logs", &[])], &[], [false, true, true]),
        (&[], &[("AWS/EC2", &["NetworkIn"])], [true, false, true]),
        (&[("AWS/EC2", &[])], &[("AWS/EC2", &["NetworkIn"])], [true, false, false]),
        (&[("AWS/EC2", &[])], &[("AWS/EC2", &[])], [false, false, false]),
        (&[("aws/ec2", &[])], &[], [false, false, false]),
    ];
    for (include, exclude, expected) in cases {
        update(&world, selectors(include), selectors(exclude)).await.unwrap();
        let instance = ("InstanceId", "i-1");
        let found = [
            labels(&world, "AWS/EC2", "CPUUtilization", instance),
            labels(&world, "AWS/EC2", "NetworkIn", instance),
            labels(&world, "AWS/Logs", "IncomingBytes", ("LogGroupName", "shop")),
        ];
        assert_eq!(found.map(|labels| !labels.is_empty()), *expected, "{include:?} {exclude:?}");
    }
}
