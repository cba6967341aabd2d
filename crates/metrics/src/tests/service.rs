//! The service as the doors and the store see it.

use super::*;
use watchkeep_model::{OperationType, View};
use watchkeep_store::TableOwner;

use crate::rollup::Tier;
use crate::series::{KeyWriter, SeriesId};
use crate::tables::PointsOwner;

#[tokio::test]
async fn the_table_routes_what_is_there() {
    let world = World::new().await;
    let routed = world.metrics.routed();
    let names: Vec<&str> = routed.operations().iter().map(|operation| operation.name).collect();
    // By name, each once, and none that the table does not have.
    assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    assert_eq!(names.len(), crate::ROUTES.len());
    assert!(crate::ROUTES.iter().all(|route| names.contains(&route.operation.name)));
    let input =
        PutMetricDataInput { namespace: "Shop".into(), metric_data: Some(vec![datum(0, 1.0)]), ..Default::default() };
    assert!(routed.call(operations::PutMetricData::OPERATION, caller(), Box::new(input)).await.is_ok());
    let list = operations::ListMetrics::OPERATION;
    let reply = routed.call(list, caller(), routed.new_input(list).unwrap()).await.unwrap();
    let metrics = list.output.members.iter().position(|member| member.name == "Metrics").unwrap();
    assert!(matches!(reply.output.get(metrics), Some(View::List(_))));
}

#[tokio::test]
async fn readers_of_open_files_are_told_what_a_series_is() {
    let world = World::new().await;
    let pairs = [("Host", "h1"), ("Az", "a")];
    world.put("Shop", vec![MetricDatum { dimensions: dimensions(&pairs), ..datum(0, 1.0) }]).await.unwrap();
    let mut writer = KeyWriter::new(AccountId::DEFAULT, &Default::default(), "Shop");
    let id = SeriesId::of(writer.key("Load", &dimensions(&pairs).unwrap()).unwrap(), 0);
    let (rollups, index) = (world.metrics.rollups.clone(), world.metrics.index.clone());
    let owner = PointsOwner { tier: Tier::Points, rollups, index, clock: world.clock.clone() };
    let label = |name: &str| owner.label(name, id.0);
    let labels = ["account", "region", "namespace", "metric_name", "dimensions"].map(|name| label(name).unwrap());
    assert_eq!(labels, ["000000000000", "us-east-1", "Shop", "Load", r#"{"Az":"a","Host":"h1"}"#]);
    assert_eq!((label("other"), owner.label("namespace", 1)), (None, None));
}

#[tokio::test]
async fn a_closed_store_is_an_internal_fault() {
    let world = World::new().await;
    world.store.close().await;
    let error = world.put("Shop", vec![datum(0, 1.0)]).await.unwrap_err();
    assert_eq!((&*error.query_code, error.status), ("InternalServiceError", 500));
}
