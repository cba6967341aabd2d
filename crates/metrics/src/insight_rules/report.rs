//! Reports of rules: who contributed most, and metrics of all contributions, bucket by bucket. For GetInsightRuleReport and
//! for `INSIGHT_RULE_METRIC` of metric math. Source: "GetInsightRuleReport".
//!
//! A report holds each contributor of each bucket in memory, up to a limit; beyond, contributions count in sums, but their
//! contributors are not told apart. The API calls these numbers approximate.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::Caller;
use watchkeep_lang::insight_rule::Aggregate;
use watchkeep_model::cloudwatch::{
    GetInsightRuleReportInput, GetInsightRuleReportOutput, InsightRuleContributor, InsightRuleContributorDatapoint,
    InsightRuleMetricDatapoint,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{Scan, Store, StoreError};

use super::rule_book::Rule;
use super::tally::Tally;
use crate::Metrics;
use crate::errors::{invalid_value, not_found, of_store, value_is_invalid};
use crate::limits::{
    REPORT_CELLS_MAX, REPORT_CONTRIBUTORS, REPORT_CONTRIBUTORS_MAX, REPORT_KEY_BYTES_MAX, REPORT_RANGE_MS_MAX,
};
use crate::resources::regional;
use crate::tables::{METRIC_CONTRIBUTIONS, contributions as columns};

const MINUTE_MS: i64 = 60_000;

/// A metric of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportMetric {
    UniqueContributors,
    MaxContributorValue,
    SampleCount,
    Sum,
    Minimum,
    Maximum,
    Average,
}

impl ReportMetric {
    /// The metric of this name.
    pub(crate) fn parse(name: &str) -> Option<ReportMetric> {
        Some(match name {
            "UniqueContributors" => ReportMetric::UniqueContributors,
            "MaxContributorValue" => ReportMetric::MaxContributorValue,
            "SampleCount" => ReportMetric::SampleCount,
            "Sum" => ReportMetric::Sum,
            "Minimum" => ReportMetric::Minimum,
            "Maximum" => ReportMetric::Maximum,
            "Average" => ReportMetric::Average,
            _ => return None,
        })
    }
}

/// The buckets of a report: of `period_ms` each, whole minutes, from `start_ms` to before `end_ms`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) period_ms: i64,
}

/// A bucket: all contributions, and how they are spread over contributors.
#[derive(Debug, Default)]
struct Bucket {
    all: Tally,
    unique: u64,
    largest: Option<f64>,
}

/// A contributor's contributions, bucket by bucket.
#[derive(Debug, Default)]
struct Contributor {
    total: f64,
    buckets: BTreeMap<i64, f64>,
}

/// What a rule has counted.
#[derive(Debug, Default)]
pub(crate) struct Report {
    contributors: HashMap<String, Contributor, foldhash::fast::RandomState>,
    buckets: BTreeMap<i64, Bucket>,
    cells: usize,
    key_bytes: usize,
}

impl Report {
    /// Adds a row.
    fn add(&mut self, span: &Span, time_ms: i64, keys: Option<&str>, tally: &Tally) {
        let offset = time_ms.saturating_sub(span.start_ms);
        let start_ms = time_ms.saturating_sub(offset.rem_euclid(span.period_ms.max(MINUTE_MS)));
        self.buckets.entry(start_ms).or_default().all.merge(tally);
        let Some(keys) = keys else { return };
        let (has_room, has_key_room) =
            (self.cells < REPORT_CELLS_MAX, self.key_bytes + keys.len() <= REPORT_KEY_BYTES_MAX);
        let contributor = match self.contributors.get_mut(keys) {
            Some(contributor) => contributor,
            None if has_room && has_key_room => {
                self.key_bytes += keys.len();
                self.contributors.entry(keys.to_owned()).or_default()
            }
            None => return,
        };
        match contributor.buckets.get_mut(&start_ms) {
            Some(sum) => *sum += tally.sum,
            None if has_room => {
                self.cells += 1;
                contributor.buckets.insert(start_ms, tally.sum);
            }
            None => {}
        }
        contributor.total += tally.sum;
    }

