//! Cases from what SDKs send and AWS answers, and round trips over REST operations.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use proptest::prelude::*;
use watchkeep_model::xray::operations as traces;
use watchkeep_model::{
    OperationType, Protocol, Service, ServiceError, Structure, Timestamp, Unit, equal, pipes, s3, scheduler, schemas,
    xray,
};

use super::*;
use crate::constraints::Missing;
use crate::fill::{Fill, shown};
use crate::protocol::{Call, Head};

fn call<O: OperationType>(service: &'static Service) -> Call {
    let protocol = service.protocols[0];
    Call { service, operation: O::OPERATION, protocol }
}

fn found(method: &str, target: &str, headers: &[(&'static str, &'static str)], service: &'static Service) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_static(value));
    }
    let (method, uri) = (Method::from_bytes(method.as_bytes()).unwrap(), Uri::try_from(target).unwrap());
    find(&Head { method: &method, uri: &uri, headers: &map }, service)
        .map_or("-", |operation| operation.name)
        .to_owned()
}

#[test]
fn the_most_specific_operation_is_found() {
    for (method, target, name) in [
        ("GET", "/", "ListBuckets"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b/", "ListObjects"),
        ("GET", "/b?list-type=2&prefix=a", "ListObjectsV2"),
        ("GET", "/b?list-type=1", "ListObjects"),
        ("GET", "/b?location", "GetBucketLocation"),
        ("GET", "/b/?location=", "GetBucketLocation"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", "GetBucketAnalyticsConfiguration"),
        ("PUT", "/b?lifecycle", "PutBucketLifecycleConfiguration"),
        ("GET", "/b?notification", "GetBucketNotificationConfiguration"),
        ("HEAD", "/b", "HeadBucket"),
        ("HEAD", "/b/k", "HeadObject"),
        ("GET", "/b/k/l/m?x-id=GetObject", "GetObject"),
        ("GET", "/b//k", "GetObject"),
        ("GET", "/b/k?acl", "GetObjectAcl"),
        ("GET", "/b/k?uploadId=1", "ListParts"),
        ("PUT", "/b/k", "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=2", "UploadPart"),
        ("PUT", "/b/k?partNumber=1", "PutObject"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=2", "CompleteMultipartUpload"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
        ("POST", "/WriteGetObjectResponse", "WriteGetObjectResponse"),
        ("DELETE", "/b/k?uploadId=1", "AbortMultipartUpload"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("PATCH", "/b/k", "-"),
    ] {
        assert_eq!(found(method, target, &[], &s3::SERVICE), name, "{method} {target}");
    }
    let copy = [("x-amz-copy-source", "a/b")];
    assert_eq!(found("PUT", "/b/k", &copy, &s3::SERVICE), "CopyObject");
    assert_eq!(found("PUT", "/b/k?partNumber=1&uploadId=2", &copy, &s3::SERVICE), "UploadPartCopy");
    for (method, target, name) in [
        ("POST", "/TraceSegments", "PutTraceSegments"),
        ("POST", "/TraceSegments/", "PutTraceSegments"),
        ("POST", "/Traces", "BatchGetTraces"),
        ("GET", "/Traces", "-"),
        ("POST", "/TraceSegments/x", "-"),
        ("POST", "/", "-"),
    ] {
        assert_eq!(found(method, target, &[], &xray::SERVICE), name, "{method} {target}");
    }
    for (method, target, name) in [
        ("GET", "/v1/registries/name/aws.events/schemas/name/a%40b?schemaVersion=1", "DescribeSchema"),
        ("GET", "/v1/registries/name/r/schemas/search?keywords=a", "SearchSchemas"),
        ("GET", "/v1/registries/name/r/schemas", "ListSchemas"),
        ("DELETE", "/tags/arn%3Aaws%3Aschemas%2Fr?tagKeys=a", "UntagResource"),
    ] {
        assert_eq!(found(method, target, &[], &schemas::SERVICE), name, "{method} {target}");
    }
}

fn decoded<O: OperationType>(
    service: &'static Service,
    target: &str,
    headers: &[(&'static str, &'static str)],
    body: &[u8],
) -> Result<(O::Input, Missing), ServiceError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    let uri = Uri::try_from(target).unwrap();
    let head = Head { method: &Method::POST, uri: &uri, headers: &map };
    let (mut input, mut missing) = (O::Input::default(), Missing::default());
    decode(&call::<O>(service), &head, body, &mut input, &mut missing).map(|()| (input, missing))
}

#[test]
fn members_come_from_path_query_headers_and_body() {
    let (input, missing) = decoded::<s3::operations::PutObject>(
        &s3::SERVICE,
        "/trail-bucket/a%20b/c%2Bd+e//f.txt?x-id=PutObject",
        &[
            ("x-amz-meta-one", "1"),
            ("X-Amz-Meta-two", "2"),
            ("expires", "Tue, 02 Jan 2024 03:04:05 GMT"),
            ("x-amz-object-lock-retain-until-date", "2024-01-02T03:04:05Z"),
            ("content-length", "5"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
        ],
        b"hello",
    )
    .unwrap();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!((input.bucket.as_str(), input.key.as_str()), ("trail-bucket", "a b/c+d+e//f.txt"));
    assert_eq!(input.body.as_deref(), Some(&b"hello"[..]));
    let metadata = input.metadata.unwrap();
    assert_eq!((metadata["one"].as_str(), metadata["two"].as_str(), metadata.len()), ("1", "2", 2));
    assert_eq!(input.object_lock_retain_until_date, Some(Timestamp(1_704_164_645_000)));
    assert_eq!((input.content_length, input.bucket_key_enabled), (Some(5), Some(true)));

    let (input, _) = decoded::<s3::operations::ListObjectsV2>(
        &s3::SERVICE,
        "/b?list-type=2&prefix=a%2Fb+c&max-keys=7&delimiter=&fetch-owner=true",
        &[("x-amz-optional-object-attributes", "RestoreStatus, \"a,\\\"b\"")],
        b"",
    )
    .unwrap();
    assert_eq!(input.prefix.as_deref(), Some("a/b c"));
    assert_eq!((input.max_keys, input.delimiter.as_deref(), input.fetch_owner), (Some(7), Some(""), Some(true)));
    assert_eq!(input.optional_object_attributes.unwrap(), ["RestoreStatus", "a,\"b"]);

    let (input, _) = decoded::<pipes::operations::UntagResource>(
        &pipes::SERVICE,
        "/tags/arn%3Aaws%3Apipes%3Aus-east-1%3A1%3Apipe%2Fp?tagKeys=a&tagKeys=b%26",
        &[],
        b"",
    )
    .unwrap();
    assert_eq!(input.resource_arn, "arn:aws:pipes:us-east-1:1:pipe/p");
    assert_eq!(input.tag_keys, ["a", "b&"]);
}

#[test]
fn json_bodies() {
    let (input, missing) = decoded::<traces::PutTraceSegments>(
        &xray::SERVICE,
        "/TraceSegments",
        &[],
        br#"{"TraceSegmentDocuments":["{\"id\":1}","x"],"Unknown":1}"#,
    )
    .unwrap();
    assert_eq!(input.trace_segment_documents, ["{\"id\":1}", "x"]);
    assert!(missing.is_empty());
    // The daemon's port is called with no body at all.
    assert!(decoded::<traces::GetSamplingRules>(&xray::SERVICE, "/GetSamplingRules", &[], b"").is_ok());
    let (_, missing) = decoded::<traces::PutTraceSegments>(&xray::SERVICE, "/TraceSegments", &[], b"").unwrap();
    assert!(!missing.is_empty());
    let (_, missing) = decoded::<pipes::operations::UntagResource>(&pipes::SERVICE, "/tags/a", &[], b"").unwrap();
    assert!(!missing.is_empty());
    for body in [&b"{"[..], b"[]", br#"{"TraceSegmentDocuments":"x"}"#, b"\xff"] {
        let error = decoded::<traces::PutTraceSegments>(&xray::SERVICE, "/TraceSegments", &[], body).err().unwrap();
        assert_eq!((error.code.as_ref(), error.status), ("SerializationException", 400));
    }
}

#[test]
fn xml_bodies() {
    let (input, missing) = decoded::<s3::operations::DeleteObjects>(
        &s3::SERVICE,
        "/b?delete",
        &[],
        b"<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n <Object><Key>a&amp;b</Key></Object>\
          <Quiet>true</Quiet><Object><VersionId>v</VersionId><Key>c</Key></Object></Delete>",
    )
    .unwrap();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(input.delete.quiet, Some(true));
    assert_eq!(input.delete.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a&b", "c"]);

    let (_, missing) = decoded::<s3::operations::DeleteObjects>(
        &s3::SERVICE,
        "/b?delete",
        &[],
        b"<Delete><Object><VersionId>v</VersionId></Object></Delete>",
    )
    .unwrap();
    assert!(!missing.is_empty());
    let error = decoded::<s3::operations::DeleteObjects>(&s3::SERVICE, "/b?delete", &[], b"<Delete>").err().unwrap();
    assert_eq!((error.query_code.as_ref(), error.status), ("MalformedXML", 400));
    let error =
        decoded::<s3::operations::ListObjectsV2>(&s3::SERVICE, "/b?list-type=2&max-keys=x", &[], b"").err().unwrap();
    assert_eq!(
        (error.query_code.as_ref(), error.message.as_str()),
        ("InvalidArgument", "'x' is not a valid Integer: max-keys")
    );

    let (input, _) = decoded::<s3::operations::PutBucketAcl>(
        &s3::SERVICE,
        "/b?acl",
        &[],
        b"<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
          xsi:type=\"CanonicalUser\"><ID>i</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
    )
    .unwrap();
    let grants = input.access_control_policy.unwrap().grants.unwrap();
    let grantee = grants[0].grantee.as_ref().unwrap();
    assert_eq!((grantee.r#type.as_str(), grantee.id.as_deref()), ("CanonicalUser", Some("i")));
}

fn text(response: &http::Response<Vec<u8>>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

#[test]
fn answers() {
    let response = encode_response(
        &call::<traces::PutTraceSegments>(&xray::SERVICE),
        &xray::PutTraceSegmentsResult { unprocessed_trace_segments: Some(vec![]) },
        "id",
    );
    assert_eq!(text(&response), r#"{"UnprocessedTraceSegments":[]}"#);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["x-amzn-requestid"], "id");
    let telemetry = call::<traces::PutTelemetryRecords>(&xray::SERVICE);
    assert_eq!(text(&encode_response(&telemetry, &xray::PutTelemetryRecordsResult::default(), "id")), "{}");

    let response = encode_response(
        &call::<s3::operations::ListObjectsV2>(&s3::SERVICE),
        &s3::ListObjectsV2Output {
            name: Some("b".into()),
            is_truncated: Some(false),
            contents: Some(vec![s3::Object {
                key: Some("a<".into()),
                last_modified: Some(Timestamp(1_704_164_645_120)),
                size: Some(3),
                ..Default::default()
            }]),
            ..Default::default()
        },
        "id",
    );
    assert_eq!(
        text(&response),
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false</IsTruncated><Contents><Key>a&lt;</Key>\
         <LastModified>2024-01-02T03:04:05.120Z</LastModified><Size>3</Size></Contents><Name>b</Name></ListBucketResult>"
    );
    assert_eq!(response.headers()["x-amz-request-id"], "id");

    let location = call::<s3::operations::GetBucketLocation>(&s3::SERVICE);
    let mut output = s3::GetBucketLocationOutput { location_constraint: Some("eu-west-1".into()) };
    let response = encode_response(&location, &output, "id");
    assert_eq!(
        text(&response),
        "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">eu-west-1</LocationConstraint>"
    );
    output.location_constraint = None;
    decode_response(&location, response.status(), response.headers(), response.body(), &mut output).unwrap();
    assert_eq!(output.location_constraint.as_deref(), Some("eu-west-1"));

    let response = encode_response(
        &call::<s3::operations::GetObject>(&s3::SERVICE),
        &s3::GetObjectOutput {
            body: Some(b"hello".to_vec()),
            last_modified: Some(Timestamp(1_704_164_645_000)),
            content_type: Some("text/csv".into()),
            metadata: Some([("k".to_owned(), "v".to_owned())].into()),
            ..Default::default()
        },
        "id",
    );
    assert_eq!(text(&response), "hello");
    assert_eq!(response.headers()["content-type"], "text/csv");
    assert_eq!(response.headers()["last-modified"], "Tue, 02 Jan 2024 03:04:05 GMT");
    assert_eq!(response.headers()["x-amz-meta-k"], "v");
    let response = encode_response(&call::<s3::operations::DeleteBucket>(&s3::SERVICE), &Unit {}, "id");
    assert_eq!((response.status(), text(&response)), (StatusCode::NO_CONTENT, ""));
}

#[test]
fn errors() {
    let error = xray::errors::invalid_request_exception("bad");
    let response = encode_error(Protocol::RestJson, Some(&xray::SERVICE), &error, "id");
    assert_eq!((response.status().as_u16(), text(&response)), (400, r#"{"Message":"bad"}"#));
    assert_eq!(response.headers()["x-amzn-errortype"], "InvalidRequestException");
    let read = decode_response(
        &call::<traces::BatchGetTraces>(&xray::SERVICE),
        response.status(),
        response.headers(),
        response.body(),
        &mut Unit {},
    );
    let read = read.unwrap_err();
    assert_eq!((read.code.as_ref(), read.message.as_str(), read.status), ("InvalidRequestException", "bad", 400));

    let error = xray::errors::resource_not_found_exception("no")
        .with_details(xray::ResourceNotFoundException { resource_name: Some("r".into()), ..Default::default() });
    let response = encode_error(Protocol::RestJson, Some(&xray::SERVICE), &error, "id");
    assert_eq!((response.status().as_u16(), text(&response)), (404, r#"{"ResourceName":"r","Message":"no"}"#));

    let error = s3::errors::no_such_bucket("The specified bucket does not exist");
    let response = encode_error(Protocol::RestXml, Some(&s3::SERVICE), &error, "id");
    assert_eq!(
        text(&response),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message>\
         <RequestId>id</RequestId><HostId>id</HostId></Error>"
    );
    assert_eq!(response.headers()["x-amz-id-2"], "id");
    let read = decode_response(
        &call::<s3::operations::ListObjects>(&s3::SERVICE),
        response.status(),
        response.headers(),
        response.body(),
        &mut s3::ListObjectsOutput::default(),
    );
    assert_eq!(read.unwrap_err().code, "NoSuchBucket");
    let response = encode_error(Protocol::RestXml, None, &error, "id");
    assert!(text(&response).starts_with("<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchBucket</Code>"));
}

fn round_trip<O: OperationType>(service: &'static Service, seed: u64) {
    let call = call::<O>(service);
    let mut fill = Fill::new(seed);
    let mut input = O::Input::default();
    fill.structure(&mut input);
    let request = encode_request(&call, &input);
    let head = Head { method: request.method(), uri: request.uri(), headers: request.headers() };
    assert_eq!(find(&head, service).map(|operation| operation.name), Some(O::OPERATION.name), "{}", request.uri());
    let (mut read, mut missing) = (O::Input::default(), Missing::default());
    decode(&call, &head, request.body(), &mut read, &mut missing).unwrap();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(equal(&input, &read), "{} {}", O::OPERATION.name, shown(&input, &read));

    let mut output = O::Output::default();
    fill.structure(&mut output);
    let response = encode_response(&call, &output, "id");
    let mut read = O::Output::default();
    decode_response(&call, response.status(), response.headers(), response.body(), &mut read).unwrap();
    assert!(equal(&output, &read), "{} {}", O::OPERATION.name, shown(&output, &read));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn structures_survive_the_wire(seed: u64) {
        round_trip::<traces::PutTraceSegments>(&xray::SERVICE, seed);
        round_trip::<traces::BatchGetTraces>(&xray::SERVICE, seed);
        round_trip::<traces::GetTraceSummaries>(&xray::SERVICE, seed);
        round_trip::<traces::GetSamplingTargets>(&xray::SERVICE, seed);
        round_trip::<schemas::operations::DescribeSchema>(&schemas::SERVICE, seed);
        round_trip::<schemas::operations::GetCodeBindingSource>(&schemas::SERVICE, seed);
        round_trip::<scheduler::operations::CreateSchedule>(&scheduler::SERVICE, seed);
        round_trip::<pipes::operations::CreatePipe>(&pipes::SERVICE, seed);
        round_trip::<s3::operations::PutObject>(&s3::SERVICE, seed);
        round_trip::<s3::operations::GetObject>(&s3::SERVICE, seed);
        round_trip::<s3::operations::ListObjectsV2>(&s3::SERVICE, seed);
        round_trip::<s3::operations::UploadPart>(&s3::SERVICE, seed);
        round_trip::<s3::operations::CompleteMultipartUpload>(&s3::SERVICE, seed);
        round_trip::<s3::operations::DeleteObjects>(&s3::SERVICE, seed);
        round_trip::<s3::operations::PutBucketAcl>(&s3::SERVICE, seed);
        round_trip::<s3::operations::GetBucketAcl>(&s3::SERVICE, seed);
        round_trip::<s3::operations::PutBucketNotificationConfiguration>(&s3::SERVICE, seed);
        round_trip::<s3::operations::PutBucketLifecycleConfiguration>(&s3::SERVICE, seed);
        round_trip::<s3::operations::PutBucketPolicy>(&s3::SERVICE, seed);
    }

    #[test]
    fn arbitrary_requests_never_panic(
        path in "/[a-z%0-9/?&=+ \"]{0,30}",
        value in "[ -~]{0,20}",
        body: Vec<u8>,
        document in "(<|>|/|Delete|Object|Key|a|\\{|\\}|\"|:|,|\\[){0,20}",
    ) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert("x-amz-optional-object-attributes", value.clone());
            headers.insert("x-amz-meta-a", value);
        }
        let Ok(uri) = Uri::try_from(path) else { return Ok(()) };
        for body in [&body[..], document.as_bytes()] {
            let head = Head { method: &Method::GET, uri: &uri, headers: &headers };
            let _ = find(&head, &s3::SERVICE);
            fn attempt<O: OperationType>(service: &'static Service, head: &Head<'_>, body: &[u8]) {
                let (mut input, mut missing) = (O::Input::default(), Missing::default());
                let _ = decode(&call::<O>(service), head, body, &mut input, &mut missing);
                let input: &dyn Structure = &input;
                let _ = encode_request(&call::<O>(service), input);
            }
            attempt::<s3::operations::ListObjectsV2>(&s3::SERVICE, &head, body);
            attempt::<s3::operations::DeleteObjects>(&s3::SERVICE, &head, body);
            attempt::<traces::PutTraceSegments>(&xray::SERVICE, &head, body);
        }
    }
}
