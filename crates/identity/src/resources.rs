//! What the service keeps in the catalog.

use serde::{Deserialize, Serialize};
use watchkeep_core::{AccountId, TimestampMs};
use watchkeep_store::{Resource, ResourceKey};

/// A service-specific credential; its resource key is [`credential_key`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credential {
    /// Its public id, `ACCA...`.
    pub id: String,
    /// The user whose it is.
    pub user: String,
    /// The service that it is for, by its service principal.
    pub service: String,
    /// The public part of its token, see [`alias`].
    pub alias: String,
    /// When it was created.
    pub created: TimestampMs,
    /// From when on it lets nobody in any more; never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<TimestampMs>,
    /// Whether it was switched off.
    pub is_active: bool,
    /// The SHA-256 of its token, hexadecimal. The token itself is kept nowhere.
    pub token_sha256: String,
}

impl Resource for Credential {
    const KIND: &'static str = "service_specific_credential";
}

/// What a credential can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It lets its user in.
    Active,
    /// It was switched off.
    Inactive,
    /// Its time is over, for good.
    Expired,
}

impl Status {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Active => "Active",
            Status::Inactive => "Inactive",
            Status::Expired => "Expired",
        }
    }
}

impl Credential {
    /// What it is at this time.
    pub(crate) fn status(&self, now: TimestampMs) -> Status {
        match self.expires {
            Some(expires) if expires <= now => Status::Expired,
            _ if self.is_active => Status::Active,
            _ => Status::Inactive,
        }
    }
}

/// The alias of a user's credential for a service: `alice-at-123456789012`, and of the second `alice+1-at-123456789012`.
pub(crate) fn alias(account: AccountId, user: &str, number: usize) -> String {
    match number {
        0 => format!("{user}-at-{account}"),
        number => format!("{user}+{number}-at-{account}"),
    }
}

/// The account in an alias.
pub(crate) fn account_of(alias: &str) -> Option<AccountId> {
    alias.rsplit_once("-at-")?.1.parse().ok()
}

/// The key of a credential.
pub(crate) fn credential_key(account: AccountId, service: &str, alias: &str) -> ResourceKey {
    ResourceKey::global(account, format!("{service}/{alias}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_tell_their_account() {
        let account: AccountId = "123456789012".parse().unwrap();
        for (number, expected) in [(0, "a-at-b-at-123456789012"), (1, "a-at-b+1-at-123456789012")] {
            let alias = alias(account, "a-at-b", number);
            assert_eq!((alias.as_str(), account_of(&alias)), (expected, Some(account)));
        }
        for other in ["", "a", "a-at-", "a-at-12", "a-at-12345678901x"] {
            assert_eq!(account_of(other), None, "{other}");
        }
    }
}
