//! Detectors at work: training, and a look at what came in, interval by interval. An interval is looked at again if its outcome was
//! not kept whole, and comes to the same.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Weak};
use std::time::Duration;

use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_lang::log_pattern::{Model, What};
use watchkeep_model::ServiceError;
use watchkeep_store::{Order, ResourceKey, Scan, ScanStats, Store, StoreError, Versioned};

use super::findings::{Finding, settle};
use super::kept::{Anomaly, Detector, Learned, anomaly_prefix};
use crate::Logs;
use crate::errors;
use crate::limits::{
    ANOMALIES_MAX, ANOMALY_INTERVALS_MAX, ANOMALY_LATE_MS_MAX, ANOMALY_SAMPLES_MAX, ANOMALY_TRAINING_BYTES_MAX, DAY_MS,
    EVENT_AHEAD_MS_MAX, EVENT_OVERHEAD_BYTES,
};
use crate::tables::{GROUP, INGESTED, LOG_EVENTS, MESSAGE};

/// The days of events that a detector learns from.
const TRAINING_DAYS: i64 = 14;

/// How often it is asked whose turn it is.
const PAUSE: Duration = Duration::from_secs(15);

/// Empty intervals behind one another from which a detector learns that there may be none.
const EMPTY_INTERVALS_MAX: i64 = 50;

/// Lets detectors look whenever it is their turn, until the service is gone.
pub(crate) async fn keep_watching(logs: Weak<Logs>) {
    loop {
        let Some(strong) = logs.upgrade() else { return };
        strong.evaluate_detectors().await;
        let sleep = strong.clock.sleep(PAUSE);
        drop(strong);
        sleep.await;
    }
}

impl Logs {
    /// Lets all detectors look whose turn has come.
    pub(crate) async fn evaluate_detectors(self: &Arc<Self>) {
        self.forget_detectors_without_group().await;
        for detector in self.anomaly_detectors.detectors.all() {
            if let Err(error) = self.evaluate(&detector).await {
                tracing::warn!(detector = detector.key.name, %error, "a log anomaly detector could not look");
            }
        }
    }

    async fn evaluate(self: &Arc<Self>, detector: &Versioned<Detector>) -> Result<(), ServiceError> {
        let every = detector.frequency.ms();
        let now = self.clock.now().0.div_euclid(every) * every;
        let learned = self.anomaly_detectors.learned.get(&detector.key);
        let Ok(group) = self.watched(detector) else { return Ok(()) };
        if !detector.enabled {
            return Ok(());
        }
        let pattern = detector.filter_pattern.as_deref().and_then(|pattern| FilterPattern::parse(pattern).ok());
        let Some(learned) = learned else {
            let (from, id) = (now - TRAINING_DAYS * DAY_MS, group.id);
            let trained = self.store.blocking(move |store| train(store, id, from..now, every, pattern.as_ref()));
            let (model, stats) = trained.await.map_err(errors::store)?;
            self.ensure_unlocked(&group, &stats).await?;
            let learned =
                Learned { model: self.secured(detector, &detector.key, model, None).await?, analyzed_to: now };
            let _changing = self.anomaly_detectors.changing.lock().await;
            if self.anomaly_detectors.detectors.get(&detector.key).is_some() {
                self.anomaly_detectors.learned.put(detector.key.clone(), learned).await.map_err(errors::store)?;
            }
            return Ok(());
        };
        if learned.analyzed_to + every > now {
            return Ok(());
        }
        // After a long pause, only the newest intervals are looked at.
        let mut from = learned.analyzed_to.max(now - ANOMALY_INTERVALS_MAX * every);
        let mut model = self.opened(&detector.key, &learned.model).await?;
        let made_of = learned.model.data_key();
        while from + every <= now {
            let (interval, id, pattern) = (from..from + every, group.id, pattern.clone());
            from = interval.end;
            let end = interval.end;
            let looked = self.store.blocking(move |store| look(store, id, interval, model, pattern.as_ref()));
            let (learned, findings, stats) = looked.await.map_err(errors::store)?;
            self.ensure_unlocked(&group, &stats).await?;
            model = learned;
            self.keep(detector, (&model, made_of), &findings, end).await?;
        }
        Ok(())
    }

