//! What is there after the service is opened again, and after a reset.

use watchkeep_model::logs::{DeleteLogGroupRequest, DescribeLogGroupsRequest, GetLogEventsRequest};

use super::*;

/// All that a client can see of the groups `g` and `h`.
async fn answers(fixture: &Fixture) -> String {
    let groups = fixture.describe(DescribeLogGroupsRequest::default()).await.unwrap();
    let mut seen = format!("{groups:#?}");
    for group in ["g", "h"] {
        seen += &format!("{:#?}", fixture.streams(streams::of_group(group)).await);
        seen += &format!("{:#?}", fixture.filter(filter(group)).await);
        for from_head in [true, false] {
            let input = GetLogEventsRequest { start_from_head: Some(from_head), ..get(group, "s") };
            seen += &format!("{:#?}", fixture.get(input).await);
        }
    }
    seen
}

async fn filled() -> Fixture {
    let fixture = Fixture::new().await;
    for group in ["g", "h", "gone"] {
        fixture.group(group).await;
        fixture.stream(group, "s").await;
        fixture.stream(group, "empty").await;
        fixture.put(group, "s", &[(0, "one"), (1, "two")]).await;
        fixture.advance(5);
        fixture.put(group, "s", &[(0, "three")]).await;
    }
    fixture.retain("h", 7).await.unwrap();
    let gone = DeleteLogGroupRequest { log_group_name: "gone".into() };
    crate::log_groups::delete_log_group(&fixture.logs, &fixture.caller, gone).await.unwrap();
    fixture
}

#[tokio::test]
async fn the_answers_are_the_same_after_a_restart() {
    for in_order in [true, false] {
        let fixture = filled().await;
        let before = answers(&fixture).await;
        assert!(before.contains("three"));
        let fixture = fixture.reopen(in_order).await;
        assert_eq!(answers(&fixture).await, before);
        // Events of before and after are counted once each, whichever comes first.
        let fixture = fixture.reopen(in_order).await;
        fixture.put("g", "s", &[(9, "four")]).await;
        let bytes = fixture.describe(DescribeLogGroupsRequest::default()).await.unwrap().log_groups.unwrap();
        assert_eq!(bytes.first().unwrap().stored_bytes, Some(15 + 4 * 26));
        assert_eq!(fixture.messages("g", "s").await, ["one", "three", "two", "four"]);
        fixture.group("gone").await;
        fixture.stream("gone", "s").await;
        assert!(fixture.messages("gone", "s").await.is_empty());
    }
}

#[tokio::test]
async fn a_reset_leaves_nothing() {
    let fixture = filled().await;
    fixture.store.reset().await.unwrap();
    fixture.logs.reset().await;
    let none = fixture.describe(DescribeLogGroupsRequest::default()).await.unwrap();
    assert_eq!(none.log_groups, Some(Vec::new()));
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    assert!(fixture.messages("g", "s").await.is_empty());
    fixture.put("g", "s", &[(0, "new")]).await;
    assert_eq!(fixture.messages("g", "s").await, ["new"]);
    let fixture = fixture.reopen(true).await;
    assert_eq!(fixture.messages("g", "s").await, ["new"]);
}
