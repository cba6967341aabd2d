//! The JSON format: an object a line for each metric and minute. Source: "CloudWatch metric stream output in JSON format".

use serde_json::{Map, Value, json};

use super::publish::Minute;

/// Appends the line of a metric's minute.
pub(super) fn write(minute: &Minute<'_>, stream: &str, line: &mut Vec<u8>) {
    let identity = &minute.identity;
    let dimensions: Map<String, Value> =
        identity.dimensions().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let summary = &minute.summary;
    let mut value = Map::new();
    for (name, number) in
        [("max", summary.maximum), ("min", summary.minimum), ("sum", summary.sum), ("count", summary.count)]
    {
        value.insert(name.to_owned(), number.into());
    }
    for (name, _, number) in &minute.statistics {
        value.insert((*name).to_owned(), (*number).into());
    }
    let object = json!({
        "metric_stream_name": stream,
        "account_id": identity.account,
        "region": identity.region,
        "namespace": identity.namespace,
        "metric_name": identity.name,
        "dimensions": dimensions,
        "timestamp": minute.start_ms,
        "value": value,
        "unit": minute.unit.name(),
    });
    line.extend(object.to_string().into_bytes());
    line.push(b'\n');
}
