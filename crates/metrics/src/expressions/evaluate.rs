//! Computing the expressions of a request: the metrics that they need are read, searches are carried out, and then the
//! expressions are evaluated one after the other.

use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::anomaly::Model;
use watchkeep_lang::label::{Label, LabelContext};
use watchkeep_lang::metric_math::{BandSource, Environment, External, Fold, Grid, Point, Series, Value};
use watchkeep_lang::metrics_insights::limits::{METRICS_MAX, RANGE_MS_MAX};
use watchkeep_lang::metrics_insights::{Aggregation, Query as InsightsQuery};
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::MessageData;

use super::find::{identity, pairs};
use super::lambda::{self, Condition, Returned};
use super::outside::of_database;
use super::{ExpressionQuery, MetricSearch, Program, in_expression};
use crate::Metrics;
use crate::anomaly::times;
use crate::buckets::Buckets;
use crate::errors::{internal, validation};
use crate::get_metric_data::{message, weight};
use crate::insight_rules::{ReportMetric, Span};
use crate::limits::{BUCKETS_AT_ONCE, EXPRESSION_BUCKETS_MAX, EXPRESSION_POINTS_MAX, FUNCTION_CALLS_MAX};
use crate::queries::{Query, Request, property};
use crate::read::Reading;
use crate::series::Series as StoredSeries;
use crate::unit::Unit;
use crate::window::Window;

/// What a request with expressions is answered with.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// For each metric query, in their order: the units that there are points of, and the points, oldest first.
    pub(crate) metrics: Vec<(Option<Vec<Unit>>, Vec<Point>)>,
    /// The unit of each of these; `None` if there are no points.
    pub(crate) units: Vec<Option<Unit>>,
    /// For each expression, in their order: its series, with their labels, oldest point first.
    pub(crate) expressions: Vec<Vec<Labelled>>,
    /// For queries with groups, by their ids: the groups of their series, as values of their keys in order.
    pub(crate) groups: HashMap<String, Vec<Vec<Option<String>>>>,
    /// What is to be said of the whole.
    pub(crate) messages: Vec<MessageData>,
}

/// A series and its label.
#[derive(Debug)]
pub(crate) struct Labelled {
    pub(crate) label: String,
    pub(crate) points: Vec<Point>,
    /// What is to be said of it, if its data are not all there.
    pub(crate) condition: Option<Condition>,
}

/// A metric that series come from: what dynamic labels tell of it.
struct Source {
    key: String,
    stat: String,
    period_s: i64,
}

/// What is known while the expressions of a request are computed.
#[derive(Default)]
struct Workings {
    values: HashMap<String, Value>,
    metric_ids: Vec<String>,
    externals: HashMap<String, Vec<(External, Value)>>,
    sources: Vec<Source>,
    /// The models of bands, by the id of the query that asks for them and as it names them.
    bands: Vec<(String, BandSource, Arc<Model>)>,
    groups: HashMap<String, Vec<Vec<Option<String>>>>,
    messages: Vec<MessageData>,
    /// What is to be said of the results of expressions, by their ids.
    conditions: HashMap<String, Condition>,
    /// Weighed buckets that may still be read.
    buckets_left: i64,
    /// The points of the expressions computed so far.
    points: usize,
}