    /// Keeps what a look came to: anomalies first, so that none is forgotten.
    async fn keep(
        &self,
        detector: &Versioned<Detector>,
        (model, made_of): (&Model, Option<u64>),
        findings: &[Finding],
        end: i64,
    ) -> Result<(), ServiceError> {
        let all = &self.anomaly_detectors;
        let _changing = all.changing.lock().await;
        // It may have changed or gone while it looked.
        let Some(detector) = all.detectors.get(&detector.key) else { return Ok(()) };
        let (account, region) = (detector.key.account, detector.key.region.as_ref());
        let known = all.anomalies.list(&account, region, &anomaly_prefix(&detector.key), None, ANOMALIES_MAX);
        let visible_from = detector.visible_from(end);
        let mut opened: Vec<Anomaly> = Vec::with_capacity(known.len());
        for one in &known {
            let anomaly = self.opened(&one.key, &one.value).await?;
            if anomaly.first_seen < visible_from {
                all.anomalies.delete(&one.key).await.map_err(errors::store)?;
            }
            opened.push(anomaly);
        }
        let known = opened;
        let mut room = ANOMALIES_MAX.saturating_sub(known.len());
        for anomaly in settle(&detector.key.name, &detector, &known, findings, end) {
            let is_known = known.iter().any(|one| one.id == anomaly.id);
            if !is_known && room == 0 {
                continue;
            }
            room -= usize::from(!is_known);
            let name = anomaly_prefix(&detector.key) + &anomaly.id;
            let key = ResourceKey { name, ..detector.key.clone() };
            let anomaly = self.secured(&detector, &key, anomaly, made_of).await?;
            all.anomalies.put(key, anomaly).await.map_err(errors::store)?;
        }
        let model = self.secured(&detector, &detector.key, model.clone(), made_of).await?;
        let learned = Learned { model, analyzed_to: end };
        all.learned.put(detector.key.clone(), learned).await.map_err(errors::store)?;
        Ok(())
    }
}