    /// Spreads contributors over the buckets, once all rows are there.
    fn finish(&mut self) {
        for contributor in self.contributors.values() {
            for (start_ms, sum) in &contributor.buckets {
                let bucket = self.buckets.entry(*start_ms).or_default();
                bucket.unique += 1;
                bucket.largest = Some(bucket.largest.map_or(*sum, |largest| largest.max(*sum)));
            }
        }
    }

    /// A metric, bucket by bucket, those without contributions left out.
    pub(crate) fn series(&self, metric: ReportMetric) -> Vec<(i64, f64)> {
        self.buckets.iter().filter_map(|(start_ms, bucket)| Some((*start_ms, bucket.metric(metric)?))).collect()
    }
}

impl Bucket {
    fn metric(&self, metric: ReportMetric) -> Option<f64> {
        match metric {
            ReportMetric::UniqueContributors => Some(self.unique as f64),
            ReportMetric::MaxContributorValue => self.largest,
            ReportMetric::SampleCount => Some(self.all.count as f64),
            ReportMetric::Sum => Some(self.all.sum),
            ReportMetric::Minimum => Some(self.all.minimum),
            ReportMetric::Maximum => Some(self.all.maximum),
            ReportMetric::Average => Some(self.all.sum / self.all.count as f64),
        }
    }
}

impl Metrics {
    /// What a rule has counted in a span of time.
    ///
    /// # Errors
    ///
    /// What scanning the store can meet.
    pub(crate) async fn insight_report(&self, rule: &Rule, span: Span) -> Result<Report, ServiceError> {
        let id = rule.id;
        let report = self.store.blocking(move |store| collect(store, id, span)).await;
        report.map_err(|error| of_store(&error))
    }

    /// The caller's rule of this name.
    pub(crate) fn insight_rule(&self, caller: &Caller, name: &str) -> Option<Arc<Rule>> {
        self.insight_rules.get(&regional(caller, name))
    }
}

fn collect(store: &Store, rule: u64, span: Span) -> Result<Report, StoreError> {
    let mut report = Report::default();
    if span.start_ms >= span.end_ms {
        return Ok(report);
    }
    let scan = Scan::new(&METRIC_CONTRIBUTIONS).ids(columns::RULE, [rule]).time(span.start_ms..span.end_ms);
    store.scan(&scan, &mut |batch| {
        let (counts, sums) = (batch.u64s(columns::COUNT), batch.f64s(columns::SUM));
        let (minima, maxima) = (batch.f64s(columns::MINIMUM), batch.f64s(columns::MAXIMUM));
        let tallies = counts.iter().zip(sums).zip(minima.iter().zip(maxima));
        for (row, (time_ms, ((count, sum), (minimum, maximum)))) in batch.times().iter().zip(tallies).enumerate() {
            let tally = Tally { count: *count, sum: *sum, minimum: *minimum, maximum: *maximum };
            let keys = (!batch.is_null(columns::KEYS, row)).then(|| batch.text(columns::KEYS, row));
            report.add(&span, *time_ms, keys, &tally);
        }
        ControlFlow::Continue(())
    })?;
    report.finish();
    Ok(report)
}

