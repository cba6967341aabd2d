//! What a request that was handed on says of its client, in headers that only a gateway of the cluster can have written.

use std::net::SocketAddr;

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use ring::hmac;

use super::PeerKey;
use crate::connection::Peer;
use crate::limits::HOP_AGE_MS_MAX;

/// When it was handed on, the client's address, and its TLS.
const HOP: HeaderName = HeaderName::from_static("x-watchkeep-hop");

/// The proof of that.
const PROOF: HeaderName = HeaderName::from_static("x-watchkeep-hop-proof");

/// Writes and reads these headers.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    key: PeerKey,
}

impl Hop {
    pub(crate) fn new(key: PeerKey) -> Hop {
        Hop { key }
    }

    /// Writes what is known of the client, `now_ms` being the time in milliseconds since the epoch. What a client wrote there itself
    /// is gone afterwards.
    pub(crate) fn write(&self, parts: &mut Parts, peer: &Peer, now_ms: i64) {
        let (version, suite) = peer.tls.as_ref().map_or(("-", "-"), |(version, suite)| (version, suite));
        let hop = format!("{now_ms} {} {version} {suite}", peer.address);
        let proof = hex::encode(hmac::sign(&self.key.0, self.claim(parts, &hop).as_bytes()));
        for (name, value) in [(HOP, hop), (PROOF, proof)] {
            match HeaderValue::from_str(&value) {
                Ok(value) => drop(parts.headers.insert(name, value)),
                Err(_) => drop(parts.headers.remove(name)),
            }
        }
    }

    /// Takes the headers out of a request. `None` if they were not written by a gateway of the cluster, for this request, of late.
    pub(crate) fn take(&self, parts: &mut Parts, now_ms: i64) -> Option<Peer> {
        let (hop, proof) = (parts.headers.remove(HOP)?, parts.headers.remove(PROOF)?);
        let hop = hop.to_str().ok()?;
        let proof = hex::decode(proof.as_bytes()).ok()?;
        hmac::verify(&self.key.0, self.claim(parts, hop).as_bytes(), &proof).ok()?;
        let mut words = hop.split(' ');
        let (at, address) = (words.next()?.parse::<i64>().ok()?, words.next()?.parse::<SocketAddr>().ok()?);
        let tls = match (words.next()?, words.next()?) {
            ("-", _) => None,
            (version, suite) => Some((version.to_owned(), suite.to_owned())),
        };
        (at.abs_diff(now_ms) <= HOP_AGE_MS_MAX).then_some(Peer { address, tls })
    }

    /// What the proof is of: the headers may be moved to no other request.
    fn claim(&self, parts: &Parts, hop: &str) -> String {
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let signature = parts.headers.get(http::header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        format!("{hop}\n{} {target}\n{}", parts.method, signature.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(target: &str) -> Parts {
        http::Request::post(target).header("authorization", "AWS4-HMAC-SHA256 x").body(()).unwrap().into_parts().0
    }

    fn peer() -> Peer {
        let tls = Some(("TLSv1.3".to_owned(), "TLS_AES_128_GCM_SHA256".to_owned()));
        Peer { address: "10.1.2.3:45678".parse().unwrap(), tls }
    }

    #[test]
    fn only_gateways_of_the_cluster_say_who_the_client_is() {
        let (ours, theirs) = (Hop::new(PeerKey::new(&[1; 32])), Hop::new(PeerKey::new(&[2; 32])));
        let mut request = parts("/a?b=c");
        ours.write(&mut request, &peer(), 1_000);
        let handed_on = request.clone();
        assert_eq!(ours.take(&mut request, 2_000), Some(peer()));
        assert!(!request.headers.contains_key(HOP) && !request.headers.contains_key(PROOF));

        assert_eq!(theirs.take(&mut handed_on.clone(), 2_000), None);
        assert_eq!(ours.take(&mut handed_on.clone(), 1_001 + HOP_AGE_MS_MAX.cast_signed()), None, "an old one");
        let mut other = parts("/a?b=d");
        other.headers = handed_on.headers.clone();
        assert_eq!(ours.take(&mut other, 2_000), None, "another request's");
        let mut forged = handed_on.clone();
        forged.headers.insert(HOP, HeaderValue::from_static("1000 127.0.0.1:1 - -"));
        assert_eq!(ours.take(&mut forged, 2_000), None);
        assert_eq!(ours.take(&mut parts("/"), 2_000), None);
    }

    #[test]
    fn what_a_client_wrote_itself_does_not_stay() {
        let hop = Hop::new(PeerKey::new(&[1; 32]));
        let mut request = parts("/");
        request.headers.insert(HOP, HeaderValue::from_static("0 127.0.0.1:1 - -"));
        let plain = Peer { tls: None, ..peer() };
        hop.write(&mut request, &plain, 5);
        assert_eq!(hop.take(&mut request, 5), Some(plain));
    }
}
