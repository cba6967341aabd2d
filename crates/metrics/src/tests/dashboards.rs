//! Dashboards: whose they are, what is kept of them, what is told.

use super::*;
use crate::dashboards::{delete_dashboards, get_dashboard, list_dashboards, put_dashboard};

const BODY: &str = "{ \"widgets\" : [ {\"type\":\"text\",\"properties\":{\"markdown\":\"Grüße \\u00e9\"}} ]\n}";

async fn put(world: &World, name: &str, body: &str) -> Result<Vec<(String, String)>, ServiceError> {
    let input = PutDashboardInput { dashboard_name: name.into(), dashboard_body: body.into(), ..Default::default() };
    put_dashboard(&world.metrics, &caller(), input).await.map(|output| told(output.dashboard_validation_messages))
}

fn told(messages: Option<Vec<DashboardValidationMessage>>) -> Vec<(String, String)> {
    let messages = messages.unwrap().into_iter();
    messages.map(|message| (message.data_path.unwrap(), message.message.unwrap())).collect()
}

async fn body(world: &World, name: &str) -> Result<String, ServiceError> {
    let input = GetDashboardInput { dashboard_name: name.into() };
    get_dashboard(&world.metrics, &caller(), input).await.map(|output| output.dashboard_body.unwrap())
}

async fn names(world: &World, prefix: &str) -> Vec<String> {
    let input = ListDashboardsInput { dashboard_name_prefix: Some(prefix.into()), next_token: None };
    let output = list_dashboards(&world.metrics, &caller(), input).await.unwrap();
    output.dashboard_entries.unwrap().into_iter().map(|entry| entry.dashboard_name.unwrap()).collect()
}

async fn delete(world: &World, names: &[&str]) -> Result<DeleteDashboardsOutput, ServiceError> {
    let dashboard_names = names.iter().map(|name| name.to_string()).collect();
    delete_dashboards(&world.metrics, &caller(), DeleteDashboardsInput { dashboard_names }).await
}

#[tokio::test]
async fn a_body_is_kept_byte_for_byte_through_restarts_and_in_every_region() {
    let world = World::new().await;
    assert_eq!(put(&world, "shop", BODY).await.unwrap(), []);
    let world = world.crash().await;
    let elsewhere = Caller { region: "eu-west-1".parse().unwrap(), ..caller() };
    let input = GetDashboardInput { dashboard_name: "shop".into() };
    let found = get_dashboard(&world.metrics, &elsewhere, input.clone()).await.unwrap();
    assert_eq!(found.dashboard_body.as_deref(), Some(BODY));
    assert_eq!(found.dashboard_arn.as_deref(), Some("arn:aws:cloudwatch::000000000000:dashboard/shop"));
    let other = Caller { account: "111111111111".parse().unwrap(), ..caller() };
    let error = get_dashboard(&world.metrics, &other, input).await.unwrap_err();
    assert_eq!((error.query_code.as_ref(), error.status), ("ResourceNotFound", 404));
    assert_eq!(error.message, "Dashboard shop does not exist");
    world.store.reset().await.unwrap();
    world.metrics.reset().await;
    assert!(body(&world, "shop").await.is_err());
}

