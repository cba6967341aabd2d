//! A change of state, with everything that follows from it: one row of history, written before anything else happens. What the
//! catalog says of the state, and which actions are still to be carried out, follow from that row.
//!
//! AL-1 a change of state happened when its row is durable; history shows it once. AL-2 an action is owed from then on until its own
//! row says how it ended, across crashes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::actions::{What, kind_of};
use crate::composite::alarm::{Suppressing, Triggering};
use crate::evaluation::StateValue;
use crate::kept::{Defined, Kept, Kind};
use crate::resources::{Actions, Contributor, MetricAlarm, State, Tags};

/// A change of the state of an alarm or of one of its contributors, or the release of actions that were held back when it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Transition {
    /// The alarm, as it was configured then.
    pub definition: Defined,
    /// When that was put.
    pub configured: i64,
    /// The state that was entered.
    pub new: State,
    /// The state that was left.
    pub old: State,
    /// The contributor, if it is one's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contributor: Option<TransitionOf>,
    /// The ARNs of the actions that are owed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Why actions run now, if the state does not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Released>,
    /// Of a composite: the children that caused the change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggering: Vec<Triggering>,
    /// Of a composite: how its actions are held back afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Suppressing>,
    /// The tags of the alarm that are told with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// What muted the alarm then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<MutedBy>,
}

/// A mute rule, and its window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MutedBy {
    pub rule_arn: String,
    /// In milliseconds since the epoch.
    pub start: i64,
    pub end: i64,
}

/// Why actions run that were held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Released {
    /// The suppressor let go.
    BySuppressor,
    /// The alarm is muted no more, and was since this time, in milliseconds since the epoch.
    AfterMute { since: i64 },
}

/// The contributor whose state changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TransitionOf {
    pub id: String,
    pub attributes: BTreeMap<String, String>,
}

impl MetricAlarm {
    /// The alarm after this change of its own state, or of a contributor's.
    pub(crate) fn after(&self, transition: &Transition) -> MetricAlarm {
        let mut alarm = self.clone();
        let Transition { new, contributor: Some(of), .. } = transition else {
            alarm.state = transition.new.clone();
            return alarm;
        };
        // The number counts; the state is that of the alarm as a whole.
        alarm.state.transition = new.transition;
        if new.value == StateValue::Alarm {
            let contributor = Contributor {
                attributes: of.attributes.clone(),
                reason: new.reason.clone(),
                data: new.data.clone(),
                transitioned: new.transitioned,
            };
            alarm.contributors.insert(of.id.clone(), contributor);
        } else {
            alarm.contributors.remove(&of.id);
        }
        alarm
    }
}

impl Transition {
    /// The change of an alarm to another state, with the actions that are owed for it.
    pub(crate) fn new(
        (definition, configured): (Defined, i64),
        actions: &Actions,
        old: &State,
        wanted: Wanted,
        now_ms: i64,
    ) -> Transition {
        Transition {
            actions: if actions.enabled { actions.of(wanted.value).to_vec() } else { Vec::new() },
            definition,
            configured,
            new: State {
                value: wanted.value,
                reason: wanted.reason,
                data: wanted.data,
                updated: now_ms,
                transitioned: now_ms,
                transition: old.transition.saturating_add(1),
                evaluation: None,
                previous: Some(old.value),
            },
            old: old.clone(),
            contributor: None,
            released: None,
            triggering: Vec::new(),
            suppression: None,
            tags: None,
            muted: None,
        }
    }

    /// The actions of an alarm's state, to be carried out now; none if there are none.
    pub(crate) fn release(alarm: &Kept, released: Released) -> Option<Transition> {
        let (state, actions) = (alarm.state(), alarm.actions());
        let actions = if actions.enabled { actions.of(state.value).to_vec() } else { Vec::new() };
        let left = state.previous.unwrap_or(StateValue::InsufficientData);
        (!actions.is_empty()).then(|| Transition {
            definition: alarm.defined(),
            configured: alarm.updated(),
            new: State { transition: state.transition.saturating_add(1), ..state.clone() },
            old: State { value: left, reason: String::new(), ..State::unchecked(state.transitioned) },
            contributor: None,
            actions,
            released: Some(released),
            triggering: match alarm {
                Kept::Metric(_) => Vec::new(),
                Kept::Composite(alarm) => alarm.triggering.clone(),
            },
            suppression: None,
            tags: None,
            muted: None,
        })
    }

    /// Entered because of this `EvaluationState`.
    pub(crate) fn evaluated(mut self, evaluation: &str) -> Transition {
        self.new.evaluation = Some(evaluation.to_owned());
        self
    }

    /// With those actions only that are for contributors: scaling is not, and items in Systems Manager are a log alarm's as a whole.
    pub(crate) fn for_contributor(mut self) -> Transition {
        let is_log = self.definition.kind() == Kind::Log;
        self.actions.retain(|arn| match kind_of(arn).map(|kind| kind.what) {
            Some(What::Scaling) => false,
            Some(What::SystemsManager) => !is_log,
            _ => true,
        });
        self
    }

    /// With those actions only that are not carried out for each contributor of a log alarm.
    pub(crate) fn beside_contributors(mut self) -> Transition {
        self.actions.retain(|arn| kind_of(arn).is_some_and(|kind| kind.what == What::SystemsManager));
        self
    }

    /// Whether the state of the alarm itself changes.
    pub(crate) fn is_of_alarm(&self) -> bool {
        self.contributor.is_none() && self.released.is_none()
    }
}

/// A change of state that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub value: StateValue,
    pub reason: String,
    pub data: Option<String>,
}
