//! Whole requests and answers, as clients put them on the wire and see them.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use proptest::prelude::*;
use watchkeep_model::cloudwatch::{self, Dimension, ListMetricsOutput, Metric, PutMetricDataInput};
use watchkeep_model::logs::{self, PutLogEventsRequest};
use watchkeep_model::{Operation, Protocol, SERVICES, Service, ServiceError, Structure, Unit, equal};

use super::*;
use crate::fill::Fill;

/// A request's parts.
struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn new(line: &str, headers: &[(&'static str, &'static str)], body: impl AsRef<[u8]>) -> Sent {
        let (method, uri) = line.split_once(' ').unwrap();
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        Sent {
            method: method.parse().unwrap(),
            uri: uri.parse().unwrap(),
            headers: headers.iter().map(header).collect(),
            body: body.as_ref().to_vec(),
        }
    }

    fn head(&self) -> Head<'_> {
        Head { method: &self.method, uri: &self.uri, headers: &self.headers }
    }

    fn call(&self, scope: Option<&str>) -> Result<Call, Unidentified> {
        let form = needs_form(&self.head()).then_some(&self.body[..]);
        identify(&self.head(), form, scope, SERVICES)
    }

    fn decode<I: Structure + Default>(&self) -> Result<I, ServiceError> {
        let mut input = I::default();
        let call = self.call(None).map_err(|unidentified| unidentified.error)?;
        decode_request(&call, &self.head(), &self.body, &mut input).map(|()| input)
    }
}

fn named(sent: &Sent, scope: Option<&str>) -> String {
    match sent.call(scope) {
        Ok(call) => format!("{} {} {:?}", call.service.name, call.operation.name, call.protocol),
        Err(refused) => format!("{} {:?}: {}", refused.error.code, refused.protocol, refused.error.message),
    }
}

const JSON10: (&str, &str) = ("content-type", "application/x-amz-json-1.0");
const JSON11: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
const RPC: (&str, &str) = ("smithy-protocol", "rpc-v2-cbor");