/// Reports who contributed most.
pub(crate) async fn get_insight_rule_report(
    metrics: &Metrics,
    caller: &Caller,
    input: GetInsightRuleReportInput,
) -> Result<GetInsightRuleReportOutput, ServiceError> {
    let span = span(&input)?;
    let names = input.metrics.unwrap_or_default();
    let wanted = names.iter().map(|name| ReportMetric::parse(name).ok_or_else(|| value_is_invalid(name, "Metrics")));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let by_maximum = match input.order_by.as_deref() {
        None | Some("Sum") => false,
        Some("Maximum") => true,
        Some(other) => return Err(value_is_invalid(other, "OrderBy")),
    };
    let count = match input.max_contributor_count {
        None => REPORT_CONTRIBUTORS,
        Some(count) => match usize::try_from(count) {
            Ok(count @ 1..=REPORT_CONTRIBUTORS_MAX) => count,
            _ => return Err(value_is_invalid(count, "MaxContributorCount")),
        },
    };
    let rule = metrics.insight_rule(caller, &input.rule_name);
    let rule = rule.ok_or_else(|| not_found("insight-rule", &input.rule_name))?;
    let mut report = metrics.insight_report(&rule, span).await?;
    let unique = report.contributors.len();
    let contributors = largest(std::mem::take(&mut report.contributors), count, by_maximum);
    let aggregation_statistic = match rule.compiled.aggregate() {
        Aggregate::Count => "SampleCount",
        Aggregate::Sum => "Sum",
    };
    Ok(GetInsightRuleReportOutput {
        key_labels: Some(rule.compiled.key_labels().to_vec()),
        aggregation_statistic: Some(aggregation_statistic.to_owned()),
        aggregate_value: Some(report.buckets.values().map(|bucket| bucket.all.sum).sum()),
        approximate_unique_count: i64::try_from(unique).ok(),
        contributors: Some(contributors),
        metric_datapoints: Some(datapoints(&report, &wanted)),
    })
}

fn span(input: &GetInsightRuleReportInput) -> Result<Span, ServiceError> {
    let period_ms = i64::from(input.period) * 1000;
    if period_ms <= 0 || period_ms % MINUTE_MS != 0 {
        return Err(invalid_value("The parameter Period must be a multiple of 60."));
    }
    let (start_ms, end_ms) = (input.start_time.0, input.end_time.0);
    if start_ms >= end_ms {
        return Err(invalid_value("The parameter StartTime must be less than the parameter EndTime."));
    }
    if end_ms.saturating_sub(start_ms) > REPORT_RANGE_MS_MAX {
        return Err(invalid_value("The time range of a report must not be longer than 24 hours."));
    }
    let start_ms = start_ms.saturating_sub(start_ms.rem_euclid(MINUTE_MS));
    Ok(Span { start_ms, end_ms, period_ms })
}

/// The contributors that contributed most, the largest first; those that are alike by their keys.
fn largest(
    contributors: HashMap<String, Contributor, foldhash::fast::RandomState>,
    count: usize,
    by_maximum: bool,
) -> Vec<InsightRuleContributor> {
    let rank = |contributor: &Contributor| match by_maximum {
        true => contributor.buckets.values().copied().fold(f64::NEG_INFINITY, f64::max),
        false => contributor.total,
    };
    let mut ranked: Vec<(f64, String, Contributor)> =
        contributors.into_iter().map(|(keys, contributor)| (rank(&contributor), keys, contributor)).collect();
    ranked.sort_unstable_by(|(one, keys, _), (other, others, _)| other.total_cmp(one).then_with(|| keys.cmp(others)));
    ranked.truncate(count);
    let shown = ranked.into_iter().map(|(_, keys, contributor)| {
        let datapoint = |(start_ms, value): (i64, f64)| InsightRuleContributorDatapoint {
            timestamp: Timestamp(start_ms),
            approximate_value: value,
        };
        InsightRuleContributor {
            // Written by ourselves.
            keys: serde_json::from_str(&keys).unwrap_or_default(),
            approximate_aggregate_value: contributor.total,
            datapoints: contributor.buckets.into_iter().map(datapoint).collect(),
        }
    });
    shown.collect()
}

fn datapoints(report: &Report, wanted: &[ReportMetric]) -> Vec<InsightRuleMetricDatapoint> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let datapoint = |(start_ms, bucket): (&i64, &Bucket)| {
        let value = |metric: ReportMetric| wanted.contains(&metric).then(|| bucket.metric(metric)).flatten();
        InsightRuleMetricDatapoint {
            timestamp: Timestamp(*start_ms),
            unique_contributors: value(ReportMetric::UniqueContributors),
            max_contributor_value: value(ReportMetric::MaxContributorValue),
            sample_count: value(ReportMetric::SampleCount),
            average: value(ReportMetric::Average),
            sum: value(ReportMetric::Sum),
            minimum: value(ReportMetric::Minimum),
            maximum: value(ReportMetric::Maximum),
        }
    };
    report.buckets.iter().map(datapoint).collect()
}
