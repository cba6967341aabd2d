//! Saved queries.

use super::*;
use crate::query_definitions::*;

fn definition(path: &str, expression: &str) -> PutMetricDataQueryDefinitionInput {
    PutMetricDataQueryDefinitionInput {
        path: path.into(),
        expression: expression.into(),
        r#type: "METRIC_MATH".into(),
        ..Default::default()
    }
}

async fn put(
    world: &World,
    input: PutMetricDataQueryDefinitionInput,
) -> Result<PutMetricDataQueryDefinitionOutput, ServiceError> {
    put_metric_data_query_definition(&world.metrics, &caller(), input).await
}

async fn get(world: &World, id: &str) -> Result<GetMetricDataQueryDefinitionOutput, ServiceError> {
    let input = GetMetricDataQueryDefinitionInput { id: id.into() };
    get_metric_data_query_definition(&world.metrics, &caller(), input).await
}

#[tokio::test]
async fn a_definition_is_created_updated_read_and_deleted() {
    let world = World::new().await;
    let created = put(&world, definition("shop/rate", "m1 / m2")).await.unwrap();
    let arn = format!("arn:aws:cloudwatch:us-east-1:000000000000:metric-query-definition/{}", created.id);
    assert_eq!(created.arn, arn);
    world.pass(MINUTE);
    let changed = PutMetricDataQueryDefinitionInput {
        id: Some(created.id.clone()),
        r#type: "SQL".into(),
        ..definition("shop/sum", "not ( a query")
    };
    let updated = put(&world, changed).await.unwrap();
    assert_eq!((updated.id.as_str(), updated.arn), (created.id.as_str(), arn));
    let world = world.crash().await;
    let found = get(&world, &created.id).await.unwrap();
    assert_eq!(
        (found.path.as_str(), found.expression.as_str(), found.r#type.as_str()),
        ("shop/sum", "not ( a query", "SQL")
    );
    assert_eq!((found.created_at.0 - NOW, found.updated_at.0 - NOW), (0, MINUTE));
    let elsewhere = Caller { region: "eu-west-1".parse().unwrap(), ..caller() };
    let input = GetMetricDataQueryDefinitionInput { id: created.id.clone() };
    assert!(get_metric_data_query_definition(&world.metrics, &elsewhere, input).await.is_err());
    for _ in 0..2 {
        let input = DeleteMetricDataQueryDefinitionInput { id: created.id.clone() };
        delete_metric_data_query_definition(&world.metrics, &caller(), input).await.unwrap();
    }
    let error = get(&world, &created.id).await.unwrap_err();
    assert_eq!((error.query_code.as_ref(), error.status), ("ResourceNotFoundException", 404));
}

#[tokio::test]
async fn paths_are_unique_and_only_what_exists_is_updated() {
    let world = World::new().await;
    let first = put(&world, definition("a", "1")).await.unwrap();
    let error = put(&world, definition("a", "2")).await.unwrap_err();
    assert_eq!((error.query_code.as_ref(), error.status), ("ConflictException", 409));
    let second = put(&world, definition("b", "2")).await.unwrap();
    let onto_first = PutMetricDataQueryDefinitionInput { id: Some(second.id), ..definition("a", "2") };
    assert_eq!(put(&world, onto_first).await.unwrap_err().query_code, "ConflictException");
    let same_path = PutMetricDataQueryDefinitionInput { id: Some(first.id), ..definition("a", "3") };
    put(&world, same_path).await.unwrap();
    let absent = PutMetricDataQueryDefinitionInput { id: Some("absent".into()), ..definition("c", "3") };
    assert_eq!(put(&world, absent).await.unwrap_err().query_code, "ResourceNotFoundException");
}

#[tokio::test]
async fn listings_go_page_by_page_up_to_the_quota() {
    let world = World::new().await;
    for index in 0..1000 {
        put(&world, definition(&format!("p{index}"), "1")).await.unwrap();
    }
    let error = put(&world, definition("more", "1")).await.unwrap_err();
    assert_eq!((error.query_code.as_ref(), error.status), ("LimitExceededException", 400));
    let (mut ids, mut pages, mut next_token) = (Vec::new(), 0, None);
    loop {
        let input = ListMetricDataQueryDefinitionsInput { max_results: Some(99), next_token };
        let page = list_metric_data_query_definitions(&world.metrics, &caller(), input).await.unwrap();
        ids.extend(page.items.into_iter().map(|item| item.id));
        pages += 1;
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!((ids.len(), pages), (1000, 11));
    assert!(ids.is_sorted_by(|one, next| one < next));
    let input = ListMetricDataQueryDefinitionsInput { max_results: None, next_token: Some("d00".into()) };
    let error = list_metric_data_query_definitions(&world.metrics, &caller(), input).await.unwrap_err();
    assert_eq!(error.code, "ValidationException");
}