impl Metrics {
    /// Computes a request.
    ///
    /// # Errors
    ///
    /// `ValidationError` if an expression cannot be evaluated, or reads too much; those of reading.
    pub(crate) async fn answers(
        &self,
        request: &Request,
        caller: &Caller,
        now: TimestampMs,
    ) -> Result<Answers, ServiceError> {
        let mut workings = Workings { buckets_left: EXPRESSION_BUCKETS_MAX, ..Workings::default() };
        let mut answers = Answers::default();
        for query in &request.queries {
            workings.take_buckets(&query.window, query.statistic)?;
        }
        for group in groups(&request.queries, |query| weight(&query.window, query.statistic)) {
            let readings = self.read(group.iter().map(Query::reading).collect()).await?;
            for (query, reading) in group.iter().zip(&readings) {
                let (units, points) = query.points(&reading.buckets);
                workings.add_metric(query, points.clone());
                answers.units.push(reading.buckets.units().first().copied());
                answers.metrics.push((units, points));
            }
        }
        let mut calls = Vec::new();
        for query in &request.expressions {
            let Program::Math(expression, searches) = &query.program else { continue };
            let mut found = Vec::with_capacity(searches.len());
            for (external, search) in searches {
                let series = self.searched(search, request, caller, now, &mut workings).await?;
                found.push((external.clone(), Value::Array(series)));
            }
            for external in expression.externals() {
                let window = Window::new(request.start, request.end, query.period_s, now, &self.rollups.retention);
                let value = match &external {
                    External::InsightRule { rule, metric } => {
                        workings.take_buckets(&window, Statistic::Sum)?;
                        Value::Series(self.reported(query, rule, metric, &window, caller).await?)
                    }
                    External::ServiceQuota { metric } => {
                        workings.take_buckets(&window, Statistic::Sum)?;
                        let usage = request.queries.iter().find(|query| query.id == *metric);
                        let none = || Value::Series(Series::default());
                        usage.map_or_else(none, |usage| self.quota_of(usage, &window, now.0))
                    }
                    External::DatabaseInsights { metrics, .. } => of_database(metrics, &window),
                    External::Lambda { .. } => {
                        workings.take_buckets(&window, Statistic::Sum)?;
                        calls.push((query.id.clone(), external, window));
                        continue;
                    }
                    External::Search { .. } | External::Band { .. } => continue,
                };
                found.push((external, value));
            }
            workings.externals.insert(query.id.clone(), found);
        }
        if calls.len() > FUNCTION_CALLS_MAX {
            return Err(validation(format!("Maximum number of calls of functions ({FUNCTION_CALLS_MAX}) exceeded.")));
        }
        for (id, returned) in self.returned(calls).await? {
            for (external, returned) in returned {
                workings.take_returned(&id, external, returned);
            }
        }
        for band in &request.bands {
            if let Some(model) = self.model(&band.source, caller, now).await? {
                workings.bands.push((band.query_id.clone(), band.of.clone(), model));
            }
        }
        let mut computed: HashMap<&str, Vec<Labelled>> = HashMap::new();
        for query in request.evaluation_order.iter().filter_map(|&index| request.expressions.get(index)) {
            let window = Window::new(request.start, request.end, query.period_s, now, &self.rollups.retention);
            let value = match &query.program {
                Program::Insights(insights) => {
                    self.aggregated(query, insights, request, caller, now, &mut workings).await?
                }
                Program::Math(expression, _) => {
                    let (expression, id, has_label) = (expression.clone(), query.id.clone(), query.label.is_some());
                    let work = move || {
                        let environment = Math { workings: &workings, id: &id, has_label, grid: grid(&window) };
                        let evaluated = expression.evaluate(&environment);
                        (workings, evaluated)
                    };
                    // Up to millions of points: nothing to hold the other calls up with.
                    let (returned, evaluated) = tokio::task::spawn_blocking(work)
                        .await
                        .map_err(|_| internal("The request processing has failed because of an internal error."))?;
                    workings = returned;
                    evaluated.map_err(|error| in_expression(&query.id, error))?
                }
            };
            workings.take_points(&value)?;
            if query.returns_data {
                computed.insert(&query.id, workings.labelled(query, &value, request, caller, now));
            }
            workings.values.insert(query.id.clone(), value);
        }
        let in_order = request.expressions.iter().map(|query| computed.remove(query.id.as_str()).unwrap_or_default());
        answers.expressions = in_order.collect();
        answers.groups = workings.groups;
        answers.messages = workings.messages;
        Ok(answers)
    }