#[test]
fn requests_are_identified() {
    let target = |target| ("x-amz-target", target);
    for (line, headers, body, scope, expected) in [
        ("POST /", &[JSON11, target("Logs_20140328.PutLogEvents")][..], "", None, "logs PutLogEvents AwsJson11"),
        (
            "POST /",
            &[JSON10, target("GraniteServiceVersion20100801.PutMetricData")],
            "",
            None,
            "cloudwatch PutMetricData AwsJson10",
        ),
        (
            "POST /",
            &[target("GraniteServiceVersion20100801.PutMetricData")],
            "",
            None,
            "cloudwatch PutMetricData AwsJson10",
        ),
        (
            "POST /",
            &[JSON11, target("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents")],
            "",
            None,
            "cloudtrail LookupEvents AwsJson11",
        ),
        (
            "POST /",
            &[JSON11, target("CloudTrail_20131101.LookupEvents")],
            "",
            None,
            "cloudtrail LookupEvents AwsJson11",
        ),
        ("POST /", &[JSON11, target("AWSEvents.PutEvents")], "", None, "events PutEvents AwsJson11"),
        (
            "POST /",
            &[("content-type", "application/x-amz-cbor-1.1"), target("Kinesis_20131202.PutRecord")],
            "",
            None,
            "kinesis PutRecord AwsCbor11",
        ),
        ("POST /", &[JSON11, target("AmazonSSM.GetParameter")], "", None, "ssm GetParameter AwsJson11"),
        (
            "POST /",
            &[JSON11, target("Logs_20140328.Nothing")],
            "",
            None,
            "UnknownOperationException AwsJson11: The requested operation is not supported.",
        ),
        (
            "POST /",
            &[JSON10, target("nonsense")],
            "",
            None,
            "UnknownOperationException AwsJson10: The requested operation is not supported.",
        ),
        (
            "POST /service/GraniteServiceVersion20100801/operation/ListMetrics",
            &[RPC],
            "",
            None,
            "cloudwatch ListMetrics RpcV2Cbor",
        ),
        (
            "POST /some/path/service/GraniteServiceVersion20100801/operation/ListMetrics",
            &[RPC],
            "",
            None,
            "cloudwatch ListMetrics RpcV2Cbor",
        ),
        (
            "POST /service/GraniteServiceVersion20100801/operation/Nothing",
            &[RPC],
            "",
            None,
            "UnknownOperationException RpcV2Cbor: The requested operation is not supported.",
        ),
        (
            "POST /",
            &[FORM],
            "Action=PutMetricData&Version=2010-08-01&Namespace=N",
            None,
            "cloudwatch PutMetricData AwsQuery",
        ),
        (
            "POST /",
            &[FORM],
            "Namespace=N&Version=2010-08-01&Action=PutMetricData",
            Some("monitoring"),
            "cloudwatch PutMetricData AwsQuery",
        ),
        ("GET /?Action=ListMetrics&Version=2010-08-01", &[], "", None, "cloudwatch ListMetrics AwsQuery"),
        (
            "POST /",
            &[FORM],
            "Action=GetCallerIdentity&Version=2011-06-15",
            Some("sts"),
            "sts GetCallerIdentity AwsQuery",
        ),
        ("POST /", &[FORM], "Action=ListUsers", None, "iam ListUsers AwsQuery"),
        (
            "POST /",
            &[FORM],
            "Action=Nothing&Version=2010-08-01",
            None,
            "InvalidAction AwsQuery: Could not find operation Nothing for version 2010-08-01",
        ),
        ("POST /", &[FORM], "Version=2010-08-01", None, "MissingAction AwsQuery: Missing Action"),
        ("POST /?Action=ListMetrics&Version=2010-08-01", &[FORM], "", None, "cloudwatch ListMetrics AwsQuery"),
        ("POST /?Action=ListMetrics", &[FORM], "Version=2010-08-01", None, "cloudwatch ListMetrics AwsQuery"),
        ("POST /TraceSegments", &[], "{}", None, "xray PutTraceSegments RestJson"),
        ("POST /TraceSegments", &[], "{}", Some("xray"), "xray PutTraceSegments RestJson"),
        (
            "POST /Nothing",
            &[],
            "{}",
            Some("xray"),
            "UnknownOperationException RestJson: The requested operation is not supported.",
        ),
        ("GET /v1/registries/name/a", &[], "", None, "schemas DescribeRegistry RestJson"),
        ("PUT /bucket/key", &[], "", Some("s3"), "s3 PutObject RestXml"),
        ("PUT /bucket/key", &[FORM], "a=b", Some("s3"), "s3 PutObject RestXml"),
        (
            "DELETE /",
            &[JSON11, target("Logs_20140328.PutLogEvents")],
            "",
            Some("logs"),
            "UnknownOperationException RestJson: The requested operation is not supported.",
        ),
        (
            "DELETE /?Action=ListMetrics&Version=2010-08-01",
            &[],
            "",
            Some("monitoring"),
            "UnknownOperationException RestJson: The requested operation is not supported.",
        ),
        ("GET /bucket", &[("host", "s3.us-east-1.amazonaws.com")], "", None, "s3 ListObjects RestXml"),
    ] {
        assert_eq!(named(&Sent::new(line, headers, body), scope), expected, "{line} {headers:?} {body}");
    }
}

#[test]
fn parameters_stand_in_the_body_the_query_string_or_both() {
    for (line, body) in [
        ("GET /?Action=ListMetrics&Namespace=N&MetricName=m", ""),
        ("POST /", "Action=ListMetrics&Namespace=N&MetricName=m"),
        ("POST /?Action=ListMetrics&Namespace=N", "MetricName=m"),
    ] {
        let input: cloudwatch::ListMetricsInput = Sent::new(line, &[FORM], body).decode().unwrap();
        assert_eq!((input.namespace.as_deref(), input.metric_name.as_deref()), (Some("N"), Some("m")), "{line}");
    }
}

/// What botocore puts on the wire for the same call of `PutMetricData` in each of the protocols.
#[test]
fn one_call_in_every_protocol() {
    let target = ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData");
    let cbor = hex::decode(
        "a2694e616d657370616365614e6a4d657472696344617461\
         81a46a4d65747269634e616d65616d6954696d657374616d70c11a6553f1006556616c7565fb3ff8000000000000\
         6a44696d656e73696f6e7381a2644e616d6564486f73746556616c7565646120c3a9",
    )
    .unwrap();
    for sent in [
        Sent::new(
            "POST /",
            &[JSON10, target],
            r#"{"Namespace": "N", "MetricData": [{"MetricName": "m", "Dimensions": [{"Name": "Host", "Value": "a \u00e9"}], "Timestamp": 1700000000, "Value": 1.5}]}"#,
        ),
        Sent::new(
            "POST /",
            &[FORM],
            "Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Dimensions.member.1.Name=Host&MetricData.member.1.Dimensions.member.1.Value=a+%C3%A9&MetricData.member.1.Timestamp=2023-11-14T22%3A13%3A20Z&MetricData.member.1.Value=1.5",
        ),
        Sent::new(
            "POST /service/GraniteServiceVersion20100801/operation/PutMetricData",
            &[RPC, ("content-type", "application/cbor")],
            cbor,
        ),
    ] {
        let input: PutMetricDataInput = sent.decode().unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(format!("{input:?}"), @r#"PutMetricDataInput { Namespace: "N", MetricData: [MetricDatum { MetricName: "m", Dimensions: [Dimension { Name: "Host", Value: "a é" }], Timestamp: 1700000000000, Value: 1.5 }] }"#);
        }
    }
}

