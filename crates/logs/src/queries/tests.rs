//! Queries while they run.

use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::{Clock as _, SystemClock, TimestampMs};
use watchkeep_model::logs::{StartQueryRequest, StopQueryRequest};
use watchkeep_query::QueryError;

use super::execute::{Failure, Found, Prepared, execute};
use super::language::{Parsed, QueryLanguage};
use super::running::{Author, Running};
use super::start::{Bounds, prepare};
use super::stop_query;
use crate::limits::{QUERIES_RUNNING_MAX, QUERY_MS_MAX, SQL_QUERIES_MAX};
use crate::tests::queries::{request, rows};
use crate::tests::{Fixture, NOW};

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s").await;
    let message = "x".repeat(100);
    let events: Vec<(i64, &str)> = (0..5000).map(|n| (n - 10_000, message.as_str())).collect();
    fixture.put("g", "s", &events).await;
    fixture
}

async fn prepared(fixture: &Fixture, input: &StartQueryRequest) -> Prepared {
    let language = QueryLanguage::of(input.query_language.as_deref()).unwrap();
    let query = Parsed::new(&input.query_string, language).unwrap();
    let bounds = Bounds { time: 0..i64::MAX, started: TimestampMs(NOW), limit: 10_000 };
    prepare(&fixture.logs, &fixture.caller, input, query, bounds).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_seen_before_all_are_there() {
    let fixture = fixture().await;
    let running = Arc::new(Running::new(Author::Client));
    let prepared = prepared(&fixture, &request("fields @message | filter @message like /x/")).await;
    // Time flies, so that there is something to report after each batch.
    let clock = fixture.clock.clone();
    let flying = tokio::spawn(async move {
        let real = SystemClock::new();
        loop {
            clock.advance(Duration::from_millis(1500));
            real.sleep(Duration::from_millis(1)).await;
        }
    });
    let found = execute(&fixture.logs, prepared, &running).await;
    flying.abort();
    assert_eq!(found.unwrap().rows.len(), 5000);
    let (_, so_far) = running.state();
    assert!(!so_far.rows.is_empty() && so_far.rows.len() <= 1000, "{}", so_far.rows.len());
    assert!(so_far.rows.iter().all(|row| row.iter().any(|(name, _)| &**name == "@ptr")));
    assert!(so_far.statistics.records_scanned > 0.0);
}

#[tokio::test]
async fn what_was_found_so_far_is_answered() {
    let fixture = fixture().await;
    let turns = fixture.logs.queries.turns.acquire_many(QUERIES_RUNNING_MAX as u32).await.unwrap();
    let id = fixture.start(request("fields @message | limit 1")).await.unwrap();
    assert_eq!(fixture.results(&id).await.unwrap().status.as_deref(), Some("Scheduled"));
    let key = watchkeep_store::ResourceKey::new(fixture.caller.account, &fixture.caller.region, &id);
    let running = fixture.logs.queries.find_running(&key).unwrap();
    running.begin();
    let row = vec![("@message".into(), "so far".to_owned())];
    running.found(Found { rows: Arc::new(vec![row]), ..Found::default() });
    let results = fixture.results(&id).await.unwrap();
    assert_eq!((results.status.as_deref(), rows(&results)), (Some("Running"), vec!["@message so far".to_owned()]));
    assert_eq!(results.next_token, None);
    drop(turns);
    let results = fixture.ended(&id).await;
    assert_eq!(results.status.as_deref(), Some("Complete"));
    assert_eq!(results.results.unwrap().len(), 1);
}

#[tokio::test]
async fn a_query_ends_when_it_is_stopped_or_takes_too_long() {
    let fixture = fixture().await;
    let turns = fixture.logs.queries.turns.acquire_many(QUERIES_RUNNING_MAX as u32).await.unwrap();
    let id = fixture.start(request("fields @message")).await.unwrap();
    let stop = StopQueryRequest { query_id: id.clone() };
    assert_eq!(stop_query(&fixture.logs, &fixture.caller, stop).await.unwrap().success, Some(true));
    assert_eq!(fixture.results(&id).await.unwrap().status.as_deref(), Some("Cancelled"));
    let id = fixture.start(request("fields @message")).await.unwrap();
    tokio::task::yield_now().await;
    fixture.advance(QUERY_MS_MAX + 1);
    assert_eq!(fixture.ended(&id).await.status.as_deref(), Some("Timeout"));
    drop(turns);
    // The engine hears of it in the midst of its work.
    for (query, language) in [("stats count(*) by @message", "CWLI"), ("SELECT count(*) FROM g", "SQL")] {
        let input = StartQueryRequest { query_language: Some(language.into()), ..request(query) };
        let running = Arc::new(Running::new(Author::Client));
        let prepared = prepared(&fixture, &input).await;
        running.cancel();
        let ended = execute(&fixture.logs, prepared, &running).await;
        assert!(matches!(ended, Err(Failure::Query(QueryError::Cancelled))), "{query}: {ended:?}");
    }
}

#[tokio::test]
async fn queries_in_a_language_are_limited() {
    let fixture = fixture().await;
    let turns = fixture.logs.queries.turns.acquire_many(QUERIES_RUNNING_MAX as u32).await.unwrap();
    let sql = StartQueryRequest {
        log_group_name: None,
        query_language: Some("SQL".into()),
        ..request("SELECT count(*) AS n FROM g")
    };
    let mut ids = Vec::new();
    for _ in 0..SQL_QUERIES_MAX {
        ids.push(fixture.start(sql.clone()).await.unwrap());
    }
    assert_eq!(fixture.start(sql).await.unwrap_err().code, "LimitExceededException");
    let other = fixture.start(request("stats count(*) as n")).await.unwrap();
    drop(turns);
    for id in ids.iter().chain([&other]) {
        assert_eq!(rows(&fixture.ended(id).await), ["n 5000"]);
    }
}
