//! What every part of Watchkeep shares: identifiers, time, randomness, the caller of an operation, and the **ports** through
//! which services use one another without knowing one another.
//!
//! It knows no AWS shape, no wire format, no storage and no service.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod arn;
mod caller;
mod ids;
mod meter;
pub mod ports;
mod random;
mod secret;
mod time;

pub use arn::{Arn, InvalidArn};
pub use caller::{Caller, Client, Gone, HangUp, Principal, Proof};
pub use ids::{AccountId, InvalidId, Region};
pub use meter::{Counter, Meter};
pub use random::{OsRandom, Random, SeededRandom, request_id, uuid};
pub use secret::SecretBytes;
pub use time::{Clock, ManualClock, Sleep, SystemClock, TimestampMs};

/// A future that can be sent between threads, boxed: what object-safe async ports return.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
