//! What detectors found: ListAnomalies, UpdateAnomaly.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_lang::log_pattern::{Part, Pattern};
use watchkeep_model::logs::{
    Anomaly as Described, ListAnomaliesRequest, ListAnomaliesResponse, LogEvent, PatternToken, SuppressionPeriod,
    UpdateAnomalyRequest, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{ResourceKey, Versioned};

use super::group_of;
use super::kept::{Anomaly, Detector, Learned, Suppression, anomaly_prefix, detector_arn};
use crate::Logs;
use crate::errors::{self, invalid};
use crate::limits::{ANOMALIES_MAX, ANOMALY_DETECTORS_MAX, DESCRIBE_PAGE_MAX, MINUTE_MS};
use crate::paging::{self, Paged};

/// Lists anomalies, of one detector or of all.
pub(crate) async fn list_anomalies(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListAnomaliesRequest,
) -> Result<ListAnomaliesResponse, ServiceError> {
    let all = &logs.anomaly_detectors;
    let now = logs.clock.now();
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let after = paging::place(Paged::Anomalies, now, input.next_token.as_deref())?;
    let prefix = match &input.anomaly_detector_arn {
        Some(arn) => anomaly_prefix(&all.of_arn(caller, arn)?.key),
        None => String::new(),
    };
    let wanted = input.suppression_state.as_deref();
    let (account, region) = (&caller.account, Some(&caller.region));
    let most = ANOMALIES_MAX * ANOMALY_DETECTORS_MAX;
    let mut found = Vec::new();
    for kept in all.anomalies.list(account, region, &prefix, after.as_deref(), most) {
        let Some((id, _)) = kept.key.name.split_once('/') else { continue };
        let of_detector = ResourceKey { name: id.to_owned(), ..kept.key.clone() };
        let Some(detector) = all.detectors.get(&of_detector) else { continue };
        let anomaly = logs.opened(&kept.key, &kept.value).await?;
        if anomaly.first_seen < detector.visible_from(now.0) {
            continue;
        }
        let described = describe(&detector, &anomaly, now.0);
        let is_suppressed = described.suppressed == Some(true);
        if wanted.is_none_or(|wanted| (wanted == "SUPPRESSED") == is_suppressed) {
            found.push((kept.key.name.clone(), described));
        }
        if found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|(place, _)| paging::token(Paged::Anomalies, now, place));
    Ok(ListAnomaliesResponse { anomalies: Some(found.into_iter().map(|(_, one)| one).collect()), next_token })
}

/// Suppresses an anomaly or a pattern, ends that, or takes it as normal.
pub(crate) async fn update_anomaly(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: UpdateAnomalyRequest,
) -> Result<Unit, ServiceError> {
    if input.anomaly_id.is_some() == input.pattern_id.is_some() {
        return Err(invalid("Exactly one of anomalyId and patternId must be specified."));
    }
    let now = logs.clock.now().0;
    let suppression = match (input.suppression_type.as_deref(), &input.suppression_period) {
        (None, _) => None,
        (Some("LIMITED"), Some(period)) => Some(Suppression { since: now, until: Some(now + period_ms(period)?) }),
        (Some("LIMITED"), None) => {
            return Err(invalid("suppressionPeriod is required where suppressionType is LIMITED."));
        }
        (Some(_), _) => Some(Suppression { since: now, until: None }),
    };
    let is_baseline = input.baseline.unwrap_or_default();
    let (caller, logs) = (caller.clone(), logs.clone());
    errors::finish(async move {
        let all = &logs.anomaly_detectors;
        let _changing = all.changing.lock().await;
        let detector = all.of_arn(&caller, &input.anomaly_detector_arn)?;
        let (account, region) = (&detector.key.account, detector.key.region.as_ref());
        let known = all.anomalies.list(account, region, &anomaly_prefix(&detector.key), None, ANOMALIES_MAX);
        let mut named = Vec::new();
        for kept in &known {
            let anomaly = logs.opened(&kept.key, &kept.value).await?;
            let is_named = input.anomaly_id.as_ref().is_none_or(|id| anomaly.id == *id)
                && input.pattern_id.as_ref().is_none_or(|id| anomaly.pattern.id == *id);
            if is_named {
                named.push((kept, anomaly));
            }
        }
        if named.is_empty() {
            return Err(model::resource_not_found_exception("The specified anomaly or pattern does not exist."));
        }
        if let (Some(pattern), false) = (&input.pattern_id, is_baseline) {
            let mut changed = detector.value.clone();
            match suppression {
                Some(suppression) => changed.suppressed_patterns.insert(pattern.clone(), suppression),
                None => changed.suppressed_patterns.remove(pattern),
            };
            all.detectors.update(&detector, changed).await.map_err(errors::store)?;
            return Ok(Unit {});
        }
        for (kept, mut changed) in named {
            if is_baseline {
                changed.is_baseline = true;
                changed.active = false;
                accept(&logs, &detector, &changed).await?;
            } else {
                changed.suppression = suppression;
            }
            let changed = logs.secured(&detector, &kept.key, changed, kept.data_key()).await?;
            all.anomalies.update(kept, changed).await.map_err(errors::store)?;
        }
        Ok(Unit {})
    })
    .await
}

/// The detector takes what an anomaly was as usual.
async fn accept(logs: &Logs, detector: &Versioned<Detector>, anomaly: &Anomaly) -> Result<(), ServiceError> {
    let all = &logs.anomaly_detectors;
    let Some(learned) = all.learned.get(&detector.key) else { return Ok(()) };
    let mut model = logs.opened(&detector.key, &learned.model).await?;
    for count in anomaly.histogram.values() {
        model.accept(&anomaly.pattern.id, *count);
    }
    let model = logs.secured(detector, &detector.key, model, learned.model.data_key()).await?;
    let changed = Learned { model, analyzed_to: learned.analyzed_to };
    all.learned.update(&learned, changed).await.map_err(errors::store)?;
    Ok(())
}

fn period_ms(period: &SuppressionPeriod) -> Result<i64, ServiceError> {
    let unit = match period.suppression_unit.as_deref() {
        Some("SECONDS") => 1000,
        Some("MINUTES") => MINUTE_MS,
        Some("HOURS") => 60 * MINUTE_MS,
        _ => return Err(invalid("suppressionPeriod must have a suppressionUnit.")),
    };
    let value = period.value.filter(|value| *value > 0);
    value.map(|value| i64::from(value) * unit).ok_or_else(|| invalid("suppressionPeriod must have a positive value."))
}

fn describe(detector: &Versioned<Detector>, anomaly: &Anomaly, now: i64) -> Described {
    let of_pattern = detector.suppression_of(&anomaly.pattern.id, now);
    let own = anomaly.suppression.filter(|suppression| suppression.holds(now));
    let suppression = of_pattern.or(own);
    let state = match (anomaly.is_baseline, suppression) {
        (true, _) => "Baseline",
        (false, Some(_)) => "Suppressed",
        (false, None) => "Active",
    };
    let samples = anomaly.samples.iter();
    let samples = samples.map(|(time, text)| LogEvent { timestamp: Some(*time), message: Some(text.clone()) });
    Described {
        anomaly_id: anomaly.id.clone(),
        pattern_id: anomaly.pattern.id.clone(),
        anomaly_detector_arn: detector_arn(&detector.key).to_string(),
        pattern_string: anomaly.pattern.text(),
        pattern_regex: Some(anomaly.pattern.regex()),
        priority: Some(anomaly.priority.clone()),
        first_seen: anomaly.first_seen,
        last_seen: anomaly.last_seen,
        description: anomaly.description.clone(),
        active: anomaly.active,
        state: state.to_owned(),
        histogram: anomaly.histogram.iter().map(|(time, &count)| (time.to_string(), long(count))).collect(),
        log_samples: samples.collect(),
        pattern_tokens: tokens(&anomaly.pattern),
        log_group_arn_list: vec![group_of(detector)],
        suppressed: Some(suppression.is_some()),
        suppressed_date: suppression.map(|suppression| suppression.since),
        suppressed_until: suppression.map(|suppression| suppression.until.unwrap_or(0)),
        is_pattern_level_suppression: suppression.map(|_| of_pattern.is_some()),
    }
}

fn tokens(pattern: &Pattern) -> Vec<PatternToken> {
    let mut number = 0;
    let token = |part: &Part| match part {
        Part::Between(text) | Part::Word(text) => PatternToken {
            dynamic_token_position: Some(0),
            is_dynamic: Some(false),
            token_string: Some(text.clone()),
            enumerations: None,
            inferred_token_name: None,
        },
        Part::Dynamic(dynamic) => {
            number += 1;
            let values = dynamic.values.as_ref();
            PatternToken {
                dynamic_token_position: Some(number),
                is_dynamic: Some(true),
                token_string: Some("<*>".to_owned()),
                enumerations: values
                    .map(|values| values.iter().map(|(value, &count)| (value.clone(), long(count))).collect()),
                inferred_token_name: Some(format!("{}-{number}", dynamic.name)),
            }
        }
    };
    pattern.parts.iter().map(token).collect()
}

fn long(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
