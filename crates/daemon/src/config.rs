//! The daemon's settings.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Uri;
use watchkeep_wire::sigv4::Signer;

use crate::limits;

/// The daemon's settings. [`DaemonConfig::new`] gives the usual ones.
#[derive(Debug, Clone)]
pub struct DaemonConfig {
    /// Where segments are taken.
    pub udp: SocketAddr,
    /// Where HTTP requests are taken.
    pub tcp: SocketAddr,
    /// Where HTTP requests are passed on to: only its host and port count. Requests are passed on to `http://` URLs; with an
    /// `https://` one they are answered with 502, upon which SDKs decide by their local sampling rules.
    pub endpoint: Uri,
    /// Signs the requests that are passed on; without it they go unsigned.
    pub signer: Option<Arc<Signer>>,
    /// The bytes of documents that may wait to be handed in.
    pub buffer_bytes_max: usize,
    /// The documents of one batch; the API takes up to 50 from a client.
    pub batch_segments: usize,
    /// Batches that are handed in at the same time.
    pub concurrency: usize,
}

impl DaemonConfig {
    /// The usual settings: UDP and TCP on `listen`, requests passed on to `endpoint`, unsigned.
    pub fn new(listen: SocketAddr, endpoint: Uri) -> DaemonConfig {
        DaemonConfig {
            udp: listen,
            tcp: listen,
            endpoint,
            signer: None,
            buffer_bytes_max: limits::BUFFER_BYTES_MAX,
            batch_segments: limits::BATCH_SEGMENTS,
            concurrency: limits::CONCURRENCY,
        }
    }
}
