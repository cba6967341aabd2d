//! StateReason and StateReasonData of metric alarms, in CloudWatch's words. Sources: "Alarm events and EventBridge", samples of
//! notifications.

use serde::Serialize;

use super::text::{datapoint_time, shown};
use super::{Band, Basis, Comparison, Operator, Rule, Slots, StateValue, Verdict};
use crate::limits::{REASON_DATAPOINTS_MAX, REASON_EVALUATED_MAX, REASON_RECENT_MAX};
use crate::message::text::timestamp;

/// A datapoint that was evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Datapoint {
    /// The start of its period.
    pub time_ms: i64,
    pub value: f64,
    /// How many samples it is of; not known of the result of an expression.
    pub sample_count: Option<f64>,
    /// What is usual at that time.
    pub band: Option<Band>,
}

/// What was evaluated, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account<'a> {
    pub now_ms: i64,
    /// The evaluation range.
    pub slots: &'a Slots,
    pub period_s: i64,
    /// The datapoints of the evaluation range, oldest first.
    pub range: &'a [Option<Datapoint>],
    pub rule: Rule,
    /// Whether `DatapointsToAlarm` was given.
    pub is_m_of_n: bool,
    pub comparison: Comparison,
    /// Absent of math.
    pub statistic: Option<&'a str>,
    pub unit: Option<&'a str>,
}

/// Why an alarm has its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// `StateReason`.
    pub text: String,
    /// `StateReasonData`, JSON.
    pub data: String,
}

/// The reason for a verdict about what was evaluated.
pub(crate) fn reason(account: &Account<'_>, verdict: &Verdict) -> Reason {
    // Newest first, as they are listed.
    let real: Vec<Datapoint> = account.range.iter().rev().filter_map(|slot| *slot).take(account.rule.periods).collect();
    let text = match verdict.basis {
        Basis::NoData => {
            let count = account.rule.periods;
            let verb = if count == 1 { "datapoint was" } else { "datapoints were" };
            format!("Insufficient Data: {count} {verb} unknown.")
        }
        Basis::Filled(missing) => filled(missing, verdict.state),
        Basis::Datapoints | Basis::Kept => crossed(account, verdict.state, &real),
    };
    Reason { text, data: data(account, &real) }
}

fn filled(missing: usize, state: StateValue) -> String {
    let treated = if state == StateValue::Alarm { "Breaching" } else { "NonBreaching" };
    let (periods, datapoints) = match missing {
        1 => ("1 period".to_owned(), "1 missing datapoint was".to_owned()),
        count => (format!("{count} periods"), format!("{count} missing datapoints were")),
    };
    format!("Threshold Crossed: no datapoints were received for {periods} and {datapoints} treated as [{treated}].")
}

fn crossed(account: &Account<'_>, state: StateValue, real: &[Datapoint]) -> String {
    let Account { rule, comparison, is_m_of_n, .. } = account;
    let breaching = state == StateValue::Alarm;
    let listed: Vec<&Datapoint> =
        real.iter().filter(|point| comparison.breaches(point.value, point.band) == breaching).collect();
    let count = listed.len();
    let is_one = count == 1;
    let head = match comparison {
        Comparison::Threshold(..) => "Threshold Crossed",
        Comparison::Band(_) => "Thresholds Crossed",
    };
    let out_of = if *is_m_of_n { format!("{count} out of the last {}", rule.periods) } else { count.to_string() };
    let noun = if is_one && (!is_m_of_n || rule.periods == 1) { "datapoint" } else { "datapoints" };
    // CloudWatch writes the plural behind "out of the last".
    let noun = if *is_m_of_n { "datapoints" } else { noun };
    let verb = if is_one { "was" } else { "were" };
    let verb = if breaching { verb.to_owned() } else { format!("{verb} not") };
    let list = |points: &[&Datapoint]| {
        let shown = points.iter().map(|point| format!("{} ({})", shown(point.value), datapoint_time(point.time_ms)));
        shown.collect::<Vec<_>>().join(", ")
    };
    let limit = limit(*comparison, breaching, &listed);
    let minimum = if *is_m_of_n { minimum(rule, breaching) } else { String::new() };
    match listed.get(..REASON_DATAPOINTS_MAX).filter(|_| count > REASON_DATAPOINTS_MAX) {
        None => format!("{head}: {out_of} {noun} [{}] {verb} {limit}{minimum}.", list(&listed)),
        Some(newest) => format!(
            "{head}: {out_of} {noun} {verb} {limit}. The most recent datapoints which crossed the threshold: [{}]{minimum}.",
            list(newest)
        ),
    }
}

