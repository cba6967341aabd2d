//! The port through which alarms watch metrics. What is watched of one metric is looked up once; reading it costs a look into its
//! hot head, without a call's checks. Queries go the way of GetMetricData.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;

use watchkeep_core::ports::{
    AlarmMetrics, CheckedQuery, MetricHandle, MetricIdentity, MetricPlace, QueryOf, QueryShape, WatchAnswer,
    WatchError, WatchQuery, WatchRead, WatchedDatapoint, WatchedMetric, WatchedSeries,
};
use watchkeep_core::{BoxFuture, Caller, Principal, TimestampMs};
use watchkeep_lang::metric_math::Type;
use watchkeep_lang::metrics_insights::Key;
use watchkeep_lang::statistic::Statistic;
use watchkeep_model::cloudwatch::{Dimension, GetMetricDataInput, Metric, MetricDataQuery, MetricStat};
use watchkeep_model::{ServiceError, Timestamp};

use crate::Metrics;
use crate::buckets::Buckets;
use crate::expressions::{ExpressionQuery, Program, groups};
use crate::get_metric_data::weight;
use crate::queries::Request;
use crate::read::{Reading, place_of};
use crate::series::KeyWriter;
use crate::unit::Unit;
use crate::window::{Window, is_period};

/// What is read of a watched metric again and again.
struct Watched {
    key: String,
    statistic: Statistic,
    unit: Option<Unit>,
    period_s: i64,
}

impl AlarmMetrics for Metrics {
    fn watch(&self, metric: &WatchedMetric) -> Result<MetricHandle, WatchError> {
        let WatchedMetric { place, metric, statistic, unit, period_s } = metric;
        let invalid =
            |what: &str, value: &str| WatchError::Invalid(format!("The value {value} is not a valid {what}."));
        let unit = match unit.as_deref() {
            Some(name) => Some(Unit::parse(name).ok_or_else(|| invalid("unit", name))?),
            None => None,
        };
        let statistic = Statistic::parse(statistic).map_err(|_| invalid("statistic", statistic))?;
        if !is_period(*period_s) {
            return Err(invalid("period", &period_s.to_string()));
        }
        let mut writer = KeyWriter::new(place.account, &place.region, &metric.namespace);
        let key = writer.key(&metric.name, &dimensions(metric)).map_err(|_| repeated())?.to_owned();
        Ok(MetricHandle(Arc::new(Watched { key, statistic, unit, period_s: *period_s })))
    }

    fn read(&self, reads: Vec<WatchRead>) -> BoxFuture<'_, Result<Vec<Vec<WatchedDatapoint>>, WatchError>> {
        Box::pin(async move {
            let now = self.clock.now();
            let foreign = || WatchError::Failed("a metric that somebody else looked up".to_owned());
            let mut asked = Vec::with_capacity(reads.len());
            for WatchRead { handle, times } in reads {
                let watched = handle.0.downcast::<Watched>().map_err(|_| foreign())?;
                let window = Window::new(times.start, times.end, watched.period_s, now, &self.rollups.retention);
                asked.push((watched, window));
            }
            let locked = self.locked_places(asked.iter().map(|(watched, _)| watched.key.as_str())).await;
            let is_locked = |watched: &Watched| locked.contains(&place_of(&watched.key));
            let mut answers = Vec::with_capacity(asked.len());
            for group in groups(&asked, |(watched, window)| weight(window, watched.statistic)) {
                let reading = |(watched, window): &(Arc<Watched>, Window)| Reading {
                    key: watched.key.clone(),
                    buckets: Buckets::new(*window, watched.unit, watched.statistic.is_extended()),
                };
                let readable = group.iter().filter(|(watched, _)| !is_locked(watched));
                let readings = Metrics::read(self, readable.map(reading).collect()).await.map_err(refusal)?;
                let mut readings = readings.iter();
                for (watched, _) in group {
                    let reading = if is_locked(watched) { None } else { readings.next() };
                    answers.push(
                        reading.map(|reading| datapoints(&reading.buckets, watched.statistic)).unwrap_or_default(),
                    );
                }
            }
            Ok(answers)
        })
    }

    fn check(&self, place: &MetricPlace, queries: &[WatchQuery]) -> Result<Vec<CheckedQuery>, WatchError> {
        let now = self.clock.now();
        let input = input(queries, now.plus_ms(-3_600_000)..now);
        let request = Request::check(&input, &caller(place), now, &self.rollups.retention).map_err(refusal)?;
        let metrics = request.queries.iter().map(|query| {
            (
                query.returns_data,
                CheckedQuery {
                    id: query.id.clone(),
                    shape: QueryShape::Series,
                    period_s: query.window.period_ms / 1000,
                },
            )
        });
        let expressions = request.expressions.iter().map(|query| {
            (query.returns_data, CheckedQuery { id: query.id.clone(), shape: shape(query), period_s: query.period_s })
        });
        let returned: Vec<CheckedQuery> =
            metrics.chain(expressions).filter(|(returns_data, _)| *returns_data).map(|(_, query)| query).collect();
        let in_order = queries.iter().filter_map(|query| returned.iter().find(|other| other.id == query.id).cloned());
        Ok(in_order.collect())
    }

    fn compute<'a>(
        &'a self,
        place: &'a MetricPlace,
        queries: &'a [WatchQuery],
        times: Range<TimestampMs>,
    ) -> BoxFuture<'a, Result<WatchAnswer, WatchError>> {
        Box::pin(async move {
            let (now, caller) = (self.clock.now(), caller(place));
            let input = input(queries, times);
            let request = Request::check(&input, &caller, now, &self.rollups.retention).map_err(refusal)?;
            let answers = self.answers(&request, &caller, now).await.map_err(refusal)?;
            let mut series = Vec::new();
            for (query, (_, points)) in request.queries.iter().zip(answers.metrics) {
                if query.returns_data {
                    series.push(answered(&query.id, Vec::new(), points));
                }
            }
            for (query, labelled) in request.expressions.iter().zip(answers.expressions) {
                let groups = answers.groups.get(&query.id);
                for (index, one) in labelled.into_iter().enumerate() {
                    let group = groups.and_then(|groups| groups.get(index));
                    series.push(answered(&query.id, attributes(query, group), one.points));
                }
            }
            // A band's two bounds stay together, and groups in their order: this sort is stable.
            series.sort_by_key(|series| queries.iter().position(|query| query.id == series.id));
            let is_partial =
                answers.messages.iter().any(|message| message.code.as_deref() == Some("MaxMetricsExceeded"));
            Ok(WatchAnswer { series, is_partial })
        })
    }
}

