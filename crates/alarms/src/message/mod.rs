//! What is told of a change of an alarm's state, from plain values to texts: the message to an SNS topic in all its variants, the
//! payload of a Lambda function, the details of events. Sources: "Notifying users on alarm changes", "Invoke a Lambda function from
//! an alarm", "Alarm events and EventBridge".

pub(crate) mod configuration;
mod email;
pub mod event;
mod lambda;
mod sns;
#[cfg(test)]
mod tests;
pub(crate) mod text;

use std::collections::BTreeMap;

use watchkeep_core::ports::LogLine;
use watchkeep_lang::alarm_rule::State;

use crate::composite::reason::Child;
use crate::composite::suppression::SuppressedBy;

/// A change of an alarm's state, and the alarm. Times are milliseconds since the epoch.
#[derive(Debug, Clone)]
pub struct Notice<'a> {
    /// The alarm.
    pub alarm: Alarm<'a>,
    /// The contributor whose state it is, if it is one's.
    pub contributor: Option<Contributor<'a>>,
    /// The state that was entered.
    pub new: StateOf<'a>,
    /// The state that was left.
    pub old: StateOf<'a>,
    /// When its actions run.
    pub sent: Sent,
    /// The tags of the alarm, if they are told.
    pub tags: Option<&'a BTreeMap<String, String>>,
    /// The log lines that a log alarm tells, in messages to topics only.
    pub lines: &'a [LogLine],
}

/// An alarm.
#[derive(Debug, Clone)]
pub struct Alarm<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its account's id.
    pub account: &'a str,
    /// Its Region's code.
    pub region: &'a str,
    /// Its ARN.
    pub arn: &'a str,
    /// `AlarmDescription`
    pub description: Option<&'a str>,
    /// When it was put.
    pub configured_ms: i64,
    /// `ActionsEnabled`
    pub actions_enabled: bool,
    /// `OKActions`
    pub ok_actions: &'a [String],
    /// `AlarmActions`
    pub alarm_actions: &'a [String],
    /// `InsufficientDataActions`
    pub insufficient_data_actions: &'a [String],
    /// What it watches.
    pub watches: Watches<'a>,
}

/// What an alarm watches.
#[derive(Debug, Clone)]
pub enum Watches<'a> {
    /// A metric alarm, of whatever kind.
    Metrics(Trigger<'a>),
    /// A composite alarm.
    Alarms(Composite<'a>),
    /// An alarm on a PromQL query.
    PromQl(PromQl<'a>),
    /// A log alarm.
    Logs(LogQuery<'a>),
}

/// A scheduled query of log events, and what is made of it.
#[derive(Debug, Clone, Copy)]
pub struct LogQuery<'a> {
    /// `QueryString`
    pub query: &'a str,
    /// `LogGroupIdentifiers`
    pub groups: &'a [String],
    /// `QueryARN`
    pub query_arn: Option<&'a str>,
    /// `ScheduledQueryRoleARN`
    pub role: &'a str,
    /// `ScheduleExpression`
    pub schedule: &'a str,
    /// `StartTimeOffset`, in seconds
    pub start_offset_s: i64,
    /// `EndTimeOffset`, in seconds
    pub end_offset_s: Option<i64>,
    /// `AggregationExpression`
    pub aggregation: &'a str,
    /// `QueryResultsToEvaluate`
    pub results_to_evaluate: u32,
    /// `QueryResultsToAlarm`
    pub results_to_alarm: u32,
    /// `ComparisonOperator`
    pub comparison_operator: &'a str,
    /// `Threshold`
    pub threshold: f64,
    /// `TreatMissingData`
    pub treat_missing_data: Option<&'a str>,
    /// `ActionLogLineCount`
    pub lines: Option<u32>,
    /// `ActionLogLineRoleArn`
    pub lines_role: Option<&'a str>,
}

/// A PromQL query.
#[derive(Debug, Clone, Copy)]
pub struct PromQl<'a> {
    /// `Query`
    pub query: &'a str,
    /// `PendingPeriod`, in seconds
    pub pending_s: Option<u32>,
    /// `RecoveryPeriod`, in seconds
    pub recovery_s: Option<u32>,
    /// `EvaluationInterval`, in seconds
    pub interval_s: u32,
}

/// What makes a metric alarm change.
#[derive(Debug, Clone)]
pub struct Trigger<'a> {
    /// The metric, or the queries.
    pub source: Source<'a>,
    /// `Period`, in seconds: of queries, that of the one that is watched.
    pub period_s: u32,
    /// `EvaluationPeriods`
    pub evaluation_periods: u32,
    /// `DatapointsToAlarm`
    pub datapoints_to_alarm: Option<u32>,
    /// `ComparisonOperator`
    pub comparison_operator: &'a str,
    /// `Threshold`
    pub threshold: Option<f64>,
    /// `ThresholdMetricId`
    pub threshold_metric_id: Option<&'a str>,
    /// `TreatMissingData`
    pub treat_missing_data: Option<&'a str>,
    /// `EvaluateLowSampleCountPercentile`
    pub evaluate_low_sample_count_percentile: Option<&'a str>,
}

