//! Training: models of what is stored, for detectors in the background and for bands when they are asked for.
//!
//! A model is of the last two weeks at the period of its source, or as much as is kept at that period, and a while old at most:
//! [`BAND_RETRAINED_MS`] if it is a detector's, [`BAND_FRESH_MS`] if not.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::{Arc, Weak};

use watchkeep_core::{BoxFuture, Caller, Clock, Principal, TimestampMs};
use watchkeep_lang::anomaly::limits::TRAINING_MS;
use watchkeep_lang::anomaly::{Band, Model, Settings};
use watchkeep_model::cloudwatch::{GetMetricDataInput, MetricDataQuery};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{CatalogError, Versioned};

use super::models::ModelKey;
use super::resource::{AnomalyDetector, State, settings};
use super::source::Source;
use super::target::{Given, PERIOD_S};
use crate::Metrics;
use crate::errors::{internal, validation};
use crate::limits::{BAND_CHECK_INTERVAL, BAND_FRESH_MS, BAND_POINTS_MAX, BAND_RETRAINED_MS};
use crate::queries::Request;

/// Points, oldest first.
type Points = Vec<(i64, f64)>;

/// The periods that metrics are sent with, in seconds.
const USUAL_PERIODS_S: [i32; 5] = [300, 900, 3600, 21_600, 86_400];

/// The fewest points that tell how far apart they are.
const GAPS_MIN: usize = 4;

impl Metrics {
    /// Keeps the models of detectors trained, from within a tokio runtime, until the service is dropped.
    pub(crate) fn start_training(self: &Arc<Self>) {
        tokio::spawn(keep_trained(Arc::downgrade(self), self.clock.clone(), self.anomaly.was_put.clone()));
    }

    /// The band around what is expected of a query: at the start of each of its periods in `range`, as far as its model says
    /// something. Empty if too little is known of it. This is what `ANOMALY_DETECTION_BAND(of, deviations)` answers; alarms ask
    /// for it, too.
    ///
    /// # Errors
    ///
    /// `ValidationError` if the queries are not those of a call of GetMetricData, or there is no band of this one; those of
    /// reading.
    pub async fn band(
        &self,
        caller: &Caller,
        queries: &[MetricDataQuery],
        of: &str,
        deviations: f64,
        range: Range<TimestampMs>,
    ) -> Result<Vec<(TimestampMs, Band)>, ServiceError> {
        let source = Source::of(queries, of, caller).map_err(validation)?;
        let now = self.clock.now();
        let input = input(&source, range.start.0, range.end.0);
        let request = Request::check(&input, caller, now, &self.rollups.retention)?;
        let Some(model) = self.model(&source, caller, now).await? else { return Ok(Vec::new()) };
        let times = times(range.start.0..range.end.0, period_ms(&request), range.start.0, &model);
        let bands = model.band(&times, deviations);
        Ok(times.into_iter().map(TimestampMs).zip(bands).collect())
    }