/// Learns the patterns of a group from its events, interval by interval.
fn train(
    store: &Store,
    group: u64,
    time: Range<i64>,
    every: i64,
    pattern: Option<&FilterPattern>,
) -> Result<(Model, ScanStats), StoreError> {
    let mut model = Model::default();
    let mut interval = None;
    let mut bytes = 0;
    let end = time.end;
    let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [group]).time(time).order(Order::Ascending).columns(&[MESSAGE]);
    let stats = store.scan(&scan, &mut |batch| {
        for (row, time) in batch.times().iter().enumerate() {
            let message = batch.text(MESSAGE, row);
            bytes += message.len() + EVENT_OVERHEAD_BYTES;
            if pattern.is_some_and(|pattern| !pattern.matches(message.as_bytes())) {
                continue;
            }
            let its = time.div_euclid(every);
            let passed = its - interval.unwrap_or(its);
            (0..passed.min(EMPTY_INTERVALS_MAX)).for_each(|_| drop(model.end_interval()));
            interval = Some(its);
            model.observe(message);
        }
        if bytes > ANOMALY_TRAINING_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let passed = interval.map_or(0, |interval| end.div_euclid(every) - interval);
    (0..passed.min(EMPTY_INTERVALS_MAX)).for_each(|_| drop(model.end_interval()));
    Ok((model, stats))
}

/// Looks at what a group received in an interval.
fn look(
    store: &Store,
    group: u64,
    interval: Range<i64>,
    mut model: Model,
    pattern: Option<&FilterPattern>,
) -> Result<(Model, Vec<Finding>, ScanStats), StoreError> {
    // Events come late, and may be ahead of their time.
    let late = (interval.end - interval.start).max(ANOMALY_LATE_MS_MAX);
    let time = interval.start - late..interval.end + EVENT_AHEAD_MS_MAX;
    let mut samples: BTreeMap<usize, Vec<(i64, String)>> = BTreeMap::new();
    let mut unusual: Vec<(usize, What, (i64, String))> = Vec::new();
    let looked_at = LookedAt { group, time, interval, pattern };
    let stats = looked_at.scan(store, |time, message| {
        let Some(observed) = model.observe(message) else { return ControlFlow::Continue(()) };
        let kept = samples.entry(observed.pattern).or_default();
        if kept.len() < ANOMALY_SAMPLES_MAX {
            kept.push(sample(time, message));
        }
        if unusual.len() < ANOMALIES_MAX {
            let each = observed.unusual.into_iter();
            unusual.extend(each.map(|what| (observed.pattern, what, sample(time, message))));
        }
        ControlFlow::Continue(())
    })?;
    let mut findings = Vec::new();
    for (index, what, sample) in unusual {
        let Some(pattern) = model.pattern(index) else { continue };
        let (count, samples) = match what {
            What::NewPattern => (model.count(index), samples.get(&index).cloned().unwrap_or_default()),
            _ => (1, vec![sample]),
        };
        findings.push(Finding { pattern: pattern.clone(), what, count, samples });
    }
    for unusual in model.end_interval() {
        let samples = match &unusual.what {
            What::FrequentValue(token, value, _) => {
                samples_with(store, &looked_at, &mut model, (unusual.pattern, *token, value))?
            }
            _ => samples.get(&unusual.pattern).cloned().unwrap_or_default(),
        };
        let Some(pattern) = model.pattern(unusual.pattern) else { continue };
        findings.push(Finding { pattern: pattern.clone(), what: unusual.what, count: unusual.count, samples });
    }
    Ok((model, findings, stats))
}

/// What a look is at.
struct LookedAt<'p> {
    group: u64,
    /// Where events may lie that came in the interval.
    time: Range<i64>,
    interval: Range<i64>,
    pattern: Option<&'p FilterPattern>,
}

impl LookedAt<'_> {
    /// Hands over the events that came in the interval and pass the pattern.
    fn scan(&self, store: &Store, mut each: impl FnMut(i64, &str) -> ControlFlow<()>) -> Result<ScanStats, StoreError> {
        let scan = Scan::new(&LOG_EVENTS).ids(GROUP, [self.group]).time(self.time.clone()).order(Order::Ascending);
        store.scan(&scan.columns(&[INGESTED, MESSAGE]), &mut |batch| {
            let rows = batch.times().iter().zip(batch.i64s(INGESTED));
            for (row, (&time, ingested)) in rows.enumerate() {
                let message = batch.text(MESSAGE, row);
                let is_passed = self.pattern.is_some_and(|pattern| !pattern.matches(message.as_bytes()));
                if self.interval.contains(ingested) && !is_passed && each(time, message).is_break() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })
    }
}

/// The first events that have a value for a dynamic token of a pattern.
fn samples_with(
    store: &Store,
    looked_at: &LookedAt<'_>,
    model: &mut Model,
    (pattern, token, value): (usize, usize, &str),
) -> Result<Vec<(i64, String)>, StoreError> {
    let mut samples = Vec::new();
    looked_at.scan(store, |time, message| {
        if model.value(pattern, token, message).is_some_and(|own| own == value) {
            samples.push(sample(time, message));
        }
        if samples.len() < ANOMALY_SAMPLES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(samples)
}

fn sample(time: i64, message: &str) -> (i64, String) {
    (time, message.chars().take(SAMPLE_CHARS_MAX).collect())
}

/// The characters of a message that are kept as a sample.
const SAMPLE_CHARS_MAX: usize = 1_500;
