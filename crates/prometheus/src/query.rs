//! Queries: at one time, and over a range. Sources: "HTTP API: instant queries", "range queries"; "QueryMetrics" of the CloudWatch
//! User Guide.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use watchkeep_core::ports::MetricPlace;
use watchkeep_core::{Caller, Clock, TimestampMs};
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::HttpAnswer;

use crate::Prometheus;
use crate::answer::{self, Data};
use crate::errors::{bad_data, execution, internal, invalid_parameter, of_evaluation, timeout};
use crate::form::Form;
use crate::limits::{ANSWER_VALUES_MAX, LOOKBACK_MS, LOOKBACK_MS_MAX, QUERY_TIME_MAX, SERIES_MAX, STEPS_MAX};
use crate::promql::eval::{EvalError, Evaluator, Grid, Row, SampleSeries, Value, plan};
use crate::promql::{Expr, Type, parse};
use crate::read::read;

/// The place of a caller's metrics.
pub(crate) fn place(caller: &Caller) -> MetricPlace {
    MetricPlace { account: caller.account, region: caller.region.clone() }
}

/// `query`: what an expression comes to at one time.
pub(crate) async fn query(prometheus: Arc<Prometheus>, caller: Caller, form: Form) -> Result<HttpAnswer, ServiceError> {
    let time = form.time("time")?.unwrap_or_else(|| prometheus.clock.now());
    let query = Query::of(&form, Grid::instant(time.0), Shape::Instant)?;
    query.run(prometheus, place(&caller)).await
}

