//! What PutLogAlarm allows. Sources: "PutLogAlarm", "ScheduledQueryConfiguration", "ScheduleConfiguration".

use serde::{Deserialize, Serialize};
use watchkeep_core::Arn;
use watchkeep_core::ports::AlarmLogQuery;
use watchkeep_lang::event_schedule::EventSchedule;
use watchkeep_lang::log_aggregation::LogAggregation;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{PutLogAlarmInput, ScheduleConfiguration, ScheduledQueryConfiguration};

use crate::actions::{What, kind_of};
use crate::definition::{actions, check_name, invalid, positive, tags_propagation, treatment, warm_up};
use crate::errors::validation;
use crate::evaluation::Operator;
use crate::limits::{LOG_LINES_MAX, QUERY_RESULTS_MAX, SECOND_MS};
use crate::put_metric_alarm::checked_tags;
use crate::resources::{Definition, Tags, Watched};

/// The query of a log alarm, and what becomes of its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogDefinition {
    pub query: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The ARN of the scheduled query that runs for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_arn: Option<String>,
    pub role: String,
    /// As `rate(5 minutes)`; and its seconds.
    pub schedule: String,
    pub interval_s: u32,
    /// The seconds before a run at which the events begin that it reads, and end.
    pub start_offset_s: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_offset_s: Option<i64>,
    pub aggregation: String,
    /// The tags that the scheduled query was made with.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The rows that notifications have, and the role to read them as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines_role: Option<String>,
}

impl LogDefinition {
    /// Whether results of both queries are of the same: those of the one count for the other.
    pub(crate) fn asks_like(&self, other: &LogDefinition) -> bool {
        let asked = |of: &LogDefinition| {
            let offsets = (of.start_offset_s, of.end_offset_s.unwrap_or_default());
            (of.query.clone(), of.groups.clone(), of.schedule.clone(), offsets, of.aggregation.clone())
        };
        asked(self) == asked(other)
    }

    /// Whether the numbers are of groups, its contributors.
    pub(crate) fn has_groups(&self) -> bool {
        // It was parsed when it was put.
        LogAggregation::parse(&self.aggregation).is_ok_and(|aggregation| aggregation.has_groups())
    }

    /// The scheduled query, for who keeps it.
    pub(crate) fn scheduled(&self, alarm: u64, alarm_name: &str) -> AlarmLogQuery {
        AlarmLogQuery {
            alarm,
            alarm_name: alarm_name.to_owned(),
            query: self.query.clone(),
            groups: self.groups.clone(),
            aggregation: self.aggregation.clone(),
            schedule: self.schedule.clone(),
            start_offset_s: self.start_offset_s,
            end_offset_s: self.end_offset_s.unwrap_or_default(),
            role: self.role.clone(),
            tags: self.tags.clone(),
        }
    }
}

/// The definition that an input gives; what is wrong with the query itself is found when it is kept.
///
/// # Errors
///
/// `ValidationError`.
pub(crate) fn definition(input: &PutLogAlarmInput) -> Result<Definition, ServiceError> {
    check_name(&input.alarm_name)?;
    let operator = Operator::parse(&input.comparison_operator).filter(|operator| !operator.is_of_band());
    let operator = operator.ok_or_else(|| invalid(&input.comparison_operator, "ComparisonOperator"))?;
    if !input.threshold.is_finite() {
        return Err(validation("Threshold must be a finite number."));
    }
    let results = positive(Some(input.query_results_to_evaluate), "QueryResultsToEvaluate")?.unwrap_or(1);
    if results > QUERY_RESULTS_MAX {
        return Err(validation(format!("QueryResultsToEvaluate must be between 1 and {QUERY_RESULTS_MAX}.")));
    }
    let to_alarm = positive(Some(input.query_results_to_alarm), "QueryResultsToAlarm")?;
    if to_alarm.is_some_and(|to_alarm| to_alarm > results) {
        return Err(validation("QueryResultsToAlarm must be less than or equal to QueryResultsToEvaluate"));
    }
    let mut watched = query(&input.scheduled_query_configuration)?;
    (watched.lines, watched.lines_role) = lines(input)?;
    let lists = [&input.ok_actions, &input.alarm_actions, &input.insufficient_data_actions];
    let actions = actions(input.actions_enabled, lists)?;
    if let Some(arn) = actions.all().find(|arn| !is_possible(arn)) {
        return Err(validation(format!("The action {arn} cannot be used with a log alarm.")));
    }
    Ok(Definition {
        description: input.alarm_description.clone(),
        actions,
        watched: Watched::Logs(Box::new(watched)),
        periods: Some(results),
        to_alarm,
        operator: Some(operator),
        threshold: Some(input.threshold),
        threshold_metric_id: None,
        treat: treatment(input.treat_missing_data.as_deref())?,
        low_samples: None,
        window: None,
        warm_up: warm_up(input.warm_up_configuration.as_ref())?,
        tags_propagation: tags_propagation(input.action_configuration.clone())?,
    })
}

