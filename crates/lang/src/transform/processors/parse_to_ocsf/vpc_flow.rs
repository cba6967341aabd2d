//! VPC flow logs: Network Activity. Records are lines in the default format, or JSON objects with the fields of any format.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::classes::{NETWORK_ACTIVITY, UNKNOWN};
use super::mapping::{Action, Mapping, Observable, Product, missing};
use crate::transform::event::Failure;

const PRODUCT: Product =
    Product { name: "Amazon VPC", feature: Some("Flowlogs"), profiles: &["cloud", "security_control", "datetime"] };

/// The fields of the default format ("Flow log records"), in their order.
const COLUMNS: [&str; 14] = [
    "version",
    "account_id",
    "interface_id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log_status",
];

/// Ways that traffic takes, by their numbers from one on: OCSF's boundaries.
const TRAFFIC_PATHS: [(u32, &str); 8] = [
    (4, "Same VPC"),
    (5, "Internet/VPC Gateway"),
    (6, "Virtual Private Gateway"),
    (7, "Intra-region VPC"),
    (8, "Inter-region VPC"),
    (9, "Local Gateway"),
    (10, "Gateway VPC"),
    (11, "Internet Gateway"),
];

const OBSERVABLES: &[(&str, Observable)] = &[
    ("dst_endpoint.intermediate_ips[]", Observable::IpAddress),
    ("dst_endpoint.ip", Observable::IpAddress),
    ("dst_endpoint.instance_uid", Observable::ResourceUid),
    ("src_endpoint.intermediate_ips[]", Observable::IpAddress),
    ("src_endpoint.ip", Observable::IpAddress),
    ("src_endpoint.instance_uid", Observable::ResourceUid),
];

/// The record that a line in the default format is.
pub(super) fn line(text: &str) -> Result<Map<String, Value>, Failure> {
    let values: Vec<&str> = text.split_whitespace().collect();
    if values.len() != COLUMNS.len() {
        let count = values.len();
        return Err(Failure(format!(
            "the line has {count} columns, and not the {} of the default format",
            COLUMNS.len()
        )));
    }
    Ok(COLUMNS.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.into())).collect())
}

/// Maps a record.
pub(super) fn map(mapping: Mapping) -> Result<Map<String, Value>, Failure> {
    let mut mapping = mapping.renamed(|name, value| {
        // A dash stands for a value that does not apply.
        (value.as_str() != Some("-")).then(|| name.replace('-', "_"))
    });
    let start = time(&mut mapping, "start")?.ok_or_else(|| missing("start"))?;
    // Of an interval without traffic, or with skipped records, there is nothing that could be an endpoint.
    if mapping.peek("srcaddr").is_none() && mapping.peek("pkt_srcaddr").is_none() {
        return Err(missing("srcaddr"));
    }
    let action = mapping.text("action");
    match action.as_deref() {
        Some("ACCEPT") => begin(&mut mapping, 6, Action::Allowed, Some((1, "Allowed"))),
        Some("REJECT") => begin(&mut mapping, 5, Action::Denied, Some((2, "Blocked"))),
        _ => begin(&mut mapping, UNKNOWN, Action::Unknown, None),
    }
    mapping.made_by(&PRODUCT);
    mapping.carry(&[
        ("version", "metadata.product.version"),
        ("account_id", "cloud.account.uid"),
        ("region", "cloud.region"),
        ("az_id", "cloud.zone"),
        ("pkt_src_aws_service", "src_endpoint.svc_name"),
        ("pkt_dst_aws_service", "dst_endpoint.svc_name"),
        ("log_status", "status_code"),
    ]);
    mapping.carry_numbers(&[
        ("srcport", "src_endpoint.port"),
        ("dstport", "dst_endpoint.port"),
        ("protocol", "connection_info.protocol_num"),
        ("tcp_flags", "connection_info.tcp_flags"),
        ("packets", "traffic.packets"),
        ("bytes", "traffic.bytes"),
    ]);
    mapping.put_time(start);
    mapping.put("start_time_dt", start.to_string());
    let end = time(&mut mapping, "end")?;
    mapping.put_some("end_time_dt", end.map(|end| end.to_string()));
    put_connection(&mut mapping);
    put_addresses(&mut mapping, "srcaddr", "pkt_srcaddr", "src_endpoint");
    put_addresses(&mut mapping, "dstaddr", "pkt_dstaddr", "dst_endpoint");
    mapping.finish(OBSERVABLES)
}

fn begin(mapping: &mut Mapping, activity: u32, action: Action, disposition: Option<(u32, &str)>) {
    mapping.begin(&NETWORK_ACTIVITY, activity, "");
    mapping.put_action(action);
    if let Some((id, name)) = disposition {
        mapping.put_disposition(id, name);
    }
}

/// A time in seconds.
fn time(mapping: &mut Mapping, path: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(seconds) = mapping.number(path) else { return Ok(None) };
    Timestamp::from_second(seconds).map(Some).map_err(|_| Failure(format!("'{path}' is no time")))
}

/// The direction, and at which end the interface is; the way, and the version of the protocol.
fn put_connection(mapping: &mut Mapping) {
    let direction = mapping.text("flow_direction");
    let (id, name, end) = match direction.as_deref() {
        Some("ingress") => (1, "Inbound", Some("dst_endpoint")),
        Some("egress") => (2, "Outbound", Some("src_endpoint")),
        _ => (0, "Unknown", None),
    };
    mapping.put("connection_info.direction", name);
    mapping.put("connection_info.direction_id", id);
    for (from, to) in [
        ("interface_id", "interface_uid"),
        ("vpc_id", "vpc_uid"),
        ("instance_id", "instance_uid"),
        ("subnet_id", "subnet_uid"),
    ] {
        if let Some(end) = end {
            mapping.carry(&[(from, &format!("{end}.{to}"))]);
        }
    }
    let way = mapping.peek_number("traffic_path").and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
    if let Some((id, name)) = way.and_then(|index| TRAFFIC_PATHS.get(index)) {
        mapping.take("traffic_path");
        mapping.put("connection_info.boundary", *name);
        mapping.put("connection_info.boundary_id", *id);
    }
    let version = match mapping.peek_text("type") {
        Some("IPv4") => Some(4),
        Some("IPv6") => Some(6),
        _ => None,
    };
    if version.is_some() {
        mapping.put_some("connection_info.protocol_ver_id", version);
        mapping.carry(&[("type", "connection_info.protocol_ver")]);
    }
}

/// The address of packets, and the interface's where it is another one, as with gateways.
fn put_addresses(mapping: &mut Mapping, interface: &str, packet: &str, endpoint: &str) {
    let interface = mapping.text(interface);
    let packet = mapping.text(packet);
    match (interface, packet) {
        (Some(interface), Some(packet)) if interface != packet => {
            mapping.put(&format!("{endpoint}.ip"), packet);
            mapping.put(&format!("{endpoint}.intermediate_ips"), vec![interface]);
        }
        (interface, packet) => mapping.put_some(&format!("{endpoint}.ip"), interface.or(packet)),
    }
}
