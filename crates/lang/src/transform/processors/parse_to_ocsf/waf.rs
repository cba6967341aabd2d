//! Logs of AWS WAF: HTTP Activity.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Version;
use super::classes::{HTTP_ACTIVITY, OTHER, UNKNOWN};
use super::mapping::{Action, Mapping, Observable, Product, missing};
use crate::transform::event::Failure;

const PRODUCT: Product =
    Product { name: "AWS WAF", feature: None, profiles: &["cloud", "security_control", "datetime"] };

const OBSERVABLES: &[(&str, Observable)] = &[
    ("http_request.url.hostname", Observable::Hostname),
    ("src_endpoint.uid", Observable::ResourceUid),
    ("firewall_rule.uid", Observable::ResourceUid),
    ("src_endpoint.ip", Observable::IpAddress),
];

/// Maps a record.
pub(super) fn map(mut mapping: Mapping) -> Result<Map<String, Value>, Failure> {
    let time = mapping.number("timestamp").ok_or_else(|| missing("timestamp"))?;
    let time = Timestamp::from_millisecond(time).map_err(|_| Failure("'timestamp' is no time".into()))?;
    if mapping.peek("httpRequest").is_none() {
        return Err(missing("httpRequest"));
    }
    let method = mapping.peek_text("httpRequest.httpMethod").unwrap_or_default().to_owned();
    let by_name = |(_, name): &&(u32, &str)| name.eq_ignore_ascii_case(&method);
    let activity = match HTTP_ACTIVITY.activities.iter().find(by_name) {
        Some((id, _)) => *id,
        None if method.is_empty() => UNKNOWN,
        None => OTHER,
    };
    mapping.begin(&HTTP_ACTIVITY, activity, &method);
    mapping.made_by(&PRODUCT);
    mapping.put_time(time);
    put_action(&mut mapping);
    let labels = mapping.objects("labels");
    let labels: Vec<Value> = labels.into_iter().filter_map(|mut label| label.shift_remove("name")).collect();
    if !labels.is_empty() {
        mapping.put("metadata.labels", labels);
    }
    mapping.carry(&[
        ("webaclId", "metadata.product.feature.uid"),
        ("formatVersion", "metadata.product.version"),
        ("httpSourceName", "src_endpoint.svc_name"),
        ("httpSourceId", "src_endpoint.uid"),
        ("httpRequest.clientIp", "src_endpoint.ip"),
        ("httpRequest.country", "src_endpoint.location.country"),
        ("httpRequest.uri", "http_request.url.path"),
        ("httpRequest.httpVersion", "http_request.version"),
        ("httpRequest.httpMethod", "http_request.http_method"),
        ("httpRequest.requestId", "http_request.uid"),
        ("httpRequest.args", "http_request.args"),
        ("terminatingRuleId", "firewall_rule.uid"),
        ("terminatingRuleType", "firewall_rule.type"),
    ]);
    mapping.carry_numbers(&[("responseCodeSent", "http_status")]);
    put_rule(&mut mapping);
    put_headers(&mut mapping);
    put_fingerprints(&mut mapping);
    mapping.finish(OBSERVABLES)
}

fn put_action(mapping: &mut Mapping) {
    let (action, disposition) = match mapping.peek_text("action") {
        Some("ALLOW") => (Action::Allowed, (1, "Allowed")),
        Some("COUNT") => (Action::Allowed, (20, "Count")),
        Some("BLOCK") => (Action::Denied, (2, "Blocked")),
        Some("CAPTCHA") => (Action::Denied, (22, "Captcha")),
        Some("CHALLENGE") => (Action::Denied, (23, "Challenge")),
        _ => return mapping.put_action(Action::Unknown),
    };
    mapping.take("action");
    mapping.put_action(action);
    mapping.put_disposition(disposition.0, disposition.1);
}

/// What the rule that ended the evaluation met, and the first rule of a rate; a rule of OCSF has one of each.
fn put_rule(mapping: &mut Mapping) {
    let mut details = mapping.objects("terminatingRuleMatchDetails");
    if let Some(first) = details.first_mut() {
        for (from, to) in [
            ("conditionType", "firewall_rule.condition"),
            ("location", "firewall_rule.match_location"),
            ("matchedData", "firewall_rule.match_details"),
            ("sensitivityLevel", "firewall_rule.sensitivity"),
        ] {
            let value = first.shift_remove(from).filter(|value| !value.is_null());
            mapping.put_some(to, value);
        }
    }
    let mut rates = mapping.objects("rateBasedRuleList");
    if let Some(first) = rates.first_mut() {
        let limit = first.shift_remove("maxRateAllowed").filter(Value::is_number);
        mapping.put_some("firewall_rule.rate_limit", limit);
        let name = first.shift_remove("rateBasedRuleName").filter(Value::is_string);
        mapping.put_some("firewall_rule.name", name);
    }
    let values = |list: Vec<Map<String, Value>>| list.into_iter().map(Value::Object).collect();
    mapping.leave("terminatingRuleMatchDetails", Value::Array(values(details)));
    mapping.leave("rateBasedRuleList", Value::Array(values(rates)));
}

/// The headers, all of them, and those again that requests of OCSF have attributes for.
fn put_headers(mapping: &mut Mapping) {
    let mut headers = Vec::new();
    for mut header in mapping.objects("httpRequest.headers") {
        let (Some(Value::String(name)), Some(Value::String(value))) =
            (header.shift_remove("name"), header.shift_remove("value"))
        else {
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "user-agent" => mapping.put("http_request.user_agent", value.as_str()),
            "host" => mapping.put("http_request.url.hostname", value.as_str()),
            "referer" => mapping.put("http_request.referrer", value.as_str()),
            "x-forwarded-for" => {
                let hops: Vec<&str> = value.split(',').map(str::trim).collect();
                mapping.put("http_request.x_forwarded_for", hops);
            }
            _ => {}
        }
        headers.push(json!({"name": name, "value": value}));
    }
    if !headers.is_empty() {
        mapping.put("http_request.http_headers", headers);
    }
}

/// The fingerprints of the client's TLS. JA4 says which version of TLS it was, without which OCSF has no place for JA3.
fn put_fingerprints(mapping: &mut Mapping) {
    let Some(ja4) = mapping.peek_text("ja4Fingerprint").map(str::to_owned) else { return };
    if mapping.version == Version::V1_1 {
        return;
    }
    let version = match ja4.get(1..3) {
        Some("13") => Some("1.3"),
        Some("12") => Some("1.2"),
        Some("11") => Some("1.1"),
        Some("10") => Some("1.0"),
        _ => None,
    };
    mapping.take("ja4Fingerprint");
    mapping.put("ja4_fingerprint_list", vec![json!({"type": "JA4", "type_id": 1, "value": ja4})]);
    if let Some(version) = version
        && let Some(ja3) = mapping.text("ja3Fingerprint")
    {
        mapping.put("tls.version", version);
        mapping.put("tls.ja3_hash", json!({"algorithm": "MD5", "algorithm_id": 1, "value": ja3}));
    }
}