/// `query_range`: what it comes to at each step of a range.
pub(crate) async fn query_range(
    prometheus: Arc<Prometheus>,
    caller: Caller,
    form: Form,
) -> Result<HttpAnswer, ServiceError> {
    let time = |name: &str| {
        let missing = || invalid_parameter(name, "cannot parse \"\" to a valid timestamp");
        form.time(name)?.ok_or_else(missing)
    };
    let (TimestampMs(start_ms), TimestampMs(end_ms)) = (time("start")?, time("end")?);
    if end_ms < start_ms {
        return Err(invalid_parameter("end", "end timestamp must not be before start time"));
    }
    let missing = || invalid_parameter("step", "cannot parse \"\" to a valid duration");
    let step_ms = form.duration_ms("step")?.ok_or_else(missing)?;
    if step_ms <= 0 {
        let reason = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(invalid_parameter("step", reason));
    }
    if (end_ms - start_ms) / step_ms > STEPS_MAX {
        return Err(bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let query = Query::of(&form, Grid::range(start_ms, end_ms, step_ms), Shape::Range)?;
    if !matches!(query.expr.r#type(), Type::Scalar | Type::Vector) {
        let found = query.expr.r#type().text();
        let reason = format!("invalid expression type {found:?} for range query, must be Scalar or instant Vector");
        return Err(invalid_parameter("query", reason));
    }
    query.run(prometheus, place(&caller)).await
}

/// `format_query`: an expression as it is written best.
pub(crate) fn format_query(form: &Form) -> Result<HttpAnswer, ServiceError> {
    let text = form.get("query").unwrap_or_default();
    Ok(answer::json(&crate::promql::prettify(&parsed(text)?).into()))
}

fn parsed(text: &str) -> Result<Expr, ServiceError> {
    parse(text).map_err(|error| invalid_parameter("query", error.message(text)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Instant,
    Range,
}

/// What is made of a query and the samples of its selectors.
type Compute<T> = fn(Query, &[Vec<SampleSeries>], &Deadline) -> Result<T, ServiceError>;

/// A query that was read.
struct Query {
    expr: Expr,
    grid: Grid,
    shape: Shape,
    lookback_ms: i64,
    time_max: Duration,
    series_max: usize,
}

impl Query {
    fn of(form: &Form, grid: Grid, shape: Shape) -> Result<Query, ServiceError> {
        let expr = parsed(form.get("query").unwrap_or_default())?;
        let lookback_ms = form.duration_ms("lookback_delta")?.unwrap_or(LOOKBACK_MS);
        if lookback_ms <= 0 || lookback_ms > LOOKBACK_MS_MAX {
            return Err(invalid_parameter("lookback_delta", "it must be more than nothing, and a day at most"));
        }
        let time_max = form.duration("timeout")?.unwrap_or(QUERY_TIME_MAX).min(QUERY_TIME_MAX);
        Ok(Query { expr, grid, shape, lookback_ms, time_max, series_max: form.limit(SERIES_MAX)? })
    }

    async fn run(self, prometheus: Arc<Prometheus>, place: MetricPlace) -> Result<HttpAnswer, ServiceError> {
        self.computed(&prometheus, &place, Query::answer).await
    }

    /// What `compute` makes of this query and the samples that it needs.
    async fn computed<T: Send + 'static>(
        self,
        prometheus: &Prometheus,
        place: &MetricPlace,
        compute: Compute<T>,
    ) -> Result<T, ServiceError> {
        let deadline = Deadline::new(prometheus, self.time_max);
        let room = tokio::select! {
            biased;
            room = prometheus.queries.acquire() => room.map_err(|_| internal("the server is shutting down"))?,
            () = prometheus.clock.sleep(self.time_max) => return Err(timeout()),
        };
        let needs = plan::needs(&self.expr, self.grid, self.lookback_ms);
        let go_on = || deadline.check().map_err(of_evaluation);
        let samples = read(prometheus, place, &needs, &go_on).await?;
        drop(needs);
        // If nobody waits any more, this future is dropped, and the computation told so.
        let abandon = Abandon(deadline.is_abandoned.clone());
        let computed = tokio::task::spawn_blocking(move || compute(self, &samples, &deadline)).await;
        drop((abandon, room));
        computed.map_err(|_| internal("the query could not be computed"))?
    }

    fn answer(self, samples: &[Vec<SampleSeries>], deadline: &Deadline) -> Result<HttpAnswer, ServiceError> {
        let go_on = || deadline.check();
        let mut evaluator =
            Evaluator { samples, query: self.grid, lookback_ms: self.lookback_ms, go_on: &go_on, computed: 0 };
        let data = if self.expr.r#type() == Type::Matrix {
            Data::Ranges(evaluator.run_range(&self.expr).map_err(of_evaluation)?)
        } else {
            let value = evaluator.run(&self.expr).map_err(of_evaluation)?;
            match (self.shape, value) {
                (Shape::Instant, Value::Scalar(values)) => Data::Scalar(values.first().copied().unwrap_or(f64::NAN)),
                (Shape::Instant, Value::Vector(rows)) => Data::Vector(rows),
                (_, Value::String(text)) => Data::String(text),
                (Shape::Range, Value::Vector(mut rows)) => {
                    rows.sort_by(|one, other| one.labels.cmp(&other.labels));
                    Data::Matrix(rows)
                }
                (Shape::Range, Value::Scalar(values)) => Data::Matrix(vec![Row { labels: Default::default(), values }]),
            }
        };
        if data.values() > ANSWER_VALUES_MAX {
            return Err(execution(format!("the answer has more than {ANSWER_VALUES_MAX} values")));
        }
        Ok(answer::query(data, self.grid, self.series_max))
    }
}

/// The rows of an instant vector at each time of a grid, for one who knows that it is one.
pub(crate) async fn rows(
    prometheus: &Prometheus,
    place: &MetricPlace,
    expr: Expr,
    grid: Grid,
    time_max: Duration,
) -> Result<Vec<Row>, ServiceError> {
    let query = Query { expr, grid, shape: Shape::Range, lookback_ms: LOOKBACK_MS, time_max, series_max: SERIES_MAX };
    let compute = |query: Query, samples: &[Vec<SampleSeries>], deadline: &Deadline| {
        let go_on = || deadline.check();
        let mut evaluator =
            Evaluator { samples, query: query.grid, lookback_ms: query.lookback_ms, go_on: &go_on, computed: 0 };
        match evaluator.run(&query.expr).map_err(of_evaluation)? {
            Value::Vector(rows) => Ok(rows),
            Value::Scalar(_) | Value::String(_) => Err(execution("the answer is no instant vector")),
        }
    };
    query.computed(prometheus, place, compute).await
}

/// How long a query may go on.
struct Deadline {
    clock: Arc<dyn Clock>,
    end: Duration,
    is_abandoned: Arc<AtomicBool>,
}

impl Deadline {
    fn new(prometheus: &Prometheus, time_max: Duration) -> Deadline {
        let clock = prometheus.clock.clone();
        Deadline { end: clock.monotonic().saturating_add(time_max), clock, is_abandoned: Arc::default() }
    }

    fn check(&self) -> Result<(), EvalError> {
        if self.is_abandoned.load(Ordering::Relaxed) {
            return Err(EvalError::Canceled);
        }
        if self.clock.monotonic() >= self.end { Err(EvalError::Timeout) } else { Ok(()) }
    }
}

struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
