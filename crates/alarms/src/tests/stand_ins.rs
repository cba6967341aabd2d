//! Stand-ins for what alarms need of others.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchkeep_core::ports::*;
use watchkeep_core::{BoxFuture, TimestampMs};

/// Metrics by their names: averages over periods.
#[derive(Default)]
pub struct StandInMetrics {
    points: Mutex<BTreeMap<String, BTreeMap<i64, f64>>>,
    /// The series that PromQL queries answer with, and the times at which they are there, with their values.
    pub promql: Mutex<BTreeMap<String, BTreeMap<i64, f64>>>,
    /// How often PromQL queries were asked, and at how many times.
    pub promql_asked: Mutex<Vec<usize>>,
    /// What queries answer, and what they are.
    pub answer: Mutex<Option<(QueryShape, Result<WatchAnswer, WatchError>)>>,
}

struct Handle {
    name: String,
    period_ms: i64,
}

impl StandInMetrics {
    pub fn put(&self, name: &str, time_ms: i64, value: f64) {
        self.points.lock().unwrap().entry(name.to_owned()).or_default().insert(time_ms, value);
    }

    pub fn answer(&self, shape: QueryShape, answer: Result<WatchAnswer, WatchError>) {
        *self.answer.lock().unwrap() = Some((shape, answer));
    }

    /// A series is there in these minutes after a time.
    pub fn there(&self, host: &str, start_ms: i64, minutes: Range<i64>) {
        let mut all = self.promql.lock().unwrap();
        let points = all.entry(host.to_owned()).or_default();
        points.extend(minutes.map(|minute| (start_ms + minute * 60_000, 95.5)));
    }

    fn datapoints(&self, handle: &Handle, times: &Range<TimestampMs>) -> Vec<WatchedDatapoint> {
        let points = self.points.lock().unwrap();
        let mut buckets = BTreeMap::<i64, Vec<f64>>::new();
        for (time_ms, value) in points.get(&handle.name).into_iter().flatten() {
            if (times.start.0..times.end.0).contains(time_ms) {
                buckets.entry((time_ms - times.start.0) / handle.period_ms).or_default().push(*value);
            }
        }
        let datapoint = |(bucket, values): (i64, Vec<f64>)| WatchedDatapoint {
            time: TimestampMs(times.start.0 + bucket * handle.period_ms),
            value: values.iter().sum::<f64>() / values.len() as f64,
            sample_count: values.len() as f64,
        };
        buckets.into_iter().map(datapoint).collect()
    }
}

impl PromQlQueries for StandInMetrics {
    fn check(&self, query: &str) -> Result<(), WatchError> {
        match query.contains('!') {
            true => Err(WatchError::Invalid("1:1: parse error: unexpected character".to_owned())),
            false => Ok(()),
        }
    }

    fn evaluate<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: &'a str,
        times: QueryTimes,
        series_max: usize,
    ) -> BoxFuture<'a, Result<WatchAnswer, WatchError>> {
        self.promql_asked.lock().unwrap().push(times.count);
        let all = self.promql.lock().unwrap();
        let series = all.iter().map(|(host, points)| {
            let asked = (0..times.count).map(|turn| times.first.0 + turn as i64 * times.step_ms);
            // Whatever minute it is in.
            let points =
                asked.filter_map(|time| Some((TimestampMs(time), *points.get(&(time - time.rem_euclid(60_000)))?)));
            WatchedSeries {
                id: String::new(),
                attributes: vec![("Host".into(), host.clone())],
                points: points.collect(),
            }
        });
        let mut series: Vec<WatchedSeries> = series.filter(|series| !series.points.is_empty()).collect();
        let is_partial = series.len() > series_max;
        series.truncate(series_max);
        Box::pin(std::future::ready(Ok(WatchAnswer { series, is_partial })))
    }
}

