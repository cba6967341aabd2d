//! What a request presents as its authentication, before any of it is believed.

use std::borrow::Cow;

use super::ALGORITHM;
use super::canonical::SignedRequest;
use super::encode::{decode_query, decoded};
use super::limits::{ALGORITHM_CHARS_MAX, AUTHORIZATION_BYTES_MAX};
use super::refusal::Refusal;

/// Where a request carries its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// In the `Authorization` header.
    Header,
    /// In the query string: a presigned URL.
    Query,
}

/// A request's authentication as presented: every part is there, none is checked.
#[derive(Debug, Clone)]
pub struct Presented<'a> {
    /// Where it stands.
    pub mechanism: Mechanism,
    /// `access key/date/Region/service/aws4_request`.
    pub credential: Cow<'a, str>,
    /// The names of the signed headers, joined by `;`.
    pub signed_headers: Cow<'a, str>,
    /// The signature, in hex.
    pub signature: Cow<'a, str>,
    /// The request's time: `X-Amz-Date`, or the header `Date`.
    pub date: Cow<'a, str>,
    /// `X-Amz-Expires`, seconds, of a presigned URL.
    pub expires: Option<Cow<'a, str>>,
    /// `X-Amz-Security-Token`.
    pub security_token: Option<Cow<'a, str>>,
    /// `X-Amz-Content-Sha256` of the query string, which some SDKs put there when they presign.
    pub content_hash: Option<Cow<'a, str>>,
}

/// The parts of a credential: whose key, and what its derived key is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialScope {
    /// The access key id.
    pub access_key_id: String,
    /// The day, `20260115`.
    pub date: String,
    /// The Region's name.
    pub region: String,
    /// The service's signing name.
    pub service: String,
}

impl CredentialScope {
    /// The parts of `access key/date/Region/service/aws4_request`; `None` if there are fewer or it ends otherwise.
    pub(super) fn parse(credential: &str) -> Option<Self> {
        let mut parts = credential.rsplitn(5, '/');
        if parts.next()? != "aws4_request" {
            return None;
        }
        let [service, region, date, key] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let full = [service, region, date, key].iter().all(|part| !part.is_empty());
        full.then(|| CredentialScope {
            access_key_id: key.into(),
            date: date.into(),
            region: region.into(),
            service: service.into(),
        })
    }

    /// `date/Region/service/aws4_request`, as it stands in strings to sign.
    pub fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// The scope that a request claims, without any check: by it an unverified request is routed, and in mode `open` it says the
/// Region. `None` if the request claims none.
pub fn scope_hint(request: &SignedRequest<'_>) -> Option<CredentialScope> {
    let credential: Cow<'_, str> = match header(request, "authorization") {
        Some(authorization) => {
            let rest = authorization.split_once("Credential=")?.1;
            rest.split([',', ' ']).next()?.into()
        }
        None => QueryParameters(request.query).get("X-Amz-Credential")?,
    };
    if credential.len() > AUTHORIZATION_BYTES_MAX {
        return None;
    }
    CredentialScope::parse(&credential)
}

/// Reads a request's authentication. `Ok(None)` if it has none.
///
/// # Errors
/// A [`Refusal`] if it presents two, another algorithm, or one that is not whole.
pub fn read<'a>(request: &SignedRequest<'a>) -> Result<Option<Presented<'a>>, Refusal> {
    let query = QueryParameters(request.query);
    let in_query = query.0.contains("X-Amz-")
        && ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"].iter().any(|name| query.get(name).is_some());
    let mut authorizations = request.headers.get_all("authorization").iter();
    match (authorizations.next(), in_query) {
        (None, false) => Ok(None),
        (Some(_), true) => Err(Refusal::TwoMechanisms),
        (None, true) => read_query(query).map(Some),
        (Some(_), false) if authorizations.next().is_some() => {
            Err(Refusal::malformed_header("The request has more than one Authorization header."))
        }
        (Some(authorization), false) => {
            let text = authorization.to_str().ok().filter(|text| text.len() <= AUTHORIZATION_BYTES_MAX);
            let text =
                text.ok_or_else(|| Refusal::malformed_header("The Authorization header is not readable text."))?;
            read_header(request, text).map(Some)
        }
    }
}

