//! An alarm's configuration as events and Lambda payloads have it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::text::timestamp;
use super::{Alarm, Composite, LogQuery, Notice, PromQl, Query, Source, Stat, StateOf, TAGS_TOLD, Watches};

/// As the event of a change of state has it.
pub(super) fn brief(alarm: &Alarm<'_>) -> Value {
    let mut members = Map::new();
    if let Some(description) = alarm.description {
        members.insert("description".to_owned(), json!(description));
    }
    match &alarm.watches {
        Watches::Metrics(trigger) => {
            members.insert("metrics".to_owned(), metrics(&trigger.source));
        }
        Watches::Alarms(composite) => members.extend(of_alarms(composite)),
        Watches::PromQl(promql) => members.extend(of_promql(promql)),
        Watches::Logs(query) => {
            members.insert("scheduledQueryConfiguration".to_owned(), scheduled_query(query));
        }
    }
    Value::Object(members)
}

/// As the event of its own change has it.
pub(super) fn full(alarm: &Alarm<'_>) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("alarmName", json!(alarm.name));
    put("description", json!(alarm.description.unwrap_or_default()));
    put("actionsEnabled", json!(alarm.actions_enabled));
    put("timestamp", json!(timestamp(alarm.configured_ms)));
    put("okActions", json!(alarm.ok_actions));
    put("alarmActions", json!(alarm.alarm_actions));
    put("insufficientDataActions", json!(alarm.insufficient_data_actions));
    match &alarm.watches {
        Watches::Alarms(composite) => members.extend(of_alarms(composite)),
        Watches::PromQl(promql) => members.extend(of_promql(promql)),
        Watches::Logs(query) => members.extend(of_logs(query)),
        Watches::Metrics(trigger) => {
            put("evaluationPeriods", json!(trigger.evaluation_periods));
            if let Some(datapoints) = trigger.datapoints_to_alarm {
                put("datapointsToAlarm", json!(datapoints));
            }
            if let Some(threshold) = trigger.threshold {
                put("threshold", number(threshold));
            }
            if let Some(id) = trigger.threshold_metric_id {
                put("thresholdMetricId", json!(id));
            }
            put("comparisonOperator", json!(trigger.comparison_operator));
            put("treatMissingData", json!(trigger.treat_missing_data.unwrap_or("missing")));
            if let Some(low) = trigger.evaluate_low_sample_count_percentile {
                put("evaluateLowSampleCountPercentile", json!(low));
            }
            put("metrics", metrics(&trigger.source));
        }
    }
    Value::Object(members)
}

/// A state.
pub(super) fn state(state: &StateOf<'_>) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("value", json!(state.value));
    put("reason", json!(state.reason));
    if let Some(data) = state.data {
        put("reasonData", json!(data));
    }
    put("timestamp", json!(timestamp(state.since_ms)));
    if let Some(evaluation) = state.evaluation {
        put("evaluationState", json!(evaluation));
    }
    if let Some(by) = state.suppressed_by {
        put("actionsSuppressedBy", json!(by.as_str()));
        put("actionsSuppressedReason", json!(by.reason()));
    }
    Value::Object(members)
}

fn of_alarms(composite: &Composite<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("alarmRule".to_owned(), json!(composite.rule));
    if let Some(suppressor) = composite.suppressor {
        members.insert("actionsSuppressor".to_owned(), json!(suppressor.alarm));
        members.insert("actionsSuppressorWaitPeriod".to_owned(), json!(suppressor.wait_s));
        members.insert("actionsSuppressorExtensionPeriod".to_owned(), json!(suppressor.extension_s));
    }
    members
}

fn of_promql(promql: &PromQl<'_>) -> Map<String, Value> {
    let mut criteria = Map::new();
    criteria.insert("query".to_owned(), json!(promql.query));
    criteria.extend(promql.pending_s.map(|seconds| ("pendingPeriod".to_owned(), json!(seconds))));
    criteria.extend(promql.recovery_s.map(|seconds| ("recoveryPeriod".to_owned(), json!(seconds))));
    let mut members = Map::new();
    members.insert("evaluationCriteria".to_owned(), json!({"promQLCriteria": criteria}));
    members.insert("evaluationInterval".to_owned(), json!(promql.interval_s));
    members
}

fn of_logs(query: &LogQuery<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("scheduledQueryConfiguration", scheduled_query(query));
    put("queryResultsToEvaluate", json!(query.results_to_evaluate));
    put("queryResultsToAlarm", json!(query.results_to_alarm));
    put("threshold", number(query.threshold));
    put("comparisonOperator", json!(query.comparison_operator));
    put("treatMissingData", json!(query.treat_missing_data.unwrap_or("missing")));
    if let Some(lines) = query.lines {
        put("actionLogLineCount", json!(lines));
    }
    if let Some(role) = query.lines_role {
        put("actionLogLineRoleArn", json!(role));
    }
    members
}

/// The query of a log alarm.
pub(crate) fn scheduled_query(query: &LogQuery<'_>) -> Value {
    let mut schedule = json!({"scheduleExpression": query.schedule, "startTimeOffset": query.start_offset_s});
    if let (Some(offset_s), Some(members)) = (query.end_offset_s, schedule.as_object_mut()) {
        members.insert("endTimeOffset".to_owned(), json!(offset_s));
    }
    let mut told = json!({
        "queryString": query.query,
        "logGroupIdentifiers": query.groups,
        "scheduledQueryRoleARN": query.role,
        "scheduleConfiguration": schedule,
        "aggregationExpression": query.aggregation,
    });
    if let (Some(arn), Some(members)) = (query.query_arn, told.as_object_mut()) {
        members.insert("queryARN".to_owned(), json!(arn));
    }
    told
}

/// The tags of an alarm, with the status that goes with them, where they are told.
pub(super) fn tags(notice: &Notice<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    if let Some(tags) = notice.tags {
        members.insert("alarmTags".to_owned(), json!(tags));
        members.insert("alarmTagsStatus".to_owned(), json!(TAGS_TOLD));
    }
    members
}

fn metrics(source: &Source<'_>) -> Value {
    match source {
        Source::Metric { id, stat } => json!([{"id": id, "metricStat": metric_stat(stat), "returnData": true}]),
        Source::Queries(queries) => queries.iter().map(query).collect(),
    }
}

fn query(query: &Query<'_>) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("id", json!(query.id));
    if let Some(stat) = &query.stat {
        put("metricStat", metric_stat(stat));
    }
    if let Some(expression) = query.expression {
        put("expression", json!(expression));
    }
    if let Some(label) = query.label {
        put("label", json!(label));
    }
    put("returnData", json!(query.returns_data));
    if let Some(period_s) = query.period_s {
        put("period", json!(period_s));
    }
    Value::Object(members)
}

fn metric_stat(stat: &Stat<'_>) -> Value {
    let dimensions: BTreeMap<&String, &String> = stat.dimensions.iter().map(|(name, value)| (name, value)).collect();
    let metric = json!({"namespace": stat.namespace, "name": stat.name, "dimensions": dimensions});
    let mut told = json!({"metric": metric, "period": stat.period_s, "stat": stat.statistic});
    if let (Some(unit), Some(members)) = (stat.unit, told.as_object_mut()) {
        members.insert("unit".to_owned(), json!(unit));
    }
    told
}

/// Whole numbers have no fraction here.
fn number(value: f64) -> Value {
    // Up to here every whole number is one of f64.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 { json!(value as i64) } else { json!(value) }
}