    /// The series that a search finds.
    async fn searched(
        &self,
        search: &MetricSearch,
        request: &Request,
        caller: &Caller,
        now: TimestampMs,
        workings: &mut Workings,
    ) -> Result<Vec<Series>, ServiceError> {
        let MetricSearch { search, statistic, stat, period_s } = search;
        let (found, labels) = self.search(search, caller, now);
        if found.is_cut {
            workings.say("MaxMetricsExceeded", "A search expression found more metrics than it can return.");
        }
        let window = Window::new(request.start, request.end, *period_s, now, &self.rollups.retention);
        let mut series = Vec::with_capacity(labels.len());
        let metrics: Vec<(Arc<StoredSeries>, String)> = found.series.into_iter().zip(labels).collect();
        for group in groups(&metrics, |_| weight(&window, *statistic)) {
            let readings = group.iter().map(|(metric, _)| {
                workings.take_buckets(&window, *statistic)?;
                let buckets = Buckets::new(window, None, statistic.is_extended());
                Ok(Reading { key: metric.key.to_string(), buckets })
            });
            let readings = readings.collect::<Result<Vec<_>, ServiceError>>()?;
            for ((_, label), reading) in group.iter().zip(self.read(readings).await?) {
                let points = points_of(&reading.buckets, *statistic).1;
                let source = workings.source(reading.key, stat, *period_s);
                let (period_ms, fold) = (window.period_ms, fold_of(*statistic));
                series.push(Series { label: label.clone(), source: Some(source), points, period_ms, fold });
            }
        }
        Ok(series)
    }

    /// A metric of the report of a Contributor Insights rule.
    async fn reported(
        &self,
        query: &ExpressionQuery,
        name: &str,
        metric: &str,
        window: &Window,
        caller: &Caller,
    ) -> Result<Series, ServiceError> {
        let rule = self.insight_rule(caller, name);
        let rule =
            rule.ok_or_else(|| in_expression(&query.id, format!("The insight rule '{name}' does not exist.")))?;
        // Checked with the request.
        let metric = ReportMetric::parse(metric).unwrap_or(ReportMetric::Sum);
        let span = Span { start_ms: window.start_ms, end_ms: window.end_ms, period_ms: window.period_ms };
        let points = self.insight_report(&rule, span).await?.series(metric);
        let fold = match metric {
            ReportMetric::SampleCount | ReportMetric::Sum => Fold::Sum,
            ReportMetric::Minimum => Fold::Minimum,
            ReportMetric::Maximum | ReportMetric::MaxContributorValue => Fold::Maximum,
            ReportMetric::UniqueContributors | ReportMetric::Average => Fold::Mean,
        };
        Ok(Series { label: name.to_owned(), points, period_ms: window.period_ms, fold, ..Series::default() })
    }

    /// The series of a Metrics Insights query.
    async fn aggregated(
        &self,
        query: &ExpressionQuery,
        insights: &InsightsQuery,
        request: &Request,
        caller: &Caller,
        now: TimestampMs,
        workings: &mut Workings,
    ) -> Result<Value, ServiceError> {
        let earliest = TimestampMs(now.0.saturating_sub(RANGE_MS_MAX));
        let start = request.start.max(earliest);
        if start > request.start {
            workings.say("MaxQueryTimeRangeExceeded", "The query covers the newest two weeks of the time range only.");
        }
        let window = Window::new(start, request.end.max(start), query.period_s, now, &self.rollups.retention);
        let found = self.queried(insights, caller, now);
        if found.is_cut {
            let text = format!("The query matches more than {METRICS_MAX} metrics; only so many are processed.");
            workings.say("MaxMetricsExceeded", &text);
        }
        let mut aggregation = Aggregation::new(insights);
        for group in groups(&found.series, |_| weight(&window, Statistic::Sum)) {
            let readings = group
                .iter()
                .map(|metric| Reading { key: metric.key.to_string(), buckets: Buckets::new(window, None, false) });
            for (metric, reading) in group.iter().zip(self.read(readings.collect()).await?) {
                let dimensions: Vec<(&str, &str)> = metric.identity().dimensions().collect();
                let (buckets, units) = (&reading.buckets, reading.buckets.units());
                let summaries = units
                    .into_iter()
                    .flat_map(|unit| buckets.of_unit(unit).map(|(start_ms, bucket)| (start_ms, bucket.summary())));
                let metric = identity(metric, &dimensions);
                let tags = self.tags(insights, &metric, caller);
                let added = aggregation.add(&metric, &pairs(&tags), summaries);
                added.map_err(|error| in_expression(&query.id, error))?;
            }
        }
        let found = aggregation.finish(&query.id);
        if !insights.group_by.is_empty() {
            let groups = found.iter().map(|series| series.group.clone());
            workings.groups.insert(query.id.clone(), groups.collect());
        }
        let series = found.into_iter().map(|series| Series {
            label: series.label,
            points: series.points,
            period_ms: window.period_ms,
            ..Series::default()
        });
        let mut series: Vec<Series> = series.collect();
        Ok(match insights.group_by.is_empty() {
            true => Value::Series(series.pop().unwrap_or_default()),
            false => Value::Array(series),
        })
    }
}

