//! What the gateway is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use watchkeep_core::{AccountId, Region};

use crate::cluster::PeerKey;
use crate::limits;

/// Whether signatures are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Any key, or none, is the account's root.
    Open,
    /// Signature Version 4 is verified.
    Enforced,
}

/// Certificate and key of the server, PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// Where the gateway listens and whom it lets in.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The addresses to listen on; port 0 picks a free one.
    pub listen: Vec<SocketAddr>,
    /// Whether signatures are verified.
    pub auth: AuthMode,
    /// If present, all addresses speak TLS.
    pub tls: Option<TlsFiles>,
    /// Browser origins (`https://console.example.com`, or `*`) that may call, besides those on loopback.
    pub cors_origins: Vec<String>,
    /// The account of calls in mode open.
    pub account: AccountId,
    /// The Region of calls that name none.
    pub region: Region,
    /// Names that the server goes by, besides `localhost`: S3's clients put a bucket's name before them.
    pub host_names: Vec<String>,
    /// Where the cluster's other gateways hand on requests, and the key that proves them to be such; in plain HTTP/2.
    pub peers: Option<(SocketAddr, PeerKey)>,
    /// How much is taken from clients.
    pub limits: Limits,
}

impl GatewayConfig {
    /// A gateway in mode open for the default account.
    pub fn new(listen: Vec<SocketAddr>) -> Self {
        GatewayConfig {
            listen,
            auth: AuthMode::Open,
            tls: None,
            cors_origins: Vec::new(),
            account: AccountId::DEFAULT,
            region: Region::default(),
            host_names: Vec::new(),
            peers: None,
            limits: Limits::default(),
        }
    }
}

/// How much is taken from clients, all together or one by one.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections.
    pub connections: u32,
    /// Calls that are being answered at the same time.
    pub calls: u32,
    /// Bodies that come in pieces, at the same time.
    pub streams: u32,
    /// Bytes of request bodies in memory, of all calls together.
    pub bodies_bytes: u32,
    /// Bytes of a request's line and headers.
    pub head_bytes: u32,
    /// How long a TLS handshake, or a request's line and headers, may take; also how long a connection may be idle.
    pub head_time: Duration,
    /// How long a request's body may take.
    pub body_time: Duration,
    /// How long a client may take nothing of its answer.
    pub write_time: Duration,
    /// How long a call waits for others to make room before it is told to come back.
    pub room_time: Duration,
    /// How long calls may go on after the shutdown has begun.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: limits::CONNECTIONS_MAX,
            calls: limits::CALLS_MAX,
            streams: limits::BODY_STREAMS_MAX,
            bodies_bytes: limits::BODIES_BYTES_MAX,
            head_bytes: limits::HEAD_BYTES_MAX,
            head_time: limits::HEAD_TIME,
            body_time: limits::BODY_TIME,
            write_time: limits::WRITE_TIME,
            room_time: limits::ROOM_TIME,
            drain_time: limits::DRAIN_TIME,
        }
    }
}
