//! The quotas and bounds of the service, a sentence each.

/// A user's credentials for one service, active or not: two, so that one can take the place of the other.
pub(crate) const CREDENTIALS_PER_SERVICE_MAX: usize = 2;

/// Entries of a page, if the caller does not say how many.
pub(crate) const PAGE_ITEMS: usize = 100;

/// The random bytes of a token.
pub(crate) const SECRET_BYTES: usize = 32;
