//! An alarm as others see it: in DescribeAlarms and in history.

use serde_json::{Map, Value, json};
use watchkeep_model::Timestamp;
use watchkeep_model::cloudwatch::{
    ActionConfiguration, AlarmPromQLCriteria, AlarmTagsPropagation, Dimension, EvaluationCriteria, EvaluationWindow,
    Metric, MetricDataQuery, MetricStat, SlidingWindow, WallClockWindow, WarmUpConfiguration,
};
use watchkeep_model::cloudwatch::{
    CompositeAlarm as DescribedComposite, LogAlarm as DescribedLog, MetricAlarm as Described, ScheduleConfiguration,
    ScheduledQueryConfiguration, Tag,
};
use watchkeep_store::ResourceKey;

use crate::composite::alarm::{CompositeAlarm, CompositeDefinition};
use crate::kept::Kept;
use crate::log_alarms::LogDefinition;
use crate::message::configuration;
use crate::message::text::timestamp;
use crate::notice;
use crate::resources::{
    Definition, MetricAlarm, MetricDefinition, PromQlDefinition, QueryDefinition, TagsPropagation, WarmUp, Watched,
    Window, arn,
};

/// As DescribeAlarms shows it: what was not given is absent.
pub(crate) fn described(key: &ResourceKey, alarm: &MetricAlarm, evaluation_state: Option<&str>) -> Described {
    let MetricAlarm { definition, state, .. } = alarm;
    let mut described = Described {
        alarm_name: Some(key.name.clone()),
        alarm_arn: Some(arn(key)),
        alarm_description: definition.description.clone(),
        alarm_configuration_updated_timestamp: Some(Timestamp(alarm.updated)),
        actions_enabled: Some(definition.actions.enabled),
        ok_actions: Some(definition.actions.ok.clone()),
        alarm_actions: Some(definition.actions.alarm.clone()),
        insufficient_data_actions: Some(definition.actions.insufficient_data.clone()),
        state_value: Some(state.value.as_str().to_owned()),
        state_reason: Some(state.reason.clone()),
        state_reason_data: state.data.clone(),
        state_updated_timestamp: Some(Timestamp(state.updated)),
        state_transitioned_timestamp: Some(Timestamp(state.transitioned)),
        evaluation_periods: definition.periods.map(integer),
        datapoints_to_alarm: definition.to_alarm.map(integer),
        threshold: definition.threshold,
        comparison_operator: definition.operator.map(|operator| operator.as_str().to_owned()),
        treat_missing_data: definition.treat.map(|treat| treat.as_str().to_owned()),
        evaluate_low_sample_count_percentile: definition.low_samples.map(|low| low.as_str().to_owned()),
        threshold_metric_id: definition.threshold_metric_id.clone(),
        evaluation_state: evaluation_state.map(str::to_owned),
        evaluation_window: definition.window.as_ref().map(window),
        warm_up_configuration: definition.warm_up.map(warm_up),
        action_configuration: definition.tags_propagation.as_ref().map(action_configuration),
        ..Described::default()
    };
    match &definition.watched {
        Watched::Metric(metric) => {
            described.metric_name = Some(metric.name.clone());
            described.namespace = Some(metric.namespace.clone());
            described.dimensions = Some(dimensions(metric));
            described.period = Some(integer(metric.period_s));
            described.unit = metric.unit.clone();
            match metric.is_basic() {
                true => described.statistic = Some(metric.statistic.clone()),
                false => described.extended_statistic = Some(metric.statistic.clone()),
            }
        }
        Watched::Queries { queries, .. } => {
            described.dimensions = Some(Vec::new());
            described.metrics = Some(queries.iter().map(query).collect());
        }
        Watched::PromQl(promql) => {
            described.evaluation_interval = Some(integer(promql.interval_s));
            let criteria = AlarmPromQLCriteria {
                query: promql.query.clone(),
                pending_period: promql.pending_s.map(integer),
                recovery_period: promql.recovery_s.map(integer),
            };
            described.evaluation_criteria = Some(EvaluationCriteria { prom_ql_criteria: Some(criteria) });
        }
        // It is described as what it is.
        Watched::Logs(_) => {}
    }
    described
}