impl AlarmMetrics for StandInMetrics {
    fn watch(&self, metric: &WatchedMetric) -> Result<MetricHandle, WatchError> {
        let handle = Handle { name: metric.metric.name.to_string(), period_ms: metric.period_s * 1000 };
        Ok(MetricHandle(Arc::new(handle)))
    }

    fn read(&self, reads: Vec<WatchRead>) -> BoxFuture<'_, Result<Vec<Vec<WatchedDatapoint>>, WatchError>> {
        let answer = |read: WatchRead| self.datapoints(&read.handle.0.downcast::<Handle>().unwrap(), &read.times);
        Box::pin(std::future::ready(Ok(reads.into_iter().map(answer).collect())))
    }

    fn check(&self, _: &MetricPlace, queries: &[WatchQuery]) -> Result<Vec<CheckedQuery>, WatchError> {
        let shape = self.answer.lock().unwrap().as_ref().map_or(QueryShape::Series, |(shape, _)| *shape);
        let checked = |query: &WatchQuery| match &query.of {
            QueryOf::Metric { period_s, .. } => {
                CheckedQuery { id: query.id.clone(), shape: QueryShape::Series, period_s: *period_s }
            }
            QueryOf::Expression { period_s, .. } => {
                CheckedQuery { id: query.id.clone(), shape, period_s: period_s.unwrap_or(60) }
            }
        };
        Ok(queries.iter().filter(|query| query.returns_data).map(checked).collect())
    }

    fn compute<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: &'a [WatchQuery],
        _: Range<TimestampMs>,
    ) -> BoxFuture<'a, Result<WatchAnswer, WatchError>> {
        let answer = self.answer.lock().unwrap().clone().map_or(Ok(WatchAnswer::default()), |(_, answer)| answer);
        Box::pin(std::future::ready(answer))
    }
}

/// A topic that keeps what is published, unless it is told to answer with an error.
#[derive(Default)]
pub struct Topics {
    pub published: Mutex<Vec<(String, TopicMessage)>>,
    pub error: Mutex<Option<TopicError>>,
}

impl Topics {
    /// The subjects of what was published.
    pub fn subjects(&self) -> Vec<String> {
        self.published.lock().unwrap().iter().map(|(_, message)| message.subject.clone().unwrap()).collect()
    }
}

impl TopicSink for Topics {
    fn publish<'a>(
        &'a self,
        topic_arn: &'a str,
        message: TopicMessage,
    ) -> BoxFuture<'a, Result<MessageId, TopicError>> {
        let outcome = match self.error.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => {
                self.published.lock().unwrap().push((topic_arn.to_owned(), message));
                Ok(MessageId("m".to_owned()))
            }
        };
        Box::pin(std::future::ready(outcome))
    }
}

/// The function `f`, and actions on instances and scaling policies, which keep what they are called with, unless they are told to fail.
#[derive(Debug, Default)]
pub struct CalledFunctions {
    pub called: Mutex<Vec<(String, serde_json::Value)>>,
    pub fails: Mutex<bool>,
    /// The actions that were carried out.
    pub acted: Mutex<Vec<AlarmAction>>,
}

impl Functions for CalledFunctions {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Vec<u8>,
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<u8>, InvokeError>> {
        let is_known = function.split(':').next() == Some("f");
        let outcome = match (is_known, *self.fails.lock().unwrap()) {
            (false, _) => Err(InvokeError::Unknown(function.to_owned())),
            (true, true) => Err(InvokeError::Failed("the function answered 500".to_owned())),
            (true, false) => {
                self.called.lock().unwrap().push((function.to_owned(), serde_json::from_slice(&payload).unwrap()));
                Ok(b"null".to_vec())
            }
        };
        Box::pin(std::future::ready(outcome))
    }
}

