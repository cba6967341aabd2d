//! What alarms keep in the catalog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use watchkeep_core::Caller;
use watchkeep_store::{Catalog, CatalogError, Collection, Resource, ResourceKey};

use crate::composite::alarm::CompositeAlarm;
use crate::evaluation::{Operator, StateValue, Treat};
use crate::kept::Kind;
use crate::log_alarms::LogDefinition;
use crate::mute::rules::{KeptRule, Muted};

/// What names an alarm.
pub(crate) type Key = ResourceKey;

/// The tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

/// A metric or a log alarm; its key's name is the alarm's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricAlarm {
    /// Tells it from alarms that had its name before.
    pub uid: u64,
    /// What was put.
    pub definition: Definition,
    /// When that was put, in milliseconds since the epoch.
    pub updated: i64,
    /// Its state.
    pub state: State,
    /// When its warm-up began, in milliseconds since the epoch, until that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warming: Option<i64>,
    /// Of a log alarm: the runs of its query that were due after this time count, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results_after: Option<i64>,
    /// The contributors in ALARM, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contributors: BTreeMap<String, Contributor>,
    /// Its tags.
    #[serde(default)]
    pub tags: Tags,
}

impl Resource for MetricAlarm {
    const KIND: &'static str = "metric_alarm";
}

/// The state of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub value: StateValue,
    pub reason: String,
    /// `StateReasonData`, JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// When any of these changed, in milliseconds since the epoch.
    pub updated: i64,
    /// When the value changed.
    pub transitioned: i64,
    /// How many changes of state there were, those of contributors and releases of held actions included: the number of the last one.
    pub transition: u64,
    /// `EvaluationState`, if the evaluation itself is why the state was entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<String>,
    /// The value before the last change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<StateValue>,
}

impl State {
    /// That of a new alarm of this definition: series of PromQL queries that are not there do not breach.
    pub(crate) fn initial(definition: &Definition, now_ms: i64) -> State {
        let is_promql = matches!(definition.watched, Watched::PromQl(_)) && definition.warm_up.is_none();
        let value = if is_promql { StateValue::Ok } else { StateValue::InsufficientData };
        State { value, ..State::unchecked(now_ms) }
    }

    /// That of an alarm that was never evaluated.
    pub(crate) fn unchecked(now_ms: i64) -> State {
        State {
            value: StateValue::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            data: None,
            updated: now_ms,
            transitioned: now_ms,
            transition: 0,
            evaluation: None,
            previous: None,
        }
    }
}

/// A contributor in ALARM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contributor {
    /// Its group.
    pub attributes: BTreeMap<String, String>,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// When it went into ALARM, in milliseconds since the epoch.
    pub transitioned: i64,
}

/// What is done when an alarm enters a state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Actions {
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ok: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarm: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub insufficient_data: Vec<String>,
}

impl Actions {
    /// The ARNs for a state.
    pub(crate) fn of(&self, state: StateValue) -> &[String] {
        match state {
            StateValue::Ok => &self.ok,
            StateValue::Alarm => &self.alarm,
            StateValue::InsufficientData => &self.insufficient_data,
        }
    }

    /// All ARNs.
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.ok.iter().chain(&self.alarm).chain(&self.insufficient_data)
    }
}

/// What PutMetricAlarm or PutLogAlarm defines. What was not given is absent, as DescribeAlarms shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub actions: Actions,
    pub watched: Watched,
    /// As all that says when datapoints breach: absent of PromQL queries. Of a log alarm `QueryResultsToEvaluate`, and then
    /// `QueryResultsToAlarm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_alarm: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_metric_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treat: Option<Treat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_samples: Option<LowSamples>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_propagation: Option<TagsPropagation>,
}

/// `EvaluationWindow`: where the boundaries of datapoints are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Window {
    /// They move with every evaluation.
    #[serde(rename = "sliding")]
    Sliding,
    /// They keep to the clock of a time zone, UTC if none is named.
    #[serde(rename = "wall_clock")]
    WallClock { timezone: Option<String> },
}

/// `WarmUpConfiguration`: how a new alarm waits for data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WarmUp {
    pub minutes: u32,
    /// `OnlyStartEvaluatingAfterWarmUpPeriodEnds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_after: Option<bool>,
}

/// `AlarmTagsPropagation`: which tags of an alarm are told of together with its changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TagsPropagation {
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub included: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Vec<String>>,
}