impl Workings {
    /// Counts what is going to be read.
    fn take_buckets(&mut self, window: &Window, statistic: Statistic) -> Result<(), ServiceError> {
        self.buckets_left = self.buckets_left.saturating_sub(weight(window, statistic));
        if self.buckets_left >= 0 {
            return Ok(());
        }
        Err(validation(
            "The expressions read too many data points at once. Use a longer period or a shorter time range.",
        ))
    }

    /// Counts what was computed, and is kept.
    fn take_points(&mut self, value: &Value) -> Result<(), ServiceError> {
        self.points += match value {
            Value::Scalar(_) => 0,
            Value::Series(series) => series.points.len(),
            Value::Array(array) => array.iter().map(|series| series.points.len()).sum(),
        };
        if self.points <= EXPRESSION_POINTS_MAX {
            return Ok(());
        }
        Err(validation("The expressions compute too many data points. Use a longer period or a shorter time range."))
    }

    /// Takes over what a function returned to an expression.
    fn take_returned(&mut self, id: &str, external: External, returned: Returned) {
        self.externals.entry(id.to_owned()).or_default().push((external, lambda::value(&returned)));
        if let Some(condition) = returned.condition {
            self.conditions.entry(id.to_owned()).or_insert(condition);
        }
    }

    fn source(&mut self, key: String, stat: &str, period_s: i64) -> usize {
        self.sources.push(Source { key, stat: stat.to_owned(), period_s });
        self.sources.len() - 1
    }

    fn add_metric(&mut self, query: &Query, points: Vec<Point>) {
        let period_ms = query.window.period_ms;
        let source = Some(self.source(query.key.clone(), &query.stat, period_ms / 1000));
        let (label, fold) = (query.default_label.clone(), fold_of(query.statistic));
        self.values.insert(query.id.clone(), Value::Series(Series { label, source, points, period_ms, fold }));
        self.metric_ids.push(query.id.clone());
    }

    fn say(&mut self, code: &str, text: &str) {
        if !self.messages.iter().any(|message| message.code.as_deref() == Some(code)) {
            self.messages.push(message(code, text.to_owned()));
        }
    }

    /// The series of a value, with the labels that the query gives them.
    fn labelled(
        &self,
        query: &ExpressionQuery,
        value: &Value,
        request: &Request,
        caller: &Caller,
        now: TimestampMs,
    ) -> Vec<Labelled> {
        let render = |label: &Label, default: &str, series: &Series| {
            let source = series.source.and_then(|source| self.sources.get(source));
            label.render(&LabelContext {
                default,
                points: &series.points,
                now_ms: now.0,
                offset_minutes: request.offset_minutes,
                property: &|name| {
                    let Source { key, stat, period_s } = source?;
                    property(name, key, stat, *period_s, caller)
                },
            })
        };
        let element = |series: &Series| match &query.label {
            None => series.label.clone(),
            Some(label) if label.has_default() => render(label, &series.label, series),
            Some(label) => format!("{} {}", render(label, &series.label, series), series.label),
        };
        let condition = self.conditions.get(&query.id);
        let condition = || condition.cloned();
        match value {
            // The checker has refused scalars.
            Value::Scalar(_) => Vec::new(),
            // What is to be said of no series is said of an empty one.
            Value::Array(array) if array.is_empty() && condition().is_some() => {
                let label = query.label.as_ref().map(|label| render(label, &query.id, &Series::default()));
                let label = label.unwrap_or_else(|| query.id.clone());
                vec![Labelled { label, points: Vec::new(), condition: condition() }]
            }
            Value::Series(series) => {
                let label =
                    query.label.as_ref().map_or_else(|| query.id.clone(), |label| render(label, &query.id, series));
                vec![Labelled { label, points: series.points.clone(), condition: condition() }]
            }
            Value::Array(array) => {
                let labelled = |series: &Series| {
                    let (label, points) = (element(series), series.points.clone());
                    Labelled { label, points, condition: condition() }
                };
                array.iter().map(labelled).collect()
            }
        }
    }
}

