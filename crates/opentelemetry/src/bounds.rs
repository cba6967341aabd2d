//! Counting what a request holds, before any of it takes memory: a message may be two bytes on the wire and a hundred in memory.

use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

use crate::limits::{BUCKETS_MAX, MESSAGES_MAX};

/// Why a request is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is no protocol buffer message.
    Malformed,
    /// It holds too many messages.
    TooMany,
    /// A list of numbers is too long.
    TooLong,
}

/// How deep values may lie in one another; prost itself stops at 100.
const DEPTH_MAX: usize = 100;

/// A kind of message: its fields that hold messages, and those that are lists of numbers, by their tags.
pub(crate) struct Kind {
    messages: &'static [(u32, &'static Kind)],
    numbers: &'static [(u32, NumberWidth)],
}

#[derive(Clone, Copy)]
enum NumberWidth {
    Fixed64,
    Varint,
}

/// A request of metrics.
pub(crate) static METRICS_REQUEST: Kind = Kind { messages: &[(1, &RESOURCE_METRICS)], numbers: &[] };
static RESOURCE_METRICS: Kind = Kind { messages: &[(1, &ATTRIBUTES_1), (2, &SCOPE_METRICS)], numbers: &[] };
static SCOPE_METRICS: Kind = Kind { messages: &[(1, &SCOPE), (2, &METRIC)], numbers: &[] };
static METRIC: Kind = Kind {
    messages: &[(5, &NUMBERS), (7, &NUMBERS), (9, &HISTOGRAM), (10, &EXPONENTIAL), (11, &SUMMARY)],
    numbers: &[],
};
static NUMBERS: Kind = Kind { messages: &[(1, &NUMBER_POINT)], numbers: &[] };
static NUMBER_POINT: Kind = Kind { messages: &[(7, &KEY_VALUE)], numbers: &[] };
static HISTOGRAM: Kind = Kind { messages: &[(1, &HISTOGRAM_POINT)], numbers: &[] };
static HISTOGRAM_POINT: Kind =
    Kind { messages: &[(9, &KEY_VALUE)], numbers: &[(6, NumberWidth::Fixed64), (7, NumberWidth::Fixed64)] };
static EXPONENTIAL: Kind = Kind { messages: &[(1, &EXPONENTIAL_POINT)], numbers: &[] };
static EXPONENTIAL_POINT: Kind = Kind { messages: &[(1, &KEY_VALUE), (8, &BUCKETS), (9, &BUCKETS)], numbers: &[] };
static BUCKETS: Kind = Kind { messages: &[], numbers: &[(2, NumberWidth::Varint)] };
static SUMMARY: Kind = Kind { messages: &[(1, &SUMMARY_POINT)], numbers: &[] };
static SUMMARY_POINT: Kind = Kind { messages: &[(6, &LEAF), (7, &KEY_VALUE)], numbers: &[] };
static ATTRIBUTES_1: Kind = Kind { messages: &[(1, &KEY_VALUE)], numbers: &[] };
static SCOPE: Kind = Kind { messages: &[(3, &KEY_VALUE)], numbers: &[] };

/// A request of logs.
pub(crate) static LOGS_REQUEST: Kind = Kind { messages: &[(1, &RESOURCE_LOGS)], numbers: &[] };
static RESOURCE_LOGS: Kind = Kind { messages: &[(1, &ATTRIBUTES_1), (2, &SCOPE_LOGS)], numbers: &[] };
static SCOPE_LOGS: Kind = Kind { messages: &[(1, &SCOPE), (2, &LOG_RECORD)], numbers: &[] };
static LOG_RECORD: Kind = Kind { messages: &[(5, &ANY_VALUE), (6, &KEY_VALUE)], numbers: &[] };

static KEY_VALUE: Kind = Kind { messages: &[(2, &ANY_VALUE)], numbers: &[] };
static ANY_VALUE: Kind = Kind { messages: &[(5, &ARRAY), (6, &ATTRIBUTES_1)], numbers: &[] };
static ARRAY: Kind = Kind { messages: &[(1, &ANY_VALUE)], numbers: &[] };
static LEAF: Kind = Kind { messages: &[], numbers: &[] };

/// Checks a request in the binary encoding.
pub(crate) fn check_binary(bytes: &[u8], request: &Kind) -> Result<(), Unread> {
    let mut left = MESSAGES_MAX;
    check(bytes, request, &mut left, DEPTH_MAX)
}

/// Checks one in JSON: each message is an object. Braces inside texts are counted, too; they are few.
pub(crate) fn check_json(bytes: &[u8]) -> Result<(), Unread> {
    let objects = bytes.iter().filter(|byte| **byte == b'{').count();
    if objects > MESSAGES_MAX { Err(Unread::TooMany) } else { Ok(()) }
}