impl Metrics {
    /// The accounts and Regions whose points cannot be read now: their alarms see no data, and those of others see theirs.
    async fn locked_places<'k>(&self, keys: impl Iterator<Item = &'k str>) -> BTreeSet<(&'k str, &'k str)> {
        if self.resources.datasets.is_empty() {
            return BTreeSet::new();
        }
        let mut locked = BTreeSet::new();
        for (account, region) in keys.map(place_of).collect::<BTreeSet<_>>() {
            if self.ensure_readable(account, region).await.is_err() {
                locked.insert((account, region));
            }
        }
        locked
    }
}

fn answered(id: &str, attributes: Vec<(String, String)>, points: Vec<(i64, f64)>) -> WatchedSeries {
    let points = points.into_iter().map(|(time_ms, value)| (TimestampMs(time_ms), value)).collect();
    WatchedSeries { id: id.to_owned(), attributes, points }
}

fn attributes(query: &ExpressionQuery, group: Option<&Vec<Option<String>>>) -> Vec<(String, String)> {
    let (Program::Insights(insights), Some(values)) = (&query.program, group) else { return Vec::new() };
    let name = |key: &Key| match key {
        Key::Dimension(name) => name.clone(),
        Key::AccountId => "AWS.AccountId".to_owned(),
        Key::Tag(key) => format!("tag.{key}"),
    };
    let pairs = insights.group_by.iter().zip(values);
    pairs.map(|(key, value)| (name(key), value.clone().unwrap_or_else(|| "Other".to_owned()))).collect()
}

fn shape(query: &ExpressionQuery) -> QueryShape {
    match (&query.program, query.result) {
        (Program::Insights(insights), _) if !insights.group_by.is_empty() => {
            QueryShape::Groups { is_ordered: insights.order_by.is_some() }
        }
        (Program::Math(expression, _), Type::Array) => {
            match expression.functions().contains(&"ANOMALY_DETECTION_BAND") {
                true => QueryShape::Band,
                false => QueryShape::Array,
            }
        }
        _ => QueryShape::Series,
    }
}

fn datapoints(buckets: &Buckets, statistic: Statistic) -> Vec<WatchedDatapoint> {
    // Without a unit asked for, the first by name counts, as for GetMetricData.
    let Some(&unit) = buckets.units().first() else { return Vec::new() };
    let points = buckets.of_unit(unit).filter_map(|(start_ms, bucket)| {
        let (value, sample_count) = (bucket.value(statistic)?, bucket.summary().count);
        Some(WatchedDatapoint { time: TimestampMs(start_ms), value, sample_count })
    });
    points.collect()
}

fn dimensions(metric: &MetricIdentity) -> Vec<Dimension> {
    let dimension =
        |(name, value): &(Arc<str>, Arc<str>)| Dimension { name: name.to_string(), value: value.to_string() };
    metric.dimensions.iter().map(dimension).collect()
}

fn repeated() -> WatchError {
    WatchError::Invalid("No metric may specify the same dimension name twice.".to_owned())
}

/// As GetMetricData is asked.
fn input(queries: &[WatchQuery], times: Range<TimestampMs>) -> GetMetricDataInput {
    let query = |query: &WatchQuery| {
        let mut asked = MetricDataQuery {
            id: query.id.clone(),
            label: query.label.clone(),
            return_data: Some(query.returns_data),
            ..MetricDataQuery::default()
        };
        match &query.of {
            QueryOf::Metric { metric, statistic, unit, period_s } => {
                let named = Metric {
                    namespace: Some(metric.namespace.to_string()),
                    metric_name: Some(metric.name.to_string()),
                    dimensions: Some(dimensions(metric)),
                };
                let (stat, unit) = (statistic.clone(), unit.clone());
                let period = i32::try_from(*period_s).unwrap_or(i32::MAX);
                asked.metric_stat = Some(MetricStat { metric: named, period, stat, unit });
            }
            QueryOf::Expression { text, period_s } => {
                asked.expression = Some(text.clone());
                asked.period = period_s.and_then(|period_s| i32::try_from(period_s).ok());
            }
        }
        asked
    };
    GetMetricDataInput {
        metric_data_queries: queries.iter().map(query).collect(),
        start_time: Timestamp(times.start.0),
        end_time: Timestamp(times.end.0),
        ..GetMetricDataInput::default()
    }
}

/// On whose behalf alarms read: the account itself.
fn caller(place: &MetricPlace) -> Caller {
    Caller {
        account: place.account,
        region: place.region.clone(),
        principal: Principal::Root,
        access_key_id: None,
        source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: "".into(),
        secure_transport: false,
        client: Default::default(),
    }
}

fn refusal(error: ServiceError) -> WatchError {
    let message = error.message;
    match error.status {
        503 | 429 => WatchError::Busy(message),
        400..=499 => WatchError::Invalid(message),
        _ => WatchError::Failed(message),
    }
}
