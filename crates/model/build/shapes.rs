//! Structs and schema tables.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::Model;
use crate::names::{optional, snake, type_name, upper};

/// Writes every shape of the model.
pub fn generate(model: &Model, out: &mut String) {
    let shapes = model.json["shapes"].as_object().expect("shapes");
    let referenced = referenced(shapes);
    for (name, shape) in shapes {
        if shape["type"] == "structure" {
            structure(model, name, shape, out);
        }
        if referenced.contains(name.as_str()) {
            shape_table(name, shape, out);
        }
    }
    errors(shapes, out);
}

/// The static of a shape's [`Shape`] table.
pub fn shape_static(name: &str) -> String {
    format!("S_{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"))
}

/// The static of a structure's [`Schema`] table.
pub fn schema_static(name: &str) -> String {
    format!("{}_SCHEMA", upper(name))
}

fn structure(model: &Model, name: &str, shape: &Value, out: &mut String) {
    let rust = type_name(name);
    let empty = Map::new();
    let members = shape["members"].as_object().unwrap_or(&empty);
    let required = texts(&shape["required"]);
    let mut fields = String::new();
    let mut gets = String::new();
    let mut slots = String::new();
    let mut table = String::new();
    for (index, (member_name, member)) in members.iter().enumerate() {
        let target_name = member["shape"].as_str().expect("a member's shape");
        let target = model.shape(target_name);
        let is_required = required.contains(&member_name.as_str());
        if target["eventstream"] != true {
            let field = snake(member_name);
            let boxed = reaches(model, target_name, name, &mut BTreeSet::new());
            let inner = rust_type(model, target_name);
            let inner = if boxed { format!("Box<{inner}>") } else { inner };
            if is_required && !boxed {
                writeln!(fields, "    pub {field}: {inner},").unwrap();
                writeln!(gets, "            {index} => Some(crate::Field::view(&self.{field})),").unwrap();
                writeln!(slots, "            {index} => Some(crate::Field::slot(&mut self.{field})),").unwrap();
            } else {
                writeln!(fields, "    pub {field}: Option<{inner}>,").unwrap();
                writeln!(gets, "            {index} => self.{field}.as_ref().map(crate::Field::view),").unwrap();
                writeln!(
                    slots,
                    "            {index} => Some(crate::Field::slot(self.{field}.get_or_insert_default())),"
                )
                .unwrap();
            }
        }
        table.push_str(&member_table(member_name, member, target, target_name, is_required));
    }
    let schema = schema_static(name);
    writeln!(out, "#[derive(Clone, Default)]\npub struct {rust} {{\n{fields}}}").unwrap();
    writeln!(
        out,
        "impl crate::Structure for {rust} {{\n    fn schema(&self) -> &'static Schema {{ &{schema} }}\n    \
         fn get(&self, index: usize) -> Option<crate::View<'_>> {{\n        match index {{\n{gets}            _ => None,\n        }}\n    }}\n    \
         fn slot(&mut self, index: usize) -> Option<crate::Slot<'_>> {{\n        match index {{\n{slots}            _ => None,\n        }}\n    }}\n}}\n\
         impl crate::Field for {rust} {{\n    fn view(&self) -> crate::View<'_> {{ crate::View::Structure(self) }}\n    \
         fn slot(&mut self) -> crate::Slot<'_> {{ crate::Slot::Structure(self) }}\n}}\n\
         impl std::fmt::Debug for {rust} {{\n    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{ crate::debug_structure(self, f) }}\n}}\n\
         impl PartialEq for {rust} {{\n    fn eq(&self, other: &Self) -> bool {{ crate::equal(self, other) }}\n}}"
    )
    .unwrap();
    let payload = shape["payload"].as_str().and_then(|payload| members.keys().position(|member| member == payload));
    writeln!(
        out,
        "pub static {schema}: Schema = Schema {{ name: {name:?}, kind: {}, payload: {payload:?}, xml_namespace: {}, members: &[\n{table}] }};",
        schema_kind(name, shape),
        optional(xml_namespace(shape)),
    )
    .unwrap();
}

fn schema_kind(name: &str, shape: &Value) -> String {
    if shape["exception"] == true {
        let error = &shape["error"];
        let fault = shape["fault"] == true;
        let status = error["httpStatusCode"].as_u64().unwrap_or(if fault { 500 } else { 400 });
        let code = error["code"].as_str().unwrap_or(name);
        let sender = error["senderFault"].as_bool().unwrap_or(status < 500);
        return format!(
            "SchemaKind::Error(ErrorTraits {{ query_code: {code:?}, status: {status}, sender: {sender} }})"
        );
    }
    let kind = match () {
        () if shape["eventstream"] == true => "EventStream",
        () if shape["union"] == true => "Union",
        () => "Structure",
    };
    format!("SchemaKind::{kind}")
}

fn member_table(name: &str, member: &Value, target: &Value, target_name: &str, required: bool) -> String {
    let location = match member["location"].as_str() {
        Some("header") => "Header",
        Some("headers") => "Headers",
        Some("querystring") => "QueryString",
        Some("uri") => "Uri",
        Some("statusCode") => "StatusCode",
        _ => "Body",
    };
    let wire = member["locationName"].as_str();
    let flattened = member["flattened"] == true || target["flattened"] == true;
    format!(
        "    Member {{ name: {name:?}, wire_name: {}, query_name: {}, location: Location::{location}, required: {required}, shape: &{}, \
         flattened: {flattened}, xml_attribute: {}, timestamp_format: {}, xml_namespace: {}, event_payload: {} }},\n",
        optional(wire.filter(|wire| *wire != name)),
        optional(member["queryName"].as_str()),
        shape_static(target_name),
        member["xmlAttribute"] == true,
        timestamp_format(member),
        optional(xml_namespace(member)),
        member["eventpayload"] == true,
    )
}

