//! The published vectors, the official signer as oracle in both directions, and the order of the checks.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use watchkeep_core::ports::Credential;
use watchkeep_core::{AccountId, Principal, TimestampMs};

use super::*;
use crate::aws_chunked;

const KEY: &str = "AKIDWATCHKEEPEXAMPLE";
const SECRET: &str = "notarealsecret/watchkeep+0123456789ABCDEF";
const NOW: TimestampMs = TimestampMs(1_768_480_245_000);

/// A request as it stands on the wire.
#[derive(Debug, Clone)]
struct Wire {
    method: String,
    path: String,
    query: String,
    host: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Wire {
    fn new(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let (method, path, query, body) = (method.into(), path.into(), query.into(), body.into());
        Wire { method, path, query, host: "127.0.0.1:4566".into(), headers: map, body }
    }

    fn request(&self) -> SignedRequest<'_> {
        let Wire { method, path, query, host, headers, .. } = self;
        SignedRequest { method, path, query, host: Some(host), headers }
    }

    fn verify(&self, service: &str, token: Option<&str>, now: TimestampMs) -> Result<Verified, Refusal> {
        let request = self.request();
        let presented = read(&request)?.ok_or(Refusal::NoCredentials)?;
        let verifier = Verifier::default();
        let claims = verifier.check_claims(&request, &presented, Expected { service, now })?;
        let credential = (claims.scope.access_key_id == KEY).then(|| credential(token));
        verifier.check_signature(&request, &presented, &claims, credential.as_ref(), SignedBody::Whole(&self.body), now)
    }

    fn error(&self, service: &str, family: ErrorFamily) -> String {
        let error = self.verify(service, None, NOW).unwrap_err().into_error(family);
        format!("{}: {}", if family == ErrorFamily::Query { &error.query_code } else { &error.code }, error.message)
    }
}

fn credential(token: Option<&str>) -> Credential {
    Credential {
        account: AccountId::DEFAULT,
        principal: Principal::Root,
        secret: SECRET.into(),
        session_token: token.map(str::to_owned),
        expires_at: None,
    }
}

fn authorization(service: &str, signed_headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20260115/us-east-1/{service}/aws4_request, SignedHeaders={signed_headers}, \
         Signature={signature}"
    )
}

const DATE: (&str, &str) = ("x-amz-date", "20260115T123045Z");
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
const WHO: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";

fn lookup_events() -> Wire {
    let signature = "59ceaec25db7af098cd3cac5d9186daa8c1a7eda92ed1e3c12292f3c98a954e0";
    let authorization = authorization("cloudtrail", "content-type;host;x-amz-date;x-amz-target", signature);
    let headers = [
        ("content-type", "application/x-amz-json-1.1"),
        DATE,
        ("x-amz-target", LOOKUP),
        ("authorization", &authorization),
        ("user-agent", "any/1"),
    ];
    Wire::new("POST", "/", &headers, br#"{"MaxResults":5}"#)
}

#[test]
fn the_worked_vectors_are_right() {
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let token = ("x-amz-security-token", "FQoDexampleToken//==");
    let schema = "/v1/registries/name/aws.events/schemas/name/aws.ec2%40EC2Change?schemaVersion=1";
    let key = "/trail-bucket/a%20b/c%2Bd//e.txt";
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], &'a str, &'a str, Option<&'a str>, &'a str);
    let rows: &[Row<'_>] = &[
        (
            "POST",
            "/",
            &[FORM, DATE],
            WHO,
            "sts",
            "content-type;host;x-amz-date",
            None,
            "0123549fffbdda2844b06864daf1e9d1b7eeb9284d5137e2f8ef64c2b4b15fd7",
        ),
        (
            "POST",
            "/",
            &[FORM, DATE, token],
            WHO,
            "sts",
            "content-type;host;x-amz-date;x-amz-security-token",
            Some(token.1),
            "f17d6d0eef6a479d0f4d9e12bb4b7cf34360b947ea2d9d3f6a33304d45350d80",
        ),
        (
            "GET",
            schema,
            &[DATE],
            b"",
            "schemas",
            "host;x-amz-date",
            None,
            "9e5a346c8a4666a6e14207d37d693bf0687abec7059208654d6b62c99a93d780",
        ),
        (
            "PUT",
            key,
            &[("content-type", "text/plain"), ("x-amz-content-sha256", hello), DATE],
            b"hello",
            "s3",
            "content-type;host;x-amz-content-sha256;x-amz-date",
            None,
            "e25e6a9f5a730bc41559b3628ce827c5ef99b12b470caeb5e743f6d6216bc418",
        ),
    ];
    for (method, target, headers, body, service, signed, token, signature) in rows {
        let authorization = authorization(service, signed, signature);
        let mut headers = headers.to_vec();
        headers.push(("authorization", &authorization));
        let wire = Wire::new(method, target, &headers, body);
        assert_eq!(wire.verify(service, *token, NOW).map(|_| ()), Ok(()), "{target}");
    }
    assert!(lookup_events().verify("cloudtrail", None, NOW).is_ok());
    let presigned = format!(
        "/trail-bucket/a.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY}%2F20260115%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20260115T123045Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=1db913a2990ff727a77e5b3184d060d1f359fd95e301cf683eda88170e43644a"
    );
    let wire = Wire::new("GET", &presigned, &[], b"");
    for (seconds, good) in [(-901, false), (-900, true), (0, true), (900, true), (901, false)] {
        let now = NOW.plus_ms(seconds * 1000);
        assert_eq!(wire.verify("s3", None, now).is_ok(), good, "{seconds}");
    }
}

