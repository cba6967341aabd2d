//! A filter, compiled: what it reads of events, and what it makes of that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashSet;
use watchkeep_core::ports::MetricIdentity;
use watchkeep_lang::field_selection::{FieldSelection, SystemField};
use watchkeep_lang::filter_pattern::{FieldReader, FilterPattern, PatternKind};
use watchkeep_lang::unit::UNITS;
use watchkeep_model::ServiceError;
use watchkeep_store::{ResourceKey, Versioned};

use super::MetricFilter;
use crate::errors::invalid;
use crate::limits::{HOUR_MS, METRIC_FILTER_PAIRS_MAX};

/// A filter.
#[derive(Debug)]
pub(crate) struct Filter {
    /// Its key in the catalog.
    pub(super) key: ResourceKey,
    /// The key of its group.
    pub(super) group: ResourceKey,
    /// What the catalog has of it.
    pub(super) document: Arc<Versioned<MetricFilter>>,
    /// Whether its pattern has regular expressions.
    pub(super) has_regexes: bool,
    /// What is read of events.
    pub(super) compiled: Compiled,
    disabled: AtomicBool,
    pairs: Mutex<Pairs>,
}

/// What a document means.
#[derive(Debug)]
pub(super) struct Compiled {
    /// Reads the number, if it is in events, and then the values of dimensions.
    pub(super) reader: FieldReader,
    /// The number of every event; absent if it is in events.
    pub(super) number: Option<f64>,
    pub(super) dimensions: Vec<Arc<str>>,
    pub(super) system: Vec<SystemField>,
    pub(super) selection: Option<FieldSelection>,
    pub(super) unit: &'static str,
    pub(super) has_regexes: bool,
}

/// Names and values of dimensions that were made of late, to know when they are too many.
#[derive(Debug, Default)]
struct Pairs {
    hour: i64,
    seen: HashSet<u64, foldhash::fast::FixedState>,
}

/// Compiles a document.
pub(super) fn compile(document: &MetricFilter) -> Result<Compiled, ServiceError> {
    let refused = |error: watchkeep_lang::filter_pattern::PatternError| {
        invalid(error.to_string().replacen("Invalid filter pattern", "Invalid metric filter pattern", 1))
    };
    let pattern = FilterPattern::parse(&document.pattern).map_err(refused)?;
    let has_dimensions = !document.dimensions.is_empty() || document.emit_system_field_dimensions.is_some();
    if pattern.kind() == PatternKind::Terms && has_dimensions {
        return Err(invalid("The specified filter pattern does not support dimensions"));
    }
    let value = document.metric_value.trim();
    let number = if value.starts_with('$') {
        None
    } else {
        let number = value.parse().ok().filter(|number: &f64| number.is_finite());
        Some(number.ok_or_else(|| invalid(format!("Invalid metric transformation: '{value}' is no metric value.")))?)
    };
    let in_events = number.is_none().then_some(value);
    let wanted: Vec<&str> = in_events.into_iter().chain(document.dimensions.values().map(String::as_str)).collect();
    let unknown =
        |_| invalid(format!("Invalid metric transformation: one of {wanted:?} is no field of the filter pattern."));
    let system = document.emit_system_field_dimensions.iter().flatten();
    Ok(Compiled {
        reader: pattern.reader(&wanted).map_err(unknown)?,
        number,
        dimensions: document.dimensions.keys().map(|name| name.as_str().into()).collect(),
        system: system.filter_map(|name| SystemField::parse(name)).collect(),
        selection: document.field_selection_criteria.as_deref().and_then(|text| FieldSelection::parse(text).ok()),
        unit: UNITS.into_iter().find(|unit| document.unit.as_deref() == Some(*unit)).unwrap_or("None"),
        has_regexes: pattern.has_regexes(),
    })
}

impl Filter {
    pub(super) fn new(document: Arc<Versioned<MetricFilter>>, group: ResourceKey, compiled: Compiled) -> Filter {
        Filter {
            key: document.key.clone(),
            group,
            has_regexes: compiled.has_regexes,
            disabled: AtomicBool::new(document.disabled),
            compiled,
            document,
            pairs: Mutex::default(),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.key.name.split_once('/').map_or("", |(_, name)| name)
    }

    /// Where it stands in lists: by its name, then by its group's.
    pub(super) fn place(&self) -> (&str, &str) {
        (self.name(), &self.group.name)
    }

    /// Whether it takes events of its group, and is not at rest.
    pub(super) fn is_active(&self) -> bool {
        let region = self.group.region.as_ref().map_or("", |region| region.as_str());
        let value = |field| match field {
            SystemField::Account => self.group.account.as_str(),
            SystemField::Region => region,
        };
        let selects = self.compiled.selection.as_ref().is_none_or(|selection| selection.selects(&value));
        selects && !self.disabled.load(Ordering::Acquire)
    }

    /// The dimensions that are the same for all its events.
    pub(super) fn system_dimensions(&self) -> impl Iterator<Item = (Arc<str>, Arc<str>)> {
        self.compiled.system.iter().map(|field| {
            let value = match field {
                SystemField::Account => self.group.account.as_str(),
                SystemField::Region => self.group.region.as_ref().map_or("", |region| region.as_str()),
            };
            (field.as_str().into(), value.into())
        })
    }

    /// Its metric with these dimensions.
    pub(super) fn metric(&self, dimensions: Vec<(Arc<str>, Arc<str>)>) -> MetricIdentity {
        MetricIdentity {
            namespace: self.document.metric_namespace.as_str().into(),
            name: self.document.metric_name.as_str().into(),
            dimensions,
        }
    }

    /// Whether a name and value of a dimension, by their hash, may be made at `now`. One too many within an hour puts the filter to
    /// rest.
    pub(super) fn admits(&self, pair: u64, now: i64) -> bool {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.div_euclid(HOUR_MS);
        if pairs.hour != hour {
            *pairs = Pairs { hour, seen: HashSet::default() };
        }
        if pairs.seen.contains(&pair) {
            return true;
        }
        if pairs.seen.len() >= METRIC_FILTER_PAIRS_MAX {
            self.disabled.store(true, Ordering::Release);
            return false;
        }
        pairs.seen.insert(pair);
        true
    }

    /// Whether it is at rest, which the catalog does not know yet.
    pub(super) fn was_disabled(&self) -> bool {
        self.disabled.load(Ordering::Acquire) && !self.document.disabled
    }
}
