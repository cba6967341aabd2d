//! The limits of blob storage, a sentence each.

use std::time::Duration;

/// The longest path of a blob, in bytes: S3's limit for keys, less room for the configured prefix.
pub(super) const PATH_BYTES_MAX: usize = 512;

/// How often a local write starts anew when the directory is swept away under it.
pub(super) const LOCAL_PUT_TRIES: usize = 5;

/// How long the object storage may take to accept a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The first pause before a request to the object storage is repeated; later ones double, with jitter.
pub(super) const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(100);

/// The longest pause before a request to the object storage is repeated.
pub(super) const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
