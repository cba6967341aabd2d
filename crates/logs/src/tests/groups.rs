//! Groups: creating, deleting, listing, retention, tags.

use std::collections::BTreeMap;

use watchkeep_model::logs::{
    CreateLogGroupRequest, DeleteLogGroupRequest, DeleteLogStreamRequest, DeleteRetentionPolicyRequest,
    DescribeLogGroupsRequest, DescribeLogGroupsResponse, ListLogGroupsRequest, ListTagsForResourceRequest,
    ListTagsLogGroupRequest, LogGroup, PutLogGroupDeletionProtectionRequest, PutRetentionPolicyRequest,
    TagLogGroupRequest, TagResourceRequest, UntagLogGroupRequest, UntagResourceRequest,
};

use super::*;
use crate::limits::DAY_MS;
use crate::{list_log_groups, log_groups, log_streams, retention, tags};

const ARN: &str = "arn:aws:logs:us-east-1:000000000000:log-group:g";

impl Fixture {
    async fn create(&self, input: CreateLogGroupRequest) -> Result<Unit, ServiceError> {
        log_groups::create_log_group(&self.logs, &self.caller, input).await
    }

    async fn delete(&self, name: &str) -> Result<Unit, ServiceError> {
        let input = DeleteLogGroupRequest { log_group_name: name.into() };
        log_groups::delete_log_group(&self.logs, &self.caller, input).await
    }

    pub(super) async fn describe(
        &self,
        input: DescribeLogGroupsRequest,
    ) -> Result<DescribeLogGroupsResponse, ServiceError> {
        log_groups::describe_log_groups(&self.logs, &self.caller, input).await
    }

    pub(super) async fn described(&self, name: &str) -> LogGroup {
        let input = DescribeLogGroupsRequest { log_group_name_prefix: Some(name.into()), ..Default::default() };
        self.describe(input).await.unwrap().log_groups.unwrap().into_iter().next().unwrap()
    }

    pub(super) async fn retain(&self, name: &str, days: i32) -> Result<Unit, ServiceError> {
        let input = PutRetentionPolicyRequest { log_group_name: name.into(), retention_in_days: days };
        retention::put_retention_policy(&self.logs, &self.caller, input).await
    }

    async fn tags(&self) -> BTreeMap<String, String> {
        let input = ListTagsForResourceRequest { resource_arn: ARN.into() };
        tags::list_tags_for_resource(&self.logs, &self.caller, input).await.unwrap().tags.unwrap()
    }
}

fn named(name: &str) -> CreateLogGroupRequest {
    CreateLogGroupRequest { log_group_name: name.into(), ..Default::default() }
}

fn names(response: &DescribeLogGroupsResponse) -> Vec<&str> {
    response.log_groups.iter().flatten().map(|group| group.log_group_name.as_deref().unwrap()).collect()
}

fn tag_map(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_group_is_described_as_it_was_created() {
    let fixture = Fixture::new().await;
    fixture.create(named("g")).await.unwrap();
    let expected = LogGroup {
        log_group_name: Some("g".into()),
        creation_time: Some(NOW),
        metric_filter_count: Some(0),
        arn: Some(format!("{ARN}:*")),
        stored_bytes: Some(0),
        log_group_class: Some("STANDARD".into()),
        log_group_arn: Some(ARN.into()),
        ..Default::default()
    };
    assert_eq!(fixture.described("g").await, expected);
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(0, "four"), (1, "é")]).await;
    assert_eq!(fixture.described("g").await.stored_bytes, Some(4 + 2 + 2 * 26));
    let cases = [
        (named("g"), "ResourceAlreadyExistsException: The specified log group already exists"),
        (named("aws/x"), "InvalidParameterException: Log group names that start with aws/ are reserved."),
        (
            CreateLogGroupRequest { kms_key_id: Some("k".into()), ..named("k") },
            "InvalidParameterException: The specified KMS key does not exist or is not allowed to be used with \
             Arn 'arn:aws:logs:us-east-1:000000000000:log-group:k'",
        ),
        (
            CreateLogGroupRequest { tags: Some(tag_map(&[("aws:x", "y")])), ..named("t") },
            "InvalidParameterException: Tag keys that start with aws: are reserved.",
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(error(fixture.create(input).await), expected);
    }
    assert!(fixture.create(named("/aws/x")).await.is_ok());
}

