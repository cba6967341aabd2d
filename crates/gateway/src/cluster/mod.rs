//! A gateway among others of a cluster: one of them works, the others hand on to it what they are asked ([`relay`]). To the one that
//! works such a request is as if it had come from the client itself: whose it is stands in its [`credentials`](hop).

mod hop;
mod relay;

use std::sync::Arc;

use ring::hmac;

pub use relay::Relay;

pub(crate) use hop::Hop;
pub(crate) use relay::try_again;

/// Where the gateway of the cluster is that works.
pub trait Whereabouts: Send + Sync {
    /// Its address, `host:port`, on which it takes what others hand on; `None` if nobody works now.
    fn works(&self) -> Option<String>;
}

/// Says whether this process may still answer.
pub trait Tenure: Send + Sync {
    /// Whether nobody else can have taken over by now.
    fn lasts(&self) -> bool;
}

/// For a gateway that is alone.
#[derive(Debug, Default)]
pub struct Alone;

impl Tenure for Alone {
    fn lasts(&self) -> bool {
        true
    }
}

/// The key that the gateways of a cluster know each other by.
#[derive(Clone)]
pub struct PeerKey(Arc<hmac::Key>);

impl PeerKey {
    /// A key of these bytes, which must be secret and random.
    pub fn new(bytes: &[u8; 32]) -> PeerKey {
        PeerKey(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }
}

impl std::fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PeerKey")
    }
}
