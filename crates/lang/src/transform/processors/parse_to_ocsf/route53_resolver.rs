//! Query logs of Route 53 Resolver: DNS Activity.

use serde_json::{Map, Value};

use super::classes::DNS_ACTIVITY;
use super::mapping::{Action, Mapping, Observable, Product};
use crate::transform::event::Failure;

const PRODUCT: Product = Product {
    name: "Route 53",
    feature: Some("Resolver Query Logs"),
    profiles: &["cloud", "security_control", "datetime"],
};

/// `Traffic`: a query together with its answer.
const TRAFFIC: u32 = 6;

/// Response codes by their numbers: as the log has them, and as OCSF does.
const RESPONSE_CODES: [(&str, &str); 11] = [
    ("NOERROR", "NoError"),
    ("FORMERR", "FormError"),
    ("SERVFAIL", "ServError"),
    ("NXDOMAIN", "NXDomain"),
    ("NOTIMP", "NotImp"),
    ("REFUSED", "Refused"),
    ("YXDOMAIN", "YXDomain"),
    ("YXRRSET", "YXRRSet"),
    ("NXRRSET", "NXRRSet"),
    ("NOTAUTH", "NotAuth"),
    ("NOTZONE", "NotZone"),
];

const OBSERVABLES: &[(&str, Observable)] = &[
    ("answers[].rdata", Observable::IpAddress),
    ("dst_endpoint.instance_uid", Observable::ResourceUid),
    ("src_endpoint.instance_uid", Observable::ResourceUid),
    ("src_endpoint.ip", Observable::IpAddress),
    ("query.hostname", Observable::Hostname),
];

/// Maps a record.
pub(super) fn map(mut mapping: Mapping) -> Result<Map<String, Value>, Failure> {
    let time = mapping.required_time("query_timestamp")?;
    let name = mapping.required("query_name")?;
    mapping.begin(&DNS_ACTIVITY, TRAFFIC, "");
    mapping.made_by(&PRODUCT);
    mapping.put_time(time);
    mapping.put("query.hostname", name);
    mapping.carry(&[
        ("version", "metadata.product.version"),
        ("account_id", "cloud.account.uid"),
        ("region", "cloud.region"),
        ("vpc_id", "src_endpoint.vpc_uid"),
        ("query_type", "query.type"),
        ("query_class", "query.class"),
        ("srcaddr", "src_endpoint.ip"),
        ("transport", "connection_info.protocol_name"),
        ("srcids.instance", "src_endpoint.instance_uid"),
        ("srcids.resolver_endpoint", "dst_endpoint.instance_uid"),
        ("srcids.resolver_network_interface", "dst_endpoint.interface_uid"),
        ("firewall_rule_group_id", "firewall_rule.uid"),
    ]);
    mapping.carry_numbers(&[("srcport", "src_endpoint.port")]);
    mapping.put("connection_info.direction", "Unknown");
    mapping.put("connection_info.direction_id", 0);
    put_response(&mut mapping);
    put_firewall(&mut mapping);
    mapping.finish(OBSERVABLES)
}

fn put_response(mapping: &mut Mapping) {
    if let Some(code) = mapping.text("rcode") {
        let known = RESPONSE_CODES.iter().zip(0..).find(|((own, _), _)| *own == code);
        let (name, id) = known.map_or((code.as_str(), 99), |((_, name), id)| (*name, id));
        mapping.put("rcode", name);
        mapping.put("rcode_id", id);
    }
    let mut answers = Vec::new();
    let mut rest = Vec::new();
    for mut answer in mapping.objects("answers") {
        let mut made = Map::new();
        for (from, to) in [("Type", "type"), ("Rdata", "rdata"), ("Class", "class")] {
            if let Some(value) = answer.shift_remove(from) {
                made.insert(to.to_owned(), value);
            }
        }
        answers.push(Value::Object(made));
        rest.push(Value::Object(answer));
    }
    if !answers.is_empty() {
        mapping.put("answers", answers);
        mapping.leave("answers", Value::Array(rest));
    }
}

/// What a rule of DNS Firewall did; where none matched, nothing is known.
fn put_firewall(mapping: &mut Mapping) {
    let (action, disposition) = match mapping.peek_text("firewall_rule_action") {
        Some("ALLOW") => (Action::Allowed, (1, "Allowed")),
        Some("ALERT") => (Action::Allowed, (19, "Alert")),
        Some("BLOCK") => (Action::Denied, (2, "Blocked")),
        _ => return mapping.put_action(Action::Unknown),
    };
    mapping.take("firewall_rule_action");
    mapping.put_action(action);
    mapping.put_disposition(disposition.0, disposition.1);
}
