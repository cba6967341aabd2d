//! The OpenTelemetry formats 0.7.0 and 1.0.0: ExportMetricsServiceRequest messages, each behind its length. Sources: "CloudWatch
//! metric stream output in OpenTelemetry 0.7.0 format" and "1.0.0 format"; field numbers by the protocol's own definitions of
//! these versions, which differ in how a point's attributes are written.

use watchkeep_lang::statistic::Statistic;

use super::publish::Minute;
use crate::resources::StreamFormat;
use crate::unit::Unit;

/// A protocol buffer as it is written.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

const LENGTH_DELIMITED: u64 = 2;
const FIXED_64: u64 = 1;

impl Message {
    fn varint(bytes: &mut Vec<u8>, mut value: u64) {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Message {
        Message::varint(&mut self.0, field << 3 | LENGTH_DELIMITED);
        Message::varint(&mut self.0, value.len() as u64);
        self.0.extend(value);
        self
    }

    fn text(self, field: u64, value: &str) -> Message {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u64, value: Message) -> Message {
        self.bytes(field, &value.0)
    }

    fn fixed(mut self, field: u64, value: u64) -> Message {
        Message::varint(&mut self.0, field << 3 | FIXED_64);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn double(self, field: u64, value: f64) -> Message {
        self.fixed(field, value.to_bits())
    }
}

/// A record: a request with these minutes, behind its length.
pub(super) fn record(minutes: &[Minute<'_>], exporter_arn: &str, format: StreamFormat) -> Vec<u8> {
    let Some(first) = minutes.first() else { return Vec::new() };
    let attributes = [
        ("cloud.provider", "aws"),
        ("cloud.account.id", first.identity.account),
        ("cloud.region", first.identity.region),
        ("aws.exporter.arn", exporter_arn),
    ];
    let resource = attributes
        .into_iter()
        .fold(Message::default(), |resource, (key, value)| resource.message(1, attribute(key, value)));
    let metrics = minutes.iter().fold(Message::default(), |metrics, minute| metrics.message(2, metric(minute, format)));
    let request = Message::default().message(1, Message::default().message(1, resource).message(2, metrics));
    let mut record = Vec::with_capacity(request.0.len() + 5);
    Message::varint(&mut record, request.0.len() as u64);
    record.extend(request.0);
    record
}

fn metric(minute: &Minute<'_>, format: StreamFormat) -> Message {
    let identity = &minute.identity;
    let summary = Message::default().message(1, point(minute, format));
    Message::default()
        .text(1, &format!("amazonaws.com/{}/{}", identity.namespace, identity.name))
        .text(3, &unit(minute.unit))
        .message(11, summary)
}

fn point(minute: &Minute<'_>, format: StreamFormat) -> Message {
    let identity = &minute.identity;
    let nanos = |ms: i64| ms.unsigned_abs() * 1_000_000;
    let names = [("Namespace", identity.namespace), ("MetricName", identity.name)];
    let mut point = Message::default();
    if format == StreamFormat::OpenTelemetry07 {
        for (key, value) in names.into_iter().chain(identity.dimensions()) {
            point = point.message(1, Message::default().text(1, key).text(2, value));
        }
    }
    point = point
        .fixed(2, nanos(minute.start_ms))
        .fixed(3, nanos(minute.start_ms + 60_000))
        .fixed(4, minute.summary.count.round() as u64)
        .double(5, minute.summary.sum);
    let mut quantiles = vec![(0.0, minute.summary.minimum), (1.0, minute.summary.maximum)];
    quantiles.extend(minute.statistics.iter().filter_map(|(_, statistic, value)| match statistic {
        Statistic::Percentile(percent) => Some((percent / 100.0, *value)),
        _ => None,
    }));
    quantiles.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    quantiles.dedup_by(|(a, _), (b, _)| a == b);
    for (quantile, value) in quantiles {
        point = point.message(6, Message::default().double(1, quantile).double(2, value));
    }
    if format == StreamFormat::OpenTelemetry10 {
        for (key, value) in names {
            point = point.message(7, attribute(key, value));
        }
        let dimensions = identity.dimensions();
        let list = dimensions.fold(Message::default(), |list, (name, value)| list.message(1, attribute(name, value)));
        let list = Message::default().message(6, list);
        point = point.message(7, Message::default().text(1, "Dimensions").message(2, list));
    }
    point
}

/// A KeyValue whose value is a text.
fn attribute(key: &str, value: &str) -> Message {
    Message::default().text(1, key).message(2, Message::default().text(1, value))
}

/// The unit as OpenTelemetry writes it. Source: "Translations with OpenTelemetry format".
fn unit(unit: Unit) -> String {
    let one = |name: &str| match name {
        "Seconds" | "Second" => "s",
        "Microseconds" => "us",
        "Milliseconds" => "ms",
        "Bytes" => "By",
        "Kilobytes" => "kBy",
        "Megabytes" => "MBy",
        "Gigabytes" => "GBy",
        "Terabytes" => "TBy",
        "Bits" => "bit",
        "Kilobits" => "kbit",
        "Megabits" => "MBit",
        "Gigabits" => "GBit",
        "Terabits" => "Tbit",
        "Percent" => "%",
        "Count" => "{Count}",
        _ => "1",
    };
    match unit.name().split_once('/') {
        Some((of, per)) => format!("{}/{}", one(of), one(per)),
        None => one(unit.name()).to_owned(),
    }
}
