//! An event: its envelope, and what deliveries need to know beside it. Source: "Events in Amazon EventBridge".

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use watchkeep_core::TimestampMs;

use crate::limits::DETAIL_DEPTH_MAX;

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its id, as the envelope has it.
    pub id: String,
    /// The event as JSON, which is UTF-8.
    pub envelope: Bytes,
    /// When it came in, in milliseconds since the epoch.
    pub ingested_ms: i64,
    /// X-Ray's trace header.
    pub trace: Option<String>,
    /// The numbers of the rules that sent it on from bus to bus.
    pub path: Vec<u64>,
    /// What it crossed on its way.
    pub crossed: Crossed,
}

/// What an event crossed on its way from bus to bus: it may not cross it again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Crossed {
    /// It came from a bus of another account.
    pub account: bool,
    /// It came from a bus of another Region.
    pub region: bool,
}

impl Event {
    /// The envelope as text.
    pub(crate) fn text(&self) -> &str {
        // It was made of text, and only ever is.
        std::str::from_utf8(&self.envelope).unwrap_or_default()
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.envelope.len() + 256
    }
}

/// What an envelope is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub id: &'a str,
    pub detail_type: &'a str,
    pub source: &'a str,
    pub account: &'a str,
    pub time: TimestampMs,
    pub region: &'a str,
    pub resources: &'a [String],
    /// A JSON object, kept as it is written.
    pub detail: &'a str,
    /// Only of events that a replay sends.
    pub replay_name: Option<&'a str>,
}

impl Envelope<'_> {
    /// The JSON text: the members in AWS's order, without blanks but those within the detail.
    pub(crate) fn write(&self) -> String {
        let mut out = String::with_capacity(256 + self.detail.len());
        out.push_str(r#"{"version":"0""#);
        for (name, value) in [
            ("id", self.id),
            ("detail-type", self.detail_type),
            ("source", self.source),
            ("account", self.account),
            ("time", &iso8601(self.time)),
            ("region", self.region),
        ] {
            out.push_str(",\"");
            out.push_str(name);
            out.push_str("\":");
            string(&mut out, value);
        }
        out.push_str(r#","resources":["#);
        for (index, resource) in self.resources.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            string(&mut out, resource);
        }
        out.push_str(r#"],"detail":"#);
        out.push_str(self.detail);
        if let Some(name) = self.replay_name {
            out.push_str(r#","replay-name":"#);
            string(&mut out, name);
        }
        out.push('}');
        out
    }
}

fn string(out: &mut String, text: &str) {
    // A text can always be written.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// `2026-01-15T12:30:45Z`: whole seconds, what is below dropped.
pub(crate) fn iso8601(time: TimestampMs) -> String {
    let moment = Timestamp::from_second(time.seconds()).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A detail as it goes into an envelope: the text of a JSON object, without blanks around it. None if it is no JSON object, or too
/// deep.
pub(crate) fn detail(text: &str) -> Option<&str> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let is_object = text.starts_with('{') && is_shallow(text) && is_json(text);
    is_object.then_some(text)
}

/// Whether no more objects and arrays stand in one another than may. What is in strings does not count.
fn is_shallow(text: &str) -> bool {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match (in_string, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > DETAIL_DEPTH_MAX {
                    return false;
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The id of an event that somebody may hand in twice: the same for the same name.
pub(crate) fn id_of(name: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_compact_and_keep_the_detail() {
        let envelope = Envelope {
            id: "i",
            detail_type: "a \"b\"",
            source: "shöp",
            account: "111122223333",
            time: TimestampMs(1_700_000_000_999),
            region: "us-east-1",
            resources: &["r1".to_owned(), "r2".to_owned()],
            detail: r#"{ "z": 1.0, "a": 10000000000000000000000 }"#,
            replay_name: None,
        };
        assert_eq!(
            envelope.write(),
            r#"{"version":"0","id":"i","detail-type":"a \"b\"","source":"shöp","account":"111122223333","time":"2023-11-14T22:13:20Z","region":"us-east-1","resources":["r1","r2"],"detail":{ "z": 1.0, "a": 10000000000000000000000 }}"#
        );
        let replayed = Envelope { resources: &[], detail: "{}", replay_name: Some("again"), ..envelope };
        assert!(replayed.write().ends_with(r#""resources":[],"detail":{},"replay-name":"again"}"#));
    }

    #[test]
    fn details_are_json_objects() {
        let deep = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        for good in ["{}", " {\"a\":1}\n", r#"{"a":"[[[["}"#, &deep(100)] {
            assert_eq!(detail(good), Some(good.trim()), "{good}");
        }
        for bad in ["", "x", "1", "null", "[]", "\"{}\"", "{", "{}x", r#"{"a":}"#, &deep(DETAIL_DEPTH_MAX + 1)] {
            assert_eq!(detail(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_of_names_are_version_4_uuids() {
        let id = id_of("a");
        assert_eq!(id, id_of("a"));
        assert_ne!(id, id_of("b"));
        assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 4);
    }
}
