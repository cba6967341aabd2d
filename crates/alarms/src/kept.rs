//! An alarm of any kind, for all that they have in common.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchkeep_store::Versioned;

use crate::composite::alarm::{CompositeAlarm, CompositeDefinition};
use crate::resources::{Actions, Definition, MetricAlarm, State, Tags};
use crate::transition::Transition;

/// An alarm.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kept {
    /// A metric or a log alarm: one that watches data.
    Metric(MetricAlarm),
    Composite(CompositeAlarm),
}

/// What a put defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Defined {
    Metric(Definition),
    Composite(CompositeDefinition),
}

/// `AlarmTypes`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Metric,
    Composite,
    Log,
}

impl Kind {
    /// The API's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Metric => "MetricAlarm",
            Kind::Composite => "CompositeAlarm",
            Kind::Log => "LogAlarm",
        }
    }
}

impl Kept {
    pub(crate) fn uid(&self) -> u64 {
        match self {
            Kept::Metric(alarm) => alarm.uid,
            Kept::Composite(alarm) => alarm.uid,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Kept::Metric(alarm) => alarm.definition.kind(),
            Kept::Composite(_) => Kind::Composite,
        }
    }

    pub(crate) fn state(&self) -> &State {
        match self {
            Kept::Metric(alarm) => &alarm.state,
            Kept::Composite(alarm) => &alarm.state,
        }
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        match self {
            Kept::Metric(alarm) => &mut alarm.state,
            Kept::Composite(alarm) => &mut alarm.state,
        }
    }

    pub(crate) fn actions(&self) -> &Actions {
        match self {
            Kept::Metric(alarm) => &alarm.definition.actions,
            Kept::Composite(alarm) => &alarm.definition.actions,
        }
    }

    pub(crate) fn actions_mut(&mut self) -> &mut Actions {
        match self {
            Kept::Metric(alarm) => &mut alarm.definition.actions,
            Kept::Composite(alarm) => &mut alarm.definition.actions,
        }
    }

    pub(crate) fn tags_mut(&mut self) -> &mut Tags {
        match self {
            Kept::Metric(alarm) => &mut alarm.tags,
            Kept::Composite(alarm) => &mut alarm.tags,
        }
    }

    /// The tags that are told of together with its changes, if any are to be.
    pub(crate) fn told_tags(&self) -> Option<Tags> {
        let (propagation, tags) = match self {
            Kept::Metric(alarm) => (&alarm.definition.tags_propagation, &alarm.tags),
            Kept::Composite(alarm) => (&alarm.definition.tags_propagation, &alarm.tags),
        };
        propagation.as_ref().and_then(|propagation| propagation.of(tags))
    }

    /// Whether it waits for its first data.
    pub(crate) fn is_warming(&self) -> bool {
        matches!(self, Kept::Metric(alarm) if alarm.warming.is_some())
    }

    /// When its definition was put, in milliseconds since the epoch.
    pub(crate) fn updated(&self) -> i64 {
        match self {
            Kept::Metric(alarm) => alarm.updated,
            Kept::Composite(alarm) => alarm.updated,
        }
    }

    pub(crate) fn set_updated(&mut self, updated_ms: i64) {
        match self {
            Kept::Metric(alarm) => alarm.updated = updated_ms,
            Kept::Composite(alarm) => alarm.updated = updated_ms,
        }
    }

    pub(crate) fn defined(&self) -> Defined {
        match self {
            Kept::Metric(alarm) => Defined::Metric(alarm.definition.clone()),
            Kept::Composite(alarm) => Defined::Composite(alarm.definition.clone()),
        }
    }

    /// The alarm after this change.
    pub(crate) fn after(&self, transition: &Transition) -> Kept {
        match self {
            Kept::Metric(alarm) => Kept::Metric(alarm.after(transition)),
            Kept::Composite(alarm) => Kept::Composite(alarm.after(transition)),
        }
    }
}

impl Defined {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Defined::Metric(definition) => definition.kind(),
            Defined::Composite(_) => Kind::Composite,
        }
    }
}

impl From<&Arc<Versioned<MetricAlarm>>> for Kept {
    fn from(alarm: &Arc<Versioned<MetricAlarm>>) -> Kept {
        Kept::Metric(alarm.value.clone())
    }
}

impl From<&Arc<Versioned<CompositeAlarm>>> for Kept {
    fn from(alarm: &Arc<Versioned<CompositeAlarm>>) -> Kept {
        Kept::Composite(alarm.value.clone())
    }
}