/// What the datapoints are compared with, as `greater than the threshold (21.0)`.
fn limit(comparison: Comparison, breaching: bool, listed: &[&Datapoint]) -> String {
    let operator = comparison.operator();
    if let Comparison::Threshold(_, threshold) = comparison {
        return format!("{} the threshold ({})", operator.words(), shown(threshold));
    }
    let bounds = |bound: fn(&Band) -> f64| {
        let bands = listed.iter().take(REASON_DATAPOINTS_MAX).filter_map(|point| point.band);
        bands.map(|band| shown(bound(&band))).collect::<Vec<_>>().join(", ")
    };
    let lower = || format!("less than the lower thresholds [{}]", bounds(|band| band.lower));
    let upper = || format!("greater than the upper thresholds [{}]", bounds(|band| band.upper));
    match operator {
        Operator::LessThanLowerThreshold => lower(),
        Operator::GreaterThanUpperThreshold => upper(),
        _ if breaching => format!("{} or {}", lower(), upper()),
        _ => format!("{} or not {}", lower(), upper()),
    }
}

fn minimum(rule: &Rule, breaching: bool) -> String {
    let (count, transition) = match breaching {
        true => (rule.to_alarm, "OK -> ALARM"),
        false => (rule.periods + 1 - rule.to_alarm, "ALARM -> OK"),
    };
    let noun = if count == 1 { "datapoint" } else { "datapoints" };
    format!(" (minimum {count} {noun} for {transition} transition)")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReasonData<'a> {
    version: &'static str,
    query_date: String,
    start_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<&'a str>,
    period: i64,
    recent_datapoints: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_lower_thresholds: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_upper_thresholds: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    evaluated_datapoints: Vec<EvaluatedDatapoint>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvaluatedDatapoint {
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_count: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
}

fn data(account: &Account<'_>, real: &[Datapoint]) -> String {
    let Account { now_ms, slots, period_s, range, rule, comparison, .. } = account;
    let recent: Vec<&Datapoint> = real.iter().take(REASON_RECENT_MAX).rev().collect();
    let bounds = |bound: fn(&Band) -> f64| match comparison {
        Comparison::Band(_) => Some(recent.iter().filter_map(|point| point.band).map(|band| bound(&band)).collect()),
        Comparison::Threshold(..) => None,
    };
    let places = range.iter().enumerate().rev().enumerate();
    // Missing ones are told of only where they would have counted.
    let told = places.filter(|(age, (_, slot))| slot.is_some() || (*age < rule.periods && real.len() < rule.periods));
    let evaluated = told.take(rule.periods.min(REASON_EVALUATED_MAX)).map(|(_, (index, slot))| EvaluatedDatapoint {
        timestamp: timestamp(slots.bound_ms(index)),
        sample_count: slot.and_then(|point| point.sample_count),
        value: slot.map(|point| point.value),
    });
    let oldest_ms = slots.bound_ms(slots.len().saturating_sub(rule.periods));
    let data = ReasonData {
        version: "1.0",
        query_date: timestamp(*now_ms),
        start_date: timestamp(real.last().map_or(oldest_ms, |point| point.time_ms)),
        unit: account.unit,
        statistic: account.statistic,
        period: *period_s,
        recent_datapoints: recent.iter().map(|point| point.value).collect(),
        recent_lower_thresholds: bounds(|band| band.lower),
        recent_upper_thresholds: bounds(|band| band.upper),
        threshold: match comparison {
            Comparison::Threshold(_, threshold) => Some(*threshold),
            Comparison::Band(_) => None,
        },
        evaluated_datapoints: evaluated.collect(),
    };
    serde_json::to_string(&data).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Slot, Treat, decide};

    /// 2024-03-22T14:00:00Z.
    const START: i64 = 1_711_116_000_000;
    const ABOVE_80: Comparison = Comparison::Threshold(Operator::GreaterThanThreshold, 80.0);

    fn of(
        values: &[Option<f64>],
        (periods, to_alarm): (usize, Option<usize>),
        treat: Treat,
        comparison: Comparison,
        band: Option<Band>,
    ) -> (StateValue, Reason) {
        let range: Vec<Option<Datapoint>> = values
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let time_ms = START + index as i64 * 60_000;
                value.map(|value| Datapoint { time_ms, value, sample_count: Some(2.0), band })
            })
            .collect();
        let rule = Rule { periods, to_alarm: to_alarm.unwrap_or(periods), treat };
        let slots: Vec<Slot> = range
            .iter()
            .map(|slot| match slot {
                None => Slot::Missing,
                Some(point) if comparison.breaches(point.value, point.band) => Slot::Breaching,
                Some(_) => Slot::Good,
            })
            .collect();
        let verdict = decide(&slots, &rule, StateValue::InsufficientData);
        let account = Account {
            now_ms: START + values.len() as i64 * 60_000 + 1402,
            slots: &Slots::Even { start_ms: START, period_ms: 60_000, count: values.len() },
            period_s: 60,
            range: &range,
            rule,
            is_m_of_n: to_alarm.is_some(),
            comparison,
            statistic: Some("Average"),
            unit: None,
        };
        (verdict.state, reason(&account, &verdict))
    }

    fn text(values: &[Option<f64>], counts: (usize, Option<usize>), treat: Treat) -> String {
        of(values, counts, treat, ABOVE_80, None).1.text
    }

    #[test]
    fn texts() {
        use Treat::*;
        let (good, bad) = (Some(70.0), Some(91.0));
        type Case<'c> = (&'c [Option<f64>], (usize, Option<usize>), Treat, &'c str);
        let cases: [Case<'_>; 11] = [
            (
                &[None, None, bad],
                (1, None),
                Missing,
                "Threshold Crossed: 1 datapoint [91.0 (22/03/24 14:02:00)] was greater than the threshold (80.0).",
            ),
            (
                &[None, None, good],
                (1, None),
                Missing,
                "Threshold Crossed: 1 datapoint [70.0 (22/03/24 14:02:00)] was not greater than the threshold (80.0).",
            ),
            (
                &[None, None, bad, bad],
                (2, None),
                Missing,
                "Threshold Crossed: 2 datapoints [91.0 (22/03/24 14:03:00), 91.0 (22/03/24 14:02:00)] were greater than the threshold (80.0).",
            ),
            (
                &[None, None, bad],
                (1, Some(1)),
                Missing,
                "Threshold Crossed: 1 out of the last 1 datapoints [91.0 (22/03/24 14:02:00)] was greater than the threshold (80.0) (minimum 1 datapoint for OK -> ALARM transition).",
            ),
            (
                &[None, None, good, bad, Some(90.0)],
                (3, Some(2)),
                Missing,
                "Threshold Crossed: 2 out of the last 3 datapoints [90.0 (22/03/24 14:04:00), 91.0 (22/03/24 14:03:00)] were greater than the threshold (80.0) (minimum 2 datapoints for OK -> ALARM transition).",
            ),
            (
                &[None, None, bad, good, good],
                (3, Some(2)),
                Missing,
                "Threshold Crossed: 2 out of the last 3 datapoints [70.0 (22/03/24 14:04:00), 70.0 (22/03/24 14:03:00)] were not greater than the threshold (80.0) (minimum 2 datapoints for ALARM -> OK transition).",
            ),
            (
                &[None; 5],
                (3, None),
                Breaching,
                "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching].",
            ),
            (
                &[None; 3],
                (1, None),
                NotBreaching,
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
            ),
            (&[None; 3], (1, None), Missing, "Insufficient Data: 1 datapoint was unknown."),
            (&[None; 4], (2, None), Missing, "Insufficient Data: 2 datapoints were unknown."),
            (
                &[bad; 8],
                (6, None),
                Missing,
                "Threshold Crossed: 6 datapoints were greater than the threshold (80.0). The most recent datapoints which crossed the threshold: [91.0 (22/03/24 14:07:00), 91.0 (22/03/24 14:06:00), 91.0 (22/03/24 14:05:00), 91.0 (22/03/24 14:04:00), 91.0 (22/03/24 14:03:00)].",
            ),
        ];
        for (values, counts, treat, expected) in cases {
            assert_eq!(text(values, counts, treat), expected);
        }
    }

    #[test]
    fn of_bands() {
        let band = Some(Band { lower: 0.02, upper: 0.3 });
        let usual = Comparison::Band(Operator::LessThanLowerOrGreaterThanUpperThreshold);
        let (state, reason) = of(&[None, None, Some(0.0)], (1, Some(1)), Treat::Missing, usual, band);
        assert_eq!(state, StateValue::Alarm);
        assert_eq!(
            reason.text,
            "Thresholds Crossed: 1 out of the last 1 datapoints [0.0 (22/03/24 14:02:00)] was less than the lower thresholds \
             [0.02] or greater than the upper thresholds [0.3] (minimum 1 datapoint for OK -> ALARM transition)."
        );
        let data: serde_json::Value = serde_json::from_str(&reason.data).unwrap();
        assert_eq!(data["recentLowerThresholds"], serde_json::json!([0.02]));
        assert_eq!(data["recentUpperThresholds"], serde_json::json!([0.3]));
        assert!(data.get("threshold").is_none());
    }

    #[test]
    fn data_of_reasons() {
        let (_, reason) = of(&[Some(70.0), None, Some(91.5)], (1, None), Treat::Missing, ABOVE_80, None);
        assert_eq!(
            reason.data,
            r#"{"version":"1.0","queryDate":"2024-03-22T14:03:01.402+0000","startDate":"2024-03-22T14:02:00.000+0000","statistic":"Average","period":60,"recentDatapoints":[91.5],"threshold":80.0,"evaluatedDatapoints":[{"timestamp":"2024-03-22T14:02:00.000+0000","sampleCount":2.0,"value":91.5}]}"#
        );
        let (_, reason) = of(&[None, None, Some(91.0), None], (2, None), Treat::Missing, ABOVE_80, None);
        let data: serde_json::Value = serde_json::from_str(&reason.data).unwrap();
        assert_eq!(data["evaluatedDatapoints"][0], serde_json::json!({"timestamp": "2024-03-22T14:03:00.000+0000"}));
        assert_eq!(data["recentDatapoints"], serde_json::json!([91.0]));
        // However many there are, CloudWatch's limit of the text holds.
        let (_, reason) = of(&[Some(91.123_456_789_012_35); 1442], (1440, None), Treat::Missing, ABOVE_80, None);
        assert!(reason.data.len() <= 4000 && reason.text.len() <= 1023);
    }
}
