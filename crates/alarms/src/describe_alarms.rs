//! DescribeAlarms and DescribeAlarmsForMetric.

use std::collections::BTreeSet;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::cloudwatch::{
    CompositeAlarm as DescribedComposite, LogAlarm as DescribedLog, MetricAlarm as Described,
};
use watchkeep_model::cloudwatch::{
    DescribeAlarmsForMetricInput, DescribeAlarmsForMetricOutput, DescribeAlarmsInput, DescribeAlarmsOutput,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{Collection, Resource, Versioned};

use crate::Alarms;
use crate::composite::alarm::CompositeAlarm;
use crate::errors::{invalid_token, validation};
use crate::kept::Kind;
use crate::limits::{LOOKED_AT, NAMES_MAX, PAGE};
use crate::paging;
use crate::render::{described, described_composite, described_log};
use crate::resources::{Actions, MetricAlarm, State, Watched, arn, regional};
use crate::warm_up::IN_WARM_UP;

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
    if let Some(name) = &input.children_of_alarm_name {
        return Ok(children(service, caller, name));
    }
    if let Some(name) = &input.parents_of_alarm_name {
        return parents(service, caller, name, &input);
    }
    let page = page(&input);
    let after = after(&input)?;
    let wants = |kind: Kind| match input.alarm_types.as_deref() {
        None | Some([]) => kind == Kind::Metric,
        Some(types) => types.iter().any(|one| one == kind.as_str()),
    };
    let (mut watching, mut composite) = (Vec::new(), Vec::new());
    let resources = &service.engine.resources;
    let wanted = (caller, &names, input.alarm_name_prefix.as_deref().unwrap_or_default(), after.as_deref());
    if wants(Kind::Metric) || wants(Kind::Log) {
        let is_wanted = |alarm: &MetricAlarm| {
            wants(alarm.definition.kind()) && is_wanted(&alarm.state, &alarm.definition.actions, &input)
        };
        watching = find(&resources.metric_alarms, wanted, page + 1, is_wanted);
    }
    if wants(Kind::Composite) {
        let is_wanted = |alarm: &CompositeAlarm| is_wanted(&alarm.state, &alarm.definition.actions, &input);
        composite = find(&resources.composite_alarms, wanted, page + 1, is_wanted);
    }
    // One order of names over all kinds.
    let mut listed: Vec<String> = watching.iter().map(|alarm| alarm.key.name.clone()).collect();
    listed.extend(composite.iter().map(|alarm| alarm.key.name.clone()));
    listed.sort();
    let last = if listed.len() > page { listed.get(page.saturating_sub(1)).cloned() } else { None };
    let is_in = |name: &str| last.as_deref().is_none_or(|last| name <= last);
    watching.retain(|alarm| is_in(&alarm.key.name));
    composite.retain(|alarm| is_in(&alarm.key.name));
    let (log, metric): (Vec<_>, Vec<_>) = watching.into_iter().partition(|alarm| alarm.definition.kind() == Kind::Log);
    Ok(DescribeAlarmsOutput {
        composite_alarms: Some(composite.iter().map(|alarm| described_composite(&alarm.key, alarm)).collect()),
        metric_alarms: Some(metric.iter().map(|alarm| shown(service, alarm)).collect()),
        log_alarms: Some(
            log.iter().map(|alarm| described_log(&alarm.key, alarm, evaluation(service, alarm))).collect(),
        ),
        next_token: last.as_deref().map(paging::token),
    })
}

fn page(input: &DescribeAlarmsInput) -> usize {
    input.max_records.and_then(|max| usize::try_from(max).ok()).filter(|max| *max > 0).unwrap_or(PAGE)
}

fn after(input: &DescribeAlarmsInput) -> Result<Option<String>, ServiceError> {
    input.next_token.as_deref().map(|token| paging::place(token).ok_or_else(invalid_token)).transpose()
}

