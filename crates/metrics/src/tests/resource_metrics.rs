//! Resource metrics configurations: of which resources, and what they turn on.

use watchkeep_core::Arn;
use watchkeep_core::ports::{Detail, DetailedMonitoring, MetricPlace};

use super::known::{instance, log_group};
use super::*;
use crate::resource_metrics::*;

fn only(names: &[&str]) -> Option<Vec<ResourceMetricSelection>> {
    Some(vec![ResourceMetricSelection { include_metrics: names.iter().map(|name| name.to_string()).collect() }])
}

async fn create(
    world: &World,
    arn: &str,
    metric_selections: Option<Vec<ResourceMetricSelection>>,
) -> Result<ResourceMetricsConfiguration, ServiceError> {
    let input = CreateResourceMetricsConfigurationInput { resource_arn: arn.into(), metric_selections };
    let created = create_resource_metrics_configuration(&world.metrics, &caller(), input).await;
    created.map(|output| output.resource_metrics_configuration)
}

async fn update(
    world: &World,
    arn: &str,
    metric_selections: Option<Vec<ResourceMetricSelection>>,
) -> Result<ResourceMetricsConfiguration, ServiceError> {
    let input = UpdateResourceMetricsConfigurationInput { resource_arn: arn.into(), metric_selections };
    let updated = update_resource_metrics_configuration(&world.metrics, &caller(), input).await;
    updated.map(|output| output.resource_metrics_configuration)
}

async fn get(world: &World, arn: &str) -> Result<ResourceMetricsConfiguration, ServiceError> {
    let input = GetResourceMetricsConfigurationInput { resource_arn: arn.into() };
    let got = get_resource_metrics_configuration(&world.metrics, &caller(), input).await;
    got.map(|output| output.resource_metrics_configuration)
}

async fn delete(world: &World, arn: &str) -> Result<(), ServiceError> {
    let input = DeleteResourceMetricsConfigurationInput { resource_arn: arn.into() };
    delete_resource_metrics_configuration(&world.metrics, &caller(), input).await.map(|_| ())
}

fn detail(world: &World) -> Detail {
    let place = MetricPlace { account: AccountId::DEFAULT, region: Default::default() };
    world.metrics.detail(&place, &instance("i-1").parse::<Arn>().unwrap())
}

#[tokio::test]
async fn a_configuration_turns_detail_on_until_it_is_deleted() {
    let world = World::with_neighbours().await;
    let arn = instance("i-1");
    assert_eq!(detail(&world), Detail::Basic);
    let created = create(&world, &arn, None).await.unwrap();
    assert_eq!((created.created_at.0, created.updated_at.0), (NOW, NOW));
    assert_eq!((created.resource_arn.as_str(), &created.metric_selections), (arn.as_str(), &None));
    assert_eq!(detail(&world), Detail::All);
    assert_eq!(create(&world, &arn, None).await.unwrap_err().code, "ConflictException");
    world.pass(MINUTE);
    let updated = update(&world, &arn, only(&["NetworkIn", "CPUUtilization"])).await.unwrap();
    assert_eq!((updated.created_at.0, updated.updated_at.0), (NOW, NOW + MINUTE));
    assert_eq!(updated.metric_selections, only(&["CPUUtilization", "NetworkIn"]));
    let world = world.crash().await;
    assert_eq!(get(&world, &arn).await.unwrap(), updated);
    assert!(detail(&world).covers("NetworkIn") && !detail(&world).covers("NetworkOut"));
    update(&world, &arn, None).await.unwrap();
    assert_eq!(detail(&world), Detail::All, "without a selection all is measured again");
    delete(&world, &arn).await.unwrap();
    assert_eq!(detail(&world), Detail::Basic);
    for error in
        [delete(&world, &arn).await, get(&world, &arn).await.map(|_| ()), update(&world, &arn, None).await.map(|_| ())]
    {
        assert_eq!(error.unwrap_err().code, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn only_instances_and_log_groups_that_exist_can_be_configured() {
    let world = World::with_neighbours().await;
    let cases = [
        (instance("i-2"), "ResourceNotFoundException"),
        (instance("i-1").replace("us-east-1", "eu-west-1"), "ResourceNotFoundException"),
        (log_group("absent"), "ResourceNotFoundException"),
        ("arn:aws:elasticache:us-east-1:000000000000:replicationgroup:g".to_owned(), "ValidationException"),
        ("no ARN".to_owned(), "ValidationException"),
    ];
    for (arn, code) in cases {
        assert_eq!(create(&world, &arn, None).await.unwrap_err().code, code, "{arn}");
    }
    let created = create(&world, &format!("{}:*", log_group("web")), None).await.unwrap();
    assert_eq!(created.resource_arn, log_group("web"));
    assert_eq!(get(&world, &log_group("web")).await.unwrap(), created);
}