    /// The model of a source: the one that is kept, or one that is trained now. `None` if too little is stored.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub(crate) async fn model(
        &self,
        source: &Source,
        caller: &Caller,
        now: TimestampMs,
    ) -> Result<Option<Arc<Model>>, ServiceError> {
        let detector = self.anomaly.detectors.get(&detector_key(source, caller));
        let key = model_key(source, detector.as_deref(), caller);
        if let Some((model, trained_ms)) = self.anomaly.models.used(&key, now.0)
            && (trained_ms..=trained_ms.saturating_add(BAND_FRESH_MS)).contains(&now.0)
        {
            return Ok(Some(model));
        }
        self.train(key, source, detector.as_deref(), caller, now).await
    }

    /// Trains a model and keeps it.
    async fn train(
        &self,
        key: ModelKey,
        source: &Source,
        detector: Option<&Versioned<AnomalyDetector>>,
        caller: &Caller,
        now: TimestampMs,
    ) -> Result<Option<Arc<Model>>, ServiceError> {
        let _turn = self.anomaly.turns.acquire().await;
        // While this one waited, another may have done it.
        if let Some((model, trained_ms)) = self.anomaly.models.used(&key, now.0)
            && trained_ms == now.0
        {
            return Ok(Some(model));
        }
        let (points, period_ms) = self.training_points(source, caller, now).await?;
        let put = detector.map(|detector| detector.put()).unwrap_or_default();
        let settings = bounded(settings(&put, period_ms), source);
        let trained = tokio::task::spawn_blocking(move || Model::train(&points, &settings)).await;
        let trained =
            trained.map_err(|_| internal("The request processing has failed because of an internal error."))?;
        let model = trained.map(Arc::new);
        if let Some(model) = &model {
            self.anomaly.models.keep(key, model.clone(), source.clone(), now.0);
        }
        Ok(model)
    }

    /// What a source has of the last two weeks, and its period in milliseconds. Boxed, because reading expressions may ask for
    /// bands, which are trained.
    fn training_points<'a>(
        &'a self,
        source: &'a Source,
        caller: &'a Caller,
        now: TimestampMs,
    ) -> BoxFuture<'a, Result<(Points, i64), ServiceError>> {
        Box::pin(async move {
            let start_ms = now.0.saturating_sub(TRAINING_MS);
            // Found out with any times; then those that the periods begin at, without the one that is not over.
            let period_ms =
                period_ms(&Request::check(&input(source, start_ms, now.0), caller, now, &self.rollups.retention)?);
            let (start, end) = (TimestampMs(start_ms).floor_to(period_ms), now.floor_to(period_ms));
            if start >= end {
                return Ok((Vec::new(), period_ms));
            }
            let request = Request::check(&input(source, start.0, end.0), caller, now, &self.rollups.retention)?;
            let answers = self.answers(&request, caller, now).await?;
            let of_metric = request.queries.iter().zip(answers.metrics).find(|(query, _)| query.returns_data);
            let of_expression = || {
                let mut answered = request.expressions.iter().zip(answers.expressions);
                let (_, series) = answered.find(|(query, _)| query.returns_data)?;
                series.into_iter().next().map(|series| series.points)
            };
            let points = match of_metric {
                Some((_, (_, points))) => points,
                None => of_expression().unwrap_or_default(),
            };
            Ok((points, period_ms))
        })
    }

    /// Trains those detectors whose models are missing or old, one after the other.
    pub(crate) async fn train_due(&self) {
        for detector in self.anomaly.detectors.all() {
            if let Err(error) = self.train_detector(&detector).await {
                let (detector, code) = (&detector.key.name, &*error.code);
                tracing::warn!(detector, code, "an anomaly detector was not trained");
            }
        }
    }

    async fn train_detector(&self, detector: &Arc<Versioned<AnomalyDetector>>) -> Result<(), ServiceError> {
        let Some(region) = detector.key.region.clone() else { return Ok(()) };
        let caller = Caller {
            account: detector.key.account,
            region,
            principal: Principal::Root,
            access_key_id: None,
            source_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: None,
            request_id: "".into(),
            secure_transport: false,
            client: Default::default(),
        };
        let put = detector.put();
        let (single, math) = (put.single_metric_anomaly_detector, put.metric_math_anomaly_detector);
        let source = Given { single, math, ..Given::default() }.target()?.source(&caller)?;
        let now = self.clock.now();
        let is_due = |key: &ModelKey| {
            let trained_ms = self.anomaly.models.trained_ms(key);
            trained_ms.is_none_or(|trained_ms| now.0 >= trained_ms.saturating_add(BAND_RETRAINED_MS))
        };
        let key = model_key(&source, Some(detector.as_ref()), &caller);
        let known = self.anomaly.models.sources_of(&key, now.0);
        let mut state = State::Trained;
        for (key, source) in &known {
            if is_due(key) {
                self.train(key.clone(), source, Some(detector.as_ref()), &caller, now).await?;
            }
        }
        if known.is_empty() {
            let source = self.at_own_period(source, &caller, now).await?;
            let key = model_key(&source, Some(detector.as_ref()), &caller);
            if self.train(key, &source, Some(detector.as_ref()), &caller, now).await?.is_none() {
                state = State::TrainedInsufficientData;
            }
        }
        self.note_state(detector, state).await;
        Ok(())
    }

    /// A source of one metric at the period that it is sent with: a model of minutes of what comes every hour would be of little
    /// use.
    async fn at_own_period(&self, source: Source, caller: &Caller, now: TimestampMs) -> Result<Source, ServiceError> {
        if source.metric.is_none() {
            return Ok(source);
        }
        let (points, _) = self.training_points(&source, caller, now).await?;
        let mut gaps: Vec<i64> = points.iter().zip(points.iter().skip(1)).map(|(one, next)| next.0 - one.0).collect();
        gaps.sort_unstable();
        let Some(gap_ms) = gaps.get(gaps.len() / 2).filter(|_| gaps.len() >= GAPS_MIN) else { return Ok(source) };
        if *gap_ms < 3 * i64::from(PERIOD_S) * 1000 / 2 {
            return Ok(source);
        }
        let fits = |period_s: &&i32| i64::from(**period_s) * 1000 >= gap_ms - gap_ms / 10;
        let period_s = USUAL_PERIODS_S.iter().find(fits).copied();
        Ok(period_s.and_then(|period_s| source.with_period(period_s, caller)).unwrap_or(source))
    }

    /// Notes how far the training is, unless the detector was put again or deleted meanwhile.
    async fn note_state(&self, detector: &Versioned<AnomalyDetector>, state: State) {
        if detector.state == state {
            return;
        }
        let mut noted = detector.value.clone();
        noted.state = state;
        match self.anomaly.detectors.update(detector, noted).await {
            Ok(_) | Err(CatalogError::Conflict { .. }) => {}
            Err(error) => tracing::warn!(detector = detector.key.name, %error, "the state of a detector was not noted"),
        }
    }
}