fn read_header<'a>(request: &SignedRequest<'a>, authorization: &'a str) -> Result<Presented<'a>, Refusal> {
    let (algorithm, rest) = authorization.trim().split_once(' ').unwrap_or((authorization.trim(), ""));
    if algorithm != ALGORITHM {
        return Err(Refusal::UnsupportedAlgorithm(algorithm.chars().take(ALGORITHM_CHARS_MAX).collect()));
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for pair in rest.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Refusal::malformed_header(format!(
                "'{pair}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
            )));
        };
        let place = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(Refusal::malformed_header(format!("Authorization header has '{name}' twice.")));
        }
    }
    let date = header(request, "x-amz-date").or_else(|| header(request, "date"));
    match (credential, signed_headers, signature, date) {
        (Some(credential), Some(signed_headers), Some(signature), Some(date)) => Ok(Presented {
            mechanism: Mechanism::Header,
            credential: credential.into(),
            signed_headers: signed_headers.into(),
            signature: signature.into(),
            date: date.into(),
            expires: None,
            security_token: header(request, "x-amz-security-token").map(Cow::from),
            content_hash: None,
        }),
        _ => {
            let mut message = String::new();
            for (name, missing) in [
                ("Credential", credential.is_none()),
                ("Signature", signature.is_none()),
                ("SignedHeaders", signed_headers.is_none()),
            ] {
                if missing {
                    message.push_str(&format!("Authorization header requires '{name}' parameter. "));
                }
            }
            if date.is_none() {
                message
                    .push_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
            }
            message.push_str("Authorization=");
            message.push_str(algorithm);
            Err(Refusal::malformed_header(message))
        }
    }
}

fn read_query(query: QueryParameters<'_>) -> Result<Presented<'_>, Refusal> {
    let algorithm = query.get("X-Amz-Algorithm");
    if let Some(algorithm) = &algorithm
        && algorithm != ALGORITHM
    {
        return Err(Refusal::UnsupportedAlgorithm(algorithm.chars().take(ALGORITHM_CHARS_MAX).collect()));
    }
    let credential = query.get("X-Amz-Credential");
    let signed_headers = query.get("X-Amz-SignedHeaders");
    let signature = query.get("X-Amz-Signature");
    let date = query.get("X-Amz-Date");
    match (algorithm, credential, signed_headers, signature, date) {
        (Some(_), Some(credential), Some(signed_headers), Some(signature), Some(date)) => Ok(Presented {
            mechanism: Mechanism::Query,
            credential,
            signed_headers,
            signature,
            date,
            expires: query.get("X-Amz-Expires"),
            security_token: query.get("X-Amz-Security-Token"),
            content_hash: query.get("X-Amz-Content-Sha256"),
        }),
        (algorithm, credential, signed_headers, signature, date) => {
            let mut message = String::new();
            for (name, missing) in [
                ("X-Amz-Algorithm", algorithm.is_none()),
                ("X-Amz-Credential", credential.is_none()),
                ("X-Amz-Signature", signature.is_none()),
                ("X-Amz-SignedHeaders", signed_headers.is_none()),
                ("X-Amz-Date", date.is_none()),
            ] {
                if missing {
                    message.push_str(&format!("AWS query-string parameters must include '{name}'. "));
                }
            }
            message.push_str("Re-examine the query-string parameters.");
            Err(Refusal::MalformedQuery(message))
        }
    }
}

fn header<'a>(request: &SignedRequest<'a>, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

/// The parameters of a query string, found by name as they are needed.
#[derive(Clone, Copy)]
struct QueryParameters<'a>(&'a str);

