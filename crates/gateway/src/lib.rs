//! The HTTP door: it listens, bounds what comes in, finds out which operation a request asks for, authenticates it, asks
//! leave, calls the operation, records the call, and answers in the client's protocol. It is given a list of services and
//! knows none of them; it knows no storage.
//!
//! A call's way, a file a step: `server` accepts, `connection` speaks HTTP, `door` turns away browsers' foreign pages
//! and answers `/health` and `/_watchkeep/`, `calls` leads the call through `body`, `coding`, `authentication`,
//! its operation, and `audit`, without which no call has an answer (invariant G-2). Calls of AWS's protocols (`aws_call`) and of
//! other HTTP APIs (`api_call`) go the same way and part only where `kind` says. In a cluster (`cluster`), one gateway works and the
//! others hand on to it what comes to them.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod admin;
mod api_call;
mod audit;
mod authentication;
mod aws_call;
mod body;
mod calls;
mod cluster;
mod coding;
mod config;
mod connection;
mod documents;
mod door;
mod events;
mod expectation;
mod kind;
mod limits;
mod origin;
mod respond;
mod server;
mod shared;
mod stall;
mod streams;
mod timer;
mod tls;
mod to_the_end;

#[cfg(test)]
mod tests;

pub use admin::{Admin, AdminError, NoAdmin};
pub use cluster::{Alone, PeerKey, Relay, Tenure, Whereabouts};
pub use config::{AuthMode, GatewayConfig, Limits, TlsFiles};
pub use documents::{Document, Documents, NoDocuments};
pub use server::{BindError, Gateway};
pub use shared::Ports;
pub use tls::{TlsError, tls_acceptor};