/// A log alarm as DescribeAlarms shows it.
pub(crate) fn described_log(key: &ResourceKey, alarm: &MetricAlarm, evaluation_state: Option<&str>) -> DescribedLog {
    let MetricAlarm { definition, state, .. } = alarm;
    let log = definition.log();
    DescribedLog {
        alarm_name: Some(key.name.clone()),
        alarm_arn: Some(arn(key)),
        alarm_description: definition.description.clone(),
        alarm_configuration_updated_timestamp: Some(Timestamp(alarm.updated)),
        actions_enabled: Some(definition.actions.enabled),
        ok_actions: Some(definition.actions.ok.clone()),
        alarm_actions: Some(definition.actions.alarm.clone()),
        insufficient_data_actions: Some(definition.actions.insufficient_data.clone()),
        state_value: Some(state.value.as_str().to_owned()),
        state_reason: Some(state.reason.clone()),
        state_reason_data: state.data.clone(),
        state_updated_timestamp: Some(Timestamp(state.updated)),
        state_transitioned_timestamp: Some(Timestamp(state.transitioned)),
        scheduled_query_configuration: log.map(scheduled_query),
        query_results_to_evaluate: definition.periods.map(integer),
        query_results_to_alarm: definition.to_alarm.map(integer),
        threshold: definition.threshold,
        comparison_operator: definition.operator.map(|operator| operator.as_str().to_owned()),
        treat_missing_data: definition.treat.map(|treat| treat.as_str().to_owned()),
        evaluation_state: evaluation_state.map(str::to_owned),
        action_log_line_count: log.and_then(|log| log.lines).map(integer),
        action_log_line_role_arn: log.and_then(|log| log.lines_role.clone()),
        warm_up_configuration: definition.warm_up.map(warm_up),
        action_configuration: definition.tags_propagation.as_ref().map(action_configuration),
    }
}

fn scheduled_query(log: &LogDefinition) -> ScheduledQueryConfiguration {
    let tags = log.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    ScheduledQueryConfiguration {
        query_string: log.query.clone(),
        log_group_identifiers: Some(log.groups.clone()).filter(|groups| !groups.is_empty()),
        query_arn: log.query_arn.clone(),
        scheduled_query_role_arn: log.role.clone(),
        schedule_configuration: ScheduleConfiguration {
            schedule_expression: log.schedule.clone(),
            start_time_offset: log.start_offset_s,
            end_time_offset: log.end_offset_s,
        },
        aggregation_expression: log.aggregation.clone(),
        tags: Some(tags.collect()).filter(|tags: &Vec<Tag>| !tags.is_empty()),
    }
}

/// A composite alarm as DescribeAlarms shows it.
pub(crate) fn described_composite(key: &ResourceKey, alarm: &CompositeAlarm) -> DescribedComposite {
    let CompositeAlarm { definition, state, .. } = alarm;
    let suppressor = definition.suppressor.as_ref();
    let suppressed_by = alarm.suppression.as_ref().and_then(|suppressing| suppressing.state.suppressed_by());
    DescribedComposite {
        alarm_name: Some(key.name.clone()),
        alarm_arn: Some(arn(key)),
        alarm_description: definition.description.clone(),
        alarm_rule: Some(definition.rule.clone()),
        alarm_configuration_updated_timestamp: Some(Timestamp(alarm.updated)),
        actions_enabled: Some(definition.actions.enabled),
        ok_actions: Some(definition.actions.ok.clone()),
        alarm_actions: Some(definition.actions.alarm.clone()),
        insufficient_data_actions: Some(definition.actions.insufficient_data.clone()),
        state_value: Some(state.value.as_str().to_owned()),
        state_reason: Some(state.reason.clone()),
        state_reason_data: state.data.clone(),
        state_updated_timestamp: Some(Timestamp(state.updated)),
        state_transitioned_timestamp: Some(Timestamp(state.transitioned)),
        actions_suppressed_by: suppressed_by.map(|by| by.as_str().to_owned()),
        actions_suppressed_reason: suppressed_by.map(|by| by.reason()),
        actions_suppressor: suppressor.map(|suppressor| suppressor.alarm.clone()),
        actions_suppressor_wait_period: suppressor.map(|suppressor| integer(suppressor.wait_s)),
        actions_suppressor_extension_period: suppressor.map(|suppressor| integer(suppressor.extension_s)),
        action_configuration: definition.tags_propagation.as_ref().map(action_configuration),
    }
}

fn window(window: &Window) -> EvaluationWindow {
    match window {
        Window::Sliding => EvaluationWindow { sliding_window: Some(SlidingWindow {}), wall_clock_window: None },
        Window::WallClock { timezone } => EvaluationWindow {
            wall_clock_window: Some(WallClockWindow { timezone: timezone.clone() }),
            sliding_window: None,
        },
    }
}

