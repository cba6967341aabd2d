//! How keys and aliases are named in calls: key id, key ARN, alias name, alias ARN ("Key identifiers (KeyId)").

use uuid::Uuid;
use watchkeep_core::{AccountId, Arn, Caller, Region};
use watchkeep_model::ServiceError;
use watchkeep_model::kms::errors as model;
use watchkeep_store::ResourceKey;

use crate::Keys;
use crate::errors::{self, invalid_key_id, no_alias, no_key};
use crate::resources::FoundKey;

/// The prefix of aliases' names.
pub(crate) const ALIAS_PREFIX: &str = "alias/";

/// Where a call looks for keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
}

impl From<&Caller> for Place {
    fn from(caller: &Caller) -> Place {
        Place { account: caller.account, region: caller.region.clone() }
    }
}

impl Place {
    /// The catalog's key of what has this name here.
    pub(crate) fn key(&self, name: impl Into<String>) -> ResourceKey {
        ResourceKey::new(self.account, &self.region, name)
    }

    /// The ARN of what has this name here.
    pub(crate) fn arn(&self, resource: &str) -> String {
        Arn::new("kms", self.region.as_str(), self.account.as_str(), resource).to_string()
    }
}

/// What an operation takes for a key, and what it calls something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Keys and aliases; every mistake is a NotFoundException: cryptographic operations.
    Cryptographic,
    /// Keys and aliases; a wrong ARN is an InvalidArnException: DescribeKey.
    Description,
    /// Keys only; a wrong ARN is an InvalidArnException: the operations that manage keys.
    Key,
    /// Keys only, and every mistake is a NotFoundException: what an alias shall stand for.
    AliasTarget,
}

impl Accepts {
    fn aliases(self) -> bool {
        matches!(self, Accepts::Cryptographic | Accepts::Description)
    }

    fn wrong_arn(self, what: &str) -> ServiceError {
        let message = format!("Invalid arn {what}");
        match self {
            Accepts::Cryptographic | Accepts::AliasTarget => model::not_found_exception(message),
            Accepts::Description | Accepts::Key => model::invalid_arn_exception(message),
        }
    }
}

impl Keys {
    /// The key that `identifier` names.
    pub(crate) fn find(&self, place: &Place, identifier: &str, accepts: Accepts) -> Result<FoundKey, ServiceError> {
        let is_arn = identifier.starts_with("arn:");
        let resource = match is_arn {
            true => resource_of_arn(place, identifier, accepts)?,
            false if identifier.starts_with(ALIAS_PREFIX) => identifier.to_owned(),
            false => return self.of_id(place, identifier).ok_or_else(|| unknown_id(place, identifier)),
        };
        if let Some(id) = resource.strip_prefix("key/") {
            return self.of_id(place, id).ok_or_else(|| no_key(identifier));
        }
        match (resource.starts_with(ALIAS_PREFIX), accepts) {
            (true, accepts) if accepts.aliases() => {}
            (true, Accepts::AliasTarget) => return Err(errors::invalid("Aliases must refer to keys. Not aliases")),
            (true, _) if !is_arn => return Err(invalid_key_id(identifier)),
            _ => return Err(accepts.wrong_arn(identifier)),
        }
        let alias = self.aliases.get(&place.key(&*resource)).ok_or_else(|| no_alias(place.arn(&resource)))?;
        self.of_id(place, &alias.target).ok_or_else(|| no_alias(place.arn(&resource)))
    }

    /// The key of this id, if it is there (K-2).
    pub(crate) fn of_id(&self, place: &Place, id: &str) -> Option<FoundKey> {
        self.present(&place.key(id))
    }

    /// The key of this resource key, if it is there (K-2).
    pub(crate) fn present(&self, key: &ResourceKey) -> Option<FoundKey> {
        let now = self.clock.now();
        self.keys.get(key).filter(|found| !found.is_gone(now))
    }
}

/// The ARN of a key that was found.
pub(crate) fn arn_of(found: &FoundKey) -> String {
    key_arn(&found.key)
}

/// The ARN of the key of this resource key.
pub(crate) fn key_arn(key: &ResourceKey) -> String {
    let region = key.region.as_ref().map_or("", Region::as_str);
    Arn::new("kms", region, key.account.as_str(), format!("key/{}", key.name)).to_string()
}

/// The part of an ARN of this place that says which key or alias it is.
fn resource_of_arn(place: &Place, identifier: &str, accepts: Accepts) -> Result<String, ServiceError> {
    let arn: Arn = identifier.parse().map_err(|_| accepts.wrong_arn(identifier))?;
    if arn.service != "kms" || arn.partition != "aws" {
        return Err(accepts.wrong_arn(identifier));
    }
    if arn.region != place.region.as_str() {
        return Err(accepts.wrong_arn(&arn.region));
    }
    if arn.account != place.account.as_str() {
        return Err(errors::access_denied(identifier));
    }
    Ok(arn.resource)
}

fn unknown_id(place: &Place, identifier: &str) -> ServiceError {
    match Uuid::try_parse(identifier) {
        Ok(_) => no_key(place.arn(&format!("key/{identifier}"))),
        Err(_) => invalid_key_id(identifier),
    }
}
