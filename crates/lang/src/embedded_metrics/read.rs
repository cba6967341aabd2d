//! Reading an event. Only what the directives name is looked into; the rest of the document is passed over as it is.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::limits::{DIMENSIONS_MAX, MEASUREMENTS_MAX, METRICS_MAX, NAME_CHARS_MAX, VALUES_MAX};
use super::{EmbeddedMetrics, Malformed, Measurement, Samples};
use crate::statistic::{Sample, Summary};
use crate::unit::UNITS;

/// What every event with metrics holds. Most events are others, and are told by this one search, which is prepared once.
static MARK: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\"CloudWatchMetrics\""));

type Root<'a> = HashMap<String, &'a RawValue>;

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(rename = "Timestamp")]
    timestamp: Option<f64>,
    #[serde(rename = "CloudWatchMetrics", borrow)]
    directives: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Directive<'a> {
    #[serde(rename = "Namespace")]
    namespace: String,
    #[serde(rename = "Dimensions", borrow)]
    dimensions: Vec<&'a RawValue>,
    #[serde(rename = "Metrics", borrow)]
    metrics: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Definition {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Unit")]
    unit: Option<String>,
    #[serde(rename = "StorageResolution")]
    storage_resolution: Option<f64>,
}

/// What OpenTelemetry's senders have in place of a number (outside of the published format).
#[derive(Deserialize)]
struct Distribution {
    #[serde(rename = "Values", default)]
    values: Vec<f64>,
    #[serde(rename = "Counts", default)]
    counts: Vec<f64>,
    #[serde(rename = "Count")]
    count: Option<f64>,
    #[serde(rename = "Sum")]
    sum: Option<f64>,
    #[serde(rename = "Min")]
    minimum: Option<f64>,
    #[serde(rename = "Max")]
    maximum: Option<f64>,
}

/// The metrics of a log event; `None` if it does not say that it has any. Before the document there may be what Lambda puts there
/// (time, request id, level).
///
/// # Errors
/// [`Malformed`] if it says so, and is not in the format.
pub fn read(message: &[u8]) -> Result<Option<EmbeddedMetrics>, Malformed> {
    if MARK.find(message).is_none() {
        return Ok(None);
    }
    let start = memchr::memchr(b'{', message).ok_or(Malformed("it has no JSON object"))?;
    let document = std::str::from_utf8(message.get(start..).unwrap_or_default());
    let document = document.map_err(|_| Malformed("it is not UTF-8"))?;
    let root: Root<'_> = serde_json::from_str(document).map_err(|_| Malformed("it is not JSON"))?;
    let Some(metadata) = root.get("_aws") else { return Ok(None) };
    let metadata: Metadata<'_> = parse(metadata).ok_or(Malformed("_aws has no list of directives"))?;
    let Some(directives) = metadata.directives else { return Ok(None) };
    let timestamp = metadata.timestamp.filter(|timestamp| timestamp.abs() < 9e15);
    let timestamp = timestamp.ok_or(Malformed("_aws has no Timestamp"))?;
    let mut embedded = EmbeddedMetrics { timestamp_ms: timestamp.floor() as i64, measurements: Vec::new(), skipped: 0 };
    for directive in directives {
        match parse::<Directive<'_>>(directive) {
            Some(directive) if is_valid(&directive) => embedded.add(&root, &directive),
            _ => embedded.skipped += 1,
        }
    }
    Ok(Some(embedded))
}

fn parse<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

fn is_valid(directive: &Directive<'_>) -> bool {
    is_name(&directive.namespace) && !directive.dimensions.is_empty() && directive.metrics.len() <= METRICS_MAX
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && fits(text)
}

fn fits(text: &str) -> bool {
    text.len() <= NAME_CHARS_MAX || text.chars().count() <= NAME_CHARS_MAX
}

impl EmbeddedMetrics {
    fn add(&mut self, root: &Root<'_>, directive: &Directive<'_>) {
        let namespace: Arc<str> = directive.namespace.as_str().into();
        let metrics: Vec<_> = directive.metrics.iter().filter_map(|definition| metric(root, definition)).collect();
        self.skipped += directive.metrics.len() - metrics.len();
        for set in &directive.dimensions {
            let Some(dimensions) = dimensions(root, set) else {
                self.skipped += 1;
                continue;
            };
            for metric in &metrics {
                if self.measurements.len() >= MEASUREMENTS_MAX {
                    self.skipped += 1;
                    continue;
                }
                let (namespace, dimensions) = (Arc::clone(&namespace), dimensions.clone());
                self.measurements.push(Measurement { namespace, dimensions, ..metric.clone() });
            }
        }
    }
}

/// A metric of the document, without namespace and dimensions.
fn metric(root: &Root<'_>, definition: &RawValue) -> Option<Measurement> {
    let Definition { name, unit, storage_resolution } = parse(definition)?;
    let unit = match unit {
        None => "None",
        Some(unit) => UNITS.into_iter().find(|known| *known == unit)?,
    };
    let high_resolution = match storage_resolution {
        None => false,
        Some(60.0) => false,
        Some(1.0) => true,
        Some(_) => return None,
    };
    // Only the key itself: a dot in a name is no path.
    let samples = samples(root.get(&name)?)?;
    let empty: Arc<str> = "".into();
    let name = is_name(&name).then(|| name.into())?;
    Some(Measurement { namespace: empty, name, dimensions: Vec::new(), unit, high_resolution, samples })
}

/// A number, a list of numbers, or what OpenTelemetry's senders have there.
fn samples(target: &RawValue) -> Option<Samples> {
    let sample = |value| Sample { value, count: 1.0 };
    match target.get().bytes().next()? {
        b'[' => {
            let values: Vec<f64> = parse(target)?;
            let fits = !values.is_empty() && values.len() <= VALUES_MAX;
            fits.then(|| Samples::Values(values.into_iter().map(sample).collect()))
        }
        b'{' => distribution(parse(target)?),
        _ => parse(target).map(|value| Samples::Values(vec![sample(value)])),
    }
}

fn distribution(target: Distribution) -> Option<Samples> {
    let Distribution { values, counts, count, sum, minimum, maximum } = target;
    if values.is_empty() {
        let (count, sum, minimum, maximum) = (count?, sum?, minimum?, maximum?);
        let is_whole = count > 0.0 && minimum <= maximum;
        return is_whole.then_some(Samples::Summary(Summary { count, sum, minimum, maximum }));
    }
    let fits = values.len() == counts.len() && counts.iter().all(|count| *count >= 0.0);
    let samples = values.into_iter().zip(counts).map(|(value, count)| Sample { value, count });
    let samples: Vec<Sample> = samples.filter(|sample| sample.count > 0.0).collect();
    (fits && !samples.is_empty()).then_some(Samples::Values(samples))
}

/// Names and values of a set of dimensions: members of the document, all of them texts.
fn dimensions(root: &Root<'_>, set: &RawValue) -> Option<Vec<(Arc<str>, Arc<str>)>> {
    // More names than a set may have are not worth reading.
    let names: Vec<String> = parse(set).filter(|names: &Vec<String>| names.len() <= DIMENSIONS_MAX)?;
    let mut dimensions: Vec<(Arc<str>, Arc<str>)> = Vec::with_capacity(names.len());
    for name in names {
        let value: String = parse(root.get(&name)?)?;
        let is_twice = dimensions.iter().any(|(earlier, _)| **earlier == *name);
        if is_twice || !fits(&value) {
            return None;
        }
        dimensions.push((name.into(), value.into()));
    }
    Some(dimensions)
}