fn warm_up(warm_up: WarmUp) -> WarmUpConfiguration {
    WarmUpConfiguration {
        warm_up_period_duration_in_minutes: integer(warm_up.minutes),
        only_start_evaluating_after_warm_up_period_ends: warm_up.only_after,
    }
}

fn action_configuration(propagation: &TagsPropagation) -> ActionConfiguration {
    let TagsPropagation { enabled, included, excluded } = propagation.clone();
    let propagation = AlarmTagsPropagation { enabled, included_tag_keys: included, excluded_tag_keys: excluded };
    ActionConfiguration { alarm_tags_propagation: Some(propagation) }
}

fn query(query: &QueryDefinition) -> MetricDataQuery {
    let stat = query.metric.as_ref().map(|metric| MetricStat {
        metric: Metric {
            namespace: Some(metric.namespace.clone()),
            metric_name: Some(metric.name.clone()),
            dimensions: Some(dimensions(metric)),
        },
        period: integer(metric.period_s),
        stat: metric.statistic.clone(),
        unit: metric.unit.clone(),
    });
    MetricDataQuery {
        id: query.id.clone(),
        metric_stat: stat,
        expression: query.expression.clone(),
        label: query.label.clone(),
        return_data: query.returns_data,
        period: query.period_s.map(integer),
        account_id: query.account_id.clone(),
    }
}

fn dimensions(metric: &MetricDefinition) -> Vec<Dimension> {
    metric.dimensions.iter().map(|(name, value)| Dimension { name: name.clone(), value: value.clone() }).collect()
}