impl TagsPropagation {
    /// Those of an alarm's tags that are told, if any are to be.
    pub(crate) fn of(&self, tags: &Tags) -> Option<Tags> {
        let is_told = |key: &String| match (&self.included, &self.excluded) {
            (Some(included), _) => included.contains(key),
            (None, Some(excluded)) => !excluded.contains(key),
            (None, None) => true,
        };
        let told = || tags.iter().filter(|(key, _)| is_told(key)).map(|(key, value)| (key.clone(), value.clone()));
        self.enabled.then(|| told().collect())
    }
}

impl Definition {
    /// The seconds of a datapoint.
    pub(crate) fn period_s(&self) -> i64 {
        match &self.watched {
            Watched::Metric(metric) => metric.period_s.into(),
            Watched::Queries { period_s, .. } => (*period_s).into(),
            Watched::PromQl(query) => query.interval_s.into(),
            Watched::Logs(log) => log.interval_s.into(),
        }
    }

    /// `AlarmTypes`
    pub(crate) fn kind(&self) -> Kind {
        if self.log().is_some() { Kind::Log } else { Kind::Metric }
    }

    /// What a log alarm watches.
    pub(crate) fn log(&self) -> Option<&LogDefinition> {
        match &self.watched {
            Watched::Logs(log) => Some(log),
            Watched::Metric(_) | Watched::Queries { .. } | Watched::PromQl(_) => None,
        }
    }
}

/// What an alarm does about percentiles of few samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LowSamples {
    /// Nothing special.
    #[serde(rename = "evaluate")]
    Evaluate,
    /// Its state stays.
    #[serde(rename = "ignore")]
    Ignore,
}

impl LowSamples {
    /// The API's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            LowSamples::Evaluate => "evaluate",
            LowSamples::Ignore => "ignore",
        }
    }
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Watched {
    /// One metric.
    #[serde(rename = "metric")]
    Metric(MetricDefinition),
    /// Queries; the period is that of the one that is watched.
    #[serde(rename = "queries")]
    Queries { queries: Vec<QueryDefinition>, period_s: u32 },
    /// A PromQL query.
    #[serde(rename = "promql")]
    PromQl(PromQlDefinition),
    /// A scheduled query of log events.
    #[serde(rename = "logs")]
    Logs(Box<LogDefinition>),
}

/// `EvaluationCriteria` with its `EvaluationInterval`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PromQlDefinition {
    pub query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_s: Option<u32>,
    pub interval_s: u32,
}

impl Watched {
    /// Whether the series of both can be the same: contributors of the one stay those of the other.
    pub(crate) fn is_like(&self, other: &Watched) -> bool {
        matches!(
            (self, other),
            (Watched::Metric(_), Watched::Metric(_))
                | (Watched::Queries { .. }, Watched::Queries { .. })
                | (Watched::PromQl(_), Watched::PromQl(_))
        )
    }
}

/// A metric, and how it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricDefinition {
    pub namespace: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<(String, String)>,
    /// A statistic's name; whether it came as `Statistic` or as `ExtendedStatistic` follows from it.
    pub statistic: String,
    pub period_s: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl MetricDefinition {
    /// Whether the statistic is one of the five of `Statistic`.
    pub(crate) fn is_basic(&self) -> bool {
        matches!(&*self.statistic, "SampleCount" | "Average" | "Sum" | "Minimum" | "Maximum")
    }
}

/// One of several queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QueryDefinition {
    pub id: String,
    /// A metric, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns_data: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// All resources, by their kinds.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    pub metric_alarms: Collection<MetricAlarm>,
    pub composite_alarms: Collection<CompositeAlarm>,
    pub mute_rules: Collection<KeptRule>,
    pub muted: Collection<Muted>,
}

impl Resources {
    /// Reads what the catalog has.
    ///
    /// # Errors
    ///
    /// What reading the catalog can meet.
    pub(crate) async fn open(catalog: &Catalog) -> Result<Resources, CatalogError> {
        Ok(Resources {
            metric_alarms: catalog.collection().await?,
            composite_alarms: catalog.collection().await?,
            mute_rules: catalog.collection().await?,
            muted: catalog.collection().await?,
        })
    }
}

/// The key of the caller's alarm of this name in the caller's Region.
pub(crate) fn regional(caller: &Caller, name: &str) -> ResourceKey {
    ResourceKey::new(caller.account, &caller.region, name)
}

/// The ARN of an alarm.
pub(crate) fn arn(key: &ResourceKey) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{}", region_of(key), key.account, key.name)
}

/// The Region of a key, as text.
pub(crate) fn region_of(key: &ResourceKey) -> &str {
    key.region.as_ref().map_or("", |region| region.as_str())
}
