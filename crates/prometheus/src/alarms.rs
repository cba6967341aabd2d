//! The port through which alarms watch what a PromQL query answers with.

use watchkeep_core::ports::{MetricPlace, PromQlQueries, QueryTimes, WatchAnswer, WatchError, WatchedSeries};
use watchkeep_core::{BoxFuture, TimestampMs};
use watchkeep_model::ServiceError;

use crate::Prometheus;
use crate::limits::ALARM_QUERY_TIME_MAX;
use crate::promql::eval::{Grid, Row, is_absent};
use crate::promql::{Expr, Type, parse};
use crate::query::rows;

impl PromQlQueries for Prometheus {
    fn check(&self, query: &str) -> Result<(), WatchError> {
        checked(query).map(|_| ())
    }

    fn evaluate<'a>(
        &'a self,
        place: &'a MetricPlace,
        query: &'a str,
        times: QueryTimes,
        series_max: usize,
    ) -> BoxFuture<'a, Result<WatchAnswer, WatchError>> {
        Box::pin(async move {
            let QueryTimes { first, step_ms, count } = times;
            let grid = Grid { start_ms: first.0, step_ms: step_ms.max(1), steps: count };
            let rows = rows(self, place, checked(query)?, grid, ALARM_QUERY_TIME_MAX).await.map_err(refusal)?;
            let mut series: Vec<WatchedSeries> = rows.iter().map(|row| series(row, grid)).collect();
            series.retain(|series| !series.points.is_empty());
            series.sort_by(|one, other| one.attributes.cmp(&other.attributes));
            let is_partial = series.len() > series_max;
            series.truncate(series_max);
            Ok(WatchAnswer { series, is_partial })
        })
    }
}

/// The query, which is an instant vector.
fn checked(query: &str) -> Result<Expr, WatchError> {
    let expr = parse(query).map_err(|error| WatchError::Invalid(error.message(query)))?;
    match expr.r#type() {
        Type::Vector => Ok(expr),
        other => Err(WatchError::Invalid(format!("it must be an instant vector, and is a {}", other.text()))),
    }
}

fn series(row: &Row, grid: Grid) -> WatchedSeries {
    let labels = row.labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let points = grid.times().zip(&row.values).filter(|(_, value)| !is_absent(**value));
    WatchedSeries {
        id: String::new(),
        attributes: labels.collect(),
        points: points.map(|((_, time_ms), value)| (TimestampMs(time_ms), *value)).collect(),
    }
}

fn refusal(error: ServiceError) -> WatchError {
    match error.status {
        503 | 429 => WatchError::Busy(error.message),
        400..=499 => WatchError::Invalid(error.message),
        _ => WatchError::Failed(error.message),
    }
}