impl AlarmActions for CalledFunctions {
    fn carry_out<'a>(&'a self, action: &'a AlarmAction) -> BoxFuture<'a, Result<String, AlarmActionError>> {
        let is_known = matches!(action.kind, AlarmActionKind::Instance | AlarmActionKind::Scaling);
        let outcome = match (is_known, *self.fails.lock().unwrap()) {
            (false, _) => Err(AlarmActionError::NotConfigured),
            (true, true) => Err(AlarmActionError::Busy("it is busy".to_owned())),
            (true, false) => {
                self.acted.lock().unwrap().push(action.clone());
                Ok(action.payload.clone())
            }
        };
        Box::pin(std::future::ready(outcome))
    }
}

/// A bus that keeps its events.
#[derive(Default)]
pub struct Events(Mutex<Vec<BusEvent>>);

impl Events {
    pub fn all(&self) -> Vec<BusEvent> {
        self.0.lock().unwrap().clone()
    }
}

impl EventBus for Events {
    fn put(&self, event: BusEvent) -> BoxFuture<'_, Result<(), EventBusError>> {
        self.0.lock().unwrap().push(event);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Of which group lines were asked for, and how many.
pub type LinesAsked = (Option<BTreeMap<String, String>>, usize);

/// Queries of log alarms, whose runs a test makes up.
#[derive(Default)]
pub struct LogQueries {
    pub kept: Mutex<BTreeMap<u64, AlarmLogQuery>>,
    pub runs: Mutex<Vec<LogQueryRun>>,
    pub lines_asked: Mutex<Vec<LinesAsked>>,
    pub fails: Mutex<bool>,
}

impl LogQueries {
    fn answer<T: Send + 'static>(
        &self,
        answer: impl FnOnce() -> T,
    ) -> BoxFuture<'static, Result<T, AlarmLogQueryError>> {
        let answered = match *self.fails.lock().unwrap() {
            true => Err(AlarmLogQueryError::Failed("the disk is full".to_owned())),
            false => Ok(answer()),
        };
        Box::pin(std::future::ready(answered))
    }
}

impl AlarmLogQueries for LogQueries {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        query: AlarmLogQuery,
    ) -> BoxFuture<'a, Result<String, AlarmLogQueryError>> {
        if query.query.contains('!') {
            let invalid = AlarmLogQueryError::Invalid("unexpected symbol found !".to_owned());
            return Box::pin(std::future::ready(Err(invalid)));
        }
        self.answer(|| {
            let arn = format!("arn:aws:logs:us-east-1:000000000000:scheduled-query:{}", query.alarm_name);
            self.kept.lock().unwrap().insert(query.alarm, query);
            arn
        })
    }

    fn delete<'a>(&'a self, _: &'a MetricPlace, alarm: u64) -> BoxFuture<'a, Result<(), AlarmLogQueryError>> {
        self.answer(|| {
            self.kept.lock().unwrap().remove(&alarm);
        })
    }

    fn keep<'a>(&'a self, alarms: &'a [u64]) -> BoxFuture<'a, Result<(), AlarmLogQueryError>> {
        self.answer(|| self.kept.lock().unwrap().retain(|alarm, _| alarms.contains(alarm)))
    }

    fn runs<'a>(
        &'a self,
        _: u64,
        after: TimestampMs,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<LogQueryRun>, AlarmLogQueryError>> {
        self.answer(|| {
            let mut runs = self.runs.lock().unwrap().clone();
            runs.retain(|run| run.time > after);
            runs.split_off(runs.len().saturating_sub(max))
        })
    }

    fn lines<'a>(
        &'a self,
        _: &'a MetricPlace,
        _: u64,
        _: TimestampMs,
        group: Option<&'a BTreeMap<String, String>>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<LogLine>, AlarmLogQueryError>> {
        self.answer(|| {
            self.lines_asked.lock().unwrap().push((group.cloned(), max));
            let line = |number: usize| vec![("@message".to_owned(), format!("ERROR {number} of card ****"))];
            (1..=max).map(line).collect()
        })
    }
}