#[tokio::test]
async fn groups_are_listed_by_name() {
    let fixture = Fixture::new().await;
    for name in ["b/two", "b", "/aws/DataLogs", "a", "b/one", "C"] {
        fixture.group(name).await;
    }
    let infrequent = CreateLogGroupRequest { log_group_class: Some("INFREQUENT_ACCESS".into()), ..named("ia") };
    fixture.create(infrequent).await.unwrap();
    let all = ["/aws/DataLogs", "C", "a", "b", "b/one", "b/two", "ia"];
    let input = DescribeLogGroupsRequest::default;
    let ids = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
    let cases: Vec<(DescribeLogGroupsRequest, &[&str])> = vec![
        (input(), &all),
        (DescribeLogGroupsRequest { log_group_name_prefix: Some("b/".into()), ..input() }, &["b/one", "b/two"]),
        (DescribeLogGroupsRequest { log_group_name_prefix: Some("zz".into()), ..input() }, &[]),
        (DescribeLogGroupsRequest { log_group_name_pattern: Some("DataLogs".into()), ..input() }, &["/aws/DataLogs"]),
        (DescribeLogGroupsRequest { log_group_name_pattern: Some("datalogs".into()), ..input() }, &[]),
        (DescribeLogGroupsRequest { log_group_class: Some("INFREQUENT_ACCESS".into()), ..input() }, &["ia"]),
        (
            DescribeLogGroupsRequest {
                log_group_identifiers: ids(&["b", "none", "arn:aws:logs:us-east-1:000000000000:log-group:a", "b"]),
                ..input()
            },
            &["a", "b"],
        ),
        (
            DescribeLogGroupsRequest {
                include_linked_accounts: Some(true),
                account_identifiers: ids(&["111111111111"]),
                ..input()
            },
            &[],
        ),
    ];
    for (input, expected) in cases {
        let response = fixture.describe(input.clone()).await.unwrap();
        assert_eq!(names(&response), expected, "{input:?}");
        assert_eq!(response.next_token, None);
    }
    let pattern = DescribeLogGroupsRequest { log_group_name_pattern: Some("two".into()), ..input() };
    let brief = fixture.describe(pattern).await.unwrap().log_groups.unwrap();
    assert!(brief.iter().all(|group| group.stored_bytes.is_none() && group.arn.is_some()));

    let (mut walked, mut token) = (Vec::new(), None);
    loop {
        let page = DescribeLogGroupsRequest { limit: Some(2), next_token: token, ..input() };
        let response = fixture.describe(page).await.unwrap();
        walked.extend(names(&response).into_iter().map(str::to_owned));
        token = response.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(walked, all);
    let both = DescribeLogGroupsRequest {
        log_group_name_prefix: Some("a".into()),
        log_group_name_pattern: Some("a".into()),
        ..input()
    };
    assert!(error(fixture.describe(both).await).starts_with("InvalidParameterException"));
    for more in [
        DescribeLogGroupsRequest { limit: Some(1), ..input() },
        DescribeLogGroupsRequest { account_identifiers: ids(&["000000000000"]), ..input() },
    ] {
        let more = DescribeLogGroupsRequest { log_group_identifiers: ids(&["a"]), ..more };
        assert!(error(fixture.describe(more).await).starts_with("InvalidParameterException"));
    }

    let other = Caller { region: "eu-west-1".parse().unwrap(), ..caller() };
    let elsewhere = log_groups::describe_log_groups(&fixture.logs, &other, input()).await.unwrap();
    assert!(names(&elsewhere).is_empty());
    let list = ListLogGroupsRequest { log_group_name_pattern: Some("^b/|DataL".into()), ..Default::default() };
    let list = list_log_groups::list_log_groups(&fixture.logs, &fixture.caller, list).await.unwrap();
    let listed = list.log_groups.unwrap();
    let listed: Vec<&str> = listed.iter().map(|group| group.log_group_name.as_deref().unwrap()).collect();
    assert_eq!(listed, ["/aws/DataLogs", "b/one", "b/two"]);
}

#[tokio::test]
async fn a_group_created_anew_is_empty() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(0, "old")]).await;
    fixture.retain("g", 1).await.unwrap();
    fixture.delete("g").await.unwrap();
    let gone = "ResourceNotFoundException: The specified log group does not exist.";
    assert_eq!(error(fixture.delete("g").await), gone);
    assert_eq!(error(fixture.create_stream("g", "s").await), gone);
    assert_eq!(error(fixture.get(get("g", "s")).await), gone);
    fixture.group("g").await;
    assert_eq!(
        error(fixture.get(get("g", "s")).await),
        "ResourceNotFoundException: The specified log stream does not exist."
    );
    fixture.stream("g", "s").await;
    assert!(fixture.messages("g", "s").await.is_empty());
    assert!(filtered(&fixture.filter(filter("g")).await.unwrap()).is_empty());
    let described = fixture.described("g").await;
    assert_eq!((described.retention_in_days, described.stored_bytes), (None, Some(0)));
    fixture.put("g", "s", &[(0, "new")]).await;
    assert_eq!(fixture.messages("g", "s").await, ["new"]);
}

#[tokio::test]
async fn protection_forbids_deleting() {
    let fixture = Fixture::new().await;
    fixture.create(CreateLogGroupRequest { deletion_protection_enabled: Some(true), ..named("g") }).await.unwrap();
    fixture.stream("g", "s").await;
    assert_eq!(fixture.described("g").await.deletion_protection_enabled, Some(true));
    assert_eq!(
        error(fixture.delete("g").await),
        "ValidationException: Cannot delete log group with deletion protection enabled. Disable deletion protection first."
    );
    let stream = DeleteLogStreamRequest { log_group_name: "g".into(), log_stream_name: "s".into() };
    let refused = log_streams::delete_log_stream(&fixture.logs, &fixture.caller, stream).await;
    assert!(error(refused).starts_with("ValidationException"));
    let off =
        PutLogGroupDeletionProtectionRequest { log_group_identifier: ARN.into(), deletion_protection_enabled: false };
    log_groups::put_log_group_deletion_protection(&fixture.logs, &fixture.caller, off).await.unwrap();
    assert_eq!(fixture.described("g").await.deletion_protection_enabled, None);
    fixture.delete("g").await.unwrap();
}

