//! AWS principals by their ARNs ("IAM identifiers").

use watchkeep_core::{AccountId, Arn};
use watchkeep_model::ServiceError;
use watchkeep_model::kms::errors as model;

use crate::resources::Principal;

/// Whether this is the ARN of an account's root, a user, a role or a session.
pub(crate) fn is_identity(text: &str) -> bool {
    let Ok(arn) = text.parse::<Arn>() else { return false };
    let is_named = |kind: &str| {
        let name = arn.resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/'));
        name.is_some_and(|name| !name.is_empty())
    };
    let is_kind = match arn.service.as_str() {
        "iam" => arn.resource == "root" || is_named("user") || is_named("role"),
        "sts" => is_named("assumed-role") || is_named("federated-user"),
        _ => false,
    };
    is_kind && arn.region.is_empty() && arn.account.parse::<AccountId>().is_ok()
}

/// The identity of this ARN.
pub(crate) fn identity(arn: String) -> Result<Principal, ServiceError> {
    match is_identity(&arn) {
        true => Ok(Principal::Identity(arn)),
        false => Err(model::invalid_arn_exception(format!("ARN does not refer to a valid principal: {arn}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_known_by_their_arns() {
        for good in [
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::123456789012:user/team/alice",
            "arn:aws:iam::123456789012:role/r",
            "arn:aws:sts::123456789012:assumed-role/r/s",
        ] {
            assert!(is_identity(good), "{good}");
        }
        for bad in [
            "",
            "alice",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam::1234:root",
            "arn:aws:iam:eu-west-1:123456789012:root",
            "arn:aws:iam::123456789012:policy/p",
            "arn:aws:s3:::bucket",
        ] {
            assert!(!is_identity(bad), "{bad}");
        }
    }
}