#[test]
fn the_worked_chunks_are_right_and_no_other() {
    let chunks = |signatures: &[&str], trailer: &str| {
        let mut body = Vec::new();
        for (data, signature) in [vec![b'w'; 8192], b"atchkeep".to_vec(), Vec::new()].iter().zip(signatures) {
            body.extend(format!("{:x};chunk-signature={signature}\r\n", data.len()).bytes());
            body.extend(data);
            body.extend(if data.is_empty() { &b""[..] } else { b"\r\n" });
        }
        body.extend(trailer.bytes());
        body.extend(b"\r\n");
        body
    };
    let plain = [
        "a3715c30bff3b901184da4a0cc66233d84062458a1164cceb0b827e0dfa3fab2",
        "6db670812c1d87099664d0ecc990d5f87aed0989bb8c2e5c9825c23e627c9b82",
        "4fb50bb991294c6baaf499e29038156a7d41f5b1883d7bc090ad3726cea898d2",
    ];
    let trailed = [
        "91bb09b314e37ddd454ce1d2947197685082471477e2d3690bf1f20054370f02",
        "12d8c0bd4a3f84d70875e3e2e6c8cb4aded1890fd8dccb5d6efdb3bbade8220e",
        "8bc684db4aac41ba68da27db562ab7999d7f39e04eae268d7a5f69a139d01a1c",
    ];
    let trailer = "x-amz-checksum-crc32:4h9LKA==\r\n\
         x-amz-trailer-signature:57abbf24de7003ef0bf93ef9433810cb70b482b817488624be3c83859983a107\r\n";
    let cases = [
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length",
            "e24a2738f684ac51b5ab0adfc46422a65c089f11c75ed2e109c7d41b505e7894",
            chunks(&plain, ""),
        ),
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-trailer",
            "e4db3357df7b62c0e436bcb09fa3775b86476c7a65ba29a4c1adb5a8da06d95b",
            chunks(&trailed, trailer),
        ),
    ];
    for (hash, signed, seed, body) in cases {
        let authorization = authorization("s3", signed, seed);
        let mut headers = vec![
            ("content-encoding", "aws-chunked"),
            ("x-amz-content-sha256", hash),
            DATE,
            ("x-amz-decoded-content-length", "8200"),
            ("authorization", &authorization),
        ];
        if hash.ends_with("TRAILER") {
            headers.push(("x-amz-trailer", "x-amz-checksum-crc32"));
        }
        let verified = Wire::new("PUT", "/trail-bucket/chunked.bin", &headers, &body).verify("s3", None, NOW).unwrap();
        let streaming = verified.streaming.unwrap();
        let check = |body: &[u8]| {
            let chunked = aws_chunked::parse(body, Some(8200))?;
            chunked.verify(&verified.seed, streaming)?;
            chunked.check_trailers(streaming.trailer.then_some("x-amz-checksum-crc32"))
        };
        assert_eq!(check(&body), Ok(()));
        for index in (0..body.len()).filter(|index| *index < 200 || *index > 8200 || index % 512 == 0) {
            let mut changed = body.clone();
            changed[index] ^= 1;
            let meaning =
                [&body, &changed].map(|body| body.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).count());
            // A line that ends in LF alone, or hex digits of the other case, mean the same.
            assert!(
                check(&changed).is_err() || meaning[0] != meaning[1] || changed[index] == b'\x0c',
                "{hash} {index}"
            );
        }
    }
}

