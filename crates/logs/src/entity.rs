//! The entity that a batch may name as its origin ("PutLogEvents", "Entity"). It is kept with each of its events; a bad one is
//! reported, and the events are taken all the same.

use std::collections::BTreeMap;

use watchkeep_model::logs::{Entity, RejectedEntityInfo};

use crate::limits::{
    ENTITY_ATTRIBUTE_NAME_CHARS_MAX, ENTITY_ATTRIBUTES_MAX, ENTITY_KEY_ATTRIBUTE_NAME_CHARS_MAX,
    ENTITY_KEY_ATTRIBUTES_MAX, ENTITY_VALUE_CHARS_MAX,
};
use crate::resources::Class;

/// The entity as JSON, as PutLogEvents has it, if there is one and it is accepted; and why it is not.
pub(crate) fn accepted(entity: Option<&Entity>, class: Class) -> (Option<String>, Option<RejectedEntityInfo>) {
    let Some(entity) = entity else { return (None, None) };
    match check(entity, class) {
        Ok(()) => (Some(json(entity)), None),
        Err(reason) => (None, Some(RejectedEntityInfo { error_type: reason.to_owned() })),
    }
}

fn json(entity: &Entity) -> String {
    let mut members = serde_json::Map::new();
    let parts = [("keyAttributes", &entity.key_attributes), ("attributes", &entity.attributes)];
    for (name, attributes) in parts {
        if let Some(attributes) = attributes.as_ref().filter(|attributes| !attributes.is_empty()) {
            let attributes = attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
            members.insert(name.to_owned(), serde_json::Value::Object(attributes.collect()));
        }
    }
    serde_json::Value::Object(members).to_string()
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
    let are_known = keys.keys().all(|name| KNOWN.contains(&name.as_str()));
    if !are_known || !fits(keys, ENTITY_KEY_ATTRIBUTES_MAX, ENTITY_KEY_ATTRIBUTE_NAME_CHARS_MAX) {
        return Err("InvalidKeyAttributes");
    }
    match &entity.attributes {
        Some(attributes) if !fits(attributes, ENTITY_ATTRIBUTES_MAX, ENTITY_ATTRIBUTE_NAME_CHARS_MAX) => {
            Err("InvalidAttributes")
        }
        _ => Ok(()),
    }
}

fn fits(attributes: &BTreeMap<String, String>, entries_max: usize, name_chars_max: usize) -> bool {
    let has_length = |text: &str, chars_max: usize| !text.is_empty() && text.chars().count() <= chars_max;
    let mut entries = attributes.iter();
    attributes.len() <= entries_max
        && entries.all(|(name, value)| has_length(name, name_chars_max) && has_length(value, ENTITY_VALUE_CHARS_MAX))
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
            (&["Type=Service", "Name=", "Environment=b"], Class::Standard, Some("InvalidKeyAttributes")),
        ];
        for (keys, class, expected) in cases {
            let keys = keys.iter().filter_map(|key| key.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
            let entity = Entity { key_attributes: Some(keys.collect()), attributes: None };
            let (json, rejected) = accepted(Some(&entity), *class);
            let found = rejected.map(|info| info.error_type);
            assert_eq!((found.as_deref(), json.is_none()), (*expected, expected.is_some()), "{entity:?}");
        }
        let keys = ["Type", "Name", "Environment"].map(|name| (name.to_owned(), "Service".to_owned()));
        for (value_chars, expected) in [(512, None), (513, Some("InvalidAttributes"))] {
            let attributes = Some([("a".to_owned(), "x".repeat(value_chars))].into());
            let entity = Entity { key_attributes: Some(keys.clone().into()), attributes };
            let found = accepted(Some(&entity), Class::Standard).1.map(|info| info.error_type);
            assert_eq!(found.as_deref(), expected, "{value_chars}");
        }
    }

    #[test]
    fn an_accepted_entity_is_kept_as_it_was_given() {
        let key_attributes = [("Type", "Service"), ("Name", "a\"b"), ("Environment", "c")];
        let key_attributes = key_attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut entity = Entity { key_attributes: Some(key_attributes.into()), attributes: None };
        let key_attributes = r#"{"keyAttributes":{"Environment":"c","Name":"a\"b","Type":"Service"}"#;
        assert_eq!(accepted(Some(&entity), Class::Standard), (Some(format!("{key_attributes}}}")), None));
        entity.attributes = Some([("Host".to_owned(), "h".to_owned())].into());
        let both = format!(r#"{key_attributes},"attributes":{{"Host":"h"}}}}"#);
        assert_eq!(accepted(Some(&entity), Class::Standard).0, Some(both));
        assert_eq!(accepted(None, Class::Standard), (None, None));
    }
}
