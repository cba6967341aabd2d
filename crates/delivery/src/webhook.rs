//! Calling webhooks: endpoints that people subscribe, and that nobody else vouches for. They lie where [`Reach`] allows, whatever
//! a name resolves to; they are not followed elsewhere; and they answer soon, or not at all.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};

use crate::limits::{WEBHOOK_ANSWER_BYTES_MAX, WEBHOOK_CONNECT_TIME, WEBHOOK_TIME};
use crate::networks::Reach;
use crate::outbox::Attempt;

/// The client for webhooks.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Made when it is needed: that reads the system's root certificates.
    client: Arc<OnceLock<Result<Client, String>>>,
    reach: Arc<Reach>,
}

/// Why an endpoint cannot be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no `http://` or `https://` URL with a host.
    #[error("it is not an http:// or https:// URL")]
    NoUrl,
    /// It lies where webhooks may not.
    #[error(
        "{0} is not an address that anybody can reach; the server's setting delivery.allowed_networks names those that are allowed besides"
    )]
    OutOfReach(IpAddr),
}

impl Webhooks {
    /// A client that reaches these addresses.
    pub fn new(reach: Reach) -> Webhooks {
        Webhooks { client: Arc::default(), reach: Arc::new(reach) }
    }

    pub(crate) fn client(&self) -> &Result<Client, String> {
        self.client.get_or_init(|| {
            let client = Client::builder()
                .timeout(WEBHOOK_TIME)
                .connect_timeout(WEBHOOK_CONNECT_TIME)
                .redirect(reqwest::redirect::Policy::none())
                // A proxy would reach what we must not.
                .no_proxy()
                .dns_resolver(Arc::new(Within(self.reach.clone())))
                .build();
            client.map_err(|error| error.to_string())
        })
    }

    /// Checks an endpoint as far as that goes without asking for its name's address.
    ///
    /// # Errors
    ///
    /// Why it cannot be called.
    pub fn check(&self, url: &str) -> Result<(), EndpointError> {
        self.parse(url).map(drop)
    }

    pub(crate) fn parse(&self, url: &str) -> Result<Url, EndpointError> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or(EndpointError::NoUrl)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(EndpointError::NoUrl)?;
        // The resolver is asked for names only.
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) if !self.reach.allows(address) => Err(EndpointError::OutOfReach(address)),
            _ => Ok(url),
        }
    }

    /// Tries once to post a body. Status 2xx is success; 429, 408 and 5xx, and whatever keeps it from being answered, may do better
    /// later; every other status is a refusal.
    pub async fn post(&self, url: &str, headers: &[(&'static str, String)], body: Bytes) -> Attempt {
        let url = match self.parse(url) {
            Ok(url) => url,
            Err(error) => return Attempt::Refused(error.to_string()),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            match HeaderValue::from_str(value) {
                Ok(value) => map.insert(HeaderName::from_static(name), value),
                Err(_) => return Attempt::Refused(format!("{name} cannot be a header")),
            };
        }
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return Attempt::Later(format!("there is no HTTP client: {error}")),
        };
        let mut response = match client.post(url).headers(map).body(body).send().await {
            Ok(response) => response,
            Err(error) => return of_error(&error),
        };
        let status = response.status();
        if status.is_success() {
            return Attempt::Delivered;
        }
        let mut answer = Vec::new();
        while answer.len() < WEBHOOK_ANSWER_BYTES_MAX
            && let Ok(Some(piece)) = response.chunk().await
        {
            answer.extend_from_slice(&piece);
        }
        answer.truncate(WEBHOOK_ANSWER_BYTES_MAX);
        let said = format!("status {} {}", status.as_u16(), String::from_utf8_lossy(&answer));
        match status.as_u16() {
            408 | 429 | 500.. => Attempt::Later(said),
            _ => Attempt::Refused(said),
        }
    }
}

fn of_error(error: &reqwest::Error) -> Attempt {
    // The URL may hold a secret, and the innermost error says most.
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match error.is_builder() {
        true => Attempt::Refused(innermost.to_string()),
        false if error.is_timeout() => Attempt::Later("no answer in time".to_owned()),
        false => Attempt::Later(innermost.to_string()),
    }
}

/// The system's resolver, without the addresses that are out of reach.
#[derive(Debug)]
struct Within(Arc<Reach>);

impl Resolve for Within {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let first = found.first().map(SocketAddr::ip);
            let allowed: Vec<SocketAddr> = found.into_iter().filter(|address| reach.allows(address.ip())).collect();
            match (allowed.is_empty(), first) {
                (true, Some(first)) => Err(EndpointError::OutOfReach(first).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::Loopback;

    #[tokio::test]
    async fn what_is_out_of_reach_is_not_called() {
        let refused = Webhooks::new(Reach::default());
        for url in ["http://127.0.0.1:1/", "http://[::1]/", "https://169.254.169.254/latest", "http://2130706433/"] {
            assert!(matches!(refused.check(url), Err(EndpointError::OutOfReach(_))), "{url}");
            assert!(matches!(refused.post(url, &[], Bytes::new()).await, Attempt::Refused(_)), "{url}");
        }
        for url in ["", "ftp://a/", "mailto:a@b", "http://"] {
            assert_eq!(refused.check(url), Err(EndpointError::NoUrl), "{url}");
        }
        assert_eq!(refused.check("https://example.com/x"), Ok(()));
        // A name does not help: what it resolves to is looked at.
        let attempt = refused.post("http://localhost:9/", &[], Bytes::new()).await;
        assert!(
            matches!(&attempt, Attempt::Later(reason) if reason.contains("not an address that anybody can reach")),
            "{attempt:?}"
        );
        let allowed = Webhooks::new(Reach { loopback: Loopback::Allowed, ..Reach::default() });
        assert_eq!(allowed.check("http://127.0.0.1:1/"), Ok(()));
    }
}
