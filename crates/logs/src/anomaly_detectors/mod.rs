//! Log anomaly detectors: CreateLogAnomalyDetector, GetLogAnomalyDetector, ListLogAnomalyDetectors, UpdateLogAnomalyDetector,
//! DeleteLogAnomalyDetector; and their [`anomalies`]. A detector learns the patterns of a log group
//! ([`watchkeep_lang::log_pattern`]) from two weeks of its events, and from then on looks at what came in, every few minutes.

mod anomalies;
mod findings;
mod kept;
mod secured;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::{Arn, Caller, Random};
use watchkeep_lang::filter_pattern::FilterPattern;
use watchkeep_model::logs::{
    AnomalyDetector, CreateLogAnomalyDetectorRequest, CreateLogAnomalyDetectorResponse,
    DeleteLogAnomalyDetectorRequest, GetLogAnomalyDetectorRequest, GetLogAnomalyDetectorResponse,
    ListLogAnomalyDetectorsRequest, ListLogAnomalyDetectorsResponse, TooManyTagsException,
    UpdateLogAnomalyDetectorRequest, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{CatalogError, Collection, ResourceKey, Store, StoreError, Versioned};

use crate::errors::{self, invalid, no_group};
use crate::limits::{ANOMALY_DETECTORS_MAX, ANOMALY_VISIBILITY_DAYS, DESCRIBE_PAGE_MAX, TAGS_MAX};
use crate::names::{group_arn, identified};
use crate::paging::{self, Paged};
use crate::resources::Class;
use crate::{Logs, tags};

pub(crate) use anomalies::{list_anomalies, update_anomaly};
pub(crate) use kept::{Anomaly, Detector, Frequency, Learned, detector_arn};
use secured::Secured;
pub(crate) use watch::keep_watching;

/// All detectors.
#[derive(Debug)]
pub(crate) struct AnomalyDetectors {
    pub(crate) detectors: Collection<Detector>,
    pub(crate) learned: Collection<Learned>,
    pub(crate) anomalies: Collection<Secured<Anomaly>>,
    /// Held while detectors and anomalies change, by calls and by a detector that looks.
    pub(crate) changing: tokio::sync::Mutex<()>,
    random: Arc<dyn Random>,
}

impl AnomalyDetectors {
    /// Reads them from the catalog.
    pub(crate) async fn open(store: &Store, random: Arc<dyn Random>) -> Result<AnomalyDetectors, StoreError> {
        let catalog = store.catalog();
        Ok(AnomalyDetectors {
            detectors: catalog.collection::<Detector>().await?,
            learned: catalog.collection::<Learned>().await?,
            anomalies: catalog.collection::<Secured<Anomaly>>().await?,
            changing: tokio::sync::Mutex::default(),
            random,
        })
    }

    /// The detector of an ARN.
    fn of_arn(&self, caller: &Caller, arn: &str) -> Result<Arc<Versioned<Detector>>, ServiceError> {
        let wrong = || invalid("The specified anomaly detector ARN is invalid.");
        let arn: Arn = arn.parse().map_err(|_| wrong())?;
        let id = arn.resource.strip_prefix("anomaly-detector:").filter(|_| arn.service == "logs").ok_or_else(wrong)?;
        let is_here = arn.account == caller.account.as_str() && arn.region == caller.region.as_str();
        let key = ResourceKey::new(caller.account, &caller.region, id);
        let found = self.detectors.get(&key).filter(|_| is_here);
        found.ok_or_else(|| model::resource_not_found_exception("The specified anomaly detector does not exist."))
    }

    /// Deletes a detector, with what it learned and found. The caller holds `changing`.
    async fn forget(&self, key: &ResourceKey) -> Result<(), CatalogError> {
        // The detector last: if this does not come to its end, it can be deleted again.
        let prefix = kept::anomaly_prefix(key);
        self.anomalies.delete_prefix(&key.account, key.region.as_ref(), &prefix).await?;
        self.learned.delete(key).await?;
        self.detectors.delete(key).await?;
        Ok(())
    }

    fn status(&self, detector: &Versioned<Detector>) -> &'static str {
        match (detector.enabled, self.learned.get(&detector.key)) {
            (false, _) => "PAUSED",
            (true, None) => "INITIALIZING",
            (true, Some(_)) => "ANALYZING",
        }
    }
}

