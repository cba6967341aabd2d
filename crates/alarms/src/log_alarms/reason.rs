//! StateReason and StateReasonData of log alarms. Source: samples of notifications in "Log alarms".

use serde::Serialize;

use crate::evaluation::{Basis, Comparison, StateValue, Verdict, datapoint_time, shown};
use crate::limits::{REASON_DATAPOINTS_MAX, REASON_EVALUATED_MAX};
use crate::message::text::timestamp;
use crate::plan::Plan;
use crate::transition::Wanted;

/// What a run of a query came to, for an alarm or one of its contributors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct QueryResult {
    /// When the run was due.
    pub time_ms: i64,
    pub query_id: String,
    /// The number; none, if there was none.
    pub value: Option<f64>,
}

/// The results that were evaluated, oldest first, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Results<'a> {
    plan: &'a Plan,
    results: &'a [QueryResult],
    now_ms: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReasonData<'a> {
    version: &'static str,
    query_date: String,
    threshold: f64,
    query_results_to_evaluate: usize,
    query_results_to_alarm: usize,
    results: Vec<ToldResult<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldResult<'a> {
    query_result_id: &'a str,
    status: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
}

impl<'a> Results<'a> {
    pub(super) fn new(plan: &'a Plan, results: &'a [QueryResult], now_ms: i64) -> Results<'a> {
        Results { plan, results, now_ms }
    }

    /// The state that a verdict makes, with its reason.
    pub(super) fn wanted(&self, verdict: &Verdict) -> Wanted {
        let reason = match verdict.basis {
            Basis::NoData => self.unknown(),
            Basis::Filled(missing) => filled(missing, verdict.state),
            Basis::Datapoints | Basis::Kept => self.crossed(verdict.state),
        };
        Wanted { value: verdict.state, reason, data: Some(self.data()) }
    }

    fn unknown(&self) -> String {
        match self.results.len() {
            0 => "Insufficient Data: the query has not run yet.".to_owned(),
            1 => "Insufficient Data: 1 query result was unknown.".to_owned(),
            count => format!("Insufficient Data: {count} query results were unknown."),
        }
    }

    fn crossed(&self, state: StateValue) -> String {
        let rule = &self.plan.rule;
        let is_alarm = state == StateValue::Alarm;
        let breaches = |value: f64| self.plan.comparison.breaches(value, None);
        let newest = self.results.iter().rev().filter_map(|result| Some((result.time_ms, result.value?)));
        let listed: Vec<(i64, f64)> = newest.filter(|(_, value)| breaches(*value) == is_alarm).collect();
        let count = listed.len();
        let verb = match (count == 1, is_alarm) {
            (true, true) => "was",
            (true, false) => "was not",
            (false, true) => "were",
            (false, false) => "were not",
        };
        let (operator, threshold) = (self.plan.comparison.operator(), shown(self.threshold()));
        let limit = format!("{} the threshold ({threshold})", operator.words());
        let (least, transition) = match is_alarm {
            true => (rule.to_alarm, "OK -> ALARM"),
            false => (rule.periods + 1 - rule.to_alarm, "ALARM -> OK"),
        };
        let noun = if least == 1 { "datapoint" } else { "datapoints" };
        let minimum = format!("(minimum {least} {noun} for {transition} transition)");
        let told = listed.iter().take(REASON_DATAPOINTS_MAX);
        let told: Vec<String> =
            told.map(|(time_ms, value)| format!("{} ({})", shown(*value), datapoint_time(*time_ms))).collect();
        let told = told.join(", ");
        let head = format!("Threshold Crossed: {count} out of the last {} query results", rule.periods);
        match count > REASON_DATAPOINTS_MAX {
            false => format!("{head} [{told}] {verb} {limit} {minimum}."),
            true => format!(
                "{head} {verb} {limit}. The most recent query results which crossed the threshold: [{told}] {minimum}."
            ),
        }
    }

    fn threshold(&self) -> f64 {
        match self.plan.comparison {
            Comparison::Threshold(_, threshold) => threshold,
            Comparison::Band(_) => f64::NAN,
        }
    }

    /// Newest first.
    fn data(&self) -> String {
        let told = self.results.iter().rev().take(REASON_EVALUATED_MAX).map(|result| ToldResult {
            query_result_id: &result.query_id,
            status: "COMPLETE",
            timestamp: timestamp(result.time_ms),
            value: result.value,
        });
        let data = ReasonData {
            version: "1.0",
            query_date: timestamp(self.now_ms),
            threshold: self.threshold(),
            query_results_to_evaluate: self.plan.rule.periods,
            query_results_to_alarm: self.plan.rule.to_alarm,
            results: told.collect(),
        };
        serde_json::to_string(&data).unwrap_or_default()
    }
}

fn filled(missing: usize, state: StateValue) -> String {
    let treated = if state == StateValue::Alarm { "Breaching" } else { "NonBreaching" };
    let (results, datapoints) = match missing {
        1 => ("1 query result".to_owned(), "1 missing datapoint was".to_owned()),
        count => (format!("{count} query results"), format!("{count} missing datapoints were")),
    };
    format!("Threshold Crossed: no datapoints were received from {results} and {datapoints} treated as [{treated}].")
}
