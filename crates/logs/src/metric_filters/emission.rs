//! From events to measurements: what the events of one call are to the filters of their group, stored together with them.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{Measurement, MetricPlace, Precision, Samples};
use watchkeep_model::logs::InputLogEvent;
use watchkeep_store::{Append, Rows};

use super::book::MetricFilters;
use super::defaults::{METRIC_FILTER_MINUTES, Ticket};
use super::filter::Filter;
use crate::limits::{METRIC_FILTER_MEASUREMENTS_MAX, MINUTE_MS};
use crate::tap::{Incoming, Stored};
use crate::transformers::Transformed;

/// Stores measurements together with somebody else's rows: metrics' side of metric filters.
pub trait MetricStaging: Send + Sync {
    /// Checks measurements and adds those that are taken to `append`. What it returns is called once they are durable, and never
    /// if they are not.
    fn stage(&self, place: &MetricPlace, measurements: Vec<Measurement>, append: &mut Append) -> Stored;
}

/// Of one filter: for each minute and the values of its dimensions the numbers, and how often each occurred.
type Tallies = HashMap<(i64, Vec<Arc<str>>), Vec<(f64, f64)>, foldhash::fast::FixedState>;

impl MetricFilters {
    /// What events are to the filters of their group: adds it to `append`. `now` is the time of the server's clock at this
    /// moment. Where there are no filters it takes one look-up.
    pub(crate) fn tap(
        self: &Arc<Self>,
        group_id: u64,
        incoming: &Incoming<'_>,
        now: TimestampMs,
        append: &mut Append,
    ) -> Option<Stored> {
        let staging = self.staging()?;
        let filters = self.of_group(group_id);
        if filters.is_empty() {
            return None;
        }
        let (mut measurements, mut tickets) = (Vec::new(), Vec::new());
        let mut marks = Rows::new(&METRIC_FILTER_MINUTES);
        let mut disabled = Vec::new();
        for filter in filters.iter().filter(|filter| filter.is_active()) {
            let (tallies, has_matched) = tallies(filter, incoming, now);
            if filter.document.default_value.is_some() {
                tickets.push(self.minutes.begin(filter.document.id, now, has_matched, &mut marks));
            }
            let room = METRIC_FILTER_MEASUREMENTS_MAX.saturating_sub(measurements.len());
            let tallies = tallies.into_iter().take(room);
            measurements
                .extend(tallies.map(|((minute_ms, values), numbers)| measurement(filter, minute_ms, values, numbers)));
            if filter.was_disabled() {
                disabled.push(filter.clone());
            }
        }
        if !marks.is_empty() {
            append.push(marks);
        }
        let place = MetricPlace { account: incoming.account, region: incoming.region.clone() };
        let staged = (!measurements.is_empty()).then(|| staging.stage(&place, measurements, append));
        let filters = self.clone();
        Some(Box::new(move || {
            if let Some(staged) = staged {
                staged();
            }
            tickets.into_iter().for_each(Ticket::stored);
            for filter in disabled {
                tokio::spawn(filters.clone().write_disabled(filter));
            }
        }))
    }

    /// Lets the catalog know that a filter is at rest.
    async fn write_disabled(self: Arc<Self>, filter: Arc<Filter>) {
        tracing::warn!(
            filter = filter.name(),
            group = filter.group.name,
            "a metric filter made too many different dimensions within an hour, and is disabled until it is put again"
        );
        let Some(group) = self.directory.group_numbered(filter.document.group_id) else { return };
        let _changing = group.changing.lock().await;
        if group.is_deleted() {
            return;
        }
        let document = super::MetricFilter { disabled: true, ..filter.document.value.clone() };
        match self.collection.update(&filter.document, document).await {
            Ok(document) => self.insert(&document, &filter.group),
            // It was put again or deleted meanwhile, or will be disabled once more after the next start.
            Err(error) => tracing::debug!(%error, "a metric filter was not disabled in the catalog"),
        }
    }
}

/// What a filter counts, and whether any event matched.
fn tallies(filter: &Filter, incoming: &Incoming<'_>, now: TimestampMs) -> (Tallies, bool) {
    let (mut tallies, mut has_matched) = (Tallies::default(), false);
    let compiled = &filter.compiled;
    for (index, event) in incoming.events.iter().enumerate() {
        let Some(values) = compiled.reader.read(text(filter, incoming, index, event).as_bytes()) else { continue };
        has_matched = true;
        let mut values = values.into_iter();
        let number = match compiled.number {
            Some(number) => Some(number),
            // What is no number is no datum.
            None => values.next().flatten().and_then(|text| number(&text)),
        };
        // Nor is one without a value for each dimension.
        let dimensions: Option<Vec<Arc<str>>> =
            values.map(|value| value.filter(|value| !value.is_empty()).map(|value| value.as_ref().into())).collect();
        let (Some(number), Some(dimensions)) = (number, dimensions) else { continue };
        let named = compiled.dimensions.iter().zip(&dimensions);
        let hash = |pair: (&Arc<str>, &Arc<str>)| foldhash::fast::FixedState::default().hash_one(pair);
        if !named.map(hash).all(|pair| filter.admits(pair, now.0)) {
            break;
        }
        let minute_ms = event.timestamp - event.timestamp.rem_euclid(MINUTE_MS);
        let numbers = tallies.entry((minute_ms, dimensions)).or_default();
        match numbers.last_mut() {
            Some((last, count)) if *last == number => *count += 1.0,
            _ => numbers.push((number, 1.0)),
        }
    }
    (tallies, has_matched)
}

/// What a filter looks at of an event: what the group's transformer made of it, if it looks at that and there is one. An event that could
/// not be transformed is as it came.
fn text<'e>(filter: &Filter, incoming: &Incoming<'e>, index: usize, event: &'e InputLogEvent) -> &'e str {
    let wants_transformed = filter.document.apply_on_transformed_logs == Some(true);
    let transformation = incoming.transformation.filter(|_| wants_transformed);
    match transformation.and_then(|made| made.events.get(index)) {
        Some(Transformed::Made(json)) => json,
        Some(Transformed::Failed(_)) | None => &event.message,
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn measurement(filter: &Filter, minute_ms: i64, values: Vec<Arc<str>>, numbers: Vec<(f64, f64)>) -> Measurement {
    let dimensions = filter.compiled.dimensions.iter().cloned().zip(values);
    Measurement {
        metric: filter.metric(dimensions.chain(filter.system_dimensions()).collect()),
        time: TimestampMs(minute_ms),
        precision: Precision::Minute,
        unit: filter.compiled.unit,
        samples: Samples::Weighted(numbers),
    }
}
