//! What a composite alarm keeps in the catalog.

use serde::{Deserialize, Serialize};
use watchkeep_lang::alarm_rule::AlarmReference;
use watchkeep_store::Resource;

use super::suppression::{Periods, Suppression};
use crate::evaluation::StateValue;
use crate::resources::{Actions, State, Tags, TagsPropagation};
use crate::transition::Transition;

/// A composite alarm; its key's name is the alarm's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CompositeAlarm {
    /// Tells it from alarms that had its name before.
    pub uid: u64,
    /// What was put.
    pub definition: CompositeDefinition,
    /// When that was put, in milliseconds since the epoch.
    pub updated: i64,
    /// Its state.
    pub state: State,
    /// The children that caused that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggering: Vec<Triggering>,
    /// How its suppressor holds back its actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Suppressing>,
    /// Whether the put of its definition is durable, but not yet what follows from it.
    #[serde(default)]
    pub is_put_pending: bool,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Resource for CompositeAlarm {
    const KIND: &'static str = "composite_alarm";
}

/// What PutCompositeAlarm defines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CompositeDefinition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub actions: Actions,
    /// `AlarmRule`, as it was put.
    pub rule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressor: Option<SuppressorDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_propagation: Option<TagsPropagation>,
}

/// What holds back the actions of a composite alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SuppressorDefinition {
    /// A name or an ARN, as it was put.
    pub alarm: String,
    pub wait_s: u32,
    pub extension_s: u32,
}

impl SuppressorDefinition {
    /// The name of the suppressor alarm.
    pub(crate) fn name(&self) -> String {
        AlarmReference::new(self.alarm.as_str()).name().to_owned()
    }

    /// How long actions wait.
    pub(crate) fn periods(&self) -> Periods {
        Periods { wait_ms: u64::from(self.wait_s) * 1000, extension_ms: u64::from(self.extension_s) * 1000 }
    }
}

/// Suppression by an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Suppressing {
    /// The name of the alarm.
    pub by: String,
    pub state: Suppression,
}

/// A child whose state caused its composite's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Triggering {
    pub arn: String,
    pub state: StateValue,
    /// When it entered that, in milliseconds since the epoch.
    pub since: i64,
}

impl CompositeAlarm {
    /// The alarm after this change of its state, or this release of its actions.
    pub(crate) fn after(&self, transition: &Transition) -> CompositeAlarm {
        CompositeAlarm {
            state: transition.new.clone(),
            triggering: transition.triggering.clone(),
            suppression: transition.suppression.clone(),
            is_put_pending: false,
            ..self.clone()
        }
    }
}
