//! The entity that a batch may name as its origin ("PutLogEvents", "Entity"). A bad one is reported, and the events are taken
//! all the same.

use std::collections::BTreeMap;

use watchkeep_model::logs::{Entity, RejectedEntityInfo};

use crate::resources::Class;

/// Why an entity is not accepted; `None` if it is.
pub(crate) fn rejected(entity: &Entity, class: Class) -> Option<RejectedEntityInfo> {
    let reason = check(entity, class).err()?;
    Some(RejectedEntityInfo { error_type: reason.to_owned() })
}

fn check(entity: &Entity, class: Class) -> Result<(), &'static str> {
    if class != Class::Standard {
        return Err("UnsupportedLogGroupType");
    }
    let empty = BTreeMap::new();
    let keys = entity.key_attributes.as_ref().unwrap_or(&empty);
    let required: &[&str] = match keys.get("Type").map(String::as_str) {
        Some("Service" | "RemoteService" | "AWS::Service") => &["Name", "Environment"],
        Some("Resource" | "AWS::Resource") => &["ResourceType", "Identifier"],
        Some(_) => return Err("InvalidTypeValue"),
        None => return Err("MissingRequiredFields"),
    };
    if !required.iter().all(|name| keys.contains_key(*name)) {
        return Err("MissingRequiredFields");
    }
    const KNOWN: &[&str] = &["Type", "ResourceType", "Identifier", "Name", "Environment", "AwsAccountId"];
    if keys.keys().all(|name| KNOWN.contains(&name.as_str())) { Ok(()) } else { Err("InvalidKeyAttributes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_entities_need() {
        let cases: &[(&[&str], Class, Option<&str>)] = &[
            (&["Type=Service", "Name=a", "Environment=b"], Class::Standard, None),
            (&["Type=AWS::Resource", "ResourceType=a", "Identifier=b"], Class::Standard, None),
            (&["Type=Service", "Name=a", "Environment=b"], Class::InfrequentAccess, Some("UnsupportedLogGroupType")),
            (&[], Class::Standard, Some("MissingRequiredFields")),
            (&["Type=Service", "Name=a"], Class::Standard, Some("MissingRequiredFields")),
            (&["Type=Thing", "Name=a"], Class::Standard, Some("InvalidTypeValue")),
            (&["Type=Service", "Name=a", "Environment=b", "X=y"], Class::Standard, Some("InvalidKeyAttributes")),
        ];
        for (keys, class, expected) in cases {
            let keys = keys.iter().filter_map(|key| key.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
            let entity = Entity { key_attributes: Some(keys.collect()), attributes: None };
            let found = rejected(&entity, *class).map(|info| info.error_type);
            assert_eq!(found.as_deref(), *expected, "{entity:?}");
        }
    }
}
