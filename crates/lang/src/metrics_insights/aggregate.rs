//! From the buckets of many metrics to the series that a query gives.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::limits::{BUCKETS_MAX, METRICS_MAX, SERIES_MAX};
use super::{Function, OrderBy, Query};
use crate::label::number;
use crate::metric_identity::MetricIdentity;
use crate::statistic::Summary;

/// The group of metrics that lack a key.
const OTHER: &str = "Other";

/// A query at work: it takes the buckets of one metric after the other, so that they need not be in memory together.
///
/// Groups are aggregated over samples, not over points: an average is the total of all sums by the total of all counts.
#[derive(Debug)]
pub struct Aggregation<'q> {
    query: &'q Query,
    groups: HashMap<Vec<Option<String>>, Group>,
    metrics: usize,
    /// Of all groups together.
    pub(super) buckets: usize,
}

/// A series that a query gives.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSeries {
    /// The query's id if it groups by nothing; else the group's values, joined by blanks, `Other` for absent ones; with
    /// `ORDER BY` behind rank and value, as `1 - 60 h2`.
    pub label: String,
    /// The values of the keys of `GROUP BY`, `None` where the metrics lack one.
    pub group: Vec<Option<String>>,
    /// The points as (start of the bucket in milliseconds since the epoch, value), oldest first.
    pub points: Vec<(i64, f64)>,
}

/// A query would hold more than [`BUCKETS_MAX`] buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The query aggregates more than {BUCKETS_MAX} data points; group by fewer keys, shorten the time range or increase the period"
)]
pub struct TooManyBuckets;

impl<'q> Aggregation<'q> {
    /// With nothing taken yet.
    pub fn new(query: &'q Query) -> Aggregation<'q> {
        Aggregation { query, groups: HashMap::new(), metrics: 0, buckets: 0 }
    }

    /// Whether it has as many metrics as a query processes ([`METRICS_MAX`]) and takes no more.
    pub fn is_full(&self) -> bool {
        self.metrics >= METRICS_MAX
    }

    /// Takes the buckets of a metric, as (start in milliseconds since the epoch, summary), best in ascending order. What the
    /// query does not ask for, or what is beyond its number of metrics, is left out.
    ///
    /// # Errors
    ///
    /// [`TooManyBuckets`], after which the aggregation is of no use.
    pub fn add(
        &mut self,
        metric: &MetricIdentity<'_>,
        tags: &[(&str, &str)],
        buckets: impl IntoIterator<Item = (i64, Summary)>,
    ) -> Result<(), TooManyBuckets> {
        if self.is_full() || !self.query.matches(metric, tags) {
            return Ok(());
        }
        self.metrics += 1;
        let keys = self.query.group_by.iter();
        let group = keys.map(|key| key.value(metric, tags).map(str::to_owned)).collect();
        let group: &mut Group = self.groups.entry(group).or_default();
        let mut cursor = 0;
        for (start_ms, summary) in buckets.into_iter().filter(|(_, summary)| summary.count > 0.0) {
            self.buckets += usize::from(group.take(&mut cursor, start_ms, &summary, self.query.function));
            if self.buckets > BUCKETS_MAX {
                return Err(TooManyBuckets);
            }
        }
        Ok(())
    }

    /// The series, in order. Without `GROUP BY` there is one, with or without points, whose label is `id`, that of the query;
    /// with it there is one for each group that has points.
    pub fn finish(mut self, id: &str) -> Vec<LabelledSeries> {
        let function = self.query.function;
        if self.query.group_by.is_empty() {
            let points = self.groups.remove(&Vec::new()).unwrap_or_default().points(function);
            return vec![LabelledSeries { label: id.to_owned(), group: Vec::new(), points }];
        }
        let mut ranked: Vec<Ranked> = self
            .groups
            .into_iter()
            .filter(|(_, group)| !group.cells.is_empty())
            .map(|(keys, group)| {
                let rank = self.query.order_by.map(|order| group.over_range(order.function, function));
                Ranked { keys, rank: rank.unwrap_or_default(), group }
            })
            .collect();
        ranked.sort_by(|a, b| compare(a, b, self.query.order_by));
        ranked.truncate(self.query.limit.unwrap_or(SERIES_MAX).min(SERIES_MAX));
        let is_ordered = self.query.order_by.is_some();
        let series = ranked.into_iter().enumerate().map(|(at, Ranked { keys, rank, group })| {
            let values = texts(&keys).collect::<Vec<_>>().join(" ");
            let label = if is_ordered { format!("{} - {} {values}", at + 1, number(rank)) } else { values };
            LabelledSeries { label, group: keys, points: group.points(function) }
        });
        series.collect()
    }
}

/// A group and what it is ordered by.
struct Ranked {
    keys: Vec<Option<String>>,
    rank: f64,
    group: Group,
}

fn compare(a: &Ranked, b: &Ranked, order: Option<OrderBy>) -> Ordering {
    let by_rank = match order {
        Some(OrderBy { descending: true, .. }) => b.rank.total_cmp(&a.rank),
        Some(OrderBy { descending: false, .. }) => a.rank.total_cmp(&b.rank),
        None => Ordering::Equal,
    };
    // A group of the value `Other` and one that lacks the key have one label; the latter comes first.
    by_rank.then_with(|| texts(&a.keys).cmp(texts(&b.keys))).then_with(|| a.keys.cmp(&b.keys))
}

fn texts(keys: &[Option<String>]) -> impl Iterator<Item = &str> {
    keys.iter().map(|value| value.as_deref().unwrap_or(OTHER))
}

/// The buckets of a group, in ascending order of their starts.
#[derive(Debug, Default)]
struct Group {
    cells: Vec<Cell>,
}

/// What the query's function needs of a bucket.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start_ms: i64,
    count: f64,
    /// The largest or smallest value for MAX and MIN, else the sum.
    value: f64,
}

