//! What the catalog has of detectors, of what they learned, and of what they found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_core::Arn;
use watchkeep_lang::log_pattern::{Model, Part, Pattern};
use watchkeep_store::{Resource, ResourceKey};

use super::secured::Secured;
use crate::limits::{DAY_MS, MINUTE_MS};

/// A detector; its key's name is its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Detector {
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The name of the log group that it watches.
    pub group: String,
    /// How often it looks.
    pub frequency: Frequency,
    /// Which events it looks at; all if absent.
    pub filter_pattern: Option<String>,
    /// For how many days anomalies are shown.
    pub visibility_days: i64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// When it was changed last.
    pub modified: i64,
    /// Whether it looks at all.
    pub enabled: bool,
    /// The ARN of the KMS key that what it learned and found is encrypted under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The patterns of which no anomalies are reported.
    #[serde(default)]
    pub suppressed_patterns: BTreeMap<String, Suppression>,
}

impl Resource for Detector {
    const KIND: &'static str = "log_anomaly_detector";
}

/// What a detector learned, by the key of the detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Learned {
    /// The patterns of its group.
    pub model: Secured<Model>,
    /// Up to when it looked at what came in.
    pub analyzed_to: i64,
}

impl Resource for Learned {
    const KIND: &'static str = "log_anomaly_model";
}

/// An anomaly; its key's name is the detector's id, `/`, and its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Anomaly {
    /// Its id.
    pub id: String,
    /// The pattern that it is about, as it was when it was seen last.
    pub pattern: Pattern,
    /// What is unusual, and how it is told apart from other anomalies of the pattern.
    pub kind: String,
    /// What is unusual, in words.
    pub description: String,
    /// `HIGH`, `MEDIUM` or `LOW`.
    pub priority: String,
    /// The time of the first event that it was seen in, or of the interval.
    pub first_seen: i64,
    /// The time of the last.
    pub last_seen: i64,
    /// Whether it was there when the detector looked last.
    pub active: bool,
    /// How many events it was, each time the detector saw it.
    pub histogram: BTreeMap<i64, u64>,
    /// Some of the events: time and message.
    pub samples: Vec<(i64, String)>,
    /// Whether it was said to be normal.
    #[serde(default)]
    pub is_baseline: bool,
    /// Whether it is suppressed by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Suppression>,
}

impl Resource for Secured<Anomaly> {
    const KIND: &'static str = "log_anomaly";
}

/// Since when something is suppressed, and until when; for ever if absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Suppression {
    /// In milliseconds since the epoch.
    pub since: i64,
    /// In milliseconds since the epoch.
    pub until: Option<i64>,
}

/// How often a detector looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frequency(i64);

const FREQUENCIES: &[(&str, i64)] =
    &[("ONE_MIN", 1), ("FIVE_MIN", 5), ("TEN_MIN", 10), ("FIFTEEN_MIN", 15), ("THIRTY_MIN", 30), ("ONE_HOUR", 60)];

impl Frequency {
    /// The frequency of this name in the API.
    pub(crate) fn parse(name: &str) -> Option<Frequency> {
        FREQUENCIES.iter().find(|(known, _)| *known == name).map(|(_, minutes)| Frequency(*minutes))
    }

    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        FREQUENCIES.iter().find(|(_, minutes)| *minutes == self.0).map_or("", |(name, _)| *name)
    }

    /// The milliseconds between two looks.
    pub(crate) fn ms(self) -> i64 {
        self.0 * MINUTE_MS
    }
}

impl Suppression {
    /// Whether it holds at a time.
    pub(crate) fn holds(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Detector {
    /// Anomalies that were first seen before this time are shown no more.
    pub(crate) fn visible_from(&self, now: i64) -> i64 {
        now - self.visibility_days * DAY_MS
    }

    /// How a pattern is suppressed at a time.
    pub(crate) fn suppression_of(&self, pattern: &str, now: i64) -> Option<Suppression> {
        self.suppressed_patterns.get(pattern).copied().filter(|suppression| suppression.holds(now))
    }
}

/// The ARN of a detector.
pub(crate) fn detector_arn(key: &ResourceKey) -> Arn {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("logs", region, key.account.as_str(), format!("anomaly-detector:{}", key.name))
}

/// What the names of the keys of a detector's anomalies begin with.
pub(crate) fn anomaly_prefix(detector: &ResourceKey) -> String {
    format!("{}/", detector.name)
}

/// The part of an anomaly's pattern that the number names, counting dynamic ones from 1.
pub(crate) fn dynamic_name(pattern: &Pattern, number: usize) -> String {
    let mut dynamic = pattern.parts.iter().filter_map(|part| match part {
        Part::Dynamic(dynamic) => Some(dynamic.name.as_str()),
        _ => None,
    });
    format!("{}-{number}", dynamic.nth(number.saturating_sub(1)).unwrap_or("Token"))
}