#[tokio::test]
async fn retention_hides_what_is_older() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    fixture.put("g", "s", &[(-5 * DAY_MS, "older")]).await;
    fixture.put("g", "s", &[(-2 * DAY_MS, "old")]).await;
    fixture.put("g", "s", &[(0, "new")]).await;
    fixture.retain("g", 3).await.unwrap();
    assert_eq!(fixture.described("g").await.retention_in_days, Some(3));
    assert_eq!(fixture.messages("g", "s").await, ["old", "new"]);
    fixture.advance(DAY_MS + 1);
    assert_eq!(fixture.messages("g", "s").await, ["new"]);
    let late = fixture.put("g", "s", &[(-13 * DAY_MS, "late")]).await.rejected_log_events_info.unwrap();
    assert_eq!(late.expired_log_event_end_index, Some(1));
    for days in [0, 2, -1, 3654] {
        let refused = error(fixture.retain("g", days).await);
        assert!(refused.starts_with("InvalidParameterException: 1 validation error detected"), "{refused}");
    }
    for _ in 0..2 {
        let off = DeleteRetentionPolicyRequest { log_group_name: "g".into() };
        retention::delete_retention_policy(&fixture.logs, &fixture.caller, off).await.unwrap();
    }
    assert_eq!(fixture.described("g").await.retention_in_days, None);
    assert!(error(fixture.retain("none", 1).await).starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn tags_are_the_same_by_name_and_by_arn() {
    let fixture = Fixture::new().await;
    let (logs, caller) = (&fixture.logs, &fixture.caller);
    fixture.create(CreateLogGroupRequest { tags: Some(tag_map(&[("a", "1")])), ..named("g") }).await.unwrap();
    let input = TagResourceRequest { resource_arn: ARN.into(), tags: tag_map(&[("a", "2"), ("b", "3")]) };
    tags::tag_resource(logs, caller, input).await.unwrap();
    let input = TagLogGroupRequest { log_group_name: "g".into(), tags: tag_map(&[("c", "")]) };
    tags::tag_log_group(logs, caller, input).await.unwrap();
    assert_eq!(fixture.tags().await, tag_map(&[("a", "2"), ("b", "3"), ("c", "")]));
    let input = UntagResourceRequest { resource_arn: ARN.into(), tag_keys: vec!["a".into(), "none".into()] };
    tags::untag_resource(logs, caller, input).await.unwrap();
    let input = UntagLogGroupRequest { log_group_name: "g".into(), tags: vec!["b".into()] };
    tags::untag_log_group(logs, caller, input).await.unwrap();
    let input = ListTagsLogGroupRequest { log_group_name: "g".into() };
    assert_eq!(tags::list_tags_log_group(logs, caller, input).await.unwrap().tags, Some(tag_map(&[("c", "")])));

    let many: BTreeMap<String, String> = (0..50).map(|n| (format!("t{n}"), String::new())).collect();
    let input = TagResourceRequest { resource_arn: ARN.into(), tags: many.clone() };
    assert!(error(tags::tag_resource(logs, caller, input).await).starts_with("TooManyTagsException"));
    let input = TagLogGroupRequest { log_group_name: "g".into(), tags: many };
    assert!(error(tags::tag_log_group(logs, caller, input).await).starts_with("InvalidParameterException"));
    assert_eq!(fixture.tags().await.len(), 1);
    let input = TagResourceRequest { resource_arn: format!("{ARN}x"), tags: tag_map(&[("a", "")]) };
    assert!(error(tags::tag_resource(logs, caller, input).await).starts_with("ResourceNotFoundException"));
    let input = TagResourceRequest { resource_arn: "g".into(), tags: tag_map(&[("a", "")]) };
    assert!(error(tags::tag_resource(logs, caller, input).await).starts_with("InvalidParameterException"));
}

#[tokio::test]
async fn creating_and_deleting_at_once_leaves_no_stream_behind() {
    let fixture = Fixture::new().await;
    for round in 0..10 {
        fixture.group("g").await;
        let names: Vec<String> = (0..8).map(|n| format!("{round}-{n}")).collect();
        let creating = futures_util::future::join_all(names.iter().map(|name| fixture.create_stream("g", name)));
        let (created, deleted) = tokio::join!(creating, fixture.delete("g"));
        deleted.unwrap();
        for outcome in created {
            let refused = error(outcome);
            assert!(refused.is_empty() || refused.starts_with("ResourceNotFoundException"), "{refused}");
        }
        assert_eq!((fixture.logs.groups.len(), fixture.logs.streams.len()), (0, 0));
    }
}
