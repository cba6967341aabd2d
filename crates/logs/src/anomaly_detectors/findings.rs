//! From what is unusual in an interval to anomalies: those that are new, and those that go on.

use std::collections::BTreeMap;

use watchkeep_lang::log_pattern::{Change, Pattern, What};

use super::kept::{Anomaly, Detector, dynamic_name};
use super::uuid_of;
use crate::limits::{ANOMALY_HISTOGRAM_MAX, ANOMALY_SAMPLES_MAX};

/// Something unusual that a detector met in an interval.
#[derive(Debug)]
pub(super) struct Finding {
    /// The pattern.
    pub pattern: Pattern,
    /// What is unusual about it.
    pub what: What,
    /// How many events it is.
    pub count: u64,
    /// Some of them, oldest first.
    pub samples: Vec<(i64, String)>,
}

impl Finding {
    /// What tells this from other anomalies of the pattern.
    fn kind(&self) -> String {
        match &self.what {
            What::NewPattern => "pattern".to_owned(),
            What::NewValue(token, value) => format!("value {token} {value}"),
            What::Count(change) if change.deviations > 0.0 => "more".to_owned(),
            What::Count(_) => "fewer".to_owned(),
            What::FrequentValue(token, value, _) => format!("frequent {token} {value}"),
        }
    }

    fn description(&self) -> String {
        match &self.what {
            What::NewPattern => format!("{} events with a pattern that was not seen before", self.count),
            What::NewValue(token, value) => {
                format!("The value '{value}' of {} was not seen before", dynamic_name(&self.pattern, *token))
            }
            What::Count(Change { usual, deviations }) => {
                let much = if *deviations > 0.0 { "more" } else { "fewer" };
                format!("{} events, {much} than the usual {usual:.0}", self.count)
            }
            What::FrequentValue(token, value, Change { usual, .. }) => {
                let name = dynamic_name(&self.pattern, *token);
                format!("{} events with the value '{value}' of {name}, more than the usual {usual:.0}", self.count)
            }
        }
    }

    /// By the words of the pattern, and how far it is from what is usual.
    fn priority(&self) -> &'static str {
        let text = self.pattern.text().to_ascii_uppercase();
        let is_severe = ["FATAL", "ERROR"].iter().any(|word| text.contains(word));
        let is_warning = text.contains("WARN");
        let is_far = match &self.what {
            What::NewPattern => true,
            What::NewValue(..) => false,
            What::Count(change) | What::FrequentValue(_, _, change) => change.deviations.abs() >= 20.0,
        };
        match (is_severe, is_warning, is_far) {
            (true, _, true) => "HIGH",
            (true, _, false) | (_, true, true) => "MEDIUM",
            (false, true, false) | (false, false, _) => "LOW",
        }
    }
}

/// What becomes of a detector's anomalies after an interval that ended at `end`: those that changed or are new. The others are
/// active no more.
pub(super) fn settle(
    detector_id: &str,
    detector: &Detector,
    known: &[Anomaly],
    findings: &[Finding],
    end: i64,
) -> Vec<Anomaly> {
    let mut settled: BTreeMap<String, Anomaly> = BTreeMap::new();
    for finding in findings {
        if detector.suppression_of(&finding.pattern.id, end).is_some() {
            continue;
        }
        let kind = finding.kind();
        let mut alike = known.iter().filter(|one| one.pattern.id == finding.pattern.id && one.kind == kind);
        let visible_from = detector.visible_from(end);
        let current = alike.clone().rfind(|one| !one.is_baseline && one.first_seen >= visible_from);
        let usual = alike.clone().filter(|one| one.is_baseline).flat_map(|one| one.histogram.values()).max();
        if current.is_none() && usual.is_some_and(|usual| finding.count <= usual.saturating_mul(2)) {
            continue;
        }
        if current.is_some_and(|one| one.suppression.is_some_and(|suppression| suppression.holds(end))) {
            continue;
        }
        let first = finding.samples.first().map_or(end, |(time, _)| *time);
        let last = finding.samples.last().map_or(end, |(time, _)| *time);
        let mut anomaly = match current {
            Some(current) => current.clone(),
            None => Anomaly {
                // The same if the interval is looked at again after a crash.
                id: uuid_of(hash(&format!(
                    "{detector_id} {} {kind} {end} {}",
                    finding.pattern.id,
                    alike.next().is_some()
                ))),
                pattern: finding.pattern.clone(),
                kind,
                description: String::new(),
                priority: String::new(),
                first_seen: first,
                last_seen: last,
                active: true,
                histogram: BTreeMap::new(),
                samples: Vec::new(),
                is_baseline: false,
                suppression: None,
            },
        };
        anomaly.pattern = finding.pattern.clone();
        anomaly.description = finding.description();
        anomaly.priority = finding.priority().to_owned();
        anomaly.last_seen = anomaly.last_seen.max(last);
        anomaly.active = true;
        anomaly.histogram.insert(end, finding.count);
        while anomaly.histogram.len() > ANOMALY_HISTOGRAM_MAX {
            anomaly.histogram.pop_first();
        }
        for sample in &finding.samples {
            if anomaly.samples.len() < ANOMALY_SAMPLES_MAX && !anomaly.samples.contains(sample) {
                anomaly.samples.push(sample.clone());
            }
        }
        settled.insert(anomaly.id.clone(), anomaly);
    }
    let is_suppressed = |one: &Anomaly| one.suppression.is_some_and(|suppression| suppression.holds(end));
    let quiet = known.iter().filter(|one| one.active && !is_suppressed(one) && !settled.contains_key(&one.id));
    let quiet: Vec<Anomaly> = quiet.map(|one| Anomaly { active: false, ..one.clone() }).collect();
    settled.into_values().chain(quiet).collect()
}

/// FNV-1a of 128 bits.
fn hash(text: &str) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}