fn check(mut bytes: &[u8], kind: &Kind, left: &mut usize, depth: usize) -> Result<(), Unread> {
    let depth = depth.checked_sub(1).ok_or(Unread::Malformed)?;
    let mut numbers = 0;
    while !bytes.is_empty() {
        let (tag, wire_type) = decode_key(&mut bytes).map_err(|_| Unread::Malformed)?;
        let list = kind.numbers.iter().find(|(number, _)| *number == tag);
        match wire_type {
            WireType::LengthDelimited => {
                let length = decode_varint(&mut bytes).map_err(|_| Unread::Malformed)?;
                let length = usize::try_from(length).map_err(|_| Unread::Malformed)?;
                let (field, rest) = bytes.split_at_checked(length).ok_or(Unread::Malformed)?;
                bytes = rest;
                if let Some((_, inner)) = kind.messages.iter().find(|(number, _)| *number == tag) {
                    *left = left.checked_sub(1).ok_or(Unread::TooMany)?;
                    check(field, inner, left, depth)?;
                }
                numbers += match list {
                    Some((_, NumberWidth::Fixed64)) => field.len() / 8,
                    Some((_, NumberWidth::Varint)) => field.iter().filter(|byte| **byte < 0x80).count(),
                    None => 0,
                };
            }
            WireType::Varint => drop(decode_varint(&mut bytes).map_err(|_| Unread::Malformed)?),
            WireType::SixtyFourBit => skip(&mut bytes, 8)?,
            WireType::ThirtyTwoBit => skip(&mut bytes, 4)?,
            // Groups are in no message of OTLP.
            WireType::StartGroup | WireType::EndGroup => return Err(Unread::Malformed),
        }
        numbers += usize::from(list.is_some() && wire_type != WireType::LengthDelimited);
        // Bounds and counts of a point lie in one message.
        if numbers > 2 * BUCKETS_MAX {
            return Err(Unread::TooLong);
        }
    }
    Ok(())
}

fn skip(bytes: &mut &[u8], length: usize) -> Result<(), Unread> {
    if bytes.len() < length {
        return Err(Unread::Malformed);
    }
    bytes.advance(length);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::*;
    use prost::Message as _;

    fn request(points: Vec<NumberDataPoint>) -> ExportMetricsServiceRequest {
        let metric = Metric { gauge: Some(Gauge { data_points: points }), ..Metric::default() };
        let scope = ScopeMetrics { scope: Some(InstrumentationScope::default()), metrics: vec![metric] };
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics { resource: None, scope_metrics: vec![scope] }],
        }
    }

    #[test]
    fn requests_are_counted() {
        let few = request(vec![NumberDataPoint { as_int: Some(1), flags: 3, ..NumberDataPoint::default() }; 10]);
        assert_eq!(check_binary(&few.encode_to_vec(), &METRICS_REQUEST), Ok(()));
        assert_eq!(check_binary(&[], &METRICS_REQUEST), Ok(()));
        let many = request(vec![NumberDataPoint::default(); MESSAGES_MAX]).encode_to_vec();
        assert_eq!(check_binary(&many, &METRICS_REQUEST), Err(Unread::TooMany));
        let bytes = few.encode_to_vec();
        assert_eq!(check_binary(&bytes[..bytes.len() - 1], &METRICS_REQUEST), Err(Unread::Malformed));
        assert_eq!(check_json(b"{}"), Ok(()));
        assert_eq!(check_json(&vec![b'{'; MESSAGES_MAX + 1]), Err(Unread::TooMany));
    }

    #[test]
    fn lists_of_numbers_are_counted() {
        for (counts, expected) in [(BUCKETS_MAX, Ok(())), (3 * BUCKETS_MAX, Err(Unread::TooLong))] {
            let buckets = Buckets { offset: 0, bucket_counts: vec![300; counts] };
            let point = ExponentialHistogramDataPoint { positive: Some(buckets), ..Default::default() };
            let exponential = ExponentialHistogram { data_points: vec![point], aggregation_temporality: 1 };
            let mut request = request(vec![]);
            request.resource_metrics[0].scope_metrics[0].metrics[0] =
                Metric { exponential_histogram: Some(exponential), ..Metric::default() };
            assert_eq!(check_binary(&request.encode_to_vec(), &METRICS_REQUEST), expected);
            let point = HistogramDataPoint { bucket_counts: vec![1; counts], ..Default::default() };
            let histogram = Histogram { data_points: vec![point], aggregation_temporality: 1 };
            request.resource_metrics[0].scope_metrics[0].metrics[0] =
                Metric { histogram: Some(histogram), ..Metric::default() };
            assert_eq!(check_binary(&request.encode_to_vec(), &METRICS_REQUEST), expected);
        }
    }

    #[test]
    fn values_in_values_end_somewhere() {
        let mut value = AnyValue::default();
        for _ in 0..60 {
            value = AnyValue { array_value: Some(ArrayValue { values: vec![value] }), ..AnyValue::default() };
        }
        let attributes = vec![KeyValue { key: "k".into(), value: Some(value) }];
        let deep = request(vec![NumberDataPoint { attributes, ..NumberDataPoint::default() }]);
        assert_eq!(check_binary(&deep.encode_to_vec(), &METRICS_REQUEST), Err(Unread::Malformed));
    }
}
