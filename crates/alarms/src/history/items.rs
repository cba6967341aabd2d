//! The items of history, with their summaries and their data.

use serde_json::{Value, json};
use watchkeep_store::{ResourceKey, Rows};

use crate::kept::{Kept, Kind};
use crate::render;
use crate::resources::{State, region_of};
use crate::tables::ALARM_HISTORY;
use crate::transition::{Transition, TransitionOf};

/// `HistoryItemType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemType {
    ConfigurationUpdate,
    StateUpdate,
    Action,
    AlarmContributorStateUpdate,
    AlarmContributorAction,
    /// Actions were released that had been held back. This is for us alone: DescribeAlarmHistory does not show it.
    Release,
}

impl ItemType {
    /// All that DescribeAlarmHistory knows.
    pub(crate) const ALL: [ItemType; 5] = [
        ItemType::ConfigurationUpdate,
        ItemType::StateUpdate,
        ItemType::Action,
        ItemType::AlarmContributorStateUpdate,
        ItemType::AlarmContributorAction,
    ];

    /// The API's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ItemType::ConfigurationUpdate => "ConfigurationUpdate",
            ItemType::StateUpdate => "StateUpdate",
            ItemType::Action => "Action",
            ItemType::AlarmContributorStateUpdate => "AlarmContributorStateUpdate",
            ItemType::AlarmContributorAction => "AlarmContributorAction",
            ItemType::Release => "Release",
        }
    }
}

/// What happened to the configuration of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    Update,
    Delete,
}

impl Change {
    /// As `Create`, `created`.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Change::Create => ("Create", "created"),
            Change::Update => ("Update", "updated"),
            Change::Delete => ("Delete", "deleted"),
        }
    }
}

/// An item of history.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub time_ms: i64,
    pub key: ResourceKey,
    pub kind: Kind,
    pub of: ItemType,
    pub summary: String,
    pub data: Value,
    pub contributor: Option<TransitionOf>,
    pub uid: u64,
    pub transition: u64,
    pub detail: Option<String>,
}

impl Item {
    /// Adds its row.
    pub(crate) fn write(&self, rows: &mut Rows) {
        debug_assert_eq!(rows.table().id, ALARM_HISTORY.id);
        rows.i64(self.time_ms);
        rows.text(self.key.account.as_str());
        rows.text(region_of(&self.key));
        rows.text(&self.key.name);
        rows.text(self.kind.as_str());
        rows.text(self.of.as_str());
        rows.text(&self.summary);
        rows.text(&self.data.to_string());
        rows.text_or_null(self.contributor.as_ref().map(|contributor| &*contributor.id));
        let attributes = self.contributor.as_ref().map(|contributor| json!(contributor.attributes).to_string());
        rows.text_or_null(attributes.as_deref());
        rows.u64(self.uid);
        rows.u64(self.transition);
        rows.text_or_null(self.detail.as_deref());
        rows.end_row();
    }
}

/// The item of a change of configuration.
pub(crate) fn configuration_item(key: &ResourceKey, alarm: &Kept, change: Change, time_ms: i64) -> Item {
    let (word, done) = change.words();
    let data =
        json!({"version": "1.0", "type": word, (format!("{done}Alarm")): render::history_configuration(key, alarm)});
    Item {
        time_ms,
        key: key.clone(),
        kind: alarm.kind(),
        of: ItemType::ConfigurationUpdate,
        summary: format!("Alarm \"{}\" {done}", key.name),
        data,
        contributor: None,
        uid: alarm.uid(),
        transition: 0,
        detail: None,
    }
}

/// The item of a change of state, with all that its actions need.
pub(crate) fn state_item(key: &ResourceKey, uid: u64, transition: &Transition) -> Item {
    let state = |state: &State| {
        let mut shown = json!({"stateValue": state.value, "stateReason": state.reason});
        let data = state.data.as_deref().and_then(|data| serde_json::from_str::<Value>(data).ok());
        if let (Some(data), Some(members)) = (data, shown.as_object_mut()) {
            members.insert("stateReasonData".to_owned(), data);
        }
        shown
    };
    let (old, new) = (&transition.old, &transition.new);
    let (of, what) = match &transition.contributor {
        _ if transition.released.is_some() => (ItemType::Release, "Alarm"),
        None => (ItemType::StateUpdate, "Alarm"),
        Some(_) => (ItemType::AlarmContributorStateUpdate, "Alarm contributor"),
    };
    Item {
        time_ms: new.updated,
        key: key.clone(),
        kind: transition.definition.kind(),
        of,
        summary: format!("{what} updated from {} to {}", old.value.as_str(), new.value.as_str()),
        data: json!({"version": "1.0", "oldState": state(old), "newState": state(new)}),
        contributor: transition.contributor.clone(),
        uid,
        transition: new.transition,
        detail: serde_json::to_string(transition).ok(),
    }
}

/// The item of an action that was carried out, or given up.
pub(crate) fn action_item(
    key: &ResourceKey,
    uid: u64,
    transition: &Transition,
    action: &str,
    outcome: &Result<Option<String>, String>,
    time_ms: i64,
) -> Item {
    let mut data = json!({
        "actionState": if outcome.is_ok() { "Succeeded" } else { "Failed" },
        "stateUpdateTimestamp": transition.new.updated,
        "notificationResource": action,
    });
    let summary = match outcome {
        Ok(message) => {
            if let (Some(message), Some(members)) = (message, data.as_object_mut()) {
                members.insert("publishedMessage".to_owned(), json!(message));
            }
            format!("Successfully executed action {action}")
        }
        Err(error) => {
            if let Some(members) = data.as_object_mut() {
                members.insert("error".to_owned(), json!(error));
            }
            format!("Failed to execute action {action}. Received error: \"{error}\"")
        }
    };
    let of = match &transition.contributor {
        None => ItemType::Action,
        Some(_) => ItemType::AlarmContributorAction,
    };
    Item {
        time_ms,
        key: key.clone(),
        kind: transition.definition.kind(),
        of,
        summary,
        data,
        contributor: transition.contributor.clone(),
        uid,
        transition: transition.new.transition,
        detail: Some(action.to_owned()),
    }
}
