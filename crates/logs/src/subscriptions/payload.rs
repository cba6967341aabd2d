//! The messages that subscriptions deliver: JSON, compressed by gzip. One never has events of two log streams.
//! Source: "Real-time processing of log data with subscriptions".

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use watchkeep_core::TimestampMs;

use super::target::Vendor;

/// Some events of a log stream, and where they come from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a> {
    message_type: &'static str,
    /// The account of the log group.
    pub owner: &'a str,
    /// The group's name.
    pub log_group: &'a str,
    /// The stream's name.
    pub log_stream: &'a str,
    /// The names of the filters that the events passed.
    pub subscription_filters: Vec<&'a str>,
    /// The events.
    pub log_events: Vec<EnvelopeEvent<'a>>,
    /// Present if the subscription is an account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_level: Option<&'static str>,
}

/// An event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvelopeEvent<'a> {
    /// Its id, the one that FilterLogEvents tells.
    pub id: String,
    /// Its time in milliseconds since the epoch.
    pub timestamp: i64,
    /// Its message.
    pub message: &'a str,
    /// The fields of a line, if the filter pattern names fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extracted_fields: Option<BTreeMap<String, String>>,
    /// `@aws.account` and the like, as far as they were asked for.
    #[serde(flatten)]
    pub system_fields: BTreeMap<&'static str, &'a str>,
}

impl<'a> Envelope<'a> {
    /// A message without events.
    pub(super) fn new(owner: &'a str, log_group: &'a str, log_stream: &'a str, filter: &'a str) -> Envelope<'a> {
        Envelope {
            message_type: "DATA_MESSAGE",
            owner,
            log_group,
            log_stream,
            subscription_filters: vec![filter],
            log_events: Vec::new(),
            policy_level: None,
        }
    }

    /// As it is delivered.
    pub(super) fn compressed(&self) -> Vec<u8> {
        compressed(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The message by which a destination is tried.
pub(super) fn control_message(vendor: Vendor, now: TimestampMs) -> Vec<u8> {
    let message = format!("CWL CONTROL MESSAGE: Checking health of destination {}.", vendor.title());
    let event = EnvelopeEvent {
        id: String::new(),
        timestamp: now.0,
        message: &message,
        extracted_fields: None,
        system_fields: BTreeMap::new(),
    };
    Envelope {
        message_type: "CONTROL_MESSAGE",
        owner: "CloudwatchLogs",
        log_group: "",
        log_stream: "",
        subscription_filters: Vec::new(),
        log_events: vec![event],
        policy_level: None,
    }
    .compressed()
}

fn compressed(json: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 4), Compression::fast());
    // Into memory nothing fails.
    let written = encoder.write_all(json);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn text(data: &[u8]) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(data).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn messages_are_laid_out_as_consumers_expect() {
        let mut envelope = Envelope::new("123456789012", "app", "s1", "f1");
        let fields = [("ip".to_owned(), "10.0.0.1".to_owned())];
        envelope.log_events.push(EnvelopeEvent {
            id: "319531".into(),
            timestamp: 1_432_826_855_000,
            message: "a \"b\"",
            extracted_fields: Some(fields.into()),
            system_fields: BTreeMap::from([("@aws.account", "123456789012")]),
        });
        assert_eq!(
            text(&envelope.compressed()),
            r#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"app","logStream":"s1","subscriptionFilters":["f1"],"logEvents":[{"id":"319531","timestamp":1432826855000,"message":"a \"b\"","extractedFields":{"ip":"10.0.0.1"},"@aws.account":"123456789012"}]}"#
        );
        assert_eq!(
            text(&control_message(Vendor::DataStream, TimestampMs(7))),
            r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":7,"message":"CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."}]}"#
        );
    }
}
