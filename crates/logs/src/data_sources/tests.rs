//! Groups of data sources: listed, described, and asked by queries.

use watchkeep_core::Caller;
use watchkeep_model::logs::*;

use super::*;
use crate::tests::{Fixture, caller, error};

async fn tag(fixture: &Fixture, group: &str, name: &str, kind: &str) {
    let tags = [(NAME_TAG, name), (TYPE_TAG, kind)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let tags = tags.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let input = TagLogGroupRequest { log_group_name: group.into(), tags };
    crate::tags::tag_log_group(&fixture.logs, &caller(), input).await.unwrap();
}

async fn summaries(fixture: &Fixture, input: ListAggregateLogGroupSummariesRequest) -> (Vec<String>, Option<String>) {
    let input = match input.group_by.as_str() {
        "" => ListAggregateLogGroupSummariesRequest { group_by: "DATA_SOURCE_NAME_AND_TYPE".into(), ..input },
        _ => input,
    };
    let output = list_aggregate_log_group_summaries(&fixture.logs, &caller(), input).await.unwrap();
    let line = |summary: AggregateLogGroupSummary| {
        let identifiers = summary.grouping_identifiers.unwrap();
        let parts = identifiers.into_iter().map(|one| format!("{}={}", one.key.unwrap(), one.value.unwrap()));
        let parts: Vec<String> = parts.map(|part| part.replace("dataSource.", "")).collect();
        format!("{} {}", parts.join(" "), summary.log_group_count.unwrap())
    };
    let lines = output.aggregate_log_group_summaries.unwrap_or_default().into_iter().map(line).collect();
    (lines, output.next_token)
}

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    for (group, name, kind) in [
        ("/shop/a", "shop", "web"),
        ("/shop/b", "shop", "web"),
        ("/shop/c", "shop", "audit"),
        ("/other", "", ""),
        ("/upper", "Shop", "web"),
        ("/aws", "aws_shop", "web"),
        ("/nameless", "", "web"),
    ] {
        fixture.group(group).await;
        fixture.stream(group, "s").await;
        if !(name.is_empty() && kind.is_empty()) {
            tag(&fixture, group, name, kind).await;
        }
    }
    fixture
}

#[test]
fn names_of_data_sources() {
    let long = "a".repeat(DATA_SOURCE_CHARS_MAX);
    let cases = [
        ("shop", true),
        ("7_up", true),
        (long.as_str(), true),
        ("", false),
        ("_shop", false),
        ("my__shop", false),
        ("Shop", false),
        ("my-shop", false),
    ];
    for (value, expected) in cases {
        assert_eq!(is_valid(value), expected, "{value}");
    }
    assert!(!is_valid(&(long + "a")));
}

