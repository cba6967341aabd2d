//! The JSON message to a topic.

use serde_json::{Map, Value, json};

use watchkeep_core::ports::LogLine;

use super::text::timestamp;
use super::{Composite, LogQuery, Notice, PromQl, Query, Sent, Source, Stat, TAGS_TOLD, Trigger, Watches};
use crate::region_names::long_name;

/// The statistics that are told by names of their own; all others are extended ones.
static STATISTICS: &[(&str, &str)] = &[
    ("SampleCount", "SAMPLE_COUNT"),
    ("Average", "AVERAGE"),
    ("Sum", "SUM"),
    ("Minimum", "MINIMUM"),
    ("Maximum", "MAXIMUM"),
];

pub(super) fn message(notice: &Notice<'_>) -> Value {
    let Notice { alarm, contributor, new, old, sent, tags, lines } = notice;
    let mut message = Map::new();
    let mut put = |name: &str, value: Value| message.insert(name.to_owned(), value);
    put("AlarmName", json!(alarm.name));
    put("AlarmDescription", json!(alarm.description));
    put("AWSAccountId", json!(alarm.account));
    put("AlarmConfigurationUpdatedTimestamp", json!(timestamp(alarm.configured_ms)));
    put("NewStateValue", json!(new.value));
    put("NewStateReason", json!(new.reason));
    if let (Watches::Logs(_), Some(data)) = (&alarm.watches, new.data) {
        put("NewStateReasonData", serde_json::from_str(data).unwrap_or_default());
    }
    put("StateChangeTime", json!(timestamp(new.since_ms)));
    put("Region", json!(long_name(alarm.region)));
    put("AlarmArn", json!(alarm.arn));
    put("OldStateValue", json!(old.value));
    if let Some(contributor) = contributor {
        put("AlarmContributorId", json!(contributor.id));
        put("AlarmContributorAttributes", json!(contributor.attributes));
    }
    put("OKActions", json!(alarm.ok_actions));
    put("AlarmActions", json!(alarm.alarm_actions));
    put("InsufficientDataActions", json!(alarm.insufficient_data_actions));
    put("ActionExecutedAfterMuteWindow", json!(*sent == Sent::AfterMuteWindow));
    if let Some(tags) = tags {
        let list: Value = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        put("AlarmTags", list);
        put("AlarmTagsStatus", json!(TAGS_TOLD));
    }
    match &alarm.watches {
        Watches::Metrics(trigger) => message.extend([("Trigger".to_owned(), of_metrics(trigger))]),
        Watches::Alarms(composite) => message.extend(of_alarms(composite)),
        Watches::PromQl(promql) => message.extend([("Trigger".to_owned(), of_promql(promql))]),
        Watches::Logs(query) => message.extend([("Trigger".to_owned(), of_logs(query))]),
    }
    if !lines.is_empty() {
        let line = |line: &LogLine| line.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        message.insert("LogLines".to_owned(), lines.iter().map(line).map(Value::Object).collect());
    }
    Value::Object(message)
}

fn of_alarms(composite: &Composite<'_>) -> Map<String, Value> {
    let children = composite.triggering.iter().map(
        |child| json!({"Arn": child.arn, "State": {"Value": child.state, "Timestamp": timestamp(child.since_ms)}}),
    );
    let mut members = Map::new();
    members.insert("AlarmRule".to_owned(), json!(composite.rule));
    members.insert("TriggeringChildren".to_owned(), children.collect());
    if let Some(suppressor) = composite.suppressor {
        members.insert("ActionsSuppressor".to_owned(), json!(suppressor.alarm));
        members.insert("ActionsSuppressorWaitPeriod".to_owned(), json!(suppressor.wait_s));
        members.insert("ActionsSuppressorExtensionPeriod".to_owned(), json!(suppressor.extension_s));
    }
    members
}

