//! PutAnomalyDetector and DeleteAnomalyDetector.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::anomaly::{Zone, limits::EXCLUDED_MAX};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{
    AnomalyDetectorConfiguration, DeleteAnomalyDetectorInput, DeleteAnomalyDetectorOutput, PutAnomalyDetectorInput,
    PutAnomalyDetectorOutput, errors as model,
};
use watchkeep_store::{CatalogError, ResourceKey};

use super::resource::AnomalyDetector;
use super::target::{Given, Target};
use crate::Metrics;
use crate::errors::{
    collection_too_large, conflict, finish, invalid_combination, invalid_value, mutually_exclusive, not_found,
    of_catalog, value_is_invalid,
};
use crate::limits::{DETECTOR_WRITES_MAX, DETECTORS_MAX};

/// Creates a detector, or changes how the one of the same target is trained. It is trained at once, in the background.
pub(crate) async fn put_anomaly_detector(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: PutAnomalyDetectorInput,
) -> Result<PutAnomalyDetectorOutput, ServiceError> {
    if let Some(configuration) = &input.configuration {
        check_configuration(configuration)?;
    }
    let PutAnomalyDetectorInput { namespace, metric_name, dimensions, stat, .. } = input;
    let (single, math) = (input.single_metric_anomaly_detector, input.metric_math_anomaly_detector);
    let target = Given { namespace, metric_name, dimensions, stat, single, math }.target()?;
    target.check(caller, service.clock.now())?;
    let id = target.source(caller)?.detector_id;
    let (single_metric_anomaly_detector, metric_math_anomaly_detector) = match target {
        Target::Single(single) => (Some(single), None),
        Target::Math(math) => (None, Some(math)),
    };
    let put = PutAnomalyDetectorInput {
        configuration: input.configuration,
        metric_characteristics: input.metric_characteristics,
        single_metric_anomaly_detector,
        metric_math_anomaly_detector,
        ..PutAnomalyDetectorInput::default()
    };
    let key = ResourceKey::new(caller.account, &caller.region, id.clone());
    let (service, caller) = (service.clone(), caller.clone());
    finish(async move {
        service.put_detector(&caller, key, &put).await?;
        service.anomaly.was_put.notify_one();
        Ok(())
    })
    .await?;
    Ok(PutAnomalyDetectorOutput { anomaly_detector_id: Some(id) })
}

impl Metrics {
    async fn put_detector(
        &self,
        caller: &Caller,
        key: ResourceKey,
        put: &PutAnomalyDetectorInput,
    ) -> Result<(), ServiceError> {
        let detectors = &self.anomaly.detectors;
        for _ in 0..DETECTOR_WRITES_MAX {
            let written = match detectors.get(&key) {
                Some(current) => detectors.update(&current, AnomalyDetector::new(put, current.revision + 1)).await,
                None => {
                    let region = Some(&caller.region);
                    if detectors.list(&caller.account, region, "", None, DETECTORS_MAX).len() >= DETECTORS_MAX {
                        return Err(model::limit_exceeded_exception(format!(
                            "The account cannot have more than {DETECTORS_MAX} anomaly detectors in a Region."
                        )));
                    }
                    // Unlike all revisions of one that was deleted.
                    let revision = self.clock.now().0.unsigned_abs();
                    detectors.create(key.clone(), AnomalyDetector::new(put, revision)).await
                }
            };
            match written {
                Ok(_) => return Ok(()),
                // Somebody else, or the training, was faster.
                Err(CatalogError::Conflict { .. } | CatalogError::Exists { .. }) => {}
                Err(error) => return Err(of_catalog(error)),
            }
        }
        Err(conflict())
    }
}

/// Deletes a detector and forgets its models.
pub(crate) async fn delete_anomaly_detector(
    service: &Arc<Metrics>,
    caller: &Caller,
    input: DeleteAnomalyDetectorInput,
) -> Result<DeleteAnomalyDetectorOutput, ServiceError> {
    let DeleteAnomalyDetectorInput { anomaly_detector_id, namespace, metric_name, dimensions, stat, .. } = input;
    let (single, math) = (input.single_metric_anomaly_detector, input.metric_math_anomaly_detector);
    let given = Given { namespace, metric_name, dimensions, stat, single, math };
    let id = match anomaly_detector_id {
        None => given.target()?.source(caller)?.detector_id,
        Some(id) if given.is_empty() => id,
        Some(_) => {
            let text = mutually_exclusive("AnomalyDetectorId", "those of a metric");
            return Err(invalid_combination(text));
        }
    };
    let key = ResourceKey::new(caller.account, &caller.region, id.clone());
    let (service, caller) = (service.clone(), caller.clone());
    finish(async move {
        if !service.anomaly.detectors.delete(&key).await.map_err(of_catalog)? {
            return Err(not_found("AnomalyDetector", &id));
        }
        service.anomaly.models.forget(caller.account, &caller.region, &id);
        Ok(DeleteAnomalyDetectorOutput {})
    })
    .await
}

impl Given {
    fn is_empty(&self) -> bool {
        let Given { namespace, metric_name, dimensions, stat, single, math } = self;
        let has_old = namespace.is_some() || metric_name.is_some() || dimensions.is_some() || stat.is_some();
        !has_old && single.is_none() && math.is_none()
    }
}

fn check_configuration(configuration: &AnomalyDetectorConfiguration) -> Result<(), ServiceError> {
    let ranges = configuration.excluded_time_ranges.as_deref().unwrap_or_default();
    if ranges.len() > EXCLUDED_MAX {
        return Err(collection_too_large("Configuration.ExcludedTimeRanges", EXCLUDED_MAX));
    }
    for (index, range) in ranges.iter().enumerate() {
        if range.start_time >= range.end_time {
            let place = format!("Configuration.ExcludedTimeRanges.member.{}", index + 1);
            return Err(invalid_value(format!(
                "The parameter {place}.StartTime must be less than the parameter {place}.EndTime."
            )));
        }
    }
    match configuration.metric_timezone.as_deref() {
        Some(name) if Zone::named(name).is_none() => Err(value_is_invalid(name, "Configuration.MetricTimezone")),
        _ => Ok(()),
    }
}
