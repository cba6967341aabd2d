//! Browsers: which pages may call, and the headers that tell them (the Fetch standard, "CORS protocol").
//!
//! In mode open whoever reaches the port is the account's root. A browser on this machine reaches it for any page that it
//! shows, so a page of a foreign origin is refused there outright, not just kept from reading the answer.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, Uri};

use crate::config::{AuthMode, GatewayConfig};

/// What a request's `Origin` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It comes from no page.
    None,
    /// It comes from a page that may call.
    Allowed(HeaderValue),
    /// It comes from another page.
    Foreign,
}

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, PATCH");

/// What AWS's SDKs in browsers read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-amzn-requestid, x-amzn-request-id, x-amz-request-id, x-amz-id-2, x-amzn-errortype, x-amzn-error-message, \
     x-amzn-query-error, x-amzn-trace-id, x-amz-crc32, x-amz-apigw-id, x-amz-bucket-region, x-amz-version-id, date, etag, \
     smithy-protocol",
);

/// How long a browser may remember a preflight's answer, seconds; browsers themselves stop at two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Judges where a request comes from.
pub(crate) fn judge(config: &GatewayConfig, headers: &HeaderMap, host: Option<&str>) -> Origin {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) if is_allowed(config, origin, host) => Origin::Allowed(origin.clone()),
        (Some(_), _) => Origin::Foreign,
        (None, _) if sent_by_a_foreign_page(config, headers, host) => Origin::Foreign,
        (None, _) => Origin::None,
    }
}

/// Whether a request of this origin is turned away.
pub(crate) fn is_refused(config: &GatewayConfig, origin: &Origin) -> bool {
    *origin == Origin::Foreign && config.auth == AuthMode::Open
}

/// Whether the request comes from no page, or from one on loopback.
pub(crate) fn is_absent_or_loopback(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
    if origins.peek().is_none() { !is_cross_site(headers) } else { origins.all(is_loopback_origin) }
}

/// Whether `host`, or `host:port`, is this machine by a loopback address or a name that only ever means one.
pub(crate) fn is_loopback_authority(authority: &str) -> bool {
    let Some(host) = host_of(authority) else { return false };
    let name = host.to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost") || ip_of(&host).is_some_and(|ip| ip.is_loopback())
}

/// The answer to a preflight of an allowed origin: what it asks for, as far as AWS's SDKs need it.
pub(crate) fn preflight<B: Default>(origin: HeaderValue, headers: &HeaderMap) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    let granted: Vec<&str> =
        asked.unwrap_or_default().split(',').map(str::trim).filter(|name| is_known_header(name)).collect();
    let map = response.headers_mut();
    map.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    if let Ok(granted) = HeaderValue::from_str(&granted.join(", "))
        && !granted.is_empty()
    {
        map.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, granted);
    }
    map.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if headers.contains_key("access-control-request-private-network") {
        map.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    }
    grant(map, origin);
    response
}

/// Whether a request is a preflight.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Lets the page of this origin read an answer.
pub(crate) fn grant(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

fn is_known_header(name: &str) -> bool {
    const NAMES: [HeaderName; 10] = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::ACCEPT,
        header::CACHE_CONTROL,
        header::RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        HeaderName::from_static("content-md5"),
    ];
    let name = name.to_ascii_lowercase();
    ["x-amz-", "x-amzn-", "amz-sdk-", "smithy-"].iter().any(|prefix| name.starts_with(prefix))
        || NAMES.iter().any(|known| known.as_str() == name)
}

fn is_allowed(config: &GatewayConfig, origin: &HeaderValue, host: Option<&str>) -> bool {
    let configured = |allowed: &String| allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
    is_loopback_origin(origin) || config.cors_origins.iter().any(configured) || is_our_own_page(origin, host)
}

/// Whether the page is one that we serve ourselves: it comes from the address that it calls. A name does not prove that, as
/// anybody's name may resolve to our address; an address does.
fn is_our_own_page(origin: &HeaderValue, host: Option<&str>) -> bool {
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    authority.is_some() && authority == host && authority.and_then(host_of).and_then(|name| ip_of(&name)).is_some()
}

