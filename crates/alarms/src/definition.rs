//! From PutMetricAlarm's input to a definition: what the API allows. Source: "PutMetricAlarm".

use std::collections::BTreeSet;

use watchkeep_core::ports::{AlarmMetrics, MetricPlace, PromQlQueries, QueryShape, WatchError};
use watchkeep_core::{AccountId, Caller};
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    ActionConfiguration, Dimension, EvaluationCriteria, EvaluationWindow, MetricDataQuery, PutMetricAlarmInput,
    WarmUpConfiguration,
};

use crate::actions::{What, kind_of};
use crate::errors::{of_watch, validation};
use crate::evaluation::{Operator, PERIODS_S, StateValue, Treat, time_zone};
use crate::limits::{
    GROUPS_WINDOW_S_MAX, INTERVAL_S_MAX, PENDING_S_MAX, QUERIES_MAX, SHORT_WINDOW_S_MAX, WARM_UP_MINUTES_MAX,
    WINDOW_S_MAX,
};
use crate::plan;
use crate::resources::{
    Actions, Definition, LowSamples, MetricDefinition, PromQlDefinition, QueryDefinition, TagsPropagation, WarmUp,
    Watched, Window,
};

/// The definition that an input gives.
///
/// # Errors
///
/// `ValidationError`.
pub(crate) fn definition(input: &PutMetricAlarmInput, asked: Asked<'_>) -> Result<Definition, ServiceError> {
    check_name(&input.alarm_name)?;
    match &input.evaluation_criteria {
        Some(criteria) => promql(input, criteria, asked),
        None if input.evaluation_interval.is_some() => {
            Err(validation("EvaluationInterval can be used only with EvaluationCriteria."))
        }
        None => of_threshold(input, asked),
    }
}

/// Who asks, and of whom it is known what can be watched.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub caller: &'a Caller,
    pub metrics: &'a dyn AlarmMetrics,
    pub promql: Option<&'a dyn PromQlQueries>,
    /// In milliseconds since the epoch.
    pub now_ms: i64,
}

