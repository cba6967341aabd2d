//! Which users there are. IAM's users are not kept here yet: the account's root is the only principal, and has the name by which the
//! event history shows it.

use watchkeep_core::{Caller, Principal};
use watchkeep_model::ServiceError;

use crate::errors::no_user;

/// The root's name.
pub(crate) const ROOT: &str = "root";

/// The user that a call is about: the one that it names, else the caller.
///
/// # Errors
/// `NoSuchEntity` if there is no such user; sessions of roles and services are none.
pub(crate) fn named(caller: &Caller, name: Option<&str>) -> Result<String, ServiceError> {
    match (name, &caller.principal) {
        (Some(ROOT), _) | (None, Principal::Root) => Ok(ROOT.to_owned()),
        (Some(name), _) => Err(no_user(name)),
        (None, _) => Err(no_user(&caller.principal_arn().unwrap_or_default())),
    }
}

/// Who calls with a credential of this user.
pub(crate) fn principal(name: &str) -> Option<Principal> {
    (name == ROOT).then_some(Principal::Root)
}