impl Group {
    /// Takes a bucket; answers whether it is the first of its time. The cursor is where the metric's next bucket is expected,
    /// which it is if metrics have the same ones.
    fn take(&mut self, cursor: &mut usize, start_ms: i64, summary: &Summary, function: Function) -> bool {
        if self.cells.get(*cursor).is_none_or(|cell| cell.start_ms != start_ms) {
            *cursor = self.cells.partition_point(|cell| cell.start_ms < start_ms);
        }
        let at = *cursor;
        *cursor += 1;
        match self.cells.get_mut(at) {
            Some(cell) if cell.start_ms == start_ms => {
                cell.count += summary.count;
                cell.value = match function {
                    Function::Max => cell.value.max(summary.maximum),
                    Function::Min => cell.value.min(summary.minimum),
                    Function::Avg | Function::Sum | Function::Count => cell.value + summary.sum,
                };
                false
            }
            _ => {
                let value = match function {
                    Function::Max => summary.maximum,
                    Function::Min => summary.minimum,
                    Function::Avg | Function::Sum | Function::Count => summary.sum,
                };
                self.cells.insert(at, Cell { start_ms, count: summary.count, value });
                true
            }
        }
    }

    fn points(&self, function: Function) -> Vec<(i64, f64)> {
        self.cells.iter().map(|cell| (cell.start_ms, cell.point(function))).collect()
    }

    /// The function `order` over the points of the series. COUNT counts the samples behind them: counting points would order
    /// metrics by how often they report, and AWS's sample queries for the most called APIs order by it.
    fn over_range(&self, order: Function, function: Function) -> f64 {
        let points = || self.cells.iter().map(|cell| cell.point(function));
        match order {
            Function::Avg => points().sum::<f64>() / self.cells.len() as f64,
            Function::Count => self.cells.iter().map(|cell| cell.count).sum(),
            Function::Max => points().fold(f64::NEG_INFINITY, f64::max),
            Function::Min => points().fold(f64::INFINITY, f64::min),
            Function::Sum => points().sum(),
        }
    }
}

impl Cell {
    fn point(&self, function: Function) -> f64 {
        match function {
            Function::Avg => self.value / self.count,
            Function::Count => self.count,
            Function::Max | Function::Min | Function::Sum => self.value,
        }
    }
}
