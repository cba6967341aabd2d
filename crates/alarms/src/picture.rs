//! What a metric widget shows of an alarm: its metrics, and a mark at its threshold. Source: "Metric Widget Structure and Syntax".

use watchkeep_core::ports::{AlarmPictures, PicturedAlarm, QueryOf, WatchQuery};
use watchkeep_core::{AccountId, Region};
use watchkeep_store::ResourceKey;

use crate::Alarms;
use crate::evaluation::Operator;
use crate::plan::{identity, watch_queries};
use crate::resources::{Definition, Watched};

/// The id of the metric of an alarm that watches one.
const METRIC: &str = "m1";

impl AlarmPictures for Alarms {
    fn picture(&self, account: AccountId, region: &Region, name: &str) -> Option<PicturedAlarm> {
        let alarm = self.engine.resources.metric_alarms.get(&ResourceKey::new(account, region, name))?;
        let definition = &alarm.value.definition;
        let queries = queries(&definition.watched);
        if queries.is_empty() {
            return None;
        }
        Some(PicturedAlarm {
            name: name.to_owned(),
            queries,
            threshold: definition.threshold,
            condition: condition(definition),
        })
    }
}

fn queries(watched: &Watched) -> Vec<WatchQuery> {
    match watched {
        Watched::Queries { queries, .. } => watch_queries(queries),
        // Pictures draw metrics.
        Watched::PromQl(_) | Watched::Logs(_) => Vec::new(),
        Watched::Metric(metric) => vec![WatchQuery {
            id: METRIC.to_owned(),
            of: QueryOf::Metric {
                metric: identity(metric),
                statistic: metric.statistic.clone(),
                unit: metric.unit.clone(),
                period_s: metric.period_s.into(),
            },
            label: None,
            returns_data: true,
        }],
    }
}

/// When the alarm goes off, as CloudWatch's console says it.
fn condition(definition: &Definition) -> String {
    let of = match &definition.watched {
        Watched::Metric(metric) => metric.name.clone(),
        Watched::Queries { queries, .. } => {
            let shown = queries.iter().find(|query| query.returns_data != Some(false));
            shown.map(|query| query.label.clone().unwrap_or_else(|| query.id.clone())).unwrap_or_default()
        }
        Watched::PromQl(query) => query.query.clone(),
        Watched::Logs(log) => log.aggregation.clone(),
    };
    let compared = match (definition.operator, definition.threshold) {
        (Some(Operator::GreaterThanOrEqualToThreshold), Some(threshold)) => format!(">= {threshold}"),
        (Some(Operator::GreaterThanThreshold), Some(threshold)) => format!("> {threshold}"),
        (Some(Operator::LessThanThreshold), Some(threshold)) => format!("< {threshold}"),
        (Some(Operator::LessThanOrEqualToThreshold), Some(threshold)) => format!("<= {threshold}"),
        (Some(Operator::GreaterThanUpperThreshold), _) => "above the band".to_owned(),
        (Some(Operator::LessThanLowerThreshold), _) => "below the band".to_owned(),
        _ => "outside the band".to_owned(),
    };
    let periods = definition.periods.unwrap_or(1);
    let datapoints = definition.to_alarm.unwrap_or(periods);
    let seconds = definition.period_s().saturating_mul(periods.into());
    let within = if seconds % 60 == 0 { count(seconds / 60, "minute") } else { count(seconds, "second") };
    format!("{of} {compared} for {} within {within}", count(datapoints.into(), "datapoint"))
}

fn count(number: i64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
