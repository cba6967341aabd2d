//! The types of fields, as far as all events agree on them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use watchkeep_model::logs::{LogFieldType, LogFieldsListItem};

use crate::limits::{DATA_SOURCE_FIELD_DEPTH_MAX, EVENT_FIELD_CHARS_MAX, GROUP_FIELDS_MAX};

/// What values of a field are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Kind {
    /// None has a value.
    #[default]
    Nothing,
    Boolean,
    Long,
    Double,
    /// Texts; or values of different kinds, which have nothing in common but that they can be written.
    Text,
    Array(Box<Kind>),
    Struct(Fields),
}

/// The fields of objects, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Fields(BTreeMap<String, Kind>);

impl Kind {
    /// The kind of a value that stands so deep.
    fn of(value: &Value, depth: usize) -> Kind {
        match value {
            Value::Null => Kind::Nothing,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(number) if number.is_i64() => Kind::Long,
            Value::Number(_) => Kind::Double,
            Value::String(_) => Kind::Text,
            _ if depth >= DATA_SOURCE_FIELD_DEPTH_MAX => Kind::Text,
            Value::Array(items) => {
                let element = items.iter().fold(Kind::Nothing, |kind, item| kind.and(Kind::of(item, depth + 1)));
                Kind::Array(Box::new(element))
            }
            Value::Object(object) => {
                let mut fields = Fields::default();
                fields.meet_at(object, depth + 1);
                Kind::Struct(fields)
            }
        }
    }

    /// The kind of what is of either.
    fn and(self, other: Kind) -> Kind {
        match (self, other) {
            (Kind::Nothing, kind) | (kind, Kind::Nothing) => kind,
            (one, other) if one == other => one,
            (Kind::Long, Kind::Double) | (Kind::Double, Kind::Long) => Kind::Double,
            (Kind::Array(one), Kind::Array(other)) => Kind::Array(Box::new(one.and(*other))),
            (Kind::Struct(mut one), Kind::Struct(other)) => {
                other.0.into_iter().for_each(|(name, kind)| one.meet_kind(name, kind));
                Kind::Struct(one)
            }
            _ => Kind::Text,
        }
    }

    fn described(self) -> LogFieldType {
        let plain = |name: &str| LogFieldType { r#type: Some(name.to_owned()), ..LogFieldType::default() };
        match self {
            Kind::Boolean => plain("boolean"),
            Kind::Long => plain("long"),
            Kind::Double => plain("double"),
            Kind::Nothing | Kind::Text => plain("string"),
            Kind::Array(element) => LogFieldType { element: Some(Box::new(element.described())), ..plain("array") },
            Kind::Struct(fields) => LogFieldType { fields: Some(fields.described()), ..plain("struct") },
        }
    }
}

impl Fields {
    /// Adds the fields of an event.
    pub(super) fn meet(&mut self, event: &Map<String, Value>) {
        self.meet_at(event, 0);
    }

    fn meet_at(&mut self, object: &Map<String, Value>, depth: usize) {
        for (name, value) in object {
            if name.len() <= EVENT_FIELD_CHARS_MAX {
                self.meet_kind(name.clone(), Kind::of(value, depth));
            }
        }
    }

    fn meet_kind(&mut self, name: String, kind: Kind) {
        if let Some(known) = self.0.get_mut(&name) {
            *known = std::mem::take(known).and(kind);
        } else if self.0.len() < GROUP_FIELDS_MAX {
            self.0.insert(name, kind);
        }
    }

    /// As the API shows them, in the order of their names.
    pub(super) fn described(self) -> Vec<LogFieldsListItem> {
        let item = |(name, kind): (String, Kind)| LogFieldsListItem {
            log_field_name: Some(name),
            log_field_type: Some(kind.described()),
        };
        self.0.into_iter().map(item).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(values: &[Value]) -> Kind {
        values.iter().fold(Kind::Nothing, |kind, value| kind.and(Kind::of(value, 0)))
    }

    #[test]
    fn a_field_has_the_kind_that_fits_all_its_values() {
        let array = |kind| Kind::Array(Box::new(kind));
        let cases = [
            (json!([]), Kind::Nothing),
            (json!([null]), Kind::Nothing),
            (json!([null, true]), Kind::Boolean),
            (json!([1, 2]), Kind::Long),
            (json!([1, 2.5]), Kind::Double),
            (json!([18_446_744_073_709_551_615_u64]), Kind::Double),
            (json!([1, "1"]), Kind::Text),
            (json!([[1], [2.5, null]]), array(Kind::Double)),
            (json!([[], [{}]]), array(Kind::Struct(Fields::default()))),
            (json!([{}, 1]), Kind::Text),
        ];
        for (values, expected) in cases {
            assert_eq!(kind(values.as_array().unwrap()), expected, "{values}");
        }
        let merged = kind(&[json!({"a": 1}), json!({"a": 2, "b": {"c": "x"}})]);
        let inner = Kind::Struct(Fields(BTreeMap::from([("c".to_owned(), Kind::Text)])));
        let expected = BTreeMap::from([("a".to_owned(), Kind::Long), ("b".to_owned(), inner)]);
        assert_eq!(merged, Kind::Struct(Fields(expected)));
    }

    #[test]
    fn what_is_nested_deeply_is_text() {
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        let mut found = Kind::of(&deep, 0);
        let mut depth = 0;
        while let Kind::Array(inner) = found {
            (found, depth) = (*inner, depth + 1);
        }
        assert_eq!((found, depth), (Kind::Text, DATA_SOURCE_FIELD_DEPTH_MAX));
    }
}
