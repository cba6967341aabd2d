//! The service's and its operations' tables.

use std::fmt::Write as _;

use serde_json::Value;

use crate::Model;
use crate::names::{optional, type_name, upper};
use crate::shapes::schema_static;

/// Writes the service and its operations.
pub fn generate(model: &Model, out: &mut String) {
    let operations = model.json["operations"].as_object().expect("operations");
    let mut names: Vec<&String> = operations.keys().collect();
    names.sort();
    let mut markers = String::new();
    for name in &names {
        operation(name, &operations[name.as_str()], out, &mut markers);
    }
    writeln!(
        out,
        "/// The operations as types: the key from an operation to the types of its input and output.\n\
         pub mod operations {{\n    use crate::Operation;\n{markers}}}"
    )
    .unwrap();
    let listed: String = names.iter().map(|name| format!("&{}, ", upper(name))).collect();
    let metadata = &model.json["metadata"];
    let text = |key: &str| metadata[key].as_str();
    let endpoint = text("endpointPrefix").expect("an endpoint prefix");
    writeln!(
        out,
        "/// The service's table.\npub static SERVICE: Service = Service {{ name: {:?}, signing_name: {:?}, endpoint_prefix: {endpoint:?}, api_version: {:?}, \
         target_prefix: {}, protocols: &[{}], query_compatible: {}, xml_namespace: {}, operations: &[{listed}] }};",
        model.name,
        text("signingName").unwrap_or(endpoint),
        text("apiVersion").expect("an API version"),
        optional(text("targetPrefix")),
        protocols(metadata),
        metadata.get("awsQueryCompatible").is_some(),
        optional(text("xmlNamespace")),
    )
    .unwrap();
}

fn operation(name: &str, operation: &Value, out: &mut String, markers: &mut String) {
    let schema = |key: &str| operation[key]["shape"].as_str().map_or("crate::UNIT".into(), schema_static);
    let rust = |key: &str| {
        operation[key]["shape"].as_str().map_or("crate::Unit".into(), |shape| format!("super::{}", type_name(shape)))
    };
    let errors: String = operation["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["shape"].as_str())
        .map(|error| format!("&{}, ", schema_static(error)))
        .collect();
    let http = &operation["http"];
    let constant = upper(name);
    writeln!(
        out,
        "/// The table of `{name}`.\npub static {constant}: Operation = Operation {{ name: {name:?}, method: {:?}, uri: {:?}, status: {}, input: &{}, input_name: {}, output: &{}, \
         result_wrapper: {}, errors: &[{errors}], host_prefix: {}, unsigned: {} }};",
        http["method"].as_str().unwrap_or("POST"),
        http["requestUri"].as_str().unwrap_or("/"),
        http["responseCode"].as_u64().unwrap_or(200),
        schema("input"),
        optional(operation["input"]["locationName"].as_str()),
        schema("output"),
        optional(operation["output"]["resultWrapper"].as_str()),
        optional(operation["endpoint"]["hostPrefix"].as_str()),
        operation["authtype"] == "none",
    )
    .unwrap();
    writeln!(
        markers,
        "    /// `{name}`.\n    pub struct {name};\n    impl crate::OperationType for {name} {{\n        type Input = {};\n        type Output = {};\n        \
         const OPERATION: &'static Operation = &super::{constant};\n    }}",
        rust("input"),
        rust("output"),
    )
    .unwrap();
}

fn protocols(metadata: &Value) -> String {
    let names: Vec<&str> = match metadata["protocols"].as_array() {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => metadata["protocol"].as_str().into_iter().collect(),
    };
    let json = if metadata["jsonVersion"] == "1.0" { "AwsJson10" } else { "AwsJson11" };
    let variants = names.iter().map(|name| match *name {
        "json" => json,
        "query" => "AwsQuery",
        "smithy-rpc-v2-cbor" => "RpcV2Cbor",
        "rest-json" => "RestJson",
        "rest-xml" => "RestXml",
        other => panic!("protocol {other}"),
    });
    variants.map(|variant| format!("Protocol::{variant}, ")).collect()
}
