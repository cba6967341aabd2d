//! Entities that metric data are published for. Source: "PutMetricData", "Entity".

use std::collections::BTreeMap;

use watchkeep_model::cloudwatch::Entity;

use crate::limits::{
    ENTITY_ATTRIBUTE_NAME_CHARS_MAX, ENTITY_ATTRIBUTES_MAX, ENTITY_KEY_ATTRIBUTE_NAME_CHARS_MAX,
    ENTITY_KEY_ATTRIBUTES_MAX, ENTITY_VALUE_CHARS_MAX,
};

/// The types of entities, as far as AWS names them.
const TYPES: [&str; 6] = ["Service", "RemoteService", "AWS::Service", "Resource", "AWS::Resource", "RemoteResource"];

/// The names that key attributes may have.
const KEYS: [&str; 6] = ["Type", "ResourceType", "Identifier", "Name", "Environment", "AwsAccountId"];

/// What is wrong with an entity: the words that `X-Amzn-Failure-Message` carries, and a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidEntity {
    /// As `InvalidTypeValue`.
    pub(crate) code: &'static str,
    /// As `Unknown entity type`.
    pub(crate) reason: &'static str,
}

/// Whether this names an entity.
pub(crate) fn check(entity: Option<&Entity>) -> Result<&Entity, InvalidEntity> {
    let refuse = |code, reason| Err(InvalidEntity { code, reason });
    let Some(entity) = entity else { return refuse("InvalidEntity", "Entity is missing") };
    let Some(key) = entity.key_attributes.as_ref().filter(|key| !key.is_empty()) else {
        return refuse("MissingRequiredFields", "KeyAttributes is missing");
    };
    let Some(kind) = key.get("Type") else { return refuse("MissingRequiredFields", "KeyAttributes has no Type") };
    if !TYPES.contains(&kind.as_str()) {
        return refuse("InvalidTypeValue", "Unknown entity type");
    }
    let has_all = |names: [&str; 2]| names.iter().all(|name| key.contains_key(*name));
    if kind.ends_with("Service") && !has_all(["Name", "Environment"]) {
        return refuse("MissingRequiredFields", "A service needs Name and Environment");
    }
    if kind.ends_with("Resource") && !has_all(["ResourceType", "Identifier"]) {
        return refuse("MissingRequiredFields", "A resource needs ResourceType and Identifier");
    }
    if !key.keys().all(|name| KEYS.contains(&name.as_str())) {
        return refuse("InvalidKeyAttributes", "Unknown key attribute");
    }
    if !fits(key, ENTITY_KEY_ATTRIBUTES_MAX, ENTITY_KEY_ATTRIBUTE_NAME_CHARS_MAX) {
        return refuse("InvalidKeyAttributes", "Too many key attributes, or one that is blank or too long");
    }
    match &entity.attributes {
        Some(attributes) if !fits(attributes, ENTITY_ATTRIBUTES_MAX, ENTITY_ATTRIBUTE_NAME_CHARS_MAX) => {
            refuse("InvalidAttributes", "Too many attributes, or one that is blank or too long")
        }
        _ => Ok(entity),
    }
}

fn fits(attributes: &BTreeMap<String, String>, entries_max: usize, name_chars_max: usize) -> bool {
    let has_length = |text: &str, chars_max: usize| !text.trim().is_empty() && text.chars().count() <= chars_max;
    let mut entries = attributes.iter();
    attributes.len() <= entries_max
        && entries.all(|(name, value)| has_length(name, name_chars_max) && has_length(value, ENTITY_VALUE_CHARS_MAX))
}

/// The entity as JSON, as it is registered with a series.
pub(crate) fn json(entity: &Entity) -> String {
    let object = |map: &Option<_>| serde_json::to_value(map.clone().unwrap_or_default()).unwrap_or_default();
    serde_json::json!({
        "KeyAttributes": object(&entity.key_attributes),
        "Attributes": object(&entity.attributes),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_have_a_known_type_and_what_it_needs() {
        type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);
        let cases: [Case; 9] = [
            (&[], Some("MissingRequiredFields")),
            (&[("Name", "shop")], Some("MissingRequiredFields")),
            (&[("Type", "Server"), ("Name", "shop")], Some("InvalidTypeValue")),
            (&[("Type", "Service"), ("Name", "shop")], Some("MissingRequiredFields")),
            (&[("Type", "Service"), ("Name", "shop"), ("Environment", " ")], Some("InvalidKeyAttributes")),
            (&[("Type", "Service"), ("Name", "shop"), ("Environment", "ec2")], None),
            (
                &[("Type", "Service"), ("Name", "shop"), ("Environment", "ec2"), ("Host", "h")],
                Some("InvalidKeyAttributes"),
            ),
            (&[("Type", "AWS::Resource"), ("Identifier", "i-1")], Some("MissingRequiredFields")),
            (&[("Type", "AWS::Resource"), ("ResourceType", "AWS::EC2::Instance"), ("Identifier", "i-1")], None),
        ];
        for (attributes, code) in cases {
            let key_attributes = attributes.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            let entity = Entity { key_attributes: Some(key_attributes), ..Default::default() };
            assert_eq!(check(Some(&entity)).err().map(|error| error.code), code, "{attributes:?}");
        }
        let service = ["Type", "Name", "Environment"].map(|name| (name.to_owned(), "Service".to_owned()));
        let keys = |name: &str, chars| {
            let mut keys = BTreeMap::from(service.clone());
            keys.insert(name.to_owned(), "x".repeat(chars));
            Some(keys)
        };
        let attributes = |count: usize, chars: usize| {
            let attribute = |number: usize| (number.to_string(), "x".repeat(chars));
            Some((0..count).map(attribute).collect::<BTreeMap<_, _>>())
        };
        for (key_attributes, attributes, code) in [
            (keys("Name", 2048), attributes(10, 2048), None),
            (keys("Name", 2049), None, Some("InvalidKeyAttributes")),
            (keys("Name", 1), attributes(11, 1), Some("InvalidAttributes")),
            (keys("Name", 1), attributes(1, 2049), Some("InvalidAttributes")),
            (keys("Name", 1), attributes(1, 0), Some("InvalidAttributes")),
        ] {
            let entity = Entity { key_attributes, attributes };
            assert_eq!(check(Some(&entity)).err().map(|error| error.code), code);
        }
        assert_eq!(check(None).err().map(|error| error.code), Some("InvalidEntity"));
    }
}