impl<'a> QueryParameters<'a> {
    /// The first value of this name, decoded.
    fn get(self, name: &str) -> Option<Cow<'a, str>> {
        for pair in self.0.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == name || (key.contains('%') && decoded(key).eq(name.bytes())) {
                let plain = !value.contains(['%', '+']);
                return Some(if plain { value.into() } else { decode_query(value).into() });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    const CREDENTIAL: &str = "AKID/20260115/eu-west-1/logs/aws4_request";

    fn check(authorization: &str, query: &str) -> Result<Option<(String, String)>, String> {
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            headers.insert("authorization", authorization.parse().unwrap());
            headers.insert("x-amz-date", "20260115T123045Z".parse().unwrap());
        }
        let request = SignedRequest { method: "POST", path: "/", query, host: Some("h"), headers: &headers };
        match read(&request) {
            Ok(None) => Ok(None),
            Ok(Some(presented)) => Ok(Some((presented.credential.into(), presented.signed_headers.into()))),
            Err(refusal) => Err(format!("{refusal:?}")),
        }
    }

    #[test]
    fn whole_presentations_are_read() {
        let expected = Ok(Some((CREDENTIAL.to_owned(), "host;x-amz-date".to_owned())));
        for separator in [", ", ",", " ,  "] {
            let header = format!(
                "AWS4-HMAC-SHA256 Credential={CREDENTIAL}{separator}SignedHeaders=host;x-amz-date{separator}Signature=0"
            );
            assert_eq!(check(&header, ""), expected);
        }
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date=20260115T123045Z&X-Amz-Signature=0\
             &X-Amz-SignedHeaders=host%3Bx-amz-date&X-Amz-Expires=9",
            CREDENTIAL.replace('/', "%2F")
        );
        assert_eq!(check("", &query), expected);
        assert_eq!(check("", "Action=ListMetrics&Version=2010-08-01"), Ok(None));
    }

    #[test]
    fn others_are_refused() {
        for (authorization, query, part) in [
            ("Basic dXNlcg==", "", "UnsupportedAlgorithm"),
            ("AWS4-ECDSA-P256-SHA256 Credential=a", "", "UnsupportedAlgorithm"),
            ("AWS4-HMAC-SHA256", "", "requires 'Credential' parameter. Authorization header requires 'Signature'"),
            ("AWS4-HMAC-SHA256 Credential", "", "missing equal-sign"),
            ("AWS4-HMAC-SHA256 Credential=a, Credential=b", "", "twice"),
            ("AWS4-HMAC-SHA256 Credential=a", "X-Amz-Signature=0", "TwoMechanisms"),
            ("", "X-Amz-Signature=0", "must include 'X-Amz-Algorithm'"),
            ("", "X-Amz-Algorithm=AWS4-X", "UnsupportedAlgorithm"),
        ] {
            let refusal = check(authorization, query).unwrap_err();
            assert!(refusal.contains(part), "{authorization} {query}: {refusal}");
        }
    }

    #[test]
    fn hints_need_only_a_credential() {
        for (authorization, query, service) in [
            (format!("AWS4-HMAC-SHA256 Credential={CREDENTIAL}"), "", Some("logs")),
            (format!("AWS4-HMAC-SHA256 Credential=a/b/{CREDENTIAL}, x"), "", Some("logs")),
            (String::new(), "X-Amz-Credential=K%2F1%2Fr%2Fs3%2Faws4_request", Some("s3")),
            (String::new(), "X-Amz-Credential=K%2Fs3", None),
            ("Bearer x".into(), "", None),
        ] {
            let mut headers = HeaderMap::new();
            if !authorization.is_empty() {
                headers.insert("authorization", authorization.parse().unwrap());
            }
            let request = SignedRequest { method: "GET", path: "/", query, host: None, headers: &headers };
            assert_eq!(scope_hint(&request).map(|scope| scope.service).as_deref(), service, "{authorization}{query}");
        }
    }
}