/// Creates a detector.
pub(crate) async fn create_log_anomaly_detector(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: CreateLogAnomalyDetectorRequest,
) -> Result<CreateLogAnomalyDetectorResponse, ServiceError> {
    let [arn] = input.log_group_arn_list.as_slice() else {
        return Err(invalid("logGroupArnList must have exactly one log group."));
    };
    if !arn.starts_with("arn:") {
        return Err(invalid("logGroupArnList must have the ARN of a log group."));
    }
    let group = logs.directory.group(&identified(caller, arn)?)?;
    let class = group.document().class;
    if class != Class::Standard {
        return Err(invalid(format!("Anomaly detection is not supported for log groups of class {}.", class.as_str())));
    }
    let given = input.tags.unwrap_or_default();
    tags::check(&given)?;
    let id = uuid(&*logs.anomaly_detectors.random);
    let key = ResourceKey::new(caller.account, &caller.region, id);
    let kms_key = match &input.kms_key_id {
        Some(named) => Some(logs.usable_key(caller, &detector_arn(&key).to_string(), named).await?),
        None => None,
    };
    let now = logs.clock.now().0;
    let detector = Detector {
        name: input.detector_name,
        group: group.key.name.clone(),
        frequency: frequency(input.evaluation_frequency.as_deref().unwrap_or("FIFTEEN_MIN"))?,
        filter_pattern: filter_pattern(input.filter_pattern)?,
        visibility_days: input.anomaly_visibility_time.unwrap_or(ANOMALY_VISIBILITY_DAYS),
        created: now,
        modified: now,
        enabled: true,
        kms_key,
        tags: given,
        suppressed_patterns: Default::default(),
    };
    let logs = logs.clone();
    errors::finish(async move {
        let all = &logs.anomaly_detectors;
        let _changing = all.changing.lock().await;
        let there = all.detectors.list(&key.account, key.region.as_ref(), "", None, ANOMALY_DETECTORS_MAX);
        if there.len() >= ANOMALY_DETECTORS_MAX {
            return Err(model::limit_exceeded_exception("Resource limit exceeded."));
        }
        let created = all.detectors.create(key, detector).await.map_err(errors::store)?;
        let anomaly_detector_arn = Some(detector_arn(&created.key).to_string());
        Ok(CreateLogAnomalyDetectorResponse { anomaly_detector_arn })
    })
    .await
}

/// A detector.
pub(crate) async fn get_log_anomaly_detector(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetLogAnomalyDetectorRequest,
) -> Result<GetLogAnomalyDetectorResponse, ServiceError> {
    let detector = logs.anomaly_detectors.of_arn(caller, &input.anomaly_detector_arn)?;
    let described = describe(logs, &detector);
    Ok(GetLogAnomalyDetectorResponse {
        detector_name: described.detector_name,
        log_group_arn_list: described.log_group_arn_list,
        evaluation_frequency: described.evaluation_frequency,
        filter_pattern: described.filter_pattern,
        anomaly_detector_status: described.anomaly_detector_status,
        kms_key_id: described.kms_key_id,
        creation_time_stamp: described.creation_time_stamp,
        last_modified_time_stamp: described.last_modified_time_stamp,
        anomaly_visibility_time: described.anomaly_visibility_time,
    })
}

/// Lists detectors, by id.
pub(crate) async fn list_log_anomaly_detectors(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListLogAnomalyDetectorsRequest,
) -> Result<ListLogAnomalyDetectorsResponse, ServiceError> {
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let after = paging::place(Paged::AnomalyDetectors, now, input.next_token.as_deref())?;
    let group = input.filter_log_group_arn.as_deref().map(|arn| identified(caller, arn)).transpose()?;
    let (account, region) = (caller.account, &caller.region);
    let all = &logs.anomaly_detectors.detectors;
    let mut found = all.list(&account, Some(region), "", after.as_deref(), ANOMALY_DETECTORS_MAX);
    found.retain(|detector| group.as_ref().is_none_or(|group| detector.group == group.name));
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|last| paging::token(Paged::AnomalyDetectors, now, &last.key.name));
    let anomaly_detectors = Some(found.iter().map(|detector| describe(logs, detector)).collect());
    Ok(ListLogAnomalyDetectorsResponse { anomaly_detectors, next_token })
}

/// Changes a detector, pauses it or lets it go on.
pub(crate) async fn update_log_anomaly_detector(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UpdateLogAnomalyDetectorRequest,
) -> Result<Unit, ServiceError> {
    let frequency = input.evaluation_frequency.as_deref().map(frequency).transpose()?;
    let pattern = input.filter_pattern.map(|pattern| filter_pattern(Some(pattern))).transpose()?;
    let (caller, arn, modified) = (caller.clone(), input.anomaly_detector_arn, logs.clock.now().0);
    let logs = logs.clone();
    errors::finish(async move {
        let all = &logs.anomaly_detectors;
        let _changing = all.changing.lock().await;
        let current = all.of_arn(&caller, &arn)?;
        let mut detector = current.value.clone();
        detector.frequency = frequency.unwrap_or(detector.frequency);
        detector.filter_pattern = pattern.unwrap_or(detector.filter_pattern);
        detector.visibility_days = input.anomaly_visibility_time.unwrap_or(detector.visibility_days);
        detector.enabled = input.enabled;
        detector.modified = modified;
        all.detectors.update(&current, detector).await.map_err(errors::store)?;
        Ok(Unit {})
    })
    .await
}