#[tokio::test]
async fn listings_tell_size_and_time_and_go_by_name_and_page() {
    let world = World::new().await;
    for name in ["b", "a-2", "a_1"] {
        put(&world, name, BODY).await.unwrap();
    }
    world.pass(MINUTE);
    put(&world, "b", "{\"widgets\":[]}").await.unwrap();
    let output = list_dashboards(&world.metrics, &caller(), Default::default()).await.unwrap();
    let shown = |entry: DashboardEntry| {
        (entry.dashboard_name.unwrap(), entry.size.unwrap(), entry.last_modified.unwrap().0 - NOW)
    };
    let entries: Vec<_> = output.dashboard_entries.unwrap().into_iter().map(shown).collect();
    let size = BODY.len() as i64;
    assert_eq!(entries, [("a-2".into(), size, 0), ("a_1".into(), size, 0), ("b".into(), 14, MINUTE)]);
    assert_eq!(names(&world, "a").await, ["a-2", "a_1"]);
    assert_eq!(names(&world, "c").await, [""; 0]);
    for index in 0..1000 {
        put(&world, &format!("p{index:04}"), "{\"widgets\":[]}").await.unwrap();
    }
    let mut input = ListDashboardsInput { dashboard_name_prefix: None, next_token: None };
    let first = list_dashboards(&world.metrics, &caller(), input.clone()).await.unwrap();
    assert_eq!(first.dashboard_entries.unwrap().len(), 1000);
    input.next_token = first.next_token;
    let second = list_dashboards(&world.metrics, &caller(), input).await.unwrap();
    let rest = second.dashboard_entries.unwrap().into_iter().map(|entry| entry.dashboard_name.unwrap());
    assert_eq!(rest.collect::<Vec<_>>(), ["p0997", "p0998", "p0999"]);
    assert_eq!(second.next_token, None);
    let input = ListDashboardsInput { dashboard_name_prefix: None, next_token: Some("x".into()) };
    assert_eq!(
        list_dashboards(&world.metrics, &caller(), input).await.unwrap_err().query_code,
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn bodies_that_are_wrong_are_refused_with_all_reasons_and_others_kept_with_warnings() {
    let world = World::new().await;
    let error = put(&world, "d", "{\"widgets\":[{\"type\":\"text\",\"properties\":{}}]}").await.unwrap_err();
    assert_eq!((error.query_code.as_ref(), error.status), ("InvalidParameterInput", 400));
    assert_eq!(
        error.message,
        "The dashboard body is invalid, there are 1 validation errors:\n[\n  {\n    \"dataPath\": \"/widgets/0/properties\",\n    \"message\": \"Should have required property 'markdown'\"\n  }\n]"
    );
    for text in ["no JSON", "[]", &format!("{{\"widgets\":[],\"a\":\"{}\"}}", "x".repeat(1 << 20))] {
        let error = put(&world, "d", text).await.unwrap_err();
        assert_eq!(error.query_code, "InvalidParameterInput", "{text:.20}");
        assert!(error.message.starts_with("The field DashboardBody must "), "{}", error.message);
    }
    assert!(body(&world, "d").await.is_err(), "nothing was kept");
    let warned = put(&world, "d", "{\"widgets\":[],\"colour\":1}").await.unwrap();
    assert_eq!(warned, [("/colour".into(), "Should NOT have additional properties".into())]);
    assert_eq!(body(&world, "d").await.unwrap(), "{\"widgets\":[],\"colour\":1}");
}

#[tokio::test]
async fn names_and_deletions() {
    let world = World::new().await;
    let invalid = "The value for field DashboardName contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_).\n";
    for (name, message) in [("a b", Some(invalid)), ("ä", Some(invalid)), ("", None), (&"n".repeat(256), None)] {
        let error = put(&world, name, BODY).await.unwrap_err();
        assert_eq!(error.query_code, "InvalidParameterValue", "{name}");
        assert!(message.is_none_or(|message| error.message == message), "{}", error.message);
    }
    put(&world, &"n".repeat(255), BODY).await.unwrap();
    put(&world, "keep", BODY).await.unwrap();
    put(&world, "gone", BODY).await.unwrap();
    assert_eq!(delete(&world, &["gone", "a b"]).await.unwrap_err().query_code, "InvalidParameterValue");
    assert_eq!(names(&world, "gone").await, ["gone"], "all or nothing");
    delete(&world, &["gone", "never-was"]).await.unwrap();
    assert_eq!(names(&world, "").await, ["keep".to_owned(), "n".repeat(255)]);
    assert_eq!(delete(&world, &[]).await.unwrap_err().query_code, "MissingParameter");
    assert_eq!(delete(&world, &["x"; 101]).await.unwrap_err().query_code, "InvalidParameterValue");
}
