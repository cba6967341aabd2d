//! What senders told of metrics: type, help, unit. It is kept in memory only: senders tell it again every minute or so, with which
//! a restart is caught up. Source: "HTTP API: querying metric metadata".

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value as Json, json};
use watchkeep_core::ports::MetricPlace;
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::HttpAnswer;

use crate::answer;
use crate::form::Form;
use crate::limits::{LIST_MAX, METADATA_MAX, METADATA_TEXT_BYTES_MAX};

/// What is known of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetricMetadata {
    /// Its type, as `counter`.
    pub(crate) r#type: &'static str,
    /// What it is, for a person.
    pub(crate) help: String,
    /// Its unit.
    pub(crate) unit: String,
}

/// The types by their numbers in remote write, of both versions.
const TYPES: &[&str] = &["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];

impl MetricMetadata {
    pub(crate) fn new(r#type: i32, help: &str, unit: &str) -> MetricMetadata {
        let r#type = usize::try_from(r#type).ok().and_then(|number| TYPES.get(number)).copied().unwrap_or("unknown");
        MetricMetadata { r#type, help: cut(help), unit: cut(unit) }
    }
}

fn cut(text: &str) -> String {
    let end = (0..=METADATA_TEXT_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

type Key = (String, String);

/// What is known of all metrics, by place and name.
#[derive(Debug, Default)]
pub(crate) struct Metadata(Mutex<BTreeMap<Key, MetricMetadata>>);

fn key(place: &MetricPlace, name: &str) -> Key {
    (format!("{} {}", place.account, place.region.as_str()), name.to_owned())
}

impl Metadata {
    /// Remembers what was told of a metric, if there is room.
    pub(crate) fn put(&self, place: &MetricPlace, name: &str, metadata: MetricMetadata) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(place, name);
        if all.len() < METADATA_MAX || all.contains_key(&key) {
            all.insert(key, metadata);
        }
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// `metadata`: what is known, of one metric or of all.
    pub(crate) fn list(&self, place: &MetricPlace, form: &Form) -> Result<HttpAnswer, ServiceError> {
        let (limit, wanted) = (form.limit(LIST_MAX)?, form.get("metric"));
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (own, first) = key(place, wanted.unwrap_or_default());
        let here = all.range((own.clone(), first)..).take_while(|((place, _), _)| *place == own);
        let named = here.filter(|((_, name), _)| wanted.is_none_or(|wanted| name == wanted));
        let listed: serde_json::Map<String, Json> = named
            .take(limit)
            .map(|((_, name), MetricMetadata { r#type, help, unit })| {
                (name.clone(), json!([{ "type": r#type, "help": help, "unit": unit }]))
            })
            .collect();
        Ok(answer::json(&listed.into()))
    }
}
