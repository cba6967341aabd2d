//! A structure's members as plain JSON, for audit records: by their names in the API, whatever protocol the call came in.

use serde_json::{Map, Number, Value};
use watchkeep_model::{Kind, Shape, Structure, View};

/// The members that are present. What the model marks as sensitive is left out at any depth, and so are blobs (records hold
/// no content); timestamps are numbers of seconds.
pub fn members_json(structure: &dyn Structure) -> Map<String, Value> {
    let mut out = Map::new();
    for (index, member) in structure.schema().members.iter().enumerate() {
        if let Some(view) = structure.get(index)
            && let Some(value) = value(view, member.shape)
        {
            out.insert(member.name.to_owned(), value);
        }
    }
    out
}

fn value(view: View<'_>, shape: &'static Shape) -> Option<Value> {
    if shape.sensitive {
        return None;
    }
    Some(match view {
        View::Blob(_) => return None,
        View::Boolean(value) => value.into(),
        View::Integer(number) => number.into(),
        View::Long(number) => number.into(),
        View::Float(number) => double(f64::from(number)),
        View::Double(number) => double(number),
        View::String(text) => text.into(),
        View::Timestamp(moment) if moment.0 % 1000 == 0 => (moment.0 / 1000).into(),
        View::Timestamp(moment) => double(moment.0 as f64 / 1000.0),
        View::Structure(structure) => Value::Object(members_json(structure)),
        View::Document(document) => document.clone(),
        View::List(list) => {
            let Kind::List(element) = &shape.kind else { return None };
            let entries = (0..list.len()).filter_map(|index| value(list.get(index)?, element.shape));
            Value::Array(entries.collect())
        }
        View::Map(map) => {
            let Kind::Map(_, element) = &shape.kind else { return None };
            let mut entries = Map::new();
            map.each(&mut |key, view| {
                if let Some(value) = value(view, element.shape) {
                    entries.insert(key.to_owned(), value);
                }
            });
            Value::Object(entries)
        }
    })
}

/// A number, or the text of one that JSON cannot say.
fn double(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use watchkeep_model::cloudwatch::{Dimension, MetricDatum, PutMetricDataInput};
    use watchkeep_model::{Timestamp, kms, ssm};

    #[test]
    fn members_keep_their_names_and_kinds() {
        let input = PutMetricDataInput {
            namespace: "N".into(),
            metric_data: Some(vec![MetricDatum {
                metric_name: "m".into(),
                dimensions: Some(vec![Dimension { name: "Host".into(), value: "a".into() }]),
                timestamp: Some(Timestamp(1_500)),
                value: Some(f64::NAN),
                storage_resolution: Some(1),
                ..Default::default()
            }]),
            strict_entity_validation: Some(true),
            ..Default::default()
        };
        assert_eq!(
            Value::Object(members_json(&input)),
            json!({"Namespace": "N", "StrictEntityValidation": true, "MetricData": [{"MetricName": "m", "Timestamp": 1.5,
                "Dimensions": [{"Name": "Host", "Value": "a"}], "Value": "NaN", "StorageResolution": 1}]})
        );
    }

    #[test]
    fn secrets_and_content_are_left_out() {
        let input = kms::EncryptRequest { key_id: "k".into(), plaintext: b"secret".to_vec(), ..Default::default() };
        assert_eq!(Value::Object(members_json(&input)), json!({"KeyId": "k"}));
        let input = ssm::PutParameterRequest { name: "n".into(), value: "secret".into(), ..Default::default() };
        assert_eq!(Value::Object(members_json(&input)), json!({"Name": "n"}));
    }
}