/// What an expression of metric math is evaluated in.
struct Math<'w> {
    workings: &'w Workings,
    /// The expression's id.
    id: &'w str,
    /// Whether the query has a label of its own.
    has_label: bool,
    grid: Grid,
}

impl Environment for Math<'_> {
    fn grid(&self) -> Grid {
        self.grid
    }

    fn value(&self, id: &str) -> Option<&Value> {
        self.workings.values.get(id)
    }

    fn metric_ids(&self) -> Vec<&str> {
        self.workings.metric_ids.iter().map(String::as_str).collect()
    }

    fn external(&self, external: &External) -> Option<&Value> {
        let found = self.workings.externals.get(self.id)?;
        found.iter().find(|(known, _)| known == external).map(|(_, value)| value)
    }

    fn band(&self, of: &BandSource, series: &Series, deviations: f64) -> [Series; 2] {
        let known = self.workings.bands.iter().find(|(id, other, _)| id == self.id && other == of);
        let points = known.map(|(_, _, model)| {
            let Grid { start_ms, end_ms, .. } = self.grid;
            // Those of the series, whether it has points there or not.
            let anchor_ms = series.points.first().map_or(start_ms, |point| point.0);
            let times = times(start_ms..end_ms, series.period_ms, anchor_ms, model);
            let bands = model.band(&times, deviations);
            let upper: Vec<Point> = times.iter().zip(&bands).map(|(time_ms, band)| (*time_ms, band.upper)).collect();
            let lower: Vec<Point> = times.iter().zip(&bands).map(|(time_ms, band)| (*time_ms, band.lower)).collect();
            (upper, lower)
        });
        let (upper, lower) = points.unwrap_or_default();
        let name = if series.label.is_empty() { self.id } else { &series.label };
        let bound = |which: &str, points| Series {
            label: if self.has_label { which.to_owned() } else { format!("{name} {which}") },
            source: series.source,
            points,
            period_ms: series.period_ms,
            ..Series::default()
        };
        [bound("High", upper), bound("Low", lower)]
    }
}

fn grid(window: &Window) -> Grid {
    Grid { start_ms: window.start_ms, end_ms: window.end_ms, period_ms: window.period_ms }
}

/// How points of this statistic become one of a longer period.
fn fold_of(statistic: Statistic) -> Fold {
    match statistic {
        Statistic::Sum | Statistic::SampleCount => Fold::Sum,
        Statistic::Minimum => Fold::Minimum,
        Statistic::Maximum => Fold::Maximum,
        Statistic::Average | Statistic::Percentile(_) | Statistic::Range(..) => Fold::Mean,
    }
}

/// The points of a statistic, oldest first; and if there are several units, all of them: then the first by name counts.
pub(crate) fn points_of(buckets: &Buckets, statistic: Statistic) -> (Option<Vec<Unit>>, Vec<Point>) {
    let units = buckets.units();
    let Some(&unit) = units.first() else { return (None, Vec::new()) };
    let of_unit = buckets.of_unit(unit);
    let points = of_unit.filter_map(|(start_ms, bucket)| Some((start_ms, bucket.value(statistic)?))).collect();
    ((units.len() > 1).then_some(units), points)
}

/// Items in groups, each of which is read at once: so many that their buckets fit into memory, and at least one.
pub(crate) fn groups<T>(items: &[T], weight: impl Fn(&T) -> i64) -> impl Iterator<Item = &[T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut buckets = 0i64;
        let fitting = rest.iter().take_while(|item| {
            buckets = buckets.saturating_add(weight(item));
            buckets <= BUCKETS_AT_ONCE
        });
        let count = fitting.count().max(1);
        let (group, behind) = rest.split_at_checked(count)?;
        rest = behind;
        Some(group)
    })
}
