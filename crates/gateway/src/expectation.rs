//! Clients of HTTP/1.1 that ask before they send a body (`Expect: 100-continue`, RFC 9110 section 10.1.1). They are told to go on
//! when the body is first read. Who was told nothing of the kind, and has the answer, may or may not send the body yet: the
//! connection ends with the answer, so that nothing that comes is taken for something else. The AWS CLI, for one, mistakes the next
//! answer on such a connection, and waits for ever.

use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Request, Response, Version};
use hyper::body::Body;

/// A client that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// Whether there is a body that it could be told to send.
    has_body: bool,
}

impl Expectation {
    /// That of a request.
    pub(crate) fn of<B: Body>(request: &Request<B>) -> Option<Expectation> {
        let asks =
            request.headers().get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        (asks && request.version() == Version::HTTP_11)
            .then(|| Expectation { has_body: !request.body().is_end_stream() })
    }

    /// Ends the connection with the answer, unless the client must have been told to go on: what fails may have failed before.
    pub(crate) fn settle<B>(self, response: &mut Response<B>) {
        if !(self.has_body && response.status().is_success()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn who_was_not_told_to_go_on_is_told_that_it_ends() {
        let of = |version, expect: Option<&str>, body: &'static str, status| {
            let mut request = Request::builder().version(version);
            if let Some(expect) = expect {
                request = request.header(EXPECT, expect);
            }
            let request = request.body(Full::new(body.as_bytes())).unwrap();
            let mut response = Response::builder().status(status).body(()).unwrap();
            if let Some(expectation) = Expectation::of(&request) {
                expectation.settle(&mut response);
            }
            response.headers().contains_key(CONNECTION)
        };
        let asks = Some("100-Continue");
        assert!(of(Version::HTTP_11, asks, "", 200) && of(Version::HTTP_11, asks, "body", 404));
        assert!(!of(Version::HTTP_11, asks, "body", 200) && !of(Version::HTTP_11, None, "", 404));
        // Connections of HTTP/2 have no such header.
        assert!(!of(Version::HTTP_2, asks, "body", 404));
    }
}
