//! Tags of resources that another service keeps under the same API.

use std::collections::BTreeMap;

use crate::{BoxFuture, Caller};

/// A change of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagEdit {
    /// Adds tags, or gives those that are there other values.
    Add(BTreeMap<String, String>),
    /// Removes tags of these keys.
    Remove(Vec<String>),
}

/// Why tags were not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// There is no such resource.
    #[error("no such resource")]
    NotFound,
    /// There would be more than this.
    #[error("more than {0} tags")]
    TooMany(usize),
    /// The same may do a little later.
    #[error("tags are busy: {0}")]
    Busy(String),
}

/// Resources with tags.
pub trait TaggedResources: Send + Sync {
    /// Whether resources that the caller's ARNs name so (what follows the account) are kept here.
    fn keeps(&self, resource: &str) -> bool;

    /// The tags of a resource of the caller's; `None` if there is no such resource.
    fn tags(&self, caller: &Caller, resource: &str) -> Option<BTreeMap<String, String>>;

    /// Changes the tags of a resource.
    fn edit<'a>(&'a self, caller: &'a Caller, resource: &'a str, edit: TagEdit) -> BoxFuture<'a, Result<(), TagError>>;
}