/// Deletes a detector, with what it learned and found.
pub(crate) async fn delete_log_anomaly_detector(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteLogAnomalyDetectorRequest,
) -> Result<Unit, ServiceError> {
    let (caller, logs) = (caller.clone(), logs.clone());
    errors::finish(async move {
        let all = &logs.anomaly_detectors;
        let _changing = all.changing.lock().await;
        let key = all.of_arn(&caller, &input.anomaly_detector_arn)?.key.clone();
        all.forget(&key).await.map_err(errors::store)?;
        Ok(Unit {})
    })
    .await
}

/// Whether an ARN is one of a detector.
pub(crate) fn is_named_by(arn: &str) -> bool {
    arn.parse::<Arn>().is_ok_and(|arn| arn.service == "logs" && arn.resource.starts_with("anomaly-detector:"))
}

/// The tags of a detector.
pub(crate) fn tags_of(logs: &Logs, caller: &Caller, arn: &str) -> Result<BTreeMap<String, String>, ServiceError> {
    Ok(logs.anomaly_detectors.of_arn(caller, arn)?.tags.clone())
}

/// Changes the tags of a detector.
pub(crate) async fn change_tags(
    logs: &Arc<Logs>,
    caller: &Caller,
    arn: String,
    change: impl FnOnce(&mut BTreeMap<String, String>) + Send + 'static,
) -> Result<Unit, ServiceError> {
    let (caller, logs) = (caller.clone(), logs.clone());
    errors::finish(async move {
        let all = &logs.anomaly_detectors;
        let _changing = all.changing.lock().await;
        let current = all.of_arn(&caller, &arn)?;
        let mut detector = current.value.clone();
        change(&mut detector.tags);
        if detector.tags.len() > TAGS_MAX {
            return Err(model::too_many_tags_exception(format!("A resource can have no more than {TAGS_MAX} tags."))
                .with_details(TooManyTagsException { message: None, resource_name: Some(arn) }));
        }
        all.detectors.update(&current, detector).await.map_err(errors::store)?;
        Ok(Unit {})
    })
    .await
}

fn describe(logs: &Logs, detector: &Versioned<Detector>) -> AnomalyDetector {
    AnomalyDetector {
        anomaly_detector_arn: Some(detector_arn(&detector.key).to_string()),
        detector_name: detector.name.clone(),
        log_group_arn_list: Some(vec![group_of(detector)]),
        evaluation_frequency: Some(detector.frequency.as_str().to_owned()),
        filter_pattern: detector.filter_pattern.clone(),
        anomaly_detector_status: Some(logs.anomaly_detectors.status(detector).to_owned()),
        kms_key_id: detector.kms_key.clone(),
        creation_time_stamp: Some(detector.created),
        last_modified_time_stamp: Some(detector.modified),
        anomaly_visibility_time: Some(detector.visibility_days),
    }
}

/// The ARN of the group that a detector watches.
fn group_of(detector: &Versioned<Detector>) -> String {
    group_arn(&ResourceKey { name: detector.group.clone(), ..detector.key.clone() })
}

fn frequency(name: &str) -> Result<Frequency, ServiceError> {
    Frequency::parse(name).ok_or_else(|| invalid("The specified evaluation frequency is invalid."))
}

fn filter_pattern(pattern: Option<String>) -> Result<Option<String>, ServiceError> {
    let pattern = pattern.filter(|pattern| !pattern.is_empty());
    if let Some(text) = &pattern {
        FilterPattern::parse(text).map_err(|error| invalid(error.to_string()))?;
    }
    Ok(pattern)
}

/// A random UUID (version 4).
fn uuid(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let bits = u128::from_be_bytes(bytes);
    let bits = (bits & !(0xf << 76)) | (4 << 76);
    uuid_of((bits & !(0x3 << 62)) | (2 << 62))
}

/// The text of a UUID.
fn uuid_of(bits: u128) -> String {
    let text = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| text.get(range).unwrap_or_default());
    parts.join("-")
}

impl Logs {
    /// Deletes the detectors of groups that are not there any more: what they keep are texts of events that were deleted.
    pub(crate) async fn forget_detectors_without_group(&self) {
        let all = &self.anomaly_detectors;
        let _changing = all.changing.lock().await;
        for detector in all.detectors.all() {
            if self.watched(&detector).is_err()
                && let Err(error) = all.forget(&detector.key).await
            {
                tracing::warn!(detector = detector.key.name, %error, "a detector outlives its log group; it is deleted later");
            }
        }
    }

    /// The group that a detector watches.
    fn watched(&self, detector: &Versioned<Detector>) -> Result<Arc<crate::directory::Group>, ServiceError> {
        let key = ResourceKey { name: detector.group.clone(), ..detector.key.clone() };
        self.directory.group(&key).map_err(|_| no_group())
    }
}