fn query(given: &ScheduledQueryConfiguration) -> Result<LogDefinition, ServiceError> {
    LogAggregation::parse(&given.aggregation_expression)
        .map_err(|error| validation(format!("The AggregationExpression is not valid: {error}.")))?;
    check_role(&given.scheduled_query_role_arn, "ScheduledQueryRoleARN")?;
    let ScheduleConfiguration { schedule_expression, start_time_offset, end_time_offset } =
        &given.schedule_configuration;
    if *start_time_offset < 1 {
        return Err(validation("StartTimeOffset must be greater than 0."));
    }
    if !(0..*start_time_offset).contains(&end_time_offset.unwrap_or_default()) {
        return Err(validation("EndTimeOffset must not be negative, and must be less than StartTimeOffset."));
    }
    Ok(LogDefinition {
        query: given.query_string.clone(),
        groups: given.log_group_identifiers.clone().unwrap_or_default(),
        query_arn: given.query_arn.clone(),
        role: given.scheduled_query_role_arn.clone(),
        schedule: schedule_expression.clone(),
        interval_s: interval_s(schedule_expression)?,
        start_offset_s: *start_time_offset,
        end_offset_s: *end_time_offset,
        aggregation: given.aggregation_expression.clone(),
        tags: checked_tags(given.tags.clone())?,
        lines: None,
        lines_role: None,
    })
}

/// The seconds of a rate.
fn interval_s(expression: &str) -> Result<u32, ServiceError> {
    let rate = Some(expression).filter(|text| text.starts_with("rate("));
    let rate = rate.and_then(|text| EventSchedule::parse(text).ok());
    let interval_ms = rate.and_then(|rate| rate.next_after(0, 0));
    let interval_s = interval_ms.and_then(|interval_ms| u32::try_from(interval_ms / SECOND_MS).ok());
    interval_s.ok_or_else(|| {
        validation(format!(
            "The ScheduleExpression {expression} is not valid: it must be of the form rate(value unit), as rate(5 minutes)."
        ))
    })
}

/// How many rows notifications have, and the role to read them as.
fn lines(input: &PutLogAlarmInput) -> Result<(Option<u32>, Option<String>), ServiceError> {
    let role = input.action_log_line_role_arn.as_deref();
    if let Some(role) = role {
        check_role(role, "ActionLogLineRoleArn")?;
    }
    let Some(given) = input.action_log_line_count else { return Ok((None, role.map(str::to_owned))) };
    let count = u32::try_from(given).ok().filter(|count| *count <= LOG_LINES_MAX);
    let count =
        count.ok_or_else(|| validation(format!("ActionLogLineCount must be between 0 and {LOG_LINES_MAX}.")))?;
    match role {
        None if count > 0 => {
            Err(validation("ActionLogLineRoleArn is required when ActionLogLineCount is greater than 0."))
        }
        role => Ok((Some(count), role.map(str::to_owned))),
    }
}

fn check_role(text: &str, name: &str) -> Result<(), ServiceError> {
    let arn: Option<Arn> = text.parse().ok();
    match arn.is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/")) {
        true => Ok(()),
        false => Err(validation(format!("The parameter {name} must be the ARN of an IAM role: {text}"))),
    }
}

/// Incidents and investigations are not for log alarms, nor are actions on metrics' resources.
fn is_possible(arn: &str) -> bool {
    match kind_of(arn).map(|kind| kind.what) {
        Some(What::Topic | What::Function) => true,
        Some(What::SystemsManager) => arn.parse().is_ok_and(|arn: Arn| arn.service == "ssm"),
        _ => false,
    }
}
