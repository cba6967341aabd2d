//! What mute rules keep in the catalog.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use watchkeep_lang::mute_schedule::{MuteSchedule, ScheduleError, ScheduleText};
use watchkeep_store::{Resource, ResourceKey};

use super::state::{MuteRule, MuteStart};
use crate::resources::{Tags, region_of};

/// A mute rule; its key's name is the rule's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptRule {
    /// What was put.
    pub definition: RuleDefinition,
    /// When that was put, in milliseconds since the epoch.
    pub updated: i64,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Resource for KeptRule {
    const KIND: &'static str = "alarm_mute_rule";
}

/// What PutAlarmMuteRule defines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuleDefinition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `Schedule`, as it was put.
    pub expression: String,
    pub duration: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// `StartDate` and `ExpireDate`, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<i64>,
    /// `MuteTargets`: the names of alarms.
    #[serde(default)]
    pub targets: BTreeSet<String>,
}

impl RuleDefinition {
    /// When it mutes.
    ///
    /// # Errors
    ///
    /// A part that is not of its form.
    pub(crate) fn schedule(&self) -> Result<MuteSchedule, ScheduleError> {
        MuteSchedule::parse(&ScheduleText {
            expression: &self.expression,
            duration: &self.duration,
            timezone: self.timezone.as_deref(),
            start_ms: self.start,
            expire_ms: self.expire,
        })
    }

    /// As the mutes of its Region know it.
    ///
    /// # Errors
    ///
    /// [`RuleDefinition::schedule`]
    pub(crate) fn rule(&self) -> Result<MuteRule, ScheduleError> {
        Ok(MuteRule { targets: self.targets.clone(), schedule: self.schedule()? })
    }
}

/// An alarm that is muted; its key's name is the alarm's. It is there from the beginning of the mute until what is owed at its end is
/// durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Muted {
    pub start: MuteStart,
    /// The attributes of the contributors that were in ALARM, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contributors: BTreeMap<String, BTreeMap<String, String>>,
}

impl Resource for Muted {
    const KIND: &'static str = "muted_alarm";
}

/// The ARN of a mute rule.
pub(crate) fn rule_arn(key: &ResourceKey) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm-mute-rule:{}", region_of(key), key.account, key.name)
}
