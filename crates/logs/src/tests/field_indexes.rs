//! Index policies, and the fields of events.

use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    DeleteIndexPolicyRequest, DescribeFieldIndexesRequest, DescribeIndexPoliciesRequest, GetLogGroupFieldsRequest,
    IndexPolicy, ListLogGroupsRequest, PutAccountPolicyRequest, PutIndexPolicyRequest,
};

use super::{Fixture, NOW, error};
use crate::account_policies::put_account_policy;
use crate::field_indexes::{delete_index_policy, describe_field_indexes, describe_index_policies, put_index_policy};
use crate::limits::DAY_MS;
use crate::list_log_groups::list_log_groups;
use crate::log_group_fields::get_log_group_fields;

const ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:g";

async fn put(fixture: &Fixture, document: &str) -> Result<Option<IndexPolicy>, ServiceError> {
    let input = PutIndexPolicyRequest { log_group_identifier: "g".into(), policy_document: document.into() };
    put_index_policy(&fixture.logs, &fixture.caller, input).await.map(|output| output.index_policy)
}

async fn described(fixture: &Fixture) -> Vec<IndexPolicy> {
    let input = DescribeIndexPoliciesRequest { log_group_identifiers: vec![ARN.into()], next_token: None };
    describe_index_policies(&fixture.logs, &fixture.caller, input).await.unwrap().index_policies.unwrap()
}

/// Name, first time and last time of the fields of a category.
async fn fields(fixture: &Fixture, category: &str) -> Vec<(String, Option<i64>, Option<i64>)> {
    let input = DescribeFieldIndexesRequest {
        log_group_identifiers: vec!["g".into()],
        index_categories: Some(vec![category.into()]),
        next_token: None,
    };
    let output = describe_field_indexes(&fixture.logs, &fixture.caller, input).await.unwrap();
    let fields = output.field_indexes.unwrap().into_iter();
    let offset = |time: Option<i64>| time.map(|time| time - NOW);
    fields
        .map(|field| (field.field_index_name.unwrap(), offset(field.first_event_time), offset(field.last_event_time)))
        .collect()
}

#[tokio::test]
async fn a_groups_policy_counts_before_the_accounts() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    assert_eq!(described(&fixture).await, []);
    let input = PutAccountPolicyRequest {
        policy_name: "p".into(),
        policy_document: r#"{"Fields":["a"]}"#.into(),
        policy_type: "FIELD_INDEX_POLICY".into(),
        ..PutAccountPolicyRequest::default()
    };
    put_account_policy(&fixture.logs, &fixture.caller, input).await.unwrap();
    let of_account = IndexPolicy {
        log_group_identifier: Some(ARN.into()),
        last_update_time: Some(NOW),
        policy_document: Some(r#"{"Fields":["a"]}"#.into()),
        policy_name: Some("p".into()),
        source: Some("ACCOUNT".into()),
    };
    assert_eq!(described(&fixture).await, std::slice::from_ref(&of_account));
    fixture.advance(1);
    let own = put(&fixture, r#"{"Fields":["b"]}"#).await.unwrap().unwrap();
    assert_eq!(
        own,
        IndexPolicy {
            log_group_identifier: Some(ARN.into()),
            last_update_time: Some(NOW + 1),
            policy_document: Some(r#"{"Fields":["b"]}"#.into()),
            policy_name: None,
            source: Some("LOG_GROUP".into()),
        }
    );
    let fixture = fixture.reopen(false).await;
    assert_eq!(described(&fixture).await, [own]);
    let listed = |field: &str| {
        let input = ListLogGroupsRequest { field_index_names: Some(vec![field.into()]), ..Default::default() };
        list_log_groups(&fixture.logs, &fixture.caller, input)
    };
    assert_eq!(listed("b").await.unwrap().log_groups.unwrap().len(), 1);
    assert_eq!(listed("a").await.unwrap().log_groups.unwrap().len(), 0);
    let delete = || async {
        let input = DeleteIndexPolicyRequest { log_group_identifier: "g".into() };
        delete_index_policy(&fixture.logs, &fixture.caller, input).await
    };
    delete().await.unwrap();
    assert_eq!(described(&fixture).await, [of_account]);
    assert_eq!(error(delete().await), "ResourceNotFoundException: The specified log group has no index policy.");
    assert!(error(put(&fixture, "{}").await).starts_with("InvalidParameterException: An index policy has between 1"));
}

#[tokio::test]
async fn indexed_fields_tell_when_they_occurred() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(-5, r#"{"id":0}"#)]).await;
    fixture.advance(10);
    put(&fixture, r#"{"Fields":["id","d.e","none"],"FieldsV2":{"f":{"type":"FACET"}}}"#).await.unwrap();
    fixture.put("g", "s", &[(-3, r#"{"id":1,"d":{"e":2}}"#), (2, r#"{"id":1,"f":3}"#), (4, "text")]).await;
    let expected = [
        ("d.e".to_owned(), Some(-3), Some(-3)),
        ("f".to_owned(), Some(2), Some(2)),
        ("id".to_owned(), Some(-3), Some(2)),
        ("none".to_owned(), None, None),
    ];
    assert_eq!(fields(&fixture, "CUSTOM").await, expected);
    fixture.advance(10);
    put(&fixture, r#"{"Fields":["id"]}"#).await.unwrap();
    assert_eq!(fields(&fixture, "CUSTOM").await, [("id".to_owned(), Some(-3), Some(2))], "indexed since then");
    let defaults = fields(&fixture, "DEFAULT").await;
    assert!(defaults.contains(&("@logStream".to_owned(), Some(-5), Some(4))), "{defaults:?}");
    assert!(defaults.contains(&("traceId".to_owned(), None, None)), "{defaults:?}");
    assert_eq!(fields(&fixture, "INACTIVE").await, []);
    fixture.advance(31 * DAY_MS);
    assert_eq!(fields(&fixture, "CUSTOM").await, [("id".to_owned(), None, None)], "for thirty days");
}

#[tokio::test]
async fn fields_of_a_group_come_with_percentages() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let minute = 60_000;
    fixture
        .put(
            "g",
            "s",
            &[(-16 * minute, r#"{"old":1}"#), (-9 * minute, r#"{"a":1}"#), (-1, r#"{"a":1,"b":{"c":2}}"#), (0, "x")],
        )
        .await;
    let found = |time: Option<i64>| {
        let fixture = &fixture;
        async move {
            let input = GetLogGroupFieldsRequest { log_group_name: Some("g".into()), time, ..Default::default() };
            let output = get_log_group_fields(&fixture.logs, &fixture.caller, input).await.unwrap();
            let fields = output.log_group_fields.unwrap().into_iter();
            fields.map(|field| (field.name.unwrap(), field.percent.unwrap())).collect::<Vec<_>>()
        }
    };
    let of_all = ["@ingestionTime", "@log", "@logStream", "@message", "@timestamp"].map(|name| (name.to_owned(), 100));
    let recent = found(None).await;
    assert_eq!(recent[..5], of_all);
    assert_eq!(recent[5..], [("a".to_owned(), 66), ("b.c".to_owned(), 33)]);
    assert_eq!(found(Some(NOW / 1000 - 15 * 60)).await[5..], [("a".to_owned(), 50), ("old".to_owned(), 50)]);
    assert_eq!(found(Some(0)).await, []);
    let both = GetLogGroupFieldsRequest {
        log_group_name: Some("g".into()),
        log_group_identifier: Some("g".into()),
        time: None,
    };
    assert!(error(get_log_group_fields(&fixture.logs, &fixture.caller, both).await).starts_with("InvalidParameter"));
}
