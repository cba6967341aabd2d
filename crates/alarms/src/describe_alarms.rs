//! DescribeAlarms and DescribeAlarmsForMetric.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::MetricAlarm as Described;
use watchkeep_model::cloudwatch::{
    DescribeAlarmsForMetricInput, DescribeAlarmsForMetricOutput, DescribeAlarmsInput, DescribeAlarmsOutput,
};
use watchkeep_store::Versioned;

use crate::Alarms;
use crate::errors::{invalid_token, validation};
use crate::limits::{NAMES_MAX, PAGE};
use crate::paging;
use crate::render::described;
use crate::resources::{MetricAlarm, Watched, regional};

/// How many alarms are looked at together.
const LOOKED_AT: usize = 1000;

/// Lists alarms by name.
pub(crate) async fn describe_alarms(
    service: &Alarms,
    caller: &Caller,
    input: DescribeAlarmsInput,
) -> Result<DescribeAlarmsOutput, ServiceError> {
    let names = input.alarm_names.clone().filter(|names| !names.is_empty());
    if names.as_ref().is_some_and(|names| names.len() > NAMES_MAX) {
        return Err(validation(format!("The collection AlarmNames must not have a size greater than {NAMES_MAX}.")));
    }
    if names.is_some() && input.alarm_name_prefix.is_some() {
        return Err(validation("AlarmNames and AlarmNamePrefix cannot both be specified."));
    }
    check_relatives(&input)?;
    let page = input.max_records.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE);
    let after = input.next_token.as_deref().map(|token| paging::place(token).ok_or_else(invalid_token)).transpose()?;
    // Composite alarms, which there are none of, and log alarms.
    let wants_metric_alarms = input
        .alarm_types
        .as_ref()
        .is_none_or(|types| types.is_empty() || types.iter().any(|kind| kind == "MetricAlarm"));
    let has_relatives = input.children_of_alarm_name.is_some() || input.parents_of_alarm_name.is_some();
    let mut found = Vec::new();
    if wants_metric_alarms && !has_relatives {
        let is_wanted = |alarm: &MetricAlarm| is_wanted(alarm, &input);
        match &names {
            Some(names) => {
                let names: BTreeSet<&String> = names.iter().collect();
                let behind = names.into_iter().filter(|name| after.as_ref().is_none_or(|after| *name > after));
                let alarms =
                    behind.filter_map(|name| service.engine.resources.metric_alarms.get(&regional(caller, name)));
                found.extend(alarms.filter(|alarm| is_wanted(alarm)).take(page + 1));
            }
            None => {
                let prefix = input.alarm_name_prefix.as_deref().unwrap_or_default();
                found = walk(service, caller, prefix, after, page + 1, is_wanted);
            }
        }
    }
    let has_more = found.len() > page;
    found.truncate(page);
    let next_token = found.last().filter(|_| has_more).map(|alarm| paging::token(&alarm.key.name));
    Ok(DescribeAlarmsOutput {
        composite_alarms: Some(Vec::new()),
        metric_alarms: Some(found.iter().map(|alarm| shown(service, alarm)).collect()),
        log_alarms: Some(Vec::new()),
        next_token,
    })
}

/// Lists the alarms on exactly this metric.
pub(crate) async fn describe_alarms_for_metric(
    service: &Alarms,
    caller: &Caller,
    input: DescribeAlarmsForMetricInput,
) -> Result<DescribeAlarmsForMetricOutput, ServiceError> {
    let given = input.dimensions.as_deref().unwrap_or_default();
    let dimensions: BTreeSet<(&str, &str)> = given.iter().map(|d| (d.name.as_str(), d.value.as_str())).collect();
    let is_wanted = |alarm: &MetricAlarm| {
        let Watched::Metric(metric) = &alarm.definition.watched else { return false };
        let own: BTreeSet<(&str, &str)> = metric.dimensions.iter().map(|(name, value)| (&**name, &**value)).collect();
        let statistic = input.statistic.as_ref().or(input.extended_statistic.as_ref());
        metric.namespace == input.namespace
            && metric.name == input.metric_name
            && own == dimensions
            && statistic.is_none_or(|statistic| *statistic == metric.statistic)
            && input.period.is_none_or(|period_s| i64::from(period_s) == i64::from(metric.period_s))
            && input.unit.as_ref().is_none_or(|unit| Some(unit) == metric.unit.as_ref())
    };
    let found = walk(service, caller, "", None, usize::MAX, is_wanted);
    let alarms = found.iter().map(|alarm| shown(service, alarm));
    Ok(DescribeAlarmsForMetricOutput { metric_alarms: Some(alarms.collect()) })
}

fn shown(service: &Alarms, alarm: &Versioned<MetricAlarm>) -> Described {
    described(&alarm.key, alarm, service.engine.book.evaluation(&alarm.key))
}

/// The first alarms whose names begin so, come behind, and are wanted.
fn walk(
    service: &Alarms,
    caller: &Caller,
    prefix: &str,
    mut after: Option<String>,
    max: usize,
    is_wanted: impl Fn(&MetricAlarm) -> bool,
) -> Vec<Arc<Versioned<MetricAlarm>>> {
    let mut found = Vec::new();
    loop {
        let alarms = &service.engine.resources.metric_alarms;
        let some = alarms.list(&caller.account, Some(&caller.region), prefix, after.as_deref(), LOOKED_AT);
        let is_last = some.len() < LOOKED_AT;
        after = some.last().map(|alarm| alarm.key.name.clone());
        for alarm in some {
            if is_wanted(&alarm) {
                found.push(alarm);
            }
            if found.len() >= max {
                return found;
            }
        }
        if is_last {
            return found;
        }
    }
}

fn is_wanted(alarm: &MetricAlarm, input: &DescribeAlarmsInput) -> bool {
    let in_state = input.state_value.as_deref().is_none_or(|state| state == alarm.state.value.as_str());
    let prefix = input.action_prefix.as_deref();
    in_state && prefix.is_none_or(|prefix| alarm.definition.actions.all().any(|arn| arn.starts_with(prefix)))
}

/// Who asks for the relatives of an alarm asks for nothing else.
fn check_relatives(input: &DescribeAlarmsInput) -> Result<(), ServiceError> {
    let (children, parents) = (input.children_of_alarm_name.is_some(), input.parents_of_alarm_name.is_some());
    let others = input.alarm_names.is_some()
        || input.alarm_name_prefix.is_some()
        || input.alarm_types.is_some()
        || input.state_value.is_some()
        || input.action_prefix.is_some();
    match (children, parents) {
        (false, false) => Ok(()),
        (true, true) => Err(validation("ChildrenOfAlarmName and ParentsOfAlarmName cannot both be specified.")),
        (..) if others => {
            let name = if children { "ChildrenOfAlarmName" } else { "ParentsOfAlarmName" };
            Err(validation(format!("{name} cannot be combined with other filters.")))
        }
        _ => Ok(()),
    }
}
