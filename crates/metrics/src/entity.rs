//! Entities that metric data are published for. Source: "PutMetricData", "Entity".

use watchkeep_model::cloudwatch::Entity;

/// The types of entities, as far as AWS names them.
const TYPES: [&str; 6] = ["Service", "RemoteService", "AWS::Service", "Resource", "AWS::Resource", "RemoteResource"];

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
    if key.iter().any(|(name, value)| name.trim().is_empty() || value.trim().is_empty()) {
        return refuse("InvalidKeyAttributes", "A key attribute is blank");
    }
    if kind.ends_with("Service") && !(key.contains_key("Name") && key.contains_key("Environment")) {
        return refuse("MissingRequiredFields", "A service needs Name and Environment");
    }
    Ok(entity)
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
        let cases: [Case; 7] = [
            (&[], Some("MissingRequiredFields")),
            (&[("Name", "shop")], Some("MissingRequiredFields")),
            (&[("Type", "Server"), ("Name", "shop")], Some("InvalidTypeValue")),
            (&[("Type", "Service"), ("Name", "shop")], Some("MissingRequiredFields")),
            (&[("Type", "Service"), ("Name", "shop"), ("Environment", " ")], Some("InvalidKeyAttributes")),
            (&[("Type", "Service"), ("Name", "shop"), ("Environment", "ec2")], None),
            (&[("Type", "AWS::Resource"), ("Identifier", "i-1")], None),
        ];
        for (attributes, code) in cases {
            let key_attributes = attributes.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            let entity = Entity { key_attributes: Some(key_attributes), ..Default::default() };
            assert_eq!(check(Some(&entity)).err().map(|error| error.code), code, "{attributes:?}");
        }
        assert_eq!(check(None).err().map(|error| error.code), Some("InvalidEntity"));
    }
}