fn integer(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// As the data of a ConfigurationUpdate in history show it.
pub(crate) fn history_configuration(key: &ResourceKey, alarm: &Kept) -> Value {
    let (actions, state) = (alarm.actions(), alarm.state());
    let mut shown = json!({
        "alarmName": key.name,
        "alarmArn": arn(key),
        "alarmConfigurationUpdatedTimestamp": timestamp(alarm.updated()),
        "actionsEnabled": actions.enabled,
        "okactions": actions.ok,
        "alarmActions": actions.alarm,
        "insufficientDataActions": actions.insufficient_data,
        "stateValue": state.value,
        "stateUpdatedTimestamp": timestamp(state.updated),
    });
    let Some(members) = shown.as_object_mut() else { return shown };
    match alarm {
        Kept::Metric(alarm) => metric_members(members, &alarm.definition),
        Kept::Composite(alarm) => composite_members(members, &alarm.definition),
    }
    shown
}

fn composite_members(members: &mut Map<String, Value>, definition: &CompositeDefinition) {
    members.insert("alarmRule".into(), json!(definition.rule));
    if let Some(propagation) = &definition.tags_propagation {
        members.insert("actionConfiguration".into(), history_action_configuration(propagation));
    }
    if let Some(description) = &definition.description {
        members.insert("alarmDescription".into(), json!(description));
    }
    if let Some(suppressor) = &definition.suppressor {
        members.insert("actionsSuppressor".into(), json!(suppressor.alarm));
        members.insert("actionsSuppressorWaitPeriod".into(), json!(suppressor.wait_s));
        members.insert("actionsSuppressorExtensionPeriod".into(), json!(suppressor.extension_s));
    }
}

fn log_members(members: &mut Map<String, Value>, definition: &Definition, log: &LogDefinition) {
    let given = [
        ("scheduledQueryConfiguration", Some(configuration::scheduled_query(&notice::log_query(definition, log)))),
        ("queryResultsToEvaluate", definition.periods.map(|results| json!(results))),
        ("queryResultsToAlarm", definition.to_alarm.map(|to_alarm| json!(to_alarm))),
        ("actionLogLineCount", log.lines.map(|lines| json!(lines))),
        ("actionLogLineRoleArn", log.lines_role.as_ref().map(|role| json!(role))),
    ];
    members.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

fn metric_members(members: &mut Map<String, Value>, definition: &Definition) {
    optional(members, definition);
    match &definition.watched {
        Watched::Metric(metric) => {
            members.insert("metricName".into(), json!(metric.name));
            members.insert("namespace".into(), json!(metric.namespace));
            let list = metric.dimensions.iter().map(|(name, value)| json!({"name": name, "value": value}));
            members.insert("dimensions".into(), list.collect());
            members.insert("period".into(), json!(metric.period_s));
            match metric.is_basic() {
                true => members.insert("statistic".into(), json!(metric.statistic)),
                false => members.insert("extendedStatistic".into(), json!(metric.statistic.to_uppercase())),
            };
            if let Some(unit) = &metric.unit {
                members.insert("unit".into(), json!(unit));
            }
        }
        Watched::Queries { queries, .. } => {
            members.insert("dimensions".into(), json!([]));
            members.insert("metrics".into(), metrics(queries));
        }
        Watched::PromQl(promql) => {
            members.insert("evaluationCriteria".into(), promql_criteria(promql));
            members.insert("evaluationInterval".into(), json!(promql.interval_s));
        }
        Watched::Logs(log) => log_members(members, definition, log),
    }
}

fn optional(members: &mut Map<String, Value>, definition: &Definition) {
    // Those of a log alarm have names of their own.
    let is_log = definition.log().is_some();
    let given = [
        ("evaluationPeriods", definition.periods.filter(|_| !is_log).map(|periods| json!(periods))),
        ("comparisonOperator", definition.operator.map(|operator| json!(operator.as_str()))),
        ("alarmDescription", definition.description.as_ref().map(|text| json!(text))),
        ("threshold", definition.threshold.map(|threshold| json!(threshold))),
        ("thresholdMetricId", definition.threshold_metric_id.as_ref().map(|id| json!(id))),
        ("datapointsToAlarm", definition.to_alarm.filter(|_| !is_log).map(|to_alarm| json!(to_alarm))),
        ("treatMissingData", definition.treat.map(|treat| json!(treat.as_str()))),
        ("evaluateLowSampleCountPercentile", definition.low_samples.map(|low| json!(low.as_str()))),
        ("evaluationWindow", definition.window.as_ref().map(history_window)),
        ("warmUpConfiguration", definition.warm_up.map(history_warm_up)),
        ("actionConfiguration", definition.tags_propagation.as_ref().map(history_action_configuration)),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    }
}

/// A PromQL query, as history and events have it.
fn promql_criteria(promql: &PromQlDefinition) -> Value {
    let mut criteria = json!({"query": promql.query});
    if let Some(members) = criteria.as_object_mut() {
        members.extend(promql.pending_s.map(|seconds| ("pendingPeriod".to_owned(), json!(seconds))));
        members.extend(promql.recovery_s.map(|seconds| ("recoveryPeriod".to_owned(), json!(seconds))));
    }
    json!({"promQLCriteria": criteria})
}

fn history_window(window: &Window) -> Value {
    match window {
        Window::Sliding => json!({"slidingWindow": {}}),
        Window::WallClock { timezone: None } => json!({"wallClockWindow": {}}),
        Window::WallClock { timezone: Some(timezone) } => json!({"wallClockWindow": {"timezone": timezone}}),
    }
}

fn history_warm_up(warm_up: WarmUp) -> Value {
    let mut told = json!({"warmUpPeriodDurationInMinutes": warm_up.minutes});
    if let (Some(only_after), Some(members)) = (warm_up.only_after, told.as_object_mut()) {
        members.insert("onlyStartEvaluatingAfterWarmUpPeriodEnds".into(), json!(only_after));
    }
    told
}

fn history_action_configuration(propagation: &TagsPropagation) -> Value {
    let mut told = json!({"enabled": propagation.enabled});
    if let Some(members) = told.as_object_mut() {
        members.extend(propagation.included.as_ref().map(|keys| ("includedTagKeys".to_owned(), json!(keys))));
        members.extend(propagation.excluded.as_ref().map(|keys| ("excludedTagKeys".to_owned(), json!(keys))));
    }
    json!({"alarmTagsPropagation": told})
}

fn metrics(queries: &[QueryDefinition]) -> Value {
    let stat = |metric: &MetricDefinition| {
        let list = metric.dimensions.iter().map(|(name, value)| json!({"name": name, "value": value}));
        let dimensions: Value = list.collect();
        let named = json!({"namespace": metric.namespace, "metricName": metric.name, "dimensions": dimensions});
        let mut stat = json!({"metric": named, "period": metric.period_s, "stat": metric.statistic});
        if let (Some(unit), Some(members)) = (&metric.unit, stat.as_object_mut()) {
            members.insert("unit".into(), json!(unit));
        }
        stat
    };
    let query = |query: &QueryDefinition| {
        let mut shown = Map::new();
        shown.insert("id".into(), json!(query.id));
        let given = [
            ("metricStat", query.metric.as_ref().map(stat)),
            ("expression", query.expression.as_ref().map(|text| json!(text))),
            ("label", query.label.as_ref().map(|text| json!(text))),
            ("returnData", Some(json!(query.returns_data != Some(false)))),
            ("period", query.period_s.map(|period_s| json!(period_s))),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                shown.insert(name.to_owned(), value);
            }
        }
        Value::Object(shown)
    };
    queries.iter().map(query).collect()
}
