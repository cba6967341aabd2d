//! The operations: what is stored, refused, found, and kept.

use std::time::Duration;

use watchkeep_core::ports::{RefusedSegment, Samples, SegmentsError};

use super::*;

#[tokio::test]
async fn segments_come_back_in_their_own_region_and_account() {
    let mut bench = Bench::new().await;
    let sent = segment(1, json!({"http": {"response": {"status": 200}}, "metadata": {"debug": {"a": [1, null]}}}));
    assert_eq!(bench.put(std::slice::from_ref(&sent)).await.len(), 0);
    for _ in 0..2 {
        let traces = bench.get(&[TRACE, "1-00000000-000000000000000000000000", TRACE]).await;
        assert_eq!(traces.len(), 1);
        assert_eq!(traces[0].id.as_deref(), Some(TRACE));
        assert_eq!((traces[0].duration, traces[0].limit_exceeded), (Some(0.5), Some(false)));
        assert_eq!(documents(&traces[0]), std::slice::from_ref(&sent));
        assert_eq!(bench.get_in("eu-central-1", &[TRACE]).await.len(), 0);
        bench = bench.restart().await;
    }
}

#[tokio::test]
async fn a_bad_document_does_not_touch_its_neighbours() {
    let bench = Bench::new().await;
    let texts =
        vec![segment(1, json!({})).to_string(), segment(2, json!({"name": null})).to_string(), "junk".to_owned()];
    let unprocessed = bench.put_texts(texts).await;
    let told: Vec<_> =
        unprocessed.iter().map(|entry| (entry.id.as_deref(), entry.error_code.as_deref().unwrap())).collect();
    assert_eq!(told, [(Some("0000000000000002"), "MissingName"), (None, "ParseError")]);
    assert_eq!(unprocessed[0].message.as_deref(), Some("Invalid segment. ErrorCode: MissingName"));
    assert_eq!(bench.documents().await.len(), 1);
}

#[tokio::test]
async fn bad_requests_are_told() {
    let bench = Bench::new().await;
    let ask = |ids: Vec<&str>, next_token: Option<&str>| {
        let input = BatchGetTracesRequest {
            trace_ids: ids.into_iter().map(str::to_owned).collect(),
            next_token: next_token.map(str::to_owned),
        };
        let traces = bench.traces.clone();
        async move { crate::batch_get_traces::batch_get_traces(&traces, &caller("us-east-1"), input).await.err().unwrap() }
    };
    let cases = [
        (ask(vec![TRACE; 6], None).await, "Exceeding maximum query size: 5"),
        (ask(vec![TRACE], Some("t")).await, "NextToken is currently not supported"),
        (ask(vec!["nonsense"], None).await, "Invalid trace id: nonsense"),
    ];
    for (error, message) in cases {
        assert_eq!(
            (error.code.as_ref(), error.status, error.message.as_str()),
            ("InvalidRequestException", 400, message)
        );
    }
}

#[tokio::test]
async fn a_trace_that_is_too_large_says_so() {
    let bench = Bench::new().await;
    for id in 0..12 {
        bench.put(&[segment(id, json!({"metadata": {"filler": "x".repeat(60_000)}}))]).await;
    }
    let traces = bench.get(&[TRACE]).await;
    assert_eq!(traces[0].limit_exceeded, Some(true));
    assert_eq!(documents(&traces[0]).len(), 8);
}

#[tokio::test]
async fn traces_are_kept_for_thirty_days() {
    let bench = Bench::new().await;
    bench.put(&[segment(1, json!({}))]).await;
    bench.clock.advance(Duration::from_secs(29 * 24 * 3600));
    assert_eq!(bench.get(&[TRACE]).await.len(), 1);
    bench.clock.advance(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(bench.get(&[TRACE]).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_daemon_hands_in_is_a_trace_of_its_account_and_region() {
    let bench = Bench::new().await;
    let sink = bench.traces.segment_sink(caller("us-east-1").account, &"eu-west-1".parse().unwrap());
    let good = json!({"trace_id": TRACE, "id": "70de5b6f19ff9a0a", "name": "a", "start_time": 1.0, "end_time": 2.0});
    let refused = sink.put(vec![good.to_string(), "junk".to_owned()]).await.unwrap();
    assert_eq!(refused, [RefusedSegment { id: None, code: "ParseError".to_owned() }]);
    assert_eq!(bench.get_in("eu-west-1", &[TRACE]).await.len(), 1);
    assert!(bench.get(&[TRACE]).await.is_empty());
    bench.store.close().await;
    assert!(matches!(sink.put(vec![good.to_string()]).await, Err(SegmentsError::Failed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_a_hundred_subsegments_deep_comes_back() {
    let bench = Bench::new().await;
    let mut nested = subsegment(200, 199, json!({}));
    for id in (2..200).rev() {
        nested = subsegment(id, id - 1, json!({"subsegments": [nested]}));
    }
    let sent = segment(1, json!({"subsegments": [nested]})).to_string();
    assert!(sent.len() < crate::limits::DOCUMENT_BYTES_MAX);
    assert_eq!(bench.put_texts(vec![sent]).await, []);
    let traces = bench.get(&[TRACE]).await;
    let document = traces[0].segments.as_ref().unwrap()[0].document.clone().unwrap();
    assert_eq!(document.matches("\"start_time\"").count(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_counted_by_the_segments_that_begin_them() {
    let bench = Bench::new().await;
    let child = segment(2, json!({"parent_id": format!("{:016x}", 1)}));
    let unfinished = segment(3, json!({"end_time": null, "in_progress": true}));
    bench.put(&[segment(1, json!({})), child.clone(), unfinished, segment(4, json!({})), json!("junk")]).await;
    bench.put(&[child]).await;
    let [(place, counted)] = &bench.meter.take(TimestampMs(0))[..] else { panic!("not one metric") };
    assert_eq!(place.region.as_str(), "us-east-1");
    assert_eq!((&*counted.metric.namespace, &*counted.metric.name), ("AWS/X-Ray", "ApproximateTraceCount"));
    assert_eq!(counted.metric.dimensions, [("GroupName".into(), "Default".into())]);
    let Samples::Summary(reading) = &counted.samples else { panic!("{counted:?}") };
    assert_eq!(reading.sum, 2.0);
}