fn of_promql(promql: &PromQl<'_>) -> Value {
    let mut criteria = json!({"Query": promql.query});
    if let Some(members) = criteria.as_object_mut() {
        members.extend(promql.pending_s.map(|seconds| ("PendingPeriod".to_owned(), json!(seconds))));
        members.extend(promql.recovery_s.map(|seconds| ("RecoveryPeriod".to_owned(), json!(seconds))));
    }
    json!({"EvaluationCriteria": {"PromQLCriteria": criteria}, "EvaluationInterval": promql.interval_s})
}

fn of_logs(query: &LogQuery<'_>) -> Value {
    let mut schedule = json!({"ScheduleExpression": query.schedule, "StartTimeOffset": query.start_offset_s});
    if let (Some(offset_s), Some(members)) = (query.end_offset_s, schedule.as_object_mut()) {
        members.insert("EndTimeOffset".to_owned(), json!(offset_s));
    }
    json!({
        "ScheduledQueryConfiguration": {
            "QueryString": query.query,
            "LogGroupIdentifiers": query.groups,
            "QueryARN": query.query_arn,
            "ScheduledQueryRoleARN": query.role,
            "ScheduleConfiguration": schedule,
            "AggregationExpression": query.aggregation,
        },
        "QueryResultsToEvaluate": query.results_to_evaluate,
        "QueryResultsToAlarm": query.results_to_alarm,
        "ComparisonOperator": query.comparison_operator,
        "Threshold": query.threshold,
        "TreatMissingData": query.treat_missing_data.unwrap_or("missing"),
    })
}

fn of_metrics(trigger: &Trigger<'_>) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    if let Source::Metric { stat, .. } = &trigger.source {
        put("MetricName", json!(stat.name));
        put("Namespace", json!(stat.namespace));
        match STATISTICS.iter().find(|(name, _)| *name == stat.statistic) {
            Some((_, told)) => {
                put("StatisticType", json!("Statistic"));
                put("Statistic", json!(told));
            }
            None => {
                put("StatisticType", json!("ExtendedStatistic"));
                put("ExtendedStatistic", json!(stat.statistic));
            }
        }
        put("Unit", json!(stat.unit));
        put("Dimensions", dimensions(stat));
    }
    put("Period", json!(trigger.period_s));
    put("EvaluationPeriods", json!(trigger.evaluation_periods));
    if let Some(datapoints) = trigger.datapoints_to_alarm {
        put("DatapointsToAlarm", json!(datapoints));
    }
    put("ComparisonOperator", json!(trigger.comparison_operator));
    if let Some(threshold) = trigger.threshold {
        put("Threshold", json!(threshold));
    }
    if let Some(id) = trigger.threshold_metric_id {
        put("ThresholdMetricId", json!(id));
    }
    put("TreatMissingData", json!(trigger.treat_missing_data.unwrap_or("missing")));
    put("EvaluateLowSampleCountPercentile", json!(trigger.evaluate_low_sample_count_percentile.unwrap_or_default()));
    if let Source::Queries(queries) = &trigger.source {
        put("Metrics", queries.iter().map(query).collect());
    }
    Value::Object(members)
}

fn query(query: &Query<'_>) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("Id", json!(query.id));
    if let Some(expression) = query.expression {
        put("Expression", json!(expression));
    }
    if let Some(stat) = &query.stat {
        let metric = json!({"Dimensions": dimensions(stat), "MetricName": stat.name, "Namespace": stat.namespace});
        let mut told = json!({"Metric": metric, "Period": stat.period_s, "Stat": stat.statistic});
        if let (Some(unit), Some(members)) = (stat.unit, told.as_object_mut()) {
            members.insert("Unit".to_owned(), json!(unit));
        }
        put("MetricStat", told);
    }
    if let Some(label) = query.label {
        put("Label", json!(label));
    }
    if let Some(period_s) = query.period_s {
        put("Period", json!(period_s));
    }
    put("ReturnData", json!(query.returns_data));
    Value::Object(members)
}

/// Here, and only here, names and values are in lower case.
fn dimensions(stat: &Stat<'_>) -> Value {
    stat.dimensions.iter().map(|(name, value)| json!({"value": value, "name": name})).collect()
}