fn refusal<I: Structure + Default>(target: &'static str, body: &str) -> String {
    let error = Sent::new("POST /", &[JSON11, ("x-amz-target", target)], body).decode::<I>().err().unwrap();
    format!("{} {}: {}", error.code, error.query_code, error.message)
}

#[test]
fn broken_constraints_are_refused_as_each_service_does() {
    let logs = |body| refusal::<PutLogEventsRequest>("Logs_20140328.PutLogEvents", body);
    assert_eq!(
        logs(r#"{"logGroupName":"","logStreamName":"a:b","logEvents":[{"timestamp":-1,"message":"m"}]}"#),
        "InvalidParameterException InvalidParameterException: 4 validation errors detected: \
         Value '' at 'logGroupName' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value '' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+; \
         Value 'a:b' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*; \
         Value '-1' at 'logEvents.1.member.timestamp' failed to satisfy constraint: Member must have value greater than or equal to 0"
    );
    assert_eq!(
        logs(r#"{"logGroupName":"g","logEvents":[{"timestamp":1,"message":"m"},{"message":"m"}]}"#),
        "InvalidParameterException InvalidParameterException: 2 validation errors detected: \
         Value null at 'logEvents.2.member.timestamp' failed to satisfy constraint: Member must not be null; \
         Value null at 'logStreamName' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(logs("{"), "SerializationException MalformedInput: Unexpected end-of-input in the request body");
    let metrics = |body| refusal::<PutMetricDataInput>("GraniteServiceVersion20100801.PutMetricData", body);
    assert_eq!(
        metrics(r#"{"Namespace":"N","MetricData":[{"Value":1}]}"#),
        "MissingRequiredParameterException MissingParameter: The parameter MetricData.member.1.MetricName is required."
    );
    assert_eq!(
        metrics(r#"{"Namespace":"N","MetricData":[{"MetricName":"m","StorageResolution":0}]}"#),
        "InvalidParameterValueException InvalidParameterValue: The parameter MetricData.member.1.StorageResolution must have value greater than or equal to 1"
    );
    assert_eq!(
        refusal::<cloudwatch::SetAlarmStateInput>(
            "GraniteServiceVersion20100801.SetAlarmState",
            r#"{"AlarmName":"a","StateValue":"X","StateReason":"r"}"#
        ),
        "ValidationException ValidationError: 1 validation error detected: Value 'X' at 'stateValue' failed to satisfy \
         constraint: Member must satisfy enum value set: [OK, ALARM, INSUFFICIENT_DATA]"
    );
}

fn shown(response: &Response<Vec<u8>>) -> String {
    let mut headers: Vec<_> =
        response.headers().iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect();
    headers.sort();
    format!("{}\n{}{}", response.status().as_u16(), headers.concat(), String::from_utf8_lossy(response.body()))
}

fn call(service: &'static Service, operation: &str, protocol: Protocol) -> Call {
    Call { service, operation: service.operation(operation).unwrap(), protocol }
}

#[test]
fn errors_are_told_in_the_clients_protocol() {
    let error = cloudwatch::errors::resource_not_found("No such alarm");
    let service = Some(&cloudwatch::SERVICE);
    insta::assert_snapshot!(shown(&encode_error(Protocol::AwsJson10, service, &error, "id-1")), @r#"
    400
    content-type: application/x-amz-json-1.0
    x-amzn-errortype: ResourceNotFound
    x-amzn-requestid: id-1
    {"__type":"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound","message":"No such alarm"}
    "#);
    let query_mode = Dialect { protocol: Protocol::AwsJson10, query_mode: true };
    insta::assert_snapshot!(shown(&encode_error(query_mode, service, &error, "id-1")), @r#"
    404
    content-type: application/x-amz-json-1.0
    x-amzn-errortype: ResourceNotFound
    x-amzn-query-error: ResourceNotFound;Sender
    x-amzn-requestid: id-1
    {"__type":"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound","message":"No such alarm"}
    "#);
    let cbor = Dialect { protocol: Protocol::RpcV2Cbor, query_mode: true };
    let error = cloudwatch::errors::invalid_parameter_value_exception("Bad");
    let response = encode_error(cbor, service, &error, "id-1");
    let body: ciborium::Value = ciborium::from_reader(&response.body()[..]).unwrap();
    insta::assert_snapshot!(format!("{body:?}"), @r#"Map([(Text("__type"), Text("com.amazon.coral.service#InvalidParameterValueException")), (Text("message"), Text("Bad"))])"#);
    assert_eq!(response.headers()["x-amzn-query-error"], "InvalidParameterValue;Sender");
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    let details = logs::InvalidSequenceTokenException { expected_sequence_token: Some("7".into()) };
    let error = logs::errors::invalid_sequence_token_exception("The sequence token is 7").with_details(details);
    insta::assert_snapshot!(shown(&encode_error(Protocol::AwsJson11, Some(&logs::SERVICE), &error, "id-1")), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-errortype: InvalidSequenceTokenException
    x-amzn-requestid: id-1
    {"__type":"InvalidSequenceTokenException","expectedSequenceToken":"7","message":"The sequence token is 7"}
    "#);
    let error = crate::service::unknown_operation();
    insta::assert_snapshot!(shown(&encode_error(Protocol::AwsJson11, None, &error, "id-1")), @r#"
    404
    content-type: application/x-amz-json-1.1
    x-amzn-errortype: UnknownOperationException
    x-amzn-requestid: id-1
    {"__type":"UnknownOperationException","message":"The requested operation is not supported."}
    "#);
}

#[test]
fn answers_have_their_headers() {
    let output = ListMetricsOutput {
        metrics: Some(vec![Metric {
            metric_name: Some("m".into()),
            dimensions: Some(vec![Dimension { name: "Host".into(), value: "\"a\"".into() }]),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let json = call(&cloudwatch::SERVICE, "ListMetrics", Protocol::AwsJson10);
    insta::assert_snapshot!(shown(&encode_response(&json, &output, "id-1")), @r#"
    200
    content-type: application/x-amz-json-1.0
    x-amzn-requestid: id-1
    {"Metrics":[{"MetricName":"m","Dimensions":[{"Name":"Host","Value":"\"a\""}]}]}
    "#);
    let json = call(&logs::SERVICE, "CreateLogGroup", Protocol::AwsJson11);
    insta::assert_snapshot!(shown(&encode_response(&json, &Unit {}, "id-1")), @r"
    200
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: id-1
    ");
    let cbor = call(&cloudwatch::SERVICE, "PutMetricData", Protocol::RpcV2Cbor);
    insta::assert_snapshot!(shown(&encode_response(&cbor, &Unit {}, "id-1")), @r"
    200
    smithy-protocol: rpc-v2-cbor
    x-amzn-requestid: id-1
    ");
}

/// What a client of ours sends, a server of ours reads, and the other way round.
fn both_ways<I, O>(service: &'static Service, operation: &'static Operation, seed: u64)
where
    I: Structure + Default,
    O: Structure + Default,
{
    let mut fill = Fill::new(seed);
    // Query cannot say an empty list of structures, nor XML every character.
    (fill.empties, fill.any_text) = (false, false);
    let (mut input, mut output) = (I::default(), O::default());
    fill.structure(&mut input);
    fill.structure(&mut output);
    for protocol in service.protocols.iter().copied() {
        let call = Call { service, operation, protocol };
        let (parts, body) = encode_request(&call, &input).into_parts();
        let head = Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers };
        let form = needs_form(&head).then_some(&body[..]);
        let found = identify(&head, form, Some(service.signing_name), SERVICES).unwrap();
        assert_eq!((found.operation.name, found.protocol), (operation.name, protocol));
        let mut back = I::default();
        // Random values break constraints; they are read all the same.
        if let Err(error) = decode_request(&found, &head, &body, &mut back) {
            assert_ne!(error.code, "SerializationException", "{error:?}");
        }
        assert!(equal(&input, &back), "{protocol:?} {} {seed}", operation.name);
        let (parts, body) = encode_response(&call, &output, "id").into_parts();
        let mut back = O::default();
        decode_response(&call, parts.status, &parts.headers, &body, &mut back).unwrap();
        assert!(equal(&output, &back), "{protocol:?} {} {seed}", operation.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn clients_and_servers_understand_each_other(seed: u64) {
        use watchkeep_model::{OperationType, xray};
        both_ways::<PutMetricDataInput, Unit>(&cloudwatch::SERVICE, cloudwatch::operations::PutMetricData::OPERATION, seed);
        both_ways::<cloudwatch::GetMetricDataInput, cloudwatch::GetMetricDataOutput>(&cloudwatch::SERVICE, cloudwatch::operations::GetMetricData::OPERATION, seed);
        both_ways::<PutLogEventsRequest, logs::PutLogEventsResponse>(&logs::SERVICE, logs::operations::PutLogEvents::OPERATION, seed);
        both_ways::<xray::BatchGetTracesRequest, xray::BatchGetTracesResult>(&xray::SERVICE, xray::operations::BatchGetTraces::OPERATION, seed);
    }
}

#[test]
fn a_client_reads_the_errors_that_a_server_tells() {
    let error = cloudwatch::errors::resource_not_found("gone");
    for protocol in cloudwatch::SERVICE.protocols.iter().copied() {
        let call = call(&cloudwatch::SERVICE, "DeleteAlarms", protocol);
        let (parts, body) =
            encode_error(Dialect { protocol, query_mode: true }, Some(call.service), &error, "id").into_parts();
        assert_eq!(parts.status, StatusCode::NOT_FOUND);
        let read = decode_response(&call, parts.status, &parts.headers, &body, &mut Unit {}).unwrap_err();
        assert_eq!(
            (&*read.query_code, &*read.message, read.sender),
            ("ResourceNotFound", "gone", true),
            "{protocol:?}"
        );
    }
}

#[test]
fn kinesis_is_spoken_in_cbor_with_moments_in_milliseconds() {
    use watchkeep_model::kinesis::{GetShardIteratorInput, PutRecordInput, SERVICE, operations};
    use watchkeep_model::{OperationType as _, Timestamp};

    let call = |operation| Call { service: &SERVICE, operation, protocol: Protocol::AwsCbor11 };
    let get = call(operations::GetShardIterator::OPERATION);
    let input = GetShardIteratorInput {
        stream_name: Some("s".into()),
        shard_id: "shardId-000000000000".into(),
        shard_iterator_type: "AT_TIMESTAMP".into(),
        timestamp: Some(Timestamp(1_700_000_000_123)),
        ..Default::default()
    };
    let request = encode_request(&get, &input);
    assert_eq!(request.headers()["content-type"], "application/x-amz-cbor-1.1");
    assert_eq!(request.headers()["x-amz-target"], "Kinesis_20131202.GetShardIterator");
    // The tag of a moment, and the number as eight bytes.
    let moment = [&[0xc1, 0x1b][..], &1_700_000_000_123u64.to_be_bytes()].concat();
    assert!(request.body().windows(moment.len()).any(|bytes| bytes == moment));
    let head = Head { method: request.method(), uri: request.uri(), headers: request.headers() };
    let mut read = GetShardIteratorInput::default();
    decode_request(&get, &head, request.body(), &mut read).unwrap();
    assert_eq!((read.timestamp, read.shard_id), (input.timestamp, input.shard_id));

    let put = call(operations::PutRecord::OPERATION);
    let input = PutRecordInput { data: vec![0, 255], partition_key: Some("k".into()), ..Default::default() };
    let request = encode_request(&put, &input);
    let mut read = PutRecordInput::default();
    decode_request(&put, &head, request.body(), &mut read).unwrap();
    assert_eq!(read.data, [0, 255]);

    let error = watchkeep_model::kinesis::errors::resource_not_found_exception("no stream");
    let answer = encode_error(Protocol::AwsCbor11, Some(&SERVICE), &error, "r");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (400, &"application/x-amz-cbor-1.1".parse().unwrap())
    );
    let mut output = watchkeep_model::kinesis::PutRecordOutput::default();
    let told = decode_response(&put, answer.status(), answer.headers(), answer.body(), &mut output).unwrap_err();
    assert_eq!((told.code.as_ref(), told.message.as_str()), ("ResourceNotFoundException", "no stream"));
}
