//! The targets that take an HTTP request, written as HTTP/1.1 writes it: its signature, its address, its chunked body.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use watchkeep_core::ports::Credential;
use watchkeep_core::{AccountId, Principal, TimestampMs};
use watchkeep_model::{Service, cloudwatch, events, logs, s3, xray};

use crate::aws_chunked;
use crate::identify::{identify, needs_form};
use crate::protocol::Head;
use crate::sigv4::{
    self, ChunkSeed, ErrorFamily, Expected, SignedBody, SignedRequest, SigningKey, Streaming, Verifier,
};

/// When the kept requests were signed: 2026-01-15T12:30:45Z.
const NOW: TimestampMs = TimestampMs(1_768_480_245_000);

/// The secret that they were signed with.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Signature Version 4, by header and presigned: everything up to the comparison of the signature.
pub fn sigv4(bytes: &[u8]) {
    is_verified(bytes);
}

fn is_verified(bytes: &[u8]) -> bool {
    let request = Request::read(bytes);
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let host = request.headers.get("host").and_then(|host| host.to_str().ok());
    let signed = SignedRequest { method: request.method, path, query, host, headers: &request.headers };
    let _ = sigv4::scope_hint(&signed);
    let presented = match sigv4::read(&signed) {
        Ok(Some(presented)) => presented,
        Ok(None) => return false,
        Err(refusal) => {
            refusal.into_error(ErrorFamily::Json);
            return false;
        }
    };
    let credential = Credential {
        account: AccountId::DEFAULT,
        principal: Principal::Root,
        secret: SECRET.to_owned(),
        session_token: None,
        expires_at: None,
    };
    let verifier = Verifier::default();
    let mut is_verified = false;
    for service in ["monitoring", "s3"] {
        let expected = Expected { service, now: NOW };
        let verified = verifier.check_claims(&signed, &presented, expected).and_then(|claims| {
            verifier.check_signature(
                &signed,
                &presented,
                &claims,
                Some(&credential),
                SignedBody::Whole(request.body),
                NOW,
            )
        });
        match verified {
            Ok(_) => is_verified = true,
            Err(refusal) => drop(refusal.into_error(ErrorFamily::S3)),
        }
    }
    is_verified
}

/// Which service and operation a request asks for.
pub fn request(bytes: &[u8]) {
    const SERVICES: &[&Service] =
        &[&cloudwatch::SERVICE, &logs::SERVICE, &events::SERVICE, &xray::SERVICE, &s3::SERVICE];
    let request = Request::read(bytes);
    let (Ok(method), Ok(uri)) = (request.method.parse::<Method>(), request.target.parse::<Uri>()) else { return };
    let head = Head { method: &method, uri: &uri, headers: &request.headers };
    let form = needs_form(&head).then_some(request.body);
    for scope in [None, Some("monitoring"), Some("s3")] {
        let _ = identify(&head, form, scope, SERVICES);
    }
}

/// A body in chunks: its frame, its signatures, its trailers.
pub fn aws_chunked(bytes: &[u8]) {
    is_sound(bytes);
}

fn is_sound(bytes: &[u8]) -> bool {
    let Ok(chunked) = aws_chunked::parse(bytes, None) else { return false };
    let seed = ChunkSeed {
        key: SigningKey::derive(SECRET, "20260115", "us-east-1", "s3"),
        amz_date: "20260115T123045Z".to_owned(),
        scope: "20260115/us-east-1/s3/aws4_request".to_owned(),
        signature: "0".repeat(64),
    };
    let is_signed = [false, true].map(|trailer| chunked.verify(&seed, Streaming { signed: true, trailer }).is_ok());
    let _ = chunked.check_trailers(Some("x-amz-checksum-crc32, x-amz-checksum-sha256"));
    is_signed.contains(&true) && chunked.check_trailers(None).is_ok()
}

/// A request as text: a line with method and target, a line for each header, an empty line, the body. Lines that cannot be
/// read are left out, so that most changes to a request leave it one.
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: HeaderMap,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let end = memchr::memmem::find(bytes, b"\n\n").unwrap_or(bytes.len());
        let (head, body) = bytes.split_at_checked(end).unwrap_or((bytes, b""));
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
        let (method, target) = first.split_once(' ').unwrap_or((first, "/"));
        let mut headers = HeaderMap::new();
        for line in lines.take(200) {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = line.split_at_checked(colon).unwrap_or_default();
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                headers.append(name, value);
            }
        }
        Request { method, target, headers, body: body.get(2..).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else the fuzzer would start behind the first check. The requests were signed by botocore.
    #[test]
    fn what_the_fuzzer_starts_from_is_signed_well() {
        let file = |name| std::fs::read(format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        for name in ["by_header", "presigned", "s3_by_header", "s3_presigned"] {
            assert!(is_verified(&file(format!("sigv4/{name}"))), "{name}");
        }
        for name in ["signed", "signed_with_trailers"] {
            assert!(is_sound(&file(format!("aws_chunked/{name}"))), "{name}");
        }
    }
}
