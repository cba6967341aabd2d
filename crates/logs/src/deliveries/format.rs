//! How records are written.

use serde_json::{Map, Value};

use super::resources::{DeliveryDocument, Format};

/// A record as text, without an end of line.
pub(super) fn record(format: Format, delivery: &DeliveryDocument, fields: &Map<String, Value>) -> String {
    match format {
        Format::Json => {
            let mut text = String::from("{");
            // Written by hand: the order of the fields is the delivery's.
            for name in &delivery.fields {
                let Some(value) = fields.get(name) else { continue };
                if text.len() > 1 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                text.push_str(&value.to_string());
            }
            text.push('}');
            text
        }
        Format::Plain | Format::W3c => {
            let delimiter = delimiter(delivery);
            let values: Vec<String> = delivery.fields.iter().map(|name| plain(fields.get(name), delimiter)).collect();
            values.join(delimiter)
        }
    }
}

/// What stands before the records of a file.
pub(super) fn head(format: Format, delivery: &DeliveryDocument) -> Option<String> {
    let names = || delivery.fields.join(delimiter(delivery));
    match format {
        Format::Json => None,
        Format::Plain => Some(names() + "\n"),
        Format::W3c => Some(format!("#Version: 1.0\n#Fields: {}\n", names())),
    }
}

fn delimiter(delivery: &DeliveryDocument) -> &str {
    delivery.delimiter.as_deref().unwrap_or_default()
}

/// A value among others: one line, `-` if there is none, and no delimiter in a text.
fn plain(value: Option<&Value>, delimiter: &str) -> String {
    let text = match value {
        None | Some(Value::Null) => return "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => return "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let is_bad = |character: char| character.is_control() || delimiter.contains(character);
    if !text.contains(is_bad) {
        return text;
    }
    let escape = |character: char| match is_bad(character) {
        true => percent_encoding::utf8_percent_encode(
            character.encode_utf8(&mut [0; 4]),
            percent_encoding::NON_ALPHANUMERIC,
        )
        .to_string(),
        false => character.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn delivery(delimiter: Option<&str>) -> DeliveryDocument {
        DeliveryDocument {
            number: 1,
            source: "s".into(),
            destination_arn: "a".into(),
            fields: ["z", "a", "m", "n"].map(str::to_owned).into(),
            delimiter: delimiter.map(str::to_owned),
            suffix_path: None,
            is_hive_compatible: false,
            tags: BTreeMap::new(),
        }
    }

    #[test]
    fn records_have_the_fields_of_the_delivery_in_its_order() {
        let Value::Object(fields) = json!({"a": "x y\n", "z": 1, "n": {"k": "v"}, "other": true}) else { panic!() };
        let cases = [
            (Format::Json, None, r#"{"z":1,"a":"x y\n","n":{"k":"v"}}"#),
            (Format::Plain, Some("\t"), "1\tx y%0A\t-\t{\"k\":\"v\"}"),
            (Format::W3c, Some(" "), "1 x%20y%0A - {\"k\":\"v\"}"),
            (Format::Plain, Some(""), "1x y%0A-{\"k\":\"v\"}"),
        ];
        for (format, delimiter, expected) in cases {
            assert_eq!(record(format, &delivery(delimiter), &fields), expected);
        }
        let head = |format| head(format, &delivery(Some("\t")));
        assert_eq!(head(Format::Json), None);
        assert_eq!(head(Format::Plain).as_deref(), Some("z\ta\tm\tn\n"));
        assert_eq!(head(Format::W3c).as_deref(), Some("#Version: 1.0\n#Fields: z\ta\tm\tn\n"));
    }
}
