//! Audit logs of Kubernetes in EKS: API Activity.

use serde_json::{Map, Value, json};

use super::Version;
use super::classes::{API_ACTIVITY, OTHER};
use super::mapping::{Action, Mapping, Observable, Product};
use crate::transform::event::Failure;

const PRODUCT: Product = Product {
    name: "Amazon EKS",
    feature: Some("Elastic Kubernetes Service"),
    profiles: &["cloud", "datetime", "security_control"],
};

/// The annotation that says whether the call was authorized.
const DECISION: &str = "authorization.k8s.io/decision";

const OBSERVABLES: &[(&str, Observable)] = &[
    ("actor.user.name", Observable::UserName),
    ("src_endpoint.ip", Observable::IpAddress),
    ("src_endpoint.intermediate_ips[]", Observable::IpAddress),
    ("http_request.url.path", Observable::Url),
    ("resources[].uid", Observable::ResourceUid),
];

/// Maps a record.
pub(super) fn map(mut mapping: Mapping) -> Result<Map<String, Value>, Failure> {
    let verb = mapping.required("verb")?;
    let time = mapping.required_time("stageTimestamp")?;
    let activity = match verb.as_str() {
        "create" => 1,
        "get" | "list" | "watch" => 2,
        "update" | "patch" => 3,
        "delete" | "deletecollection" => 4,
        _ => OTHER,
    };
    mapping.begin(&API_ACTIVITY, activity, &verb);
    mapping.made_by(&PRODUCT);
    mapping.put_time(time);
    if mapping.peek("requestReceivedTimestamp").is_some() {
        let received = mapping.required_time("requestReceivedTimestamp")?;
        mapping.put("start_time_dt", received.to_string());
    }
    mapping.put("api.operation", verb);
    if mapping.version == Version::V1_5 {
        mapping.carry(&[("kind", "metadata.log_name")]);
    }
    mapping.carry(&[
        ("level", "metadata.log_level"),
        ("apiVersion", "metadata.product.version"),
        ("auditID", "api.request.uid"),
        ("stage", "message"),
        ("requestURI", "http_request.url.path"),
        ("userAgent", "http_request.user_agent"),
        ("user.username", "actor.user.name"),
        ("user.uid", "actor.user.uid"),
        ("objectRef.apiGroup", "api.group.name"),
        ("objectRef.apiVersion", "api.version"),
        ("responseStatus.message", "api.response.message"),
        ("responseStatus.reason", "api.response.error"),
        ("responseStatus.status", "api.response.error_message"),
    ]);
    put_user(&mut mapping);
    put_addresses(&mut mapping);
    put_resource(&mut mapping);
    put_outcome(&mut mapping);
    for (from, to) in [("requestObject", "api.request.data"), ("responseObject", "api.response.data")] {
        let object = mapping.take(from);
        mapping.put_some(to, object.map(|object| object.to_string()));
    }
    mapping.finish(OBSERVABLES)
}

fn put_user(mapping: &mut Mapping) {
    mapping.put("actor.user.type_id", 0);
    if let Some(groups) = mapping.take("user.groups").and_then(texts) {
        let groups: Vec<Value> = groups.into_iter().map(|name| json!({"name": name})).collect();
        mapping.put("actor.user.groups", groups);
    }
    for (from, to) in [
        ("accessKeyId", "actor.session.credential_uid"),
        ("canonicalArn", "actor.session.issuer"),
        ("sessionName", "actor.session.uid"),
        ("principalId", "actor.user.uid_alt"),
    ] {
        let path = format!("user.extra.{from}");
        // Each of them is a list, of one.
        let first = mapping.peek(&path).and_then(|list| list.get(0)).and_then(Value::as_str).map(str::to_owned);
        if first.is_some() {
            mapping.take(&path);
        }
        mapping.put_some(to, first);
    }
    let arn = mapping.peek("user.extra.arn").and_then(|list| list.get(0)).and_then(Value::as_str);
    let account = arn.and_then(|arn| arn.split(':').nth(4)).filter(|account| !account.is_empty()).map(str::to_owned);
    mapping.put_some("cloud.account.uid", account);
}

/// The client's address, and those of the proxies behind it.
fn put_addresses(mapping: &mut Mapping) {
    let Some(mut addresses) = mapping.take("sourceIPs").and_then(texts) else { return };
    if addresses.is_empty() {
        return;
    }
    mapping.put("src_endpoint.ip", addresses.remove(0));
    if !addresses.is_empty() {
        mapping.put("src_endpoint.intermediate_ips", addresses);
    }
}

fn put_resource(mapping: &mut Mapping) {
    let mut resource = Map::new();
    for (from, to) in [("namespace", "namespace"), ("name", "name"), ("uid", "uid"), ("resourceVersion", "version")] {
        if let Some(text) = mapping.text(&format!("objectRef.{from}")) {
            resource.insert(to.to_owned(), text.into());
        }
    }
    let kind = [mapping.text("objectRef.resource"), mapping.text("objectRef.subresource")];
    let kind: Vec<String> = kind.into_iter().flatten().collect();
    if !kind.is_empty() {
        resource.insert("type".to_owned(), kind.join("/").into());
    }
    if !resource.is_empty() {
        mapping.put("resources", vec![Value::Object(resource)]);
    }
}

fn put_outcome(mapping: &mut Mapping) {
    let code = mapping.number("responseStatus.code");
    mapping.put_some("api.response.code", code);
    if let Some(code) = code {
        mapping.put_status(code < 400);
    }
    // The decision stays in the annotations as well.
    let decision =
        mapping.peek("annotations").and_then(|annotations| annotations.get(DECISION)).and_then(Value::as_str);
    let action = match decision {
        Some("allow") => Action::Allowed,
        Some("forbid") => Action::Denied,
        _ => Action::Unknown,
    };
    mapping.put_action(action);
}

fn texts(list: Value) -> Option<Vec<String>> {
    let Value::Array(items) = list else { return None };
    Some(items.into_iter().filter_map(|item| if let Value::String(text) = item { Some(text) } else { None }).collect())
}