#[tokio::test]
async fn groups_are_counted_by_their_data_source() {
    let fixture = fixture().await;
    let all =
        ["Name=Unknown Type=Unknown 1", "Name=Unknown Type=web 3", "Name=shop Type=audit 1", "Name=shop Type=web 2"];
    assert_eq!(summaries(&fixture, Default::default()).await.0, all);
    let (mut paged, mut token) = (Vec::new(), None);
    loop {
        let input = ListAggregateLogGroupSummariesRequest { limit: Some(3), next_token: token, ..Default::default() };
        let (page, next) = summaries(&fixture, input).await;
        paged.extend(page);
        token = next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let by_format = ListAggregateLogGroupSummariesRequest {
        group_by: "DATA_SOURCE_NAME_TYPE_AND_FORMAT".into(),
        log_group_name_pattern: Some("^/shop|^/other".into()),
        ..Default::default()
    };
    let expected = [
        "Name=Unknown Type=Unknown Format=Default 1",
        "Name=shop Type=audit Format=Custom 1",
        "Name=shop Type=web Format=Custom 2",
    ];
    assert_eq!(summaries(&fixture, by_format).await.0, expected);
    let filter = |name: &str, kind: Option<&str>| ListAggregateLogGroupSummariesRequest {
        data_sources: Some(vec![DataSourceFilter { name: name.into(), r#type: kind.map(str::to_owned) }]),
        ..Default::default()
    };
    assert_eq!(summaries(&fixture, filter("shop", Some("a*"))).await.0, ["Name=shop Type=audit 1"]);
    assert_eq!(summaries(&fixture, filter("none", None)).await.0, [] as [&str; 0]);
    let listed = ListLogGroupsRequest {
        data_sources: Some(vec![DataSourceFilter { name: "shop".into(), r#type: Some("web".into()) }]),
        ..Default::default()
    };
    let listed = crate::list_log_groups::list_log_groups(&fixture.logs, &caller(), listed).await.unwrap();
    let names = listed.log_groups.unwrap().into_iter().map(|group| group.log_group_name.unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["/shop/a", "/shop/b"]);
}

fn shown(fields: Vec<LogFieldsListItem>) -> Vec<String> {
    fields
        .into_iter()
        .map(|field| format!("{}: {}", field.log_field_name.unwrap(), kind(field.log_field_type.unwrap())))
        .collect()
}

fn kind(of: LogFieldType) -> String {
    let name = of.r#type.unwrap();
    match (of.element, of.fields) {
        (Some(element), _) => format!("{name}<{}>", kind(*element)),
        (_, Some(fields)) => format!("{name}<{}>", shown(fields).join(", ")),
        _ => name,
    }
}

async fn fields(
    fixture: &Fixture,
    caller: &Caller,
    name: &str,
    kind: &str,
) -> Result<Vec<String>, watchkeep_model::ServiceError> {
    let input = GetLogFieldsRequest { data_source_name: name.into(), data_source_type: kind.into() };
    get_log_fields(&fixture.logs, caller, input).await.map(|output| shown(output.log_fields.unwrap()))
}

#[tokio::test]
async fn fields_are_those_of_all_groups_of_a_data_source() {
    let fixture = fixture().await;
    fixture.put("/shop/a", "s", &[(0, r#"{"user":{"id":7},"tags":["a"],"ok":true}"#), (1, "no JSON")]).await;
    fixture.put("/shop/b", "s", &[(0, r#"{"user":{"id":7.5,"name":"x"},"ok":null}"#)]).await;
    fixture.put("/shop/c", "s", &[(0, r#"{"other":1}"#)]).await;
    let found = fields(&fixture, &caller(), "shop", "web").await.unwrap();
    let expected = ["ok: boolean", "tags: array<string>", "user: struct<id: double, name: string>"];
    assert_eq!(found[SYSTEM_FIELDS..], expected);
    assert_eq!(found[0], "@timestamp: timestamp");
    let refused = error(fields(&fixture, &caller(), "shop", "none").await);
    assert!(refused.starts_with("ResourceNotFoundException"), "{refused}");
}

/// `@timestamp` and its like stand first.
const SYSTEM_FIELDS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_choose_data_sources_and_show_them() {
    let fixture = fixture().await;
    for group in ["/shop/a", "/shop/b", "/shop/c", "/other"] {
        fixture.put(group, "s", &[(0, group)]).await;
    }
    let cases: &[(&str, &[&str])] = &[
        ("SOURCE dataSource(['shop.web'])", &["/shop/a", "/shop/b"]),
        ("SOURCE dataSource(['shop'])", &["/shop/a", "/shop/b", "/shop/c"]),
        ("SOURCE dataSource(['shop.audit', 'Unknown'])", &["/other", "/shop/c"]),
        ("SOURCE dataSource(['shop.web']) logGroups(namePrefix: ['/shop/b'])", &["/shop/b"]),
        ("SOURCE dataSource(['none'])", &[]),
    ];
    for (source, expected) in cases {
        let found = fixture.ask_groups(&format!("{source} | fields @message | sort @message asc"), &[]).await;
        let expected: Vec<String> = expected.iter().map(|message| format!("@message {message}")).collect();
        assert_eq!(found, expected, "{source}");
    }
    let query = "stats count(*) as n by @data_source_name, @data_source_type, @data_format | sort n desc";
    let found = fixture.ask_groups(query, &["/shop/a", "/shop/b", "/other"]).await;
    let expected = [
        "@data_source_name shop, @data_source_type web, @data_format Custom, n 2",
        "@data_source_name Unknown, @data_source_type Unknown, @data_format Default, n 1",
    ];
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transformers_tell_the_format() {
    let fixture = fixture().await;
    let ocsf = ParseToOCSF { event_source: "VPCFlow".into(), ocsf_version: "V1.1".into(), ..Default::default() };
    let input = PutTransformerRequest {
        log_group_identifier: "/shop/b".into(),
        transformer_config: vec![Processor { parse_to_ocsf: Some(ocsf), ..Default::default() }],
    };
    crate::transformers::put_transformer(&fixture.logs, &caller(), input).await.unwrap();
    let line = "2 123456789010 eni-1 192.0.2.1 10.0.0.1 49761 443 6 20 4249 1418530010 1418530070 ACCEPT OK";
    fixture.put("/shop/b", "s", &[(0, line)]).await;
    let query = "fields @data_format, class_uid, dst_endpoint.port, @message";
    let found = fixture.ask_groups(query, &["/shop/b"]).await;
    let expected = format!("@data_format OCSF-1.1, class_uid 4001, dst_endpoint.port 443, @message {line}");
    assert_eq!(found, [expected]);
    let by_format = || ListAggregateLogGroupSummariesRequest {
        group_by: "DATA_SOURCE_NAME_TYPE_AND_FORMAT".into(),
        log_group_name_pattern: Some("shop".into()),
        ..Default::default()
    };
    let (found, _) = summaries(&fixture, by_format()).await;
    let expected = [
        "Name=shop Type=audit Format=Custom 1",
        "Name=shop Type=web Format=Custom 1",
        "Name=shop Type=web Format=OCSF-1.1 1",
    ];
    assert_eq!(found, expected);
}
