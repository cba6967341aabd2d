//! Attributes as CloudWatch's dimensions: those of the data point, and those of its resource, as CloudWatch's agent does with
//! OTLP metrics (`resource_to_telemetry_conversion`).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::limits::{DIMENSION_VALUE_CHARS_MAX, DIMENSIONS_MAX};
use crate::messages::{AnyValue, KeyValue};

/// Name and value of a dimension.
pub(crate) type Dimension = (Arc<str>, Arc<str>);

/// The resource attribute that names the namespace.
const NAMESPACE: &str = "aws.cloudwatch.namespace";

/// What describes the library that measures and not what is measured, so that a new version of it does not begin new metrics.
const OF_THE_LIBRARY: &str = "telemetry.";

/// A resource's part in its metrics' identity.
pub(crate) struct ResourcePart {
    /// The namespace, if it names one.
    pub(crate) namespace: Option<Arc<str>>,
    /// All its attributes as dimensions, those first that are kept if there is not room for all: `service.` before others, and then
    /// by name.
    dimensions: Vec<Dimension>,
}

impl ResourcePart {
    pub(crate) fn of(attributes: &[KeyValue]) -> ResourcePart {
        let mut dimensions = dimensions(attributes);
        let namespace = dimensions.iter().find(|(name, _)| &**name == NAMESPACE).map(|(_, value)| Arc::clone(value));
        dimensions.retain(|(name, _)| &**name != NAMESPACE && !name.starts_with(OF_THE_LIBRARY));
        dimensions.sort_by(|(a, _), (b, _)| (!a.starts_with("service."), a).cmp(&(!b.starts_with("service."), b)));
        ResourcePart { namespace, dimensions }
    }

    /// The dimensions of a point with these attributes: its own, by name, then as many of the resource's as there is room for.
    pub(crate) fn with(&self, attributes: &[KeyValue]) -> Vec<Dimension> {
        let mut all = dimensions(attributes);
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        let own = all.len();
        for dimension in &self.dimensions {
            if all.len() >= DIMENSIONS_MAX {
                break;
            }
            if !all.iter().take(own).any(|(name, _)| *name == dimension.0) {
                all.push(dimension.clone());
            }
        }
        all
    }
}

/// Attributes with a value, the last of each name.
fn dimensions(attributes: &[KeyValue]) -> Vec<Dimension> {
    let mut dimensions: Vec<Dimension> = Vec::with_capacity(attributes.len().min(DIMENSIONS_MAX));
    for KeyValue { key, value } in attributes {
        let Some(text) = value.as_ref().and_then(text).filter(|text| !text.trim().is_empty()) else { continue };
        let text: Arc<str> = plain(text).into();
        if let Some((_, value)) = dimensions.iter_mut().find(|(name, _)| **name == **key) {
            *value = text;
        } else if dimensions.len() <= 4 * DIMENSIONS_MAX {
            // More than a metric may have are kept for saying so; not without end, as each is looked for among the others.
            dimensions.push((key.as_str().into(), text));
        }
    }
    dimensions
}

/// A dimension's value holds no control characters, and is not too long.
fn plain(text: String) -> String {
    let is_plain = text.len() <= DIMENSION_VALUE_CHARS_MAX && !text.bytes().any(|byte| byte.is_ascii_control());
    if is_plain {
        return text;
    }
    let shown = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().take(DIMENSION_VALUE_CHARS_MAX).map(shown).collect()
}

/// A value as text ("Mapping arbitrary data to OTLP AnyValue", the other way): lists and maps in JSON, bytes in base64.
fn text(value: &AnyValue) -> Option<String> {
    if let Some(text) = &value.string_value {
        return Some(text.clone());
    }
    match json(value) {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn json(value: &AnyValue) -> Value {
    if let Some(text) = &value.string_value {
        text.as_str().into()
    } else if let Some(truth) = value.bool_value {
        truth.into()
    } else if let Some(number) = value.int_value {
        number.into()
    } else if let Some(number) = value.double_value {
        // JSON has no infinity.
        serde_json::Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
    } else if let Some(list) = &value.array_value {
        list.values.iter().map(json).collect()
    } else if let Some(list) = &value.kvlist_value {
        let pair = |pair: &KeyValue| (pair.key.clone(), pair.value.as_ref().map_or(Value::Null, json));
        Value::Object(list.values.iter().map(pair).collect::<Map<_, _>>())
    } else if let Some(bytes) = &value.bytes_value {
        STANDARD.encode(bytes).into()
    } else {
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{ArrayValue, KeyValueList};

    fn string(key: &str, value: &str) -> KeyValue {
        let value = AnyValue { string_value: Some(value.to_owned()), ..AnyValue::default() };
        KeyValue { key: key.to_owned(), value: Some(value) }
    }

    fn shown(dimensions: &[Dimension]) -> Vec<String> {
        dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn values_are_texts() {
        let one = AnyValue { int_value: Some(1), ..AnyValue::default() };
        let list = ArrayValue { values: vec![one.clone(), AnyValue::default()] };
        let map = KeyValueList { values: vec![KeyValue { key: "a".into(), value: Some(one.clone()) }] };
        for (value, expected) in [
            (one, Some("1")),
            (AnyValue { bool_value: Some(true), ..AnyValue::default() }, Some("true")),
            (AnyValue { double_value: Some(0.5), ..AnyValue::default() }, Some("0.5")),
            (AnyValue { double_value: Some(f64::INFINITY), ..AnyValue::default() }, Some("inf")),
            (AnyValue { array_value: Some(list), ..AnyValue::default() }, Some("[1,null]")),
            (AnyValue { kvlist_value: Some(map), ..AnyValue::default() }, Some(r#"{"a":1}"#)),
            (AnyValue { bytes_value: Some(vec![1, 2]), ..AnyValue::default() }, Some("AQI=")),
            (AnyValue::default(), None),
        ] {
            assert_eq!(text(&value).as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn the_points_own_come_first_and_service_before_others() {
        let resource = ResourcePart::of(&[
            string("host.name", "h"),
            string("telemetry.sdk.version", "1"),
            string("service.name", "shop"),
            string("route", "of the resource"),
            string("empty", " "),
            string("aws.cloudwatch.namespace", "Shop"),
            string("process.command", "a\nb"),
        ]);
        assert_eq!(resource.namespace.as_deref(), Some("Shop"));
        let point = [string("route", "/a"), string("method", "GET"), string("method", "PUT")];
        assert_eq!(
            shown(&resource.with(&point)),
            ["method=PUT", "route=/a", "service.name=shop", "host.name=h", "process.command=a b"]
        );
    }

    #[test]
    fn thirty_have_room() {
        let many = |prefix: &str, count: usize| -> Vec<KeyValue> {
            (0..count).map(|index| string(&format!("{prefix}{index:02}"), &"x".repeat(2_000))).collect()
        };
        let resource = ResourcePart::of(&many("r", 40));
        let all = resource.with(&many("p", 28));
        assert_eq!((all.len(), &*all[29].0, all[29].1.len()), (30, "r01", DIMENSION_VALUE_CHARS_MAX));
        // A point's own are never left out: with too many it is refused.
        assert_eq!(resource.with(&many("p", 31)).len(), 31);
    }
}
