//! DescribeAnomalyDetectors.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    AnomalyDetector as Described, DescribeAnomalyDetectorsInput, DescribeAnomalyDetectorsOutput, Dimension,
    PutAnomalyDetectorInput, SingleMetricAnomalyDetector,
};
use watchkeep_store::{ResourceKey, Versioned};

use super::resource::AnomalyDetector;
use crate::Metrics;
use crate::errors::{collection_too_large, invalid_combination, invalid_token, invalid_value, mutually_exclusive};
use crate::limits::{DETECTORS_MAX, DETECTORS_PAGE_MAX, DIMENSIONS_MAX};
use crate::series::SeriesId;

/// Lists detectors by their ids: of metrics, of metric math, or both; those of metrics by namespace, name and dimensions.
pub(crate) async fn describe_anomaly_detectors(
    service: &Metrics,
    caller: &Caller,
    input: DescribeAnomalyDetectorsInput,
) -> Result<DescribeAnomalyDetectorsOutput, ServiceError> {
    let page = match input.max_results {
        None => DETECTORS_PAGE_MAX,
        Some(max) => {
            usize::try_from(max).ok().filter(|max| (1..=DETECTORS_PAGE_MAX).contains(max)).ok_or_else(|| {
                invalid_value(format!("The parameter MaxResults must be between 1 and {DETECTORS_PAGE_MAX}."))
            })?
        }
    };
    if input.dimensions.as_ref().is_some_and(|dimensions| dimensions.len() > DIMENSIONS_MAX) {
        return Err(collection_too_large("Dimensions", DIMENSIONS_MAX));
    }
    let detectors = &service.anomaly.detectors;
    let after = input.next_token.as_deref().map(|token| place(token, &input)).transpose()?;
    let candidates: Vec<Arc<Versioned<AnomalyDetector>>> = match &input.anomaly_detector_ids {
        Some(ids) => {
            refuse_filters(&input)?;
            let mut ids: Vec<&String> = ids.iter().collect();
            ids.sort();
            ids.dedup();
            let key = |id: &String| ResourceKey::new(caller.account, &caller.region, id.clone());
            ids.into_iter().filter_map(|id| detectors.get(&key(id))).collect()
        }
        None => detectors.list(&caller.account, Some(&caller.region), "", None, DETECTORS_MAX),
    };
    let mut found = candidates
        .iter()
        .filter(|detector| after.as_ref().is_none_or(|after| detector.key.name.as_str() > after.as_str()))
        .map(|detector| (detector, detector.put()))
        .filter(|(_, put)| passes(put, &input));
    let shown: Vec<_> = found.by_ref().take(page).collect();
    let last = shown.last().filter(|_| found.next().is_some());
    let next_token = last.map(|(detector, _)| token(&detector.key.name, &input));
    let anomaly_detectors = shown.into_iter().map(|(detector, put)| described(detector, put, caller)).collect();
    Ok(DescribeAnomalyDetectorsOutput { anomaly_detectors: Some(anomaly_detectors), next_token })
}

fn refuse_filters(input: &DescribeAnomalyDetectorsInput) -> Result<(), ServiceError> {
    let filters = [
        ("Namespace", input.namespace.is_some()),
        ("MetricName", input.metric_name.is_some()),
        ("Dimensions", input.dimensions.is_some()),
        ("AnomalyDetectorTypes", input.anomaly_detector_types.is_some()),
    ];
    match filters.into_iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(invalid_combination(mutually_exclusive("AnomalyDetectorIds", name))),
        None => Ok(()),
    }
}

/// Whether a detector is asked for. The filters are for those of metrics; types for both.
fn passes(put: &PutAnomalyDetectorInput, input: &DescribeAnomalyDetectorsInput) -> bool {
    if input.anomaly_detector_ids.is_some() {
        return true;
    }
    let types = input.anomaly_detector_types.as_deref().unwrap_or_default();
    let wants =
        |name: &str, by_default: bool| types.iter().any(|wanted| wanted == name) || (types.is_empty() && by_default);
    let Some(single) = &put.single_metric_anomaly_detector else { return wants("METRIC_MATH", false) };
    let same = |wanted: &Option<String>, own: &Option<String>| wanted.is_none() || wanted == own;
    let dimensions = |dimensions: &Option<Vec<Dimension>>| {
        let mut pairs: Vec<(String, String)> =
            dimensions.iter().flatten().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
        pairs.sort();
        pairs
    };
    wants("SINGLE_METRIC", true)
        && same(&input.namespace, &single.namespace)
        && same(&input.metric_name, &single.metric_name)
        && (input.dimensions.is_none() || dimensions(&input.dimensions) == dimensions(&single.dimensions))
}

fn described(detector: &Versioned<AnomalyDetector>, put: PutAnomalyDetectorInput, caller: &Caller) -> Described {
    let single = put.single_metric_anomaly_detector;
    let mut configuration = put.configuration.unwrap_or_default();
    configuration.excluded_time_ranges.get_or_insert_default();
    let (namespace, metric_name, dimensions, stat) = match single.clone() {
        Some(SingleMetricAnomalyDetector { namespace, metric_name, dimensions, stat, .. }) => {
            (namespace, metric_name, dimensions, stat)
        }
        None => Default::default(),
    };
    Described {
        anomaly_detector_id: Some(detector.key.name.clone()),
        namespace,
        metric_name,
        dimensions,
        stat,
        configuration: Some(configuration),
        state_value: Some(detector.state.as_str().to_owned()),
        metric_characteristics: put.metric_characteristics,
        single_metric_anomaly_detector: single.map(|single| SingleMetricAnomalyDetector {
            account_id: Some(single.account_id.unwrap_or_else(|| caller.account.to_string())),
            ..single
        }),
        metric_math_anomaly_detector: put.metric_math_anomaly_detector,
    }
}

/// A token is the id of the last detector of a page, and a hash of the filters, which must be the same on every page.
fn token(last: &str, input: &DescribeAnomalyDetectorsInput) -> String {
    format!("{last}.{:016x}", filters_hash(input))
}

fn place(token: &str, input: &DescribeAnomalyDetectorsInput) -> Result<String, ServiceError> {
    let (last, hash) = token.rsplit_once('.').ok_or_else(invalid_token)?;
    match hash == format!("{:016x}", filters_hash(input)) {
        true => Ok(last.to_owned()),
        false => Err(invalid_token()),
    }
}

fn filters_hash(input: &DescribeAnomalyDetectorsInput) -> u64 {
    let DescribeAnomalyDetectorsInput { anomaly_detector_ids, namespace, metric_name, dimensions, .. } = input;
    let types = &input.anomaly_detector_types;
    SeriesId::of(&format!("{anomaly_detector_ids:?}{namespace:?}{metric_name:?}{dimensions:?}{types:?}"), 0).0
}