/// The alarms that a composite watches, all of them: there are at most 100.
fn children(service: &Alarms, caller: &Caller, name: &str) -> DescribeAlarmsOutput {
    let key = regional(caller, name);
    let names: Vec<String> = {
        let relations = service.engine.relations.lock();
        let place = relations.known(&key).into_iter();
        place.flat_map(|place| place.graph.children(name)).map(str::to_owned).collect()
    };
    let (mut metric, mut composite, mut log) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let key = regional(caller, &name);
        let Some(alarm) = service.engine.alarm(&key) else { continue };
        let (arn, state) = (Some(arn(&key)), alarm.state());
        let (value, updated) = (Some(state.value.as_str().to_owned()), Some(Timestamp(state.updated)));
        match alarm.kind() {
            Kind::Metric => metric.push(Described {
                alarm_name: Some(name),
                alarm_arn: arn,
                state_value: value,
                state_updated_timestamp: updated,
                ..Described::default()
            }),
            Kind::Composite => composite.push(DescribedComposite {
                alarm_name: Some(name),
                alarm_arn: arn,
                state_value: value,
                state_updated_timestamp: updated,
                ..DescribedComposite::default()
            }),
            Kind::Log => log.push(DescribedLog {
                alarm_name: Some(name),
                alarm_arn: arn,
                state_value: value,
                state_updated_timestamp: updated,
                ..DescribedLog::default()
            }),
        }
    }
    DescribeAlarmsOutput {
        composite_alarms: Some(composite),
        metric_alarms: Some(metric),
        log_alarms: Some(log),
        next_token: None,
    }
}

/// The composites that watch an alarm.
fn parents(
    service: &Alarms,
    caller: &Caller,
    name: &str,
    input: &DescribeAlarmsInput,
) -> Result<DescribeAlarmsOutput, ServiceError> {
    let (page, after) = (page(input), after(input)?);
    let key = regional(caller, name);
    let mut names: Vec<String> = {
        let relations = service.engine.relations.lock();
        let place = relations.known(&key).into_iter();
        let parents = place.flat_map(|place| place.graph.parents(name)).map(str::to_owned);
        parents.filter(|name| after.as_ref().is_none_or(|after| name > after)).take(page + 1).collect()
    };
    let has_more = names.len() > page;
    names.truncate(page);
    let next_token = names.last().filter(|_| has_more).map(|name| paging::token(name));
    let composite = names.into_iter().map(|name| DescribedComposite {
        alarm_arn: Some(arn(&regional(caller, &name))),
        alarm_name: Some(name),
        ..DescribedComposite::default()
    });
    Ok(DescribeAlarmsOutput {
        composite_alarms: Some(composite.collect()),
        metric_alarms: Some(Vec::new()),
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
    let found = walk(&service.engine.resources.metric_alarms, caller, "", None, usize::MAX, is_wanted);
    let alarms = found.iter().map(|alarm| shown(service, alarm));
    Ok(DescribeAlarmsForMetricOutput { metric_alarms: Some(alarms.collect()) })
}

fn shown(service: &Alarms, alarm: &Versioned<MetricAlarm>) -> Described {
    described(&alarm.key, alarm, evaluation(service, alarm))
}

/// `EvaluationState`
fn evaluation(service: &Alarms, alarm: &Versioned<MetricAlarm>) -> Option<&'static str> {
    match alarm.warming {
        Some(_) => Some(IN_WARM_UP),
        None => service.engine.book.evaluation(&alarm.key),
    }
}

/// The first alarms of a kind, by name, of these names or of this prefix, that come behind and are wanted.
fn find<R: Resource>(
    alarms: &Collection<R>,
    (caller, names, prefix, after): (&Caller, &Option<Vec<String>>, &str, Option<&str>),
    max: usize,
    is_wanted: impl Fn(&R) -> bool,
) -> Vec<Arc<Versioned<R>>> {
    let Some(names) = names else { return walk(alarms, caller, prefix, after, max, is_wanted) };
    let names: BTreeSet<&String> = names.iter().collect();
    let behind = names.into_iter().filter(|name| after.is_none_or(|after| name.as_str() > after));
    behind.filter_map(|name| alarms.get(&regional(caller, name))).filter(|alarm| is_wanted(alarm)).take(max).collect()
}

fn walk<R: Resource>(
    alarms: &Collection<R>,
    caller: &Caller,
    prefix: &str,
    after: Option<&str>,
    max: usize,
    is_wanted: impl Fn(&R) -> bool,
) -> Vec<Arc<Versioned<R>>> {
    let mut found = Vec::new();
    let mut after = after.map(str::to_owned);
    loop {
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

fn is_wanted(state: &State, actions: &Actions, input: &DescribeAlarmsInput) -> bool {
    let in_state = input.state_value.as_deref().is_none_or(|wanted| wanted == state.value.as_str());
    let prefix = input.action_prefix.as_deref();
    in_state && prefix.is_none_or(|prefix| actions.all().any(|arn| arn.starts_with(prefix)))
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
