//! Every protocol gets through, malformed requests get an error of their protocol, and everything identified is recorded.

use proptest::prelude::*;
use serde_json::json;
use watchkeep_core::Principal;

use super::harness::{Sent, Server, Setup, open};
use crate::AuthMode;

const CBOR_NAMESPACE: &[u8] = b"\xa1\x69Namespace\x61n";

fn cbor() -> Sent {
    Sent::new("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", CBOR_NAMESPACE)
        .with("smithy-protocol", "rpc-v2-cbor")
        .with("content-type", "application/cbor")
}

fn recorded(server: &Server) -> Vec<(String, Option<String>)> {
    let calls = server.audit.take().into_iter();
    calls.map(|call| (format!("{}:{}", call.service, call.operation), call.error.map(|(code, _)| code))).collect()
}

#[tokio::test]
async fn every_protocol_gets_through() {
    let server = open().await;
    let json10 = Sent::new("POST", "/", r#"{"Namespace":"n"}"#)
        .with("content-type", "application/x-amz-json-1.0")
        .with("x-amz-target", "GraniteServiceVersion20100801.PutMetricData");
    for (request, content_type, text, call) in [
        (Sent::logs("DescribeLogGroups", "{}"), "application/x-amz-json-1.1", "nextToken", "logs:DescribeLogGroups"),
        (
            Sent::logs("DescribeLogGroups", "{}").with("host", "stream-logs.x.amazonaws.com"),
            "application/x-amz-json-1.1",
            "nextToken",
            "logs:DescribeLogGroups",
        ),
        (json10, "application/x-amz-json-1.0", "", "cloudwatch:PutMetricData"),
        (cbor(), "", "", "cloudwatch:PutMetricData"),
        (
            Sent::form("Action=PutMetricData&Version=2010-08-01&Namespace=n"),
            "text/xml",
            "<PutMetricDataResponse",
            "cloudwatch:PutMetricData",
        ),
        (
            Sent::form("Action=GetCallerIdentity&Version=2011-06-15"),
            "text/xml",
            "arn:aws:iam::000000000000:root",
            "sts:GetCallerIdentity",
        ),
        (
            Sent::new("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", ""),
            "text/xml",
            ":root",
            "sts:GetCallerIdentity",
        ),
        (
            Sent::new("POST", "/Traces", r#"{"TraceIds":["1-2-3"]}"#).with("content-type", "application/json"),
            "application/json",
            "1-2-3",
            "xray:BatchGetTraces",
        ),
    ] {
        let answer = server.send(&request).await;
        assert_eq!(answer.status, 200, "{request:?} {}", answer.text());
        assert_eq!(answer.header("content-type"), content_type, "{request:?}");
        assert!(answer.text().contains(text), "{}", answer.text());
        assert_eq!(answer.header("x-amzn-requestid").len(), 36);
        assert_eq!(recorded(&server), [(call.to_owned(), None)]);
    }
}

#[tokio::test]
async fn a_bare_blob_is_the_body_in_the_query_protocol_only() {
    let server = open().await;
    let form = "Action=GetMetricWidgetImage&Version=2010-08-01&MetricWidget=%7B%7D";
    let answer = server.send(&Sent::form(&format!("{form}&OutputFormat=image%2Fpng"))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"));
    assert_eq!(answer.body, b"\x89PNG");
    assert_eq!(answer.header("x-amzn-requestid").len(), 36);
    let answer = server.send(&Sent::form(form)).await;
    assert_eq!(answer.header("content-type"), "text/xml");
    assert!(answer.text().contains("<MetricWidgetImage>iVBORw==</MetricWidgetImage>"), "{}", answer.text());
    let json = Sent::new("POST", "/", r#"{"MetricWidget":"{}","OutputFormat":"image/png"}"#)
        .with("content-type", "application/x-amz-json-1.0")
        .with("x-amz-target", "GraniteServiceVersion20100801.GetMetricWidgetImage");
    let answer = server.send(&json).await;
    assert!(answer.text().contains("\"MetricWidgetImage\":"), "{}", answer.text());
}

#[tokio::test]
async fn failures_have_their_protocols_error_and_their_record() {
    let server = Setup { denied: Some("logs:CreateLogGroup"), ..Setup::new(AuthMode::Open) }.start().await;
    for (request, status, code, call) in [
        (
            Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"missing"}"#),
            400,
            "ResourceNotFoundException",
            "logs:DescribeLogGroups",
        ),
        (
            Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"panic"}"#),
            500,
            "InternalFailure",
            "logs:DescribeLogGroups",
        ),
        (Sent::logs("DescribeLogGroups", "{"), 400, "SerializationException", "logs:DescribeLogGroups"),
        (Sent::logs("DescribeLogGroups", r#"{"limit":"x"}"#), 400, "SerializationException", "logs:DescribeLogGroups"),
        (
            Sent::logs("DescribeLogGroups", r#"{"limit":100}"#),
            400,
            "InvalidParameterException",
            "logs:DescribeLogGroups",
        ),
        (Sent::logs("CreateLogGroup", r#"{"logGroupName":"g"}"#), 400, "AccessDeniedException", "logs:CreateLogGroup"),
        (
            Sent::logs("DeleteLogGroup", r#"{"logGroupName":"g"}"#),
            404,
            "UnknownOperationException",
            "logs:DeleteLogGroup",
        ),
    ] {
        let answer = server.send(&request).await;
        assert_eq!((answer.code(), answer.status), (code.to_owned(), status), "{request:?}");
        assert_eq!(recorded(&server), [(call.to_owned(), Some(code.to_owned()))], "{request:?}");
    }
    // What the model has and the service does not offer.
    let answer = server.send(&Sent::form("Action=ListMetrics&Version=2010-08-01")).await;
    assert!(answer.text().contains("<Code>InvalidAction</Code>"), "{}", answer.text());
    assert_eq!(answer.status, 400);
    assert_eq!(recorded(&server), [("cloudwatch:ListMetrics".to_owned(), Some("InvalidAction".to_owned()))]);
    for (request, code) in [
        (Sent::logs("NoSuchOperation", "{}"), "UnknownOperationException"),
        (
            Sent::form("Action=NoSuchAction&Version=2010-08-01"),
            "<ErrorResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><Error><Type>Sender</Type>\
             <Code>InvalidAction</Code>",
        ),
        (Sent::form("Version=2010-08-01"), "<Code>MissingAction</Code>"),
        (Sent::new("GET", "/no/such/path", ""), "UnknownOperationException"),
        (Sent::new("DELETE", "/", ""), "UnknownOperationException"),
    ] {
        let answer = server.send(&request).await;
        assert!((400..500).contains(&answer.status), "{request:?} {}", answer.status);
        let told = format!("{} {}", answer.header("x-amzn-errortype"), answer.text());
        assert!(told.contains(code), "{request:?} {told}");
        assert_eq!(recorded(&server), []);
    }
    server.done().await;
}

#[tokio::test]
async fn records_hold_what_cloudtrail_needs() {
    let server = open().await;
    let request = Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"app","limit":5}"#)
        .with("user-agent", "aws-cli/2")
        .with("authorization", "AWS4-HMAC-SHA256 Credential=ANYKEY/20200101/ap-south-1/logs/aws4_request, garbage");
    let answer = server.send(&request).await;
    assert_eq!(answer.json()["nextToken"], "000000000000 ap-south-1 Root ANYKEY");
    let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
    assert_eq!(
        record.request_parameters.unwrap(),
        *json!({"logGroupNamePrefix": "app", "limit": 5}).as_object().unwrap()
    );
    assert_eq!(record.response_elements, None);
    assert_eq!(record.host.as_deref(), Some("localhost:4566"));
    assert_eq!(record.api_version, "2014-03-28");
    assert_eq!(record.caller.region.as_str(), "ap-south-1");
    assert_eq!(record.caller.principal, Principal::Root);
    assert_eq!(record.caller.user_agent.as_deref(), Some("aws-cli/2"));
    assert_eq!(*record.caller.request_id, *answer.header("x-amzn-requestid"));
    assert!(record.caller.source_address.is_loopback());
    // Content is not captured, and an unsigned call is in the configured Region.
    let put = r#"{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"secret"}]}"#;
    assert_eq!(server.send(&Sent::logs("PutLogEvents", put)).await.json()["nextSequenceToken"], "1");
    let [record] = <[_; 1]>::try_from(server.audit.take()).unwrap();
    assert_eq!((record.request_parameters, record.caller.region.as_str()), (None, "eu-west-3"));
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn malformed_requests_are_never_our_fault(
        which in 0..5_usize,
        cut in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..20),
        header in prop::option::of(prop::sample::select(vec![
            ("content-encoding", "gzip"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("authorization", "AWS4-HMAC-SHA256 Credential=/////"),
            ("content-type", "application/cbor"),
            ("x-amz-target", "..."),
            ("origin", "http://localhost"),
        ])),
    ) {
        let mut request = match which {
            0 => Sent::logs("PutLogEvents", r#"{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"m"}]}"#),
            1 => cbor(),
            2 => Sent::form("Action=PutMetricData&Version=2010-08-01&Namespace=n&MetricData.member.1.MetricName=m"),
            3 => Sent::new("POST", "/Traces", r#"{"TraceIds":["1-2-3"]}"#),
            _ => Sent::new("GET", "/b/k?list-type=2", ""),
        };
        request.body.truncate(cut.index(request.body.len() + 1));
        request.body.extend(&noise);
        if let Some((name, value)) = header {
            request = request.with(name, value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = runtime.block_on(async { open().await.send(&request).await.status });
        prop_assert!((200..500).contains(&status), "{:?}: {}", request, status);
    }

    #[test]
    fn any_bytes_leave_the_server_standing(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = open().await;
            let answer = server.send_raw(&noise).await;
            assert!(answer.is_none_or(|answer| answer.status < 500));
            assert_eq!(server.send(&Sent::new("GET", "/health", "")).await.status, 200);
        });
    }
}