/// Where a metric alarm's datapoints come from.
#[derive(Debug, Clone)]
pub enum Source<'a> {
    /// One metric. Events call it by an id that stays the same for the alarm.
    Metric {
        /// A UUID.
        id: &'a str,
        /// The metric.
        stat: Stat<'a>,
    },
    /// `Metrics`
    Queries(Vec<Query<'a>>),
}

/// A statistic of a metric.
#[derive(Debug, Clone)]
pub struct Stat<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its dimensions, names and values.
    pub dimensions: &'a [(String, String)],
    /// The seconds of a datapoint.
    pub period_s: u32,
    /// As `Average` or `p99`.
    pub statistic: &'a str,
    /// `Unit`
    pub unit: Option<&'a str>,
}

/// An entry of `Metrics`.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// `Id`
    pub id: &'a str,
    /// `MetricStat`
    pub stat: Option<Stat<'a>>,
    /// `Expression`
    pub expression: Option<&'a str>,
    /// `Label`
    pub label: Option<&'a str>,
    /// `ReturnData`
    pub returns_data: bool,
    /// `Period`, in seconds
    pub period_s: Option<u32>,
}

/// What a composite alarm watches.
#[derive(Debug, Clone)]
pub struct Composite<'a> {
    /// `AlarmRule`
    pub rule: &'a str,
    /// The children that caused the change.
    pub triggering: Vec<Child<'a>>,
    /// What holds back its actions.
    pub suppressor: Option<SuppressorOf<'a>>,
}

/// The suppressor of a composite alarm's actions.
#[derive(Debug, Clone, Copy)]
pub struct SuppressorOf<'a> {
    /// `ActionsSuppressor`
    pub alarm: &'a str,
    /// `ActionsSuppressorWaitPeriod`, in seconds
    pub wait_s: i64,
    /// `ActionsSuppressorExtensionPeriod`, in seconds
    pub extension_s: i64,
}

/// A state of an alarm.
#[derive(Debug, Clone, Copy)]
pub struct StateOf<'a> {
    /// `StateValue`
    pub value: State,
    /// `StateReason`
    pub reason: &'a str,
    /// `StateReasonData`, JSON
    pub data: Option<&'a str>,
    /// When it was entered.
    pub since_ms: i64,
    /// `EvaluationState`
    pub evaluation: Option<&'a str>,
    /// What suppressed a composite's actions.
    pub suppressed_by: Option<SuppressedBy>,
}

/// One of several series that an alarm watches.
#[derive(Debug, Clone, Copy)]
pub struct Contributor<'a> {
    /// `ContributorId`
    pub id: &'a str,
    /// `ContributorAttributes`
    pub attributes: &'a BTreeMap<String, String>,
}

/// When actions run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// When the state is entered.
    AtOnce,
    /// After the alarm was muted.
    AfterMuteWindow,
}

/// The status that goes with an alarm's tags: they are at hand.
pub(crate) const TAGS_TOLD: &str = "SUCCESS";

/// The longest subject of a message, in characters ("Publish").
pub const SUBJECT_CHARS_MAX: usize = 100;

impl Notice<'_> {
    /// The subject for a topic: `ALARM: "name" in US East (N. Virginia)`, in the characters that SNS takes.
    pub fn subject(&self) -> String {
        let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
        self.headline().chars().map(printable).take(SUBJECT_CHARS_MAX).collect()
    }

    /// The text of a short message: as the subject, whole.
    pub fn sms(&self) -> String {
        self.headline()
    }

    /// The JSON message, which queues, functions and HTTP endpoints receive.
    pub fn json(&self) -> String {
        sns::message(self).to_string()
    }

    /// The text of a mail.
    pub fn email(&self) -> String {
        email::text(self)
    }

    /// What is published with `MessageStructure` json: the variants of the message.
    pub fn variants(&self) -> String {
        serde_json::json!({"default": self.json(), "sms": self.sms(), "email": self.email()}).to_string()
    }

    /// The payload with which a Lambda function is invoked.
    pub fn lambda_payload(&self) -> String {
        lambda::payload(self).to_string()
    }

    /// The payload with which a webhook carries out another action: that of a function, and which action it is.
    pub fn action_payload(&self, action: &str) -> String {
        let mut payload = lambda::payload(self);
        if let Some(members) = payload.as_object_mut() {
            members.insert("action".to_owned(), action.into());
        }
        payload.to_string()
    }

    fn headline(&self) -> String {
        let region = crate::region_names::long_name(self.alarm.region);
        format!("{}: \"{}\" in {region}", self.new.value.as_str(), self.alarm.name)
    }
}