fn is_loopback_origin(origin: &HeaderValue) -> bool {
    let Ok(text) = origin.to_str() else { return false };
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    matches!(scheme, "http" | "https") && !authority.contains('/') && is_loopback_authority(authority)
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// Requests without `Origin` that a browser makes all the same: images and links of other sites, and GETs of a page whose
/// own name resolves to our address (DNS rebinding), which the browser takes for the page's own server.
fn sent_by_a_foreign_page(config: &GatewayConfig, headers: &HeaderMap, host: Option<&str>) -> bool {
    let browser = headers.get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"));
    is_cross_site(headers) || (browser && host.is_some_and(|host| !is_our_own(config, host)))
}

/// Whether a browser may know us by this name without its page being somebody else's: addresses, loopback, names without a
/// dot (a container's, a machine's on the local network), and those of configured origins.
fn is_our_own(config: &GatewayConfig, authority: &str) -> bool {
    let Some(host) = host_of(authority) else { return false };
    let configured = |origin: &String| {
        origin == "*" || origin.split_once("://").and_then(|(_, authority)| host_of(authority)).as_ref() == Some(&host)
    };
    is_loopback_authority(authority)
        || ip_of(&host).is_some()
        || !host.contains('.')
        || config.cors_origins.iter().any(configured)
}

fn host_of(authority: &str) -> Option<String> {
    let uri: Uri = format!("http://{authority}/").parse().ok()?;
    Some(uri.host()?.to_owned())
}

fn ip_of(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &str, headers: &[(&'static str, &str)], host: &str) -> Origin {
        let mut config = GatewayConfig::new(Vec::new());
        config.cors_origins = vec!["https://console.example.com".into()];
        let mut map = HeaderMap::new();
        if !origin.is_empty() {
            map.insert("origin", origin.parse().unwrap());
        }
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        judge(&config, &map, Some(host))
    }

    #[test]
    fn pages_on_loopback_and_configured_ones_may_call() {
        for (origin, allowed) in [
            ("http://localhost:5173", true),
            ("https://app.localhost", true),
            ("http://127.0.0.1:4566", true),
            ("http://127.8.9.1", true),
            ("http://[::1]:80", true),
            ("https://console.example.com", true),
            ("http://console.example.com", false),
            ("https://console.example.com.evil.example", false),
            ("http://localhost.evil.example", false),
            ("http://localhost@evil.example", false),
            ("http://evil.example/localhost", false),
            ("http://192.168.0.4", false),
            ("http://localhost", true),
            ("null", false),
            ("file://localhost", false),
            ("chrome-extension://localhost", false),
        ] {
            assert_eq!(matches!(check(origin, &[], "localhost"), Origin::Allowed(_)), allowed, "{origin}");
        }
    }

    #[test]
    fn our_own_pages_may_call_us_by_address() {
        assert!(matches!(check("http://10.1.2.3:4566", &[], "10.1.2.3:4566"), Origin::Allowed(_)));
        assert_eq!(check("http://10.1.2.3:4567", &[], "10.1.2.3:4566"), Origin::Foreign);
        assert_eq!(check("http://evil.example:4566", &[], "evil.example:4566"), Origin::Foreign);
    }

    #[test]
    fn requests_without_origin() {
        const BROWSER: (&str, &str) = ("user-agent", "Mozilla/5.0 (X11)");
        for (headers, host, expected) in [
            (&[][..], "anything.example:4566", Origin::None),
            (&[("user-agent", "Boto3/1")][..], "stream-logs.example", Origin::None),
            (&[BROWSER][..], "localhost:4566", Origin::None),
            (&[BROWSER][..], "10.1.2.3:4566", Origin::None),
            (&[BROWSER][..], "watchkeep:4566", Origin::None),
            (&[BROWSER][..], "console.example.com", Origin::None),
            (&[BROWSER][..], "evil.example:4566", Origin::Foreign),
            (&[("sec-fetch-site", "cross-site")][..], "localhost:4566", Origin::Foreign),
            (&[("sec-fetch-site", "same-origin")][..], "localhost:4566", Origin::None),
        ] {
            assert_eq!(check("", headers, host), expected, "{headers:?} {host}");
        }
    }

    #[test]
    fn preflights_grant_what_sdks_need() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "access-control-request-headers",
            "authorization,x-amz-date,x-evil,amz-sdk-request,content-type".parse().unwrap(),
        );
        let response: Response<()> = preflight("http://localhost".parse().unwrap(), &headers);
        assert_eq!(response.status(), 204);
        assert_eq!(
            response.headers()["access-control-allow-headers"],
            "authorization, x-amz-date, amz-sdk-request, content-type"
        );
        assert_eq!(response.headers()["access-control-allow-origin"], "http://localhost");
    }
}