/// Trains what is due, now and then, and when a detector was put.
async fn keep_trained(metrics: Weak<Metrics>, clock: Arc<dyn Clock>, was_put: Arc<tokio::sync::Notify>) {
    loop {
        let Some(metrics) = metrics.upgrade() else { return };
        metrics.train_due().await;
        drop(metrics);
        tokio::select! {
            () = was_put.notified() => {}
            () = clock.sleep(BAND_CHECK_INTERVAL) => {}
        }
    }
}

/// The times in `range` at which periods begin, one of them at `anchor_ms`, of which the model says something.
pub(crate) fn times(range: Range<i64>, period_ms: i64, anchor_ms: i64, model: &Model) -> Vec<i64> {
    let (period_ms, known) = (period_ms.max(1), model.range_ms());
    let (start, end) = (range.start.max(known.start), range.end.min(known.end));
    let into_ms = start.saturating_sub(anchor_ms).rem_euclid(period_ms);
    let first = if into_ms == 0 { start } else { start.saturating_add(period_ms - into_ms) };
    let step = usize::try_from(period_ms).unwrap_or(usize::MAX);
    (first..end.max(first)).step_by(step).take(BAND_POINTS_MAX).collect()
}

/// A request for a source's data.
fn input(source: &Source, start_ms: i64, end_ms: i64) -> GetMetricDataInput {
    GetMetricDataInput {
        metric_data_queries: source.queries.clone(),
        start_time: Timestamp(start_ms),
        end_time: Timestamp(end_ms),
        ..GetMetricDataInput::default()
    }
}

/// The period of the query that returns its data.
fn period_ms(request: &Request) -> i64 {
    let of_metric = request.queries.iter().find(|query| query.returns_data).map(|query| query.window.period_ms);
    let of_expression =
        || request.expressions.iter().find(|query| query.returns_data).map(|query| query.period_s * 1000);
    of_metric.or_else(of_expression).unwrap_or(1000).max(1)
}

fn detector_key(source: &Source, caller: &Caller) -> watchkeep_store::ResourceKey {
    watchkeep_store::ResourceKey::new(caller.account, &caller.region, source.detector_id.clone())
}

fn model_key(source: &Source, detector: Option<&Versioned<AnomalyDetector>>, caller: &Caller) -> ModelKey {
    ModelKey {
        account: caller.account,
        region: caller.region.clone(),
        source: source.identity.clone(),
        detector: detector.map(|detector| (detector.key.name.clone(), detector.revision)),
    }
}

/// What is known of AWS's own metrics: none is negative, and a utilization is a percentage. Of others nothing is.
fn bounded(settings: Settings, source: &Source) -> Settings {
    let Some((namespace, name, stat)) = &source.metric else { return settings };
    if !namespace.starts_with("AWS/") {
        return settings;
    }
    let is_total = ["Sum", "SampleCount"].contains(&stat.as_str()) || stat.starts_with("TS") || stat.starts_with("TC");
    let is_percentage = name.ends_with("Utilization") && !is_total;
    Settings { least: Some(0.0), most: is_percentage.then_some(100.0), ..settings }
}