/// The definition of an alarm on a metric or on queries.
fn of_threshold(input: &PutMetricAlarmInput, asked: Asked<'_>) -> Result<Definition, ServiceError> {
    let operator = required(input.comparison_operator.as_deref(), "ComparisonOperator")?;
    let operator = Operator::parse(operator).ok_or_else(|| invalid(operator, "ComparisonOperator"))?;
    let periods =
        positive(input.evaluation_periods, "EvaluationPeriods")?.ok_or_else(|| missing("EvaluationPeriods"))?;
    let to_alarm = positive(input.datapoints_to_alarm, "DatapointsToAlarm")?;
    if to_alarm.is_some_and(|to_alarm| to_alarm > periods) {
        return Err(validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods"));
    }
    check_threshold(input, operator)?;
    let (caller, metrics) = (asked.caller, asked.metrics);
    let place = MetricPlace { account: caller.account, region: caller.region.clone() };
    let (watched, shape) = match &input.metrics {
        Some(queries) if !queries.is_empty() => of_queries(input, queries, &place, metrics)?,
        _ => (Watched::Metric(of_metric(input, &place, metrics)?), QueryShape::Series),
    };
    let treat = treatment(input.treat_missing_data.as_deref())?;
    let low_samples = match input.evaluate_low_sample_count_percentile.as_deref() {
        None => None,
        Some("evaluate") => Some(LowSamples::Evaluate),
        Some("ignore") => Some(LowSamples::Ignore),
        Some(text) => return Err(invalid(text, "EvaluateLowSampleCountPercentile")),
    };
    let definition = Definition {
        description: input.alarm_description.clone(),
        actions: action_lists(input)?,
        watched,
        periods: Some(periods),
        to_alarm,
        operator: Some(operator),
        threshold: input.threshold,
        threshold_metric_id: input.threshold_metric_id.clone(),
        treat,
        low_samples,
        window: window(input.evaluation_window.as_ref(), asked.now_ms)?,
        warm_up: warm_up(input.warm_up_configuration.as_ref())?,
        tags_propagation: tags_propagation(input.action_configuration.clone())?,
    };
    check_window(&definition, periods, shape)?;
    check_actions(&definition, shape)?;
    Ok(definition)
}

fn check_threshold(input: &PutMetricAlarmInput, operator: Operator) -> Result<(), ServiceError> {
    match (operator.is_of_band(), input.threshold, &input.threshold_metric_id) {
        (true, None, Some(_)) | (false, Some(_), None) => {}
        (_, Some(_), Some(_)) => return Err(exclusive("Threshold", "ThresholdMetricId")),
        (true, ..) => {
            return Err(validation(format!(
                "ComparisonOperator {} can be used only with ThresholdMetricId.",
                operator.as_str()
            )));
        }
        (false, None, Some(_)) => {
            let text = "ThresholdMetricId can be used only with a ComparisonOperator for anomaly detection.";
            return Err(validation(text));
        }
        (false, None, None) => return Err(missing("Threshold")),
    }
    match input.threshold.is_some_and(|threshold| !threshold.is_finite()) {
        true => Err(validation("Threshold must be a finite number.")),
        false => Ok(()),
    }
}

/// The definition of an alarm on a PromQL query. Source: "PromQL alarms".
fn promql(
    input: &PutMetricAlarmInput,
    criteria: &EvaluationCriteria,
    asked: Asked<'_>,
) -> Result<Definition, ServiceError> {
    let excluded = [
        ("Namespace", input.namespace.is_some()),
        ("MetricName", input.metric_name.is_some()),
        ("Dimensions", input.dimensions.as_ref().is_some_and(|dimensions| !dimensions.is_empty())),
        ("Period", input.period.is_some()),
        ("Unit", input.unit.is_some()),
        ("Statistic", input.statistic.is_some()),
        ("ExtendedStatistic", input.extended_statistic.is_some()),
        ("Metrics", input.metrics.as_ref().is_some_and(|metrics| !metrics.is_empty())),
        ("Threshold", input.threshold.is_some()),
        ("ComparisonOperator", input.comparison_operator.is_some()),
        ("ThresholdMetricId", input.threshold_metric_id.is_some()),
        ("EvaluationPeriods", input.evaluation_periods.is_some()),
        ("DatapointsToAlarm", input.datapoints_to_alarm.is_some()),
        ("TreatMissingData", input.treat_missing_data.is_some()),
        ("EvaluateLowSampleCountPercentile", input.evaluate_low_sample_count_percentile.is_some()),
        ("EvaluationWindow", input.evaluation_window.is_some()),
    ];
    if let Some((name, _)) = excluded.into_iter().find(|(_, is_given)| *is_given) {
        return Err(exclusive("EvaluationCriteria", name));
    }
    let Some(criteria) = &criteria.prom_ql_criteria else {
        return Err(validation("EvaluationCriteria must specify PromQLCriteria."));
    };
    let interval_s = positive(input.evaluation_interval, "EvaluationInterval")?;
    let interval_s = interval_s.ok_or_else(|| missing("EvaluationInterval"))?;
    if !matches!(interval_s, 10 | 20 | 30) && (interval_s > INTERVAL_S_MAX || !interval_s.is_multiple_of(60)) {
        let text = format!("EvaluationInterval must be 10, 20, 30 or a multiple of 60, at most {INTERVAL_S_MAX}");
        return Err(validation(text));
    }
    let queries = asked.promql.ok_or_else(|| validation("PromQL queries cannot be evaluated here."))?;
    queries.check(&criteria.query).map_err(|error| match error {
        WatchError::Invalid(why) => validation(format!("The PromQL query is not valid: {why}")),
        error => of_watch(error),
    })?;
    let watched = Watched::PromQl(PromQlDefinition {
        query: criteria.query.clone(),
        pending_s: period(criteria.pending_period, "PendingPeriod")?,
        recovery_s: period(criteria.recovery_period, "RecoveryPeriod")?,
        interval_s,
    });
    let definition = Definition {
        description: input.alarm_description.clone(),
        actions: action_lists(input)?,
        watched,
        periods: None,
        to_alarm: None,
        operator: None,
        threshold: None,
        threshold_metric_id: None,
        treat: None,
        low_samples: None,
        window: None,
        warm_up: warm_up(input.warm_up_configuration.as_ref())?,
        tags_propagation: tags_propagation(input.action_configuration.clone())?,
    };
    check_actions(&definition, QueryShape::Groups { is_ordered: true })?;
    Ok(definition)
}

/// A period of a PromQL alarm, in seconds.
fn period(given: Option<i32>, name: &str) -> Result<Option<u32>, ServiceError> {
    let checked = |given: i32| {
        let seconds = u32::try_from(given).ok().filter(|seconds| *seconds <= PENDING_S_MAX);
        seconds.ok_or_else(|| validation(format!("{name} must be between 0 and {PENDING_S_MAX}.")))
    };
    given.map(checked).transpose()
}

fn window(given: Option<&EvaluationWindow>, now_ms: i64) -> Result<Option<Window>, ServiceError> {
    let Some(given) = given else { return Ok(None) };
    match (&given.wall_clock_window, &given.sliding_window) {
        (None, Some(_)) => Ok(Some(Window::Sliding)),
        (Some(wall_clock), None) => {
            let timezone = wall_clock.timezone.clone();
            if let Some(name) = &timezone
                && time_zone(name, now_ms).is_none()
            {
                return Err(validation(format!(
                    "The time zone {name} is not valid: it must be an IANA time zone or an offset from UTC that is a multiple of five minutes."
                )));
            }
            Ok(Some(Window::WallClock { timezone }))
        }
        _ => Err(validation("EvaluationWindow must specify exactly one of WallClockWindow and SlidingWindow.")),
    }
}

/// What stands for missing data.
pub(crate) fn treatment(given: Option<&str>) -> Result<Option<Treat>, ServiceError> {
    let parsed = |text: &str| Treat::parse(text).ok_or_else(|| invalid(text, "TreatMissingData"));
    given.map(parsed).transpose()
}

/// How a new alarm waits for data.
pub(crate) fn warm_up(given: Option<&WarmUpConfiguration>) -> Result<Option<WarmUp>, ServiceError> {
    let Some(given) = given else { return Ok(None) };
    let minutes = u32::try_from(given.warm_up_period_duration_in_minutes).unwrap_or_default();
    if !(1..=WARM_UP_MINUTES_MAX).contains(&minutes) {
        let text = format!("WarmUpPeriodDurationInMinutes must be between 1 and {WARM_UP_MINUTES_MAX}.");
        return Err(validation(text));
    }
    Ok(Some(WarmUp { minutes, only_after: given.only_start_evaluating_after_warm_up_period_ends }))
}

/// Which tags are told of together with changes of an alarm.
///
/// # Errors
///
/// `ValidationError` if keys are both included and excluded.
pub(crate) fn tags_propagation(given: Option<ActionConfiguration>) -> Result<Option<TagsPropagation>, ServiceError> {
    let Some(given) = given.and_then(|given| given.alarm_tags_propagation) else { return Ok(None) };
    if given.included_tag_keys.is_some() && given.excluded_tag_keys.is_some() {
        return Err(exclusive("IncludedTagKeys", "ExcludedTagKeys"));
    }
    let (included, excluded) = (given.included_tag_keys, given.excluded_tag_keys);
    Ok(Some(TagsPropagation { enabled: given.enabled, included, excluded }))
}

fn action_lists(input: &PutMetricAlarmInput) -> Result<Actions, ServiceError> {
    actions(input.actions_enabled, [&input.ok_actions, &input.alarm_actions, &input.insufficient_data_actions])
}

/// The action lists of a request, in the order OK, ALARM, INSUFFICIENT_DATA.
///
/// # Errors
///
/// `ValidationError` if one is no ARN of an action that there can be.
pub(crate) fn actions(enabled: Option<bool>, lists: [&Option<Vec<String>>; 3]) -> Result<Actions, ServiceError> {
    let states = [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData];
    for (state, list) in states.into_iter().zip(lists) {
        for arn in list.iter().flatten() {
            let kind = kind_of(arn).ok_or_else(|| validation(format!("Invalid arn syntax: {arn}")))?;
            if !kind.states.has(state) {
                return Err(validation(format!("The action {arn} can be used only as an ALARM action.")));
            }
        }
    }
    let [ok, alarm, insufficient_data] = lists.map(|list| list.clone().unwrap_or_default());
    Ok(Actions { enabled: enabled != Some(false), ok, alarm, insufficient_data })
}

/// Checks the name of an alarm.
pub(crate) fn check_name(name: &str) -> Result<(), ServiceError> {
    match name.chars().any(|c| c.is_ascii_control()) {
        true => Err(validation("AlarmName must not contain control characters.")),
        false => Ok(()),
    }
}

fn of_metric(
    input: &PutMetricAlarmInput,
    place: &MetricPlace,
    metrics: &dyn AlarmMetrics,
) -> Result<MetricDefinition, ServiceError> {
    if input.threshold_metric_id.is_some() {
        return Err(validation("ThresholdMetricId can be used only with Metrics."));
    }
    let name = required(input.metric_name.as_deref(), "MetricName")?.to_owned();
    let namespace = required(input.namespace.as_deref(), "Namespace")?.to_owned();
    let statistic = match (&input.statistic, &input.extended_statistic) {
        (Some(basic), None) => basic.clone(),
        (None, Some(extended)) => {
            let parsed = Statistic::parse(extended).map_err(|_| invalid(extended, "ExtendedStatistic"))?;
            if !parsed.is_extended() {
                return Err(invalid(extended, "ExtendedStatistic"));
            }
            extended.clone()
        }
        (Some(_), Some(_)) => return Err(exclusive("Statistic", "ExtendedStatistic")),
        (None, None) => return Err(validation("Either Statistic or ExtendedStatistic must be specified.")),
    };
    let period_s = positive(input.period, "Period")?.ok_or_else(|| missing("Period"))?;
    check_period(period_s)?;
    let definition = MetricDefinition {
        namespace,
        name,
        dimensions: dimensions(input.dimensions.as_deref().unwrap_or_default()),
        statistic,
        period_s,
        unit: input.unit.clone(),
    };
    metrics.watch(&plan::watched_metric(&definition, place)).map_err(of_watch)?;
    Ok(definition)
}

fn of_queries(
    input: &PutMetricAlarmInput,
    given: &[MetricDataQuery],
    place: &MetricPlace,
    metrics: &dyn AlarmMetrics,
) -> Result<(Watched, QueryShape), ServiceError> {
    let excluded = [
        ("MetricName", input.metric_name.is_some()),
        ("Namespace", input.namespace.is_some()),
        ("Dimensions", input.dimensions.as_ref().is_some_and(|dimensions| !dimensions.is_empty())),
        ("Period", input.period.is_some()),
        ("Unit", input.unit.is_some()),
        ("Statistic", input.statistic.is_some()),
        ("ExtendedStatistic", input.extended_statistic.is_some()),
    ];
    if let Some((name, _)) = excluded.into_iter().find(|(_, is_given)| *is_given) {
        return Err(exclusive("Metrics", name));
    }
    let (metric_count, all) = (given.iter().filter(|query| query.metric_stat.is_some()).count(), given.len());
    if metric_count > QUERIES_MAX || all - metric_count > QUERIES_MAX {
        let text = format!("Metrics can hold at most {QUERIES_MAX} metrics and {QUERIES_MAX} expressions.");
        return Err(validation(text));
    }
    let queries: Vec<QueryDefinition> =
        given.iter().map(|query| query_of(query, place.account)).collect::<Result<_, _>>()?;
    let periods: BTreeSet<u32> = queries.iter().filter_map(|query| query.metric.as_ref()).map(|m| m.period_s).collect();
    if periods.len() > 1 {
        return Err(validation("All metrics of an alarm must have the same period."));
    }
    periods.iter().try_for_each(|period_s| check_period(*period_s))?;
    let checked = metrics.check(place, &plan::watch_queries(&queries)).map_err(of_watch)?;
    let wanted = input.threshold_metric_id.as_deref();
    let band = checked.iter().find(|query| wanted == Some(query.id.as_str()));
    let others: Vec<_> = checked.iter().filter(|query| wanted != Some(query.id.as_str())).collect();
    let main = match (wanted, band, others.as_slice()) {
        (None, _, [main]) => main,
        (Some(_), Some(band), [main]) if band.shape == QueryShape::Band => main,
        (Some(id), None, _) => {
            return Err(validation(format!("ThresholdMetricId {id} names no query with ReturnData true.")));
        }
        (Some(_), Some(band), [_]) => {
            return Err(validation(format!("The query {} is no ANOMALY_DETECTION_BAND.", band.id)));
        }
        _ => return Err(validation("Exactly one element of the metrics list should return data.")),
    };
    match main.shape {
        QueryShape::Series => {}
        QueryShape::Groups { is_ordered: true } if wanted.is_none() => {}
        QueryShape::Groups { .. } => {
            return Err(validation("A query with GROUP BY must have ORDER BY to be used in an alarm."));
        }
        QueryShape::Band | QueryShape::Array => {
            return Err(validation(format!("The expression {} must return a single time series.", main.id)));
        }
    }
    let searches = queries.iter().filter_map(|query| query.expression.as_deref());
    if searches.into_iter().any(|text| text.to_ascii_uppercase().contains("SEARCH(")) {
        return Err(validation("SEARCH is not supported in alarms."));
    }
    let period_s = u32::try_from(main.period_s).map_err(|_| validation("Period is too long."))?;
    check_period(period_s)?;
    Ok((Watched::Queries { queries, period_s }, main.shape))
}

fn query_of(query: &MetricDataQuery, account: AccountId) -> Result<QueryDefinition, ServiceError> {
    if query.account_id.as_deref().is_some_and(|other| other != account.as_str()) {
        return Err(validation(format!("The account of the query {} is not linked to this one.", query.id)));
    }
    let metric = query.metric_stat.as_ref().map(|stat| {
        Ok::<_, ServiceError>(MetricDefinition {
            namespace: stat.metric.namespace.clone().unwrap_or_default(),
            name: stat.metric.metric_name.clone().unwrap_or_default(),
            dimensions: dimensions(stat.metric.dimensions.as_deref().unwrap_or_default()),
            statistic: stat.stat.clone(),
            period_s: positive(Some(stat.period), "Period")?.unwrap_or_default(),
            unit: stat.unit.clone(),
        })
    });
    Ok(QueryDefinition {
        id: query.id.clone(),
        metric: metric.transpose()?,
        expression: query.expression.clone(),
        label: query.label.clone(),
        returns_data: query.return_data,
        period_s: positive(query.period, "Period")?,
        account_id: query.account_id.clone(),
    })
}

fn dimensions(given: &[Dimension]) -> Vec<(String, String)> {
    given.iter().map(|dimension| (dimension.name.clone(), dimension.value.clone())).collect()
}

fn check_period(period_s: u32) -> Result<(), ServiceError> {
    match period_s {
        10 | 20 | 30 => Ok(()),
        _ if period_s >= 60 && period_s.is_multiple_of(60) => Ok(()),
        _ => Err(validation("Period must be 10, 20, 30 or a multiple of 60")),
    }
}

fn check_window(definition: &Definition, periods: u32, shape: QueryShape) -> Result<(), ServiceError> {
    let (period_s, periods) = (definition.period_s(), i64::from(periods));
    let is_wall_clock = matches!(definition.window, Some(Window::WallClock { .. }));
    if is_wall_clock {
        check_wall_clock(definition)?;
    }
    // A period more is needed to keep to the clock.
    let asked = if is_wall_clock && matches!(shape, QueryShape::Groups { .. }) { periods + 1 } else { periods };
    let window_s = period_s.saturating_mul(asked);
    if matches!(shape, QueryShape::Groups { .. }) && window_s > GROUPS_WINDOW_S_MAX {
        return Err(validation(format!(
            "A query with GROUP BY cannot be checked across more than three hours (EvaluationPeriods * Period must be <= \
             {GROUPS_WINDOW_S_MAX})"
        )));
    }
    let (max_s, span) = if period_s < 3600 { (SHORT_WINDOW_S_MAX, "day") } else { (WINDOW_S_MAX, "week") };
    if window_s > max_s {
        return Err(validation(format!(
            "Metrics cannot be checked across more than a {span} (EvaluationPeriods * Period must be <= {max_s})"
        )));
    }
    Ok(())
}

fn check_wall_clock(definition: &Definition) -> Result<(), ServiceError> {
    let queries = match &definition.watched {
        Watched::Queries { queries, .. } => queries.as_slice(),
        Watched::Metric(_) | Watched::PromQl(_) | Watched::Logs(_) => &[],
    };
    let all = queries.iter().filter_map(|query| query.metric.as_ref().map(|m| m.period_s).or(query.period_s));
    let mut all = all.chain(u32::try_from(definition.period_s()).ok());
    match all.all(|period_s| PERIODS_S.contains(&period_s)) {
        true => Ok(()),
        false => Err(validation(
            "A WallClockWindow can be used only with a period of 60, 300, 3600, 86400 or 604800 seconds.",
        )),
    }
}

fn check_actions(definition: &Definition, shape: QueryShape) -> Result<(), ServiceError> {
    let has = |what: What| definition.actions.all().any(|arn| kind_of(arn).is_some_and(|kind| kind.what == what));
    let names_instance = match &definition.watched {
        Watched::Metric(metric) => metric.dimensions.iter().any(|(name, _)| name == "InstanceId"),
        Watched::Queries { .. } | Watched::PromQl(_) | Watched::Logs(_) => false,
    };
    if has(What::Instance) && !names_instance {
        return Err(validation("EC2 actions can be used only with one metric that has the dimension InstanceId."));
    }
    let is_of_many = matches!(shape, QueryShape::Groups { .. });
    if has(What::Scaling) && (definition.operator.is_some_and(Operator::is_of_band) || is_of_many) {
        return Err(validation("Auto Scaling actions cannot be used with this alarm."));
    }
    Ok(())
}

pub(crate) fn positive(value: Option<i32>, name: &str) -> Result<Option<u32>, ServiceError> {
    let checked = |value: i32| {
        let positive = u32::try_from(value).ok().filter(|value| *value > 0);
        positive.ok_or_else(|| validation(format!("{name} must be greater than 0.")))
    };
    value.map(checked).transpose()
}

fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, ServiceError> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ServiceError {
    validation(format!("The parameter {name} is required."))
}

pub(crate) fn invalid(value: &str, name: &str) -> ServiceError {
    validation(format!("The value {value} for parameter {name} is invalid."))
}

fn exclusive(one: &str, other: &str) -> ServiceError {
    validation(format!("The parameters {one} and {other} are mutually exclusive and you have specified both."))
}
