//! The canonical request and the string to sign.

use std::borrow::Cow;

use http::HeaderMap;

use super::ALGORITHM;
use super::encode::{decoded, push_encoded, recode_query};
use super::payload::sha256_hex;

/// A request as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path exactly as sent.
    pub path: &'a str,
    /// The query string exactly as sent, without `?`; empty if there is none.
    pub query: &'a str,
    /// The `Host` header, or `:authority` of HTTP/2.
    pub host: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// The two ways to canonicalize a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// All services but S3: the path is normalized and encoded twice, the body's hash is part of every request.
    Standard,
    /// S3: the path stands as it is, `x-amz-content-sha256` says how the body is covered.
    S3,
}

impl Style {
    /// The style of a service, by its signing name.
    pub fn of_service(signing_name: &str) -> Style {
        if signing_name == "s3" { Style::S3 } else { Style::Standard }
    }
}

/// The canonical request: `signed_headers` as listed (`host;x-amz-date`), `payload_hash` as text.
pub(super) fn canonical_request(
    request: &SignedRequest<'_>,
    style: Style,
    signed_headers: &str,
    payload_hash: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + request.path.len() + request.query.len() + 2 * signed_headers.len());
    out.extend(request.method.as_bytes());
    out.push(b'\n');
    push_path(&mut out, request.path, style);
    out.push(b'\n');
    push_query(&mut out, request.query);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        out.extend(name.as_bytes());
        out.push(b':');
        push_header(&mut out, request, name);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend(payload_hash.as_bytes());
    out
}

/// The string to sign; `scope` is `date/region/service/aws4_request`.
pub(super) fn string_to_sign(amz_date: &str, scope: &str, canonical_request: &[u8]) -> String {
    format!("{ALGORITHM}\n{amz_date}\n{scope}\n{}", sha256_hex(canonical_request))
}

fn push_path(out: &mut Vec<u8>, path: &str, style: Style) {
    let mut push = |byte| if byte == b'/' { out.push(byte) } else { push_encoded(out, byte) };
    match style {
        Style::S3 if path.is_empty() => push(b'/'),
        Style::S3 => decoded(path).for_each(push),
        Style::Standard => normalized(path).bytes().for_each(push),
    }
}

/// The path without empty, `.` and `..` segments; a slash at the end stays.
fn normalized(path: &str) -> Cow<'_, str> {
    if path.is_empty() {
        return "/".into();
    }
    if path.starts_with('/') && !path.contains('.') && !path.contains("//") {
        return path.into();
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let mut out = format!("/{}", segments.join("/"));
    if !out.ends_with('/') && ["/", "/.", "/.."].iter().any(|end| path.ends_with(end)) {
        out.push('/');
    }
    out.into()
}

fn push_query(out: &mut Vec<u8>, query: &str) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode_query(name), recode_query(value)))
        .filter(|(name, _)| name != b"X-Amz-Signature")
        .collect();
    pairs.sort();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend(name);
        out.push(b'=');
        out.extend(value);
    }
}

fn push_header(out: &mut Vec<u8>, request: &SignedRequest<'_>, name: &str) {
    if name == "host" || name == ":authority" {
        out.extend(request.host.unwrap_or_default().as_bytes());
        return;
    }
    for (index, value) in request.headers.get_all(name).iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let words = value.as_bytes().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            out.extend(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, standard, s3) in [
            ("", "/", "/"),
            ("/", "/", "/"),
            ("/a/../b", "/b", "/a/../b"),
            ("//a//", "/a/", "//a//"),
            ("/a/.", "/a/", "/a/."),
            ("/..", "/", "/.."),
            ("/a.b", "/a.b", "/a.b"),
            ("/a%40b", "/a%2540b", "/a%40b"),
            ("/a%7eb+c", "/a%257eb%2Bc", "/a~b%2Bc"),
            ("/ü", "/%C3%BC", "/%C3%BC"),
        ] {
            for (style, expected) in [(Style::Standard, standard), (Style::S3, s3)] {
                let mut out = Vec::new();
                push_path(&mut out, path, style);
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{path} {style:?}");
            }
        }
    }

    #[test]
    fn queries_are_sorted_after_encoding() {
        for (query, canonical) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=b&a=a&a", "a=&a=a&a=b"),
            ("policy", "policy="),
            ("a-=1&a=2&a%2B=3", "a=2&a%2B=3&a-=1"),
            ("x=a%20b+c~%7E&&", "x=a%20b%20c~~"),
            ("X-Amz-Signature=0&X-Amz-Date=1", "X-Amz-Date=1"),
        ] {
            let mut out = Vec::new();
            push_query(&mut out, query);
            assert_eq!(String::from_utf8(out).unwrap(), canonical, "{query}");
        }
    }

    #[test]
    fn header_values_are_trimmed_collapsed_and_joined() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", "  one   \"two   three\"  ".parse().unwrap());
        headers.append("x-a", "four".parse().unwrap());
        let request = SignedRequest { method: "GET", path: "/", query: "", host: Some("h:1"), headers: &headers };
        let text = canonical_request(&request, Style::Standard, "host;x-a;x-none", "hash");
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "GET\n/\n\nhost:h:1\nx-a:one \"two three\",four\nx-none:\n\nhost;x-a;x-none\nhash"
        );
    }
}