fn shape_table(name: &str, shape: &Value, out: &mut String) {
    let element = |key: &str| {
        let element = &shape[key];
        format!(
            "Element {{ shape: &{}, wire_name: {}, flattened: {}, timestamp_format: {} }}",
            shape_static(element["shape"].as_str().expect("an element's shape")),
            optional(element["locationName"].as_str()),
            shape["flattened"] == true,
            timestamp_format(element),
        )
    };
    let kind = match shape["type"].as_str().expect("a shape's type") {
        _ if shape["document"] == true => "Document".into(),
        "boolean" => "Boolean".into(),
        "integer" => "Integer".into(),
        "long" => "Long".into(),
        "float" => "Float".into(),
        "double" => "Double".into(),
        "string" | "character" => "String".into(),
        "blob" => "Blob".into(),
        "timestamp" => format!("Timestamp({})", timestamp_format(shape)),
        "list" => format!("List({})", element("member")),
        "map" => format!("Map({}, {})", element("key"), element("value")),
        "structure" => format!("Structure(&{})", schema_static(name)),
        other => panic!("a shape of type {other}"),
    };
    let number = |key: &str| shape[key].as_f64().map_or("None".into(), |number| format!("Some({number:?})"));
    let (min, max, values) = (number("min"), number("max"), texts(&shape["enum"]));
    let pattern = shape["pattern"].as_str();
    let constraints = if min == "None" && max == "None" && values.is_empty() && pattern.is_none() {
        "Constraints::NONE".into()
    } else {
        format!("Constraints {{ min: {min}, max: {max}, pattern: {}, values: &{values:?} }}", optional(pattern))
    };
    writeln!(
        out,
        "static {}: Shape = Shape {{ name: {name:?}, kind: Kind::{kind}, constraints: {constraints}, sensitive: {} }};",
        shape_static(name),
        shape["sensitive"] == true,
    )
    .unwrap();
}

fn errors(shapes: &Map<String, Value>, out: &mut String) {
    out.push_str(
        "/// The errors of the service's model, one function each.\npub mod errors {\n    use crate::ServiceError;\n",
    );
    for (name, _) in shapes.iter().filter(|(_, shape)| shape["exception"] == true) {
        writeln!(
            out,
            "    /// `{name}`.\n    pub fn {}(message: impl Into<String>) -> ServiceError {{ ServiceError::modelled(&super::{}, message) }}",
            snake(name),
            schema_static(name),
        )
        .unwrap();
    }
    out.push_str("}\n");
}

fn rust_type(model: &Model, name: &str) -> String {
    let shape = model.shape(name);
    let element = |key: &str| rust_type(model, shape[key]["shape"].as_str().expect("an element's shape"));
    match shape["type"].as_str().expect("a shape's type") {
        _ if shape["document"] == true => "crate::Document".into(),
        "boolean" => "bool".into(),
        "integer" => "i32".into(),
        "long" => "i64".into(),
        "float" => "f32".into(),
        "double" => "f64".into(),
        "blob" => "Vec<u8>".into(),
        "timestamp" => "crate::Timestamp".into(),
        "list" => format!("Vec<{}>", element("member")),
        "map" => format!("std::collections::BTreeMap<String, {}>", element("value")),
        "structure" => type_name(name),
        _ => "String".into(),
    }
}

/// The shapes that are a member, an element, a key or a value somewhere: the others need no table of their own.
fn referenced(shapes: &Map<String, Value>) -> BTreeSet<&str> {
    let members = |shape: &'_ Value| {
        shape["members"].as_object().into_iter().flatten().map(|(_, member)| member.clone()).collect::<Vec<_>>()
    };
    let mut names = BTreeSet::new();
    for shape in shapes.values() {
        let elements = ["member", "key", "value"].map(|key| shape[key].clone());
        for target in members(shape).iter().chain(&elements).filter_map(|target| target["shape"].as_str()) {
            names.extend(shapes.get_key_value(target).map(|(name, _)| name.as_str()));
        }
    }
    names
}

/// Whether a value of shape `from` holds, without a list or map between, a value of structure `to`.
fn reaches(model: &Model, from: &str, to: &str, seen: &mut BTreeSet<String>) -> bool {
    let shape = model.shape(from);
    if shape["type"] != "structure" || shape["document"] == true || !seen.insert(from.to_owned()) {
        return false;
    }
    from == to
        || shape["members"].as_object().is_some_and(|members| {
            members.values().any(|member| reaches(model, member["shape"].as_str().unwrap_or_default(), to, seen))
        })
}

fn timestamp_format(shape: &Value) -> &'static str {
    match shape["timestampFormat"].as_str() {
        Some("unixTimestamp") => "Some(TimestampFormat::EpochSeconds)",
        Some("iso8601") => "Some(TimestampFormat::Iso8601)",
        Some("rfc822") => "Some(TimestampFormat::HttpDate)",
        _ => "None",
    }
}

fn xml_namespace(shape: &Value) -> Option<&str> {
    shape["xmlNamespace"].as_str().or_else(|| shape["xmlNamespace"]["uri"].as_str())
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