/// Signs with the official crate.
fn sign_officially(
    wire: &mut Wire,
    service: &str,
    token: Option<&str>,
    presign_seconds: Option<u64>,
    payload: SignableBody<'_>,
) {
    let identity = Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test").into();
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    if let Some(seconds) = presign_seconds {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(seconds));
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name(service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(NOW.0 as u64))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let separator = if wire.query.is_empty() { "" } else { "?" };
    let uri = format!("http://{}{}{separator}{}", wire.host, wire.path, wire.query);
    let headers: Vec<(&str, &str)> =
        wire.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let signable = SignableRequest::new(&wire.method, uri.clone(), headers.into_iter(), payload).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let mut request = http::Request::builder().method(&*wire.method).uri(uri);
    *request.headers_mut().unwrap() = wire.headers.clone();
    let mut request = request.body(()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    let (parts, ()) = request.into_parts();
    wire.query = parts.uri.query().unwrap_or_default().into();
    wire.headers = parts.headers;
}

// Paths and queries are spelled canonically: what clients send otherwise, the official signer takes as it is.
prop_compose! {
    fn any_request()(
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")],
        segments in prop::collection::vec("[a-z0-9._~-]{1,6}(%(20|2B|40|3A|C3%BC))?", 0..4),
        query in prop::collection::vec(("[a-zA-Z0-9-]{1,5}", "[a-z0-9]{0,3}(%(20|2B|2F|26|3D))?"), 0..4),
        extra in prop::option::of("[ -~]{0,20}"),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) -> Wire {
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = format!("/{}", segments.join("/"));
        let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let mut wire = Wire::new(method, &target, &[("content-type", "application/x-amz-json-1.1")], &body);
        if let Some(extra) = extra {
            wire.headers.insert("x-amz-extra", HeaderValue::from_str(extra.trim()).unwrap());
        }
        wire
    }
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_the_official_crate_signs_is_verified_and_no_change_of_it(
        wire in any_request(),
        s3 in any::<bool>(),
        token in prop::option::of("[A-Za-z0-9/+=]{1,20}"),
        presigned in any::<bool>(),
        choice in any::<prop::sample::Index>(),
    ) {
        let service = if s3 { "s3" } else { "logs" };
        let mut wire = wire;
        if presigned && !s3 {
            wire.body.clear();
        }
        let body = wire.body.clone();
        let payload = if presigned && s3 { SignableBody::UnsignedPayload } else { SignableBody::Bytes(&body) };
        sign_officially(&mut wire, service, token.as_deref(), presigned.then_some(600), payload);
        let verify = |wire: &Wire| wire.verify(service, token.as_deref(), NOW).map(|_| ());
        prop_assert_eq!(verify(&wire), Ok(()));
        for changed in changes(&wire, &choice, !(presigned && s3)) {
            prop_assert!(verify(&changed).is_err(), "{:?}", changed);
        }
    }

    #[test]
    fn what_we_sign_is_what_the_official_crate_signs(
        wire in any_request(),
        s3 in any::<bool>(),
        token in prop::option::of("[A-Za-z0-9/+=]{1,20}"),
    ) {
        let service = if s3 { "s3" } else { "logs" };
        let mut wire = wire;
        let separator = if wire.query.is_empty() { "" } else { "?" };
        let uri = format!("http://{}{}{separator}{}", wire.host, wire.path, wire.query);
        let mut request = http::Request::builder().method(&*wire.method).uri(uri).body(()).unwrap();
        *request.headers_mut() = wire.headers.clone();
        let (mut parts, ()) = request.into_parts();
        let signer = Signer::new(KEY, SECRET, token.clone(), "eu-central-1", service);
        signer.sign(&mut parts, &wire.body, NOW).unwrap();
        let body = wire.body.clone();
        sign_officially(&mut wire, service, token.as_deref(), None, SignableBody::Bytes(&body));
        prop_assert_eq!(&parts.headers["authorization"], &wire.headers["authorization"]);
        wire.headers = parts.headers.clone();
        prop_assert!(wire.verify(service, token.as_deref(), NOW).is_ok());
        parts.headers.remove("authorization");
        wire.headers = HeaderMap::new();
        parts.headers = HeaderMap::new();
        if !s3 {
            wire.body.clear();
        }
        signer.presign(&mut parts, 60, NOW).unwrap();
        wire.query = parts.uri.query().unwrap().into();
        prop_assert!(wire.verify(service, token.as_deref(), NOW.plus_ms(60_000)).is_ok());
        prop_assert!(wire.verify(service, token.as_deref(), NOW.plus_ms(61_000)).is_err());
    }
}

/// Requests that differ from this one in something that its signature covers.
fn changes(wire: &Wire, choice: &prop::sample::Index, body_is_covered: bool) -> Vec<Wire> {
    let mut changes = Vec::new();
    let mut change = |edit: &dyn Fn(&mut Wire)| {
        let mut changed = wire.clone();
        edit(&mut changed);
        changes.push(changed);
    };
    change(&|wire| wire.method.push('X'));
    change(&|wire| wire.host.push('0'));
    change(&|wire| wire.path.push_str("/more"));
    change(&|wire| wire.query.push_str("&added=1"));
    change(&|wire| drop(wire.headers.insert("x-amz-added", HeaderValue::from_static("1"))));
    if body_is_covered {
        change(&|wire| wire.body.push(0));
    }
    let authorization = wire.headers.get("authorization").map(|value| value.as_bytes().to_vec());
    if let Some(authorization) = authorization {
        let index = choice.index(authorization.len());
        if !matches!(authorization[index], b' ' | b',') {
            change(&|wire| {
                let mut authorization = authorization.clone();
                authorization[index] = if authorization[index] == b'0' { b'1' } else { b'0' };
                wire.headers.insert("authorization", HeaderValue::from_bytes(&authorization).unwrap());
            });
        }
        for name in wire.headers.keys().filter(|name| *name != "authorization") {
            change(&|wire| {
                let value = format!("{}0", wire.headers[name].to_str().unwrap());
                wire.headers.insert(name, HeaderValue::from_str(&value).unwrap());
            });
        }
    } else {
        let index = choice.index(wire.query.len());
        if wire.query.as_bytes()[index].is_ascii_alphanumeric() {
            change(&|wire| {
                let mut query = wire.query.clone().into_bytes();
                query[index] = if query[index] == b'0' { b'1' } else { b'0' };
                wire.query = String::from_utf8(query).unwrap();
            });
        }
    }
    changes
}

#[test]
fn failures_come_in_aws_order_with_aws_texts() {
    let edit = |name: &'static str, from: &str, to: &str| {
        let mut wire = lookup_events();
        let value = wire.headers[name].to_str().unwrap().replace(from, to);
        wire.headers.insert(name, HeaderValue::from_str(&value).unwrap());
        wire
    };
    let mut bare = lookup_events();
    bare.headers.remove("authorization");
    let mut added = lookup_events();
    added.headers.insert("x-amz-more", HeaderValue::from_static("1"));
    for (wire, family, expected) in [
        (bare.clone(), ErrorFamily::Json, "MissingAuthenticationTokenException: Request is missing"),
        (bare, ErrorFamily::Query, "MissingAuthenticationToken: Request is missing Authentication Token"),
        (
            edit("authorization", "host;", ""),
            ErrorFamily::Json,
            "InvalidSignatureException: 'Host' or ':authority' must",
        ),
        (
            edit("authorization", "Signature=", "Sig="),
            ErrorFamily::Json,
            "IncompleteSignatureException: Authorization header requires 'Signature' parameter.",
        ),
        (
            edit("x-amz-date", "20260115T", "2026-01-15T"),
            ErrorFamily::Query,
            "IncompleteSignature: Date must be in ISO-8601",
        ),
        (
            edit("x-amz-date", "T12", "T11"),
            ErrorFamily::Query,
            "SignatureDoesNotMatch: Signature expired: 20260115T113045Z is now earlier",
        ),
        (edit("x-amz-date", "T12", "T13"), ErrorFamily::Json, "InvalidSignatureException: Signature not yet current: "),
        (
            edit("authorization", "/us-east-1", ""),
            ErrorFamily::Json,
            "IncompleteSignatureException: Credential must have exactly 5",
        ),
        (
            edit("authorization", KEY, ""),
            ErrorFamily::Json,
            "IncompleteSignatureException: Credential must have exactly 5",
        ),
        (
            edit("authorization", "us-east-1/cloudtrail", "US/logs"),
            ErrorFamily::Json,
            "InvalidSignatureException: Credential should be scoped to a valid region. Credential should be scoped to correct service: 'cloudtrail'.",
        ),
        (
            edit("authorization", "20260115", "20260114"),
            ErrorFamily::Query,
            "SignatureDoesNotMatch: Date in Credential scope does not match",
        ),
        (
            edit("authorization", KEY, "AKIDOTHER"),
            ErrorFamily::Json,
            "UnrecognizedClientException: The security token included in the request is invalid.",
        ),
        (edit("authorization", KEY, "AKIDOTHER"), ErrorFamily::Query, "InvalidClientTokenId: "),
        (
            edit("authorization", "us-east-1", "us-east-2"),
            ErrorFamily::Json,
            "InvalidSignatureException: The request signature we calculated",
        ),
        (
            edit("x-amz-target", "Lookup", "Delete"),
            ErrorFamily::Json,
            "InvalidSignatureException: The request signature we calculated",
        ),
        (
            added,
            ErrorFamily::Json,
            "InvalidSignatureException: There were headers present in the request which were not signed: x-amz-more",
        ),
    ] {
        let error = wire.error("cloudtrail", family);
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
}

#[test]
fn sessions_need_their_token_and_end() {
    let mut wire = Wire::new("POST", "/", &[FORM], WHO);
    sign_officially(&mut wire, "sts", Some("token"), None, SignableBody::Bytes(WHO));
    assert!(wire.verify("sts", Some("token"), NOW).is_ok());
    assert_eq!(wire.verify("sts", Some("other"), NOW).unwrap_err(), Refusal::InvalidToken);
    assert_eq!(wire.verify("sts", None, NOW).unwrap_err(), Refusal::InvalidToken);
    let request = wire.request();
    let presented = read(&request).unwrap().unwrap();
    let verifier = Verifier::default();
    let claims = verifier.check_claims(&request, &presented, Expected { service: "sts", now: NOW }).unwrap();
    assert_eq!(claims.region.as_str(), "eu-central-1");
    let ended = Credential { expires_at: Some(NOW), ..credential(Some("token")) };
    let refusal =
        verifier.check_signature(&request, &presented, &claims, Some(&ended), SignedBody::Whole(WHO), NOW).unwrap_err();
    assert_eq!(refusal, Refusal::TokenExpired);
}

#[test]
fn bodies_are_covered_as_the_client_says() {
    let put = |hash: &str, body: &[u8], payload: SignableBody<'_>| {
        let mut wire = Wire::new("PUT", "/b/k", &[], body);
        sign_officially(&mut wire, "s3", None, None, payload);
        if !hash.is_empty() {
            wire.headers.insert("x-amz-content-sha256", HeaderValue::from_str(hash).unwrap());
        }
        wire
    };
    let sha = sha256_hex(b"hello");
    assert!(put("", b"anything", SignableBody::UnsignedPayload).verify("s3", None, NOW).is_ok());
    let streamed = put("", b"anything", SignableBody::StreamingUnsignedPayloadTrailer).verify("s3", None, NOW).unwrap();
    assert_eq!(streamed.streaming, Some(Streaming { signed: false, trailer: true }));
    let mismatch = put("", b"other", SignableBody::Precomputed(sha)).verify("s3", None, NOW).unwrap_err();
    assert!(matches!(mismatch, Refusal::ContentHashMismatch { .. }));
    let invalid = put("x", b"", SignableBody::Bytes(b"")).verify("s3", None, NOW).unwrap_err();
    assert_eq!(invalid, Refusal::InvalidContentHash);
    let mut absent =
        Wire::new("GET", "/b", &[DATE, ("authorization", &authorization("s3", "host;x-amz-date", "0"))], b"");
    assert_eq!(absent.verify("s3", None, NOW).unwrap_err(), Refusal::NoContentHash);
    // A date in RFC 2822 stands in for `X-Amz-Date`.
    absent.headers.remove("x-amz-date");
    absent.headers.insert("date", HeaderValue::from_static("Thu, 15 Jan 2026 12:30:45 GMT"));
    assert_eq!(absent.verify("s3", None, NOW).unwrap_err(), Refusal::NoContentHash);
}

