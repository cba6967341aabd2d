//! Fields of lines that AWS's services write: Lambda's, VPC flow logs, Route 53's query logs.

use std::borrow::Cow;

use crate::insights::event::Event;
use crate::insights::value::Value;

/// The fields of Lambda's lines.
const LAMBDA: &[&str] = &[
    "@type",
    "@requestId",
    "@duration",
    "@billedDuration",
    "@initDuration",
    "@memorySize",
    "@maxMemoryUsed",
    "@xrayTraceId",
    "@xraySegmentId",
];

/// The fields of a VPC flow log of version 2, in order.
const VPC: &[&str] = &[
    "version",
    "accountId",
    "interfaceId",
    "srcAddr",
    "dstAddr",
    "srcPort",
    "dstPort",
    "protocol",
    "packets",
    "bytes",
    "startTime",
    "endTime",
    "action",
    "logStatus",
];

/// The fields of a Route 53 query log, in order.
const ROUTE_53: &[&str] = &[
    "version",
    "queryTimestamp",
    "hostZoneId",
    "queryName",
    "queryType",
    "responseCode",
    "protocol",
    "edgeLocation",
    "resolverIp",
    "ednsClientSubnet",
];

/// Which fields are wanted, by their places in the tables, and their slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    lambda: Vec<(usize, usize)>,
    vpc: Vec<(usize, usize)>,
    route_53: Vec<(usize, usize)>,
}

impl Wanted {
    pub(super) fn add(&mut self, name: &str, slot: usize) {
        for (table, wanted) in [(LAMBDA, &mut self.lambda), (VPC, &mut self.vpc), (ROUTE_53, &mut self.route_53)] {
            wanted.extend(table.iter().position(|known| *known == name).map(|at| (at, slot)));
        }
    }

    pub(super) fn discover<'e>(&self, event: &Event<'e>, values: &mut [Value<'e>]) {
        let mut set = |wanted: &[(usize, usize)], found: &[Value<'e>]| {
            for (at, slot) in wanted {
                if let (Some(value), Some(place)) = (found.get(*at), values.get_mut(*slot)) {
                    *place = value.clone();
                }
            }
        };
        if !self.lambda.is_empty() && event.group.is_lambda() {
            set(&self.lambda, &lambda(event.message));
        }
        if !self.vpc.is_empty() {
            set(&self.vpc, &vpc(event.message));
        }
        if !self.route_53.is_empty() {
            set(&self.route_53, &route_53(event.message));
        }
    }
}

/// All fields of an event's line, with their names.
pub(super) fn all(event: &Event<'_>) -> Vec<(String, Value<'static>)> {
    let of_lambda = if event.group.is_lambda() { lambda(event.message) } else { Vec::new() };
    let tables = [(LAMBDA, of_lambda), (VPC, vpc(event.message)), (ROUTE_53, route_53(event.message))];
    let fields = tables.into_iter().flat_map(|(names, values)| {
        names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.into_owned())).collect::<Vec<_>>()
    });
    fields.filter(|(_, value)| !value.is_null()).collect()
}

/// `START RequestId: ..`, `END ..`, `REPORT ..`, or a line of the function's own: time, request and more, with tabs between them.
fn lambda(message: &str) -> Vec<Value<'_>> {
    let mut values = vec![Value::Null; LAMBDA.len()];
    let mut set = |name: &str, value: Value<'_>| -> Option<()> {
        let at = LAMBDA.iter().position(|known| *known == name)?;
        *values.get_mut(at)? = value.into_owned();
        Some(())
    };
    let line = message.trim_end();
    let kind = line.split_once(' ').map_or(line, |(kind, _)| kind);
    if !["START", "END", "REPORT", "INIT_START"].contains(&kind) {
        let mut parts = line.split('\t');
        if let (Some(time), Some(request), Some(_)) = (parts.next(), parts.next(), parts.next())
            && crate::insights::time::parse(time).is_some()
        {
            set("@requestId", Value::text(request));
        }
        return values;
    }
    set("@type", Value::text(kind));
    let rest = line.get(kind.len()..).unwrap_or_default();
    for part in rest.split('\t') {
        let Some((name, value)) = part.trim().split_once(": ") else { continue };
        let first = value.split(' ').next().unwrap_or_default();
        match name.trim() {
            "RequestId" => set("@requestId", Value::text(first)),
            "Duration" => set("@duration", Value::text(first)),
            "Billed Duration" => set("@billedDuration", Value::text(first)),
            "Init Duration" => set("@initDuration", Value::text(first)),
            "Memory Size" => set("@memorySize", megabytes(first)),
            "Max Memory Used" => set("@maxMemoryUsed", megabytes(first)),
            "XRAY TraceId" => set("@xrayTraceId", Value::text(first)),
            "SegmentId" => set("@xraySegmentId", Value::text(first)),
            _ => None,
        };
    }
    values
}

/// A megabyte is a million bytes here.
fn megabytes(text: &str) -> Value<'static> {
    text.parse::<f64>().map_or(Value::Null, |megabytes| Value::number(megabytes * 1e6))
}

/// `2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1620000000 1620000060 ACCEPT OK`
fn vpc(message: &str) -> Vec<Value<'_>> {
    let fields: Vec<&str> = message.split_ascii_whitespace().take(VPC.len() + 1).collect();
    match fields.as_slice() {
        ["2", account, interface, ..]
            if fields.len() == VPC.len() && account.len() == 12 && interface.starts_with("eni-") =>
        {
            values(&fields)
        }
        _ => Vec::new(),
    }
}

/// `1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.168.1.1 -`
fn route_53(message: &str) -> Vec<Value<'_>> {
    let fields: Vec<&str> = message.split_ascii_whitespace().take(ROUTE_53.len() + 1).collect();
    match fields.as_slice() {
        ["1.0" | "1.1", time, zone, ..]
            if fields.len() == ROUTE_53.len() && time.ends_with('Z') && zone.starts_with('Z') =>
        {
            values(&fields)
        }
        _ => Vec::new(),
    }
}

fn values<'e>(fields: &[&'e str]) -> Vec<Value<'e>> {
    fields.iter().map(|field| if *field == "-" { Value::Null } else { Value::Text(Cow::Borrowed(*field)) }).collect()
}
