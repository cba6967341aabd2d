//! Streams: creating, deleting, listing.

use watchkeep_model::logs::{DeleteLogStreamRequest, DescribeLogStreamsRequest, DescribeLogStreamsResponse, LogStream};

use super::*;
use crate::log_streams;

impl Fixture {
    pub(super) async fn streams(
        &self,
        input: DescribeLogStreamsRequest,
    ) -> Result<DescribeLogStreamsResponse, ServiceError> {
        log_streams::describe_log_streams(&self.logs, &self.caller, input).await
    }

    async fn delete_stream(&self, group: &str, name: &str) -> Result<Unit, ServiceError> {
        let input = DeleteLogStreamRequest { log_group_name: group.into(), log_stream_name: name.into() };
        log_streams::delete_log_stream(&self.logs, &self.caller, input).await
    }
}

pub(super) fn of_group(name: &str) -> DescribeLogStreamsRequest {
    DescribeLogStreamsRequest { log_group_name: Some(name.into()), ..Default::default() }
}

fn names(response: &DescribeLogStreamsResponse) -> Vec<String> {
    response.log_streams.iter().flatten().map(|stream| stream.log_stream_name.clone().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_is_described_with_its_events() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    fixture.stream("g", "s/1").await;
    let empty = LogStream {
        log_stream_name: Some("s/1".into()),
        creation_time: Some(NOW),
        arn: Some("arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s/1".into()),
        stored_bytes: Some(0),
        ..Default::default()
    };
    assert_eq!(fixture.streams(of_group("g")).await.unwrap().log_streams, Some(vec![empty.clone()]));
    fixture.put("g", "s/1", &[(-9, "a"), (3, "b")]).await;
    fixture.advance(10);
    let token = fixture.put("g", "s/1", &[(1, "c")]).await.next_sequence_token;
    let expected = LogStream {
        first_event_timestamp: Some(NOW - 9),
        last_event_timestamp: Some(NOW + 3),
        last_ingestion_time: Some(NOW + 10),
        upload_sequence_token: token,
        ..empty
    };
    assert_eq!(fixture.streams(of_group("g")).await.unwrap().log_streams, Some(vec![expected]));
    assert_eq!(
        error(fixture.create_stream("g", "s/1").await),
        "ResourceAlreadyExistsException: The specified log stream already exists"
    );
    assert_eq!(
        error(fixture.create_stream("none", "s").await),
        "ResourceNotFoundException: The specified log group does not exist."
    );
    assert_eq!(
        error(fixture.delete_stream("g", "none").await),
        "ResourceNotFoundException: The specified log stream does not exist."
    );
}

#[tokio::test]
async fn streams_are_listed_by_name_or_time() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    for (name, last) in [("b", Some(5)), ("a/2", Some(9)), ("ä", None), ("a/1", Some(5)), ("c", None), ("a", Some(1))]
    {
        fixture.stream("g", name).await;
        if let Some(last) = last {
            fixture.put("g", name, &[(0, "x"), (last, "y")]).await;
        }
    }
    let by_time = || DescribeLogStreamsRequest { order_by: Some("LastEventTime".into()), ..of_group("g") };
    let prefix = || DescribeLogStreamsRequest { log_stream_name_prefix: Some("a".into()), ..of_group("g") };
    let reversed = |input: DescribeLogStreamsRequest| DescribeLogStreamsRequest { descending: Some(true), ..input };
    let cases: Vec<(DescribeLogStreamsRequest, &[&str])> = vec![
        (of_group("g"), &["a", "a/1", "a/2", "b", "c", "ä"]),
        (reversed(of_group("g")), &["ä", "c", "b", "a/2", "a/1", "a"]),
        (prefix(), &["a", "a/1", "a/2"]),
        (reversed(prefix()), &["a/2", "a/1", "a"]),
        (DescribeLogStreamsRequest { log_stream_name_prefix: Some("ab".into()), ..of_group("g") }, &[]),
        (by_time(), &["c", "ä", "a", "a/1", "b", "a/2"]),
        (reversed(by_time()), &["a/2", "b", "a/1", "a", "ä", "c"]),
    ];
    for (input, expected) in cases {
        assert_eq!(names(&fixture.streams(input.clone()).await.unwrap()), expected, "{input:?}");
        for limit in 1..=4 {
            let (mut walked, mut token) = (Vec::new(), None);
            loop {
                let page = DescribeLogStreamsRequest { limit: Some(limit), next_token: token, ..input.clone() };
                let response = fixture.streams(page).await.unwrap();
                walked.extend(names(&response));
                token = response.next_token;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(walked, expected, "{input:?} by {limit}");
        }
    }
    let both = DescribeLogStreamsRequest { log_stream_name_prefix: Some("a".into()), ..by_time() };
    assert_eq!(
        error(fixture.streams(both).await),
        "InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix."
    );
    let token =
        fixture.streams(DescribeLogStreamsRequest { limit: Some(1), ..of_group("g") }).await.unwrap().next_token;
    let other_order = DescribeLogStreamsRequest { next_token: token, ..by_time() };
    assert_eq!(
        error(fixture.streams(other_order).await),
        "InvalidParameterException: The specified nextToken is invalid."
    );
}

#[tokio::test]
async fn a_deleted_stream_takes_its_events_along() {
    let fixture = Fixture::new().await;
    fixture.group("g").await;
    for stream in ["s", "t"] {
        fixture.stream("g", stream).await;
        fixture.put("g", stream, &[(0, stream)]).await;
    }
    fixture.delete_stream("g", "s").await.unwrap();
    assert_eq!(filtered(&fixture.filter(filter("g")).await.unwrap()), ["t"]);
    fixture.stream("g", "s").await;
    assert!(fixture.messages("g", "s").await.is_empty());
    fixture.put("g", "s", &[(1, "new")]).await;
    assert_eq!(filtered(&fixture.filter(filter("g")).await.unwrap()), ["t", "new"]);
}