#[test]
fn our_own_chunks_are_verified() {
    let signer = Signer::new(KEY, SECRET, None, "us-east-1", "s3");
    let (mut parts, ()) = http::Request::put("http://127.0.0.1:4566/b/k").body(()).unwrap().into_parts();
    let streaming = Streaming { signed: true, trailer: false };
    let seed = signer.sign_payload(&mut parts, Payload::Streaming(streaming), NOW).unwrap();
    let body = aws_chunked::encode_signed(&seed, b"hello world", 4);
    let wire = Wire { headers: parts.headers, ..Wire::new("PUT", "/b/k", &[], &body) };
    let verified = wire.verify("s3", None, NOW).unwrap();
    assert_eq!(verified.streaming, Some(streaming));
    let chunked = aws_chunked::parse(&body, Some(11)).unwrap();
    assert_eq!(chunked.data, b"hello world");
    assert_eq!(chunked.verify(&verified.seed, streaming), Ok(()));
    let trailed = Streaming { signed: true, trailer: true };
    assert_eq!(chunked.verify(&verified.seed, trailed), Err(aws_chunked::ChunkError::Signature));
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_claim_upsets_the_verifier(
        authorization in "AWS4-HMAC-SHA256 (Credential=[a-z0-9/]{0,40}/aws4_request, )?(SignedHeaders=[a-z;:-]{0,20}, )?(Signature=[0-9a-f]{0,64})?[ -~]{0,10}",
        date in prop_oneof!["[0-9]{8}T[0-9]{6}Z", "[ -~]{0,20}"],
        query in prop_oneof![Just(String::new()), "(X-Amz-(Date|Expires|Credential|Algorithm|Signature|SignedHeaders)=[%A-Za-z0-9-]{0,20}&){0,6}"],
        now in any::<i64>(),
    ) {
        let mut wire = Wire::new("GET", "/", &[], b"");
        wire.query = query;
        wire.headers.insert("x-amz-date", HeaderValue::from_str(date.trim()).unwrap());
        for headers in [wire.headers.clone(), HeaderMap::new()] {
            wire.headers = headers;
            if !wire.headers.is_empty() {
                wire.headers.insert("authorization", HeaderValue::from_str(authorization.trim()).unwrap());
            }
            if let Err(refusal) = wire.verify("logs", None, TimestampMs(now)) {
                for family in [ErrorFamily::Json, ErrorFamily::RestJson, ErrorFamily::Query, ErrorFamily::S3] {
                    prop_assert!((400..404).contains(&refusal.clone().into_error(family).status));
                }
            }
        }
    }
}
