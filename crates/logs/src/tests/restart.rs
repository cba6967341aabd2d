//! What is there after the service is opened again, and after a reset.

use watchkeep_model::logs::{
    DeleteLogGroupRequest, DescribeLogGroupsRequest, FilterLogEventsRequest, GetLogEventsRequest,
};

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
async fn the_answers_are_the_same_once_events_are_sealed() {
    let fixture = filled().await;
    let before = answers(&fixture).await;
    fixture.store.start();
    for _ in 0..10_000 {
        if fixture.store.stats().segments > 0 {
            break;
        }
        // A sealing takes its time, but none of the clock's: what was put above keeps its age.
        fixture.clock.advance(Duration::from_millis(if fixture.store.stats().memory_rows > 0 { 100 } else { 0 }));
        fixture.store.blocking(|_| ()).await;
    }
    let stats = fixture.store.stats();
    assert!(stats.segments > 0 && stats.memory_rows == 0, "{stats:?}");
    assert_eq!(answers(&fixture).await, before);
    let pattern = |pattern: &str| FilterLogEventsRequest { filter_pattern: Some(pattern.into()), ..filter("g") };
    assert_eq!(filtered(&fixture.filter(pattern("three")).await.unwrap()), ["three"]);
    assert!(filtered(&fixture.filter(pattern("\" absent \"")).await.unwrap()).is_empty());
    let fixture = fixture.reopen(true).await;
    assert_eq!(answers(&fixture).await, before);
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
