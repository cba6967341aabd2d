//! A change of state as `message` tells it: a view of what alarms keep.

use watchkeep_store::ResourceKey;

use crate::composite::alarm::{CompositeDefinition, Triggering};
use crate::evaluation::Operator;
use crate::kept::{Defined, Kept};
use crate::log_alarms::LogDefinition;
use crate::message::{
    Alarm, Composite, Contributor, LogQuery, Notice, PromQl, Query, Sent, Source, Stat, StateOf, SuppressorOf, Trigger,
    Watches,
};
use crate::resources::{Definition, MetricDefinition, QueryDefinition, State, Watched, arn, region_of};
use crate::transition::{Released, Transition};

/// What `tell` makes of a change of state.
pub(crate) fn of_transition<T>(
    key: &ResourceKey,
    uid: u64,
    transition: &Transition,
    tell: impl FnOnce(&Notice<'_>) -> T,
) -> T {
    let (arn, id) = (arn(key), plain_id(uid));
    let of = transition.contributor.as_ref();
    let suppressed_by = transition.suppression.as_ref().and_then(|suppressing| suppressing.state.suppressed_by());
    tell(&Notice {
        alarm: alarm(key, (&arn, &id), &transition.definition, transition.configured, &transition.triggering),
        contributor: of.map(|of| Contributor { id: &of.id, attributes: &of.attributes }),
        new: StateOf { suppressed_by, ..state(&transition.new) },
        old: state(&transition.old),
        tags: transition.tags.as_ref(),
        lines: &[],
        sent: match transition.released {
            Some(Released::AfterMute { .. }) => Sent::AfterMuteWindow,
            Some(Released::BySuppressor) | None => Sent::AtOnce,
        },
    })
}

/// What `tell` makes of an alarm and its state.
pub(crate) fn of_alarm<T>(key: &ResourceKey, of: &Kept, tell: impl FnOnce(Alarm<'_>, StateOf<'_>) -> T) -> T {
    let (arn, id) = (arn(key), plain_id(of.uid()));
    tell(alarm(key, (&arn, &id), &of.defined(), of.updated(), &[]), state(of.state()))
}

fn alarm<'a>(
    key: &'a ResourceKey,
    (arn, id): (&'a str, &'a str),
    defined: &'a Defined,
    configured_ms: i64,
    triggering: &'a [Triggering],
) -> Alarm<'a> {
    let (description, actions, watches) = match defined {
        Defined::Metric(metric) => (&metric.description, &metric.actions, watches(metric, id)),
        Defined::Composite(composite) => {
            (&composite.description, &composite.actions, Watches::Alarms(rule(composite, triggering)))
        }
    };
    Alarm {
        name: &key.name,
        account: key.account.as_str(),
        region: region_of(key),
        arn,
        description: description.as_deref(),
        configured_ms,
        actions_enabled: actions.enabled,
        ok_actions: &actions.ok,
        alarm_actions: &actions.alarm,
        insufficient_data_actions: &actions.insufficient_data,
        watches,
    }
}

fn rule<'a>(definition: &'a CompositeDefinition, triggering: &'a [Triggering]) -> Composite<'a> {
    Composite {
        rule: &definition.rule,
        triggering: triggering.iter().map(Triggering::told).collect(),
        suppressor: definition.suppressor.as_ref().map(|suppressor| SuppressorOf {
            alarm: &suppressor.alarm,
            wait_s: suppressor.wait_s.into(),
            extension_s: suppressor.extension_s.into(),
        }),
    }
}

fn watches<'a>(definition: &'a Definition, id: &'a str) -> Watches<'a> {
    match &definition.watched {
        Watched::Metric(metric) => Watches::Metrics(trigger(definition, Source::Metric { id, stat: stat(metric) })),
        Watched::Queries { queries, .. } => {
            Watches::Metrics(trigger(definition, Source::Queries(queries.iter().map(query).collect())))
        }
        Watched::PromQl(promql) => Watches::PromQl(PromQl {
            query: &promql.query,
            pending_s: promql.pending_s,
            recovery_s: promql.recovery_s,
            interval_s: promql.interval_s,
        }),
        Watched::Logs(log) => Watches::Logs(log_query(definition, log)),
    }
}

/// The query of a log alarm.
pub(crate) fn log_query<'a>(definition: &'a Definition, log: &'a LogDefinition) -> LogQuery<'a> {
    let results = definition.periods.unwrap_or(1);
    LogQuery {
        query: &log.query,
        groups: &log.groups,
        query_arn: log.query_arn.as_deref(),
        role: &log.role,
        schedule: &log.schedule,
        start_offset_s: log.start_offset_s,
        end_offset_s: log.end_offset_s,
        aggregation: &log.aggregation,
        results_to_evaluate: results,
        results_to_alarm: definition.to_alarm.unwrap_or(results),
        comparison_operator: definition.operator.map_or("", Operator::as_str),
        threshold: definition.threshold.unwrap_or_default(),
        treat_missing_data: definition.treat.map(|treat| treat.as_str()),
        lines: log.lines,
        lines_role: log.lines_role.as_deref(),
    }
}

fn trigger<'a>(definition: &'a Definition, source: Source<'a>) -> Trigger<'a> {
    Trigger {
        source,
        period_s: u32::try_from(definition.period_s()).unwrap_or(u32::MAX),
        evaluation_periods: definition.periods.unwrap_or(1),
        datapoints_to_alarm: definition.to_alarm,
        comparison_operator: definition.operator.map_or("", Operator::as_str),
        threshold: definition.threshold,
        threshold_metric_id: definition.threshold_metric_id.as_deref(),
        treat_missing_data: definition.treat.map(|treat| treat.as_str()),
        evaluate_low_sample_count_percentile: definition.low_samples.map(|low| low.as_str()),
    }
}

fn stat(metric: &MetricDefinition) -> Stat<'_> {
    Stat {
        namespace: &metric.namespace,
        name: &metric.name,
        dimensions: &metric.dimensions,
        period_s: metric.period_s,
        statistic: &metric.statistic,
        unit: metric.unit.as_deref(),
    }
}

fn query(query: &QueryDefinition) -> Query<'_> {
    Query {
        id: &query.id,
        stat: query.metric.as_ref().map(stat),
        expression: query.expression.as_deref(),
        label: query.label.as_deref(),
        returns_data: query.returns_data != Some(false),
        period_s: query.period_s,
    }
}

fn state(state: &State) -> StateOf<'_> {
    StateOf {
        value: state.value,
        reason: &state.reason,
        data: state.data.as_deref(),
        since_ms: state.updated,
        evaluation: state.evaluation.as_deref(),
        suppressed_by: None,
    }
}

/// The id of the metric of an alarm that has no queries: a UUID that stays the same.
fn plain_id(uid: u64) -> String {
    let (high, low) = (uid >> 32, uid & 0xffff_ffff);
    format!("{high:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", low >> 16, low & 0xfff, high & 0xfff, uid & 0xffff_ffff_ffff)
}
