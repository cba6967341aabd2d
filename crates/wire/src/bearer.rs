//! Bearer tokens (RFC 6750, "Authorization Request Header Field"), for clients of HTTP APIs that cannot sign.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The longest token that is read, in bytes: those that there are have about a hundred.
const TOKEN_BYTES_MAX: usize = 1_024;

/// Whether a request presents a token.
pub fn is_presented(headers: &HeaderMap) -> bool {
    presented(headers).is_some()
}

/// The token that a request presents, without any check. `None` if it presents none, one that is too long, or several.
pub fn read(headers: &HeaderMap) -> Option<&str> {
    let is_one = headers.get_all(AUTHORIZATION).iter().nth(1).is_none();
    presented(headers).filter(|token| is_one && (1..=TOKEN_BYTES_MAX).contains(&token.len()))
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read() {
        let long = format!("Bearer {}", "x".repeat(TOKEN_BYTES_MAX + 1));
        for (authorizations, is_there, expected) in [
            (&["Bearer ACWLx=="][..], true, Some("ACWLx==")),
            (&["bearer  ACWLx"], true, Some("ACWLx")),
            (&["Bearer a", "Bearer b"], true, None),
            (&[long.as_str()], true, None),
            (&["Bearer"], false, None),
            (&["Basic ACWLx"], false, None),
            (&["AWS4-HMAC-SHA256 Credential=a"], false, None),
            (&[], false, None),
        ] {
            let mut headers = HeaderMap::new();
            for authorization in authorizations {
                headers.append(AUTHORIZATION, authorization.parse().unwrap());
            }
            assert_eq!((is_presented(&headers), read(&headers)), (is_there, expected), "{authorizations:?}");
        }
    }
}
