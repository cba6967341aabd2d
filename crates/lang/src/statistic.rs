//! CloudWatch's statistics: from their names, as `p99.9` or `TM(10%:90%)`, to their values over weighted samples. Source:
//! "CloudWatch statistics definitions".
//!
//! ```text
//! stat    = "SampleCount" | "Sum" | "Average" | "Minimum" | "Maximum" | "IQM" | short | range | rank
//! short   = ("p" | "tm" | "tc" | "ts" | "wm") num              (* tm90 = TM(:90%) *)
//! range   = ("TM" | "TC" | "TS" | "WM") "(" bounds ")"
//! bounds  = [num "%"] ":" [num "%"] | [num] ":" [num]          (* at least one; a percentage lies in 0..100 *)
//! rank    = "PR(" [num] ":" [num] ")"
//! num     = digits [ "." at most ten digits ]
//! ```
//!
//! Case matters. AWS computes everything but the first five from a logarithmic histogram, so its values are approximate; these
//! are exact.

use std::fmt;

/// The decimals that a number in a statistic's name may have.
const DECIMALS_MAX: usize = 10;

/// Text that names no statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a statistic")]
pub struct InvalidStatistic;

/// A statistic over the samples of a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// The number of samples.
    SampleCount,
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// `pNN`: the smallest value such that so many percent of the samples are at most it.
    Percentile(f64),
    /// Something of the samples between two bounds.
    Range(Within, Bounds),
}

/// What is computed of the samples within [`Bounds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// `TM`: their mean.
    TrimmedMean,
    /// `TC`: their number.
    TrimmedCount,
    /// `TS`: their sum.
    TrimmedSum,
    /// `WM`: the mean of all samples, those outside replaced by the value at the bound.
    WinsorizedMean,
    /// `PR`: how many percent of all samples they are.
    PercentileRank,
}

/// Between what the samples lie; an absent bound lets everything through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Percentiles, 0 to 100; a sample on a bound counts by the part of it that lies inside.
    Percent(Option<f64>, Option<f64>),
    /// Values; the lower bound is outside, the upper inside.
    Absolute(Option<f64>, Option<f64>),
}

/// A value and how often it occurred.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The value.
    pub value: f64,
    /// How often; more than 0, not necessarily whole.
    pub count: f64,
}

/// The statistics that every period has, whatever its samples were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The number of samples.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
}

impl Statistic {
    /// The statistic of this name.
    ///
    /// # Errors
    ///
    /// [`InvalidStatistic`] if the text does not follow the grammar, or its lower bound is not below its upper one.
    pub fn parse(text: &str) -> Result<Statistic, InvalidStatistic> {
        let plain = match text {
            "SampleCount" => Some(Statistic::SampleCount),
            "Sum" => Some(Statistic::Sum),
            "Average" => Some(Statistic::Average),
            "Minimum" => Some(Statistic::Minimum),
            "Maximum" => Some(Statistic::Maximum),
            "IQM" => Some(Statistic::Range(Within::TrimmedMean, Bounds::Percent(Some(25.0), Some(75.0)))),
            _ => None,
        };
        if let Some(plain) = plain {
            return Ok(plain);
        }
        if let Some(arguments) = text.strip_suffix(')') {
            let (name, bounds) = arguments.split_once('(').ok_or(InvalidStatistic)?;
            let within = within(name).ok_or(InvalidStatistic)?;
            let bounds = Bounds::parse(bounds)?;
            if within == Within::PercentileRank && matches!(bounds, Bounds::Percent(..)) {
                return Err(InvalidStatistic);
            }
            return Ok(Statistic::Range(within, bounds));
        }
        if let Some(percent) = text.strip_prefix('p') {
            return Ok(Statistic::Percentile(parse_percent(percent)?));
        }
        let short = [
            ("tm", Within::TrimmedMean),
            ("tc", Within::TrimmedCount),
            ("ts", Within::TrimmedSum),
            ("wm", Within::WinsorizedMean),
        ];
        let found = short.into_iter().find_map(|(name, within)| Some((within, text.strip_prefix(name)?)));
        let (within, percent) = found.ok_or(InvalidStatistic)?;
        Ok(Statistic::Range(within, Bounds::Percent(None, Some(parse_percent(percent)?))))
    }

    /// Whether GetMetricStatistics takes it as an extended statistic. These need the samples; the others only their
    /// [`Summary`].
    pub fn is_extended(self) -> bool {
        matches!(self, Statistic::Percentile(_) | Statistic::Range(..))
    }

    /// The value of one of the five basic statistics; `None` for an extended one.
    pub fn of_summary(self, summary: &Summary) -> Option<f64> {
        match self {
            Statistic::SampleCount => Some(summary.count),
            Statistic::Sum => Some(summary.sum),
            Statistic::Average => Some(summary.sum / summary.count),
            Statistic::Minimum => Some(summary.minimum),
            Statistic::Maximum => Some(summary.maximum),
            Statistic::Percentile(_) | Statistic::Range(..) => None,
        }
    }

    /// The value over samples in ascending order of their values; `None` if there are none, or none within the bounds of a
    /// trimmed mean.
    pub fn of_samples(self, sorted: &[Sample]) -> Option<f64> {
        let (first, last) = (sorted.first()?, sorted.last()?);
        let summary = || Summary {
            count: total(sorted),
            sum: sorted.iter().map(|sample| sample.value * sample.count).sum(),
            minimum: first.value,
            maximum: last.value,
        };
        match self {
            Statistic::Percentile(percent) => percentile(sorted, percent),
            Statistic::Range(within, bounds) => of_range(within, bounds, sorted),
            basic => basic.of_summary(&summary()),
        }
    }
}

/// The canonical name, which parses to the same statistic.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statistic::SampleCount => f.write_str("SampleCount"),
            Statistic::Sum => f.write_str("Sum"),
            Statistic::Average => f.write_str("Average"),
            Statistic::Minimum => f.write_str("Minimum"),
            Statistic::Maximum => f.write_str("Maximum"),
            Statistic::Percentile(percent) => write!(f, "p{percent}"),
            Statistic::Range(within, bounds) => {
                let name = match within {
                    Within::TrimmedMean => "TM",
                    Within::TrimmedCount => "TC",
                    Within::TrimmedSum => "TS",
                    Within::WinsorizedMean => "WM",
                    Within::PercentileRank => "PR",
                };
                let (low, high, unit) = match *bounds {
                    Bounds::Percent(low, high) => (low, high, "%"),
                    Bounds::Absolute(low, high) => (low, high, ""),
                };
                let text = |bound: Option<f64>| bound.map(|bound| format!("{bound}{unit}")).unwrap_or_default();
                write!(f, "{name}({}:{})", text(low), text(high))
            }
        }
    }
}

impl Bounds {
    fn parse(text: &str) -> Result<Bounds, InvalidStatistic> {
        let (low, high) = text.split_once(':').ok_or(InvalidStatistic)?;
        let percent = [low, high].iter().any(|bound| bound.ends_with('%'));
        let bound = |text: &str| match text {
            "" => Ok(None),
            _ if percent => parse_percent(text.strip_suffix('%').ok_or(InvalidStatistic)?).map(Some),
            _ => parse_number(text).map(Some),
        };
        let (low, high) = (bound(low)?, bound(high)?);
        match (low, high) {
            (None, None) => return Err(InvalidStatistic),
            (Some(low), Some(high)) if low >= high => return Err(InvalidStatistic),
            _ => {}
        }
        Ok(if percent { Bounds::Percent(low, high) } else { Bounds::Absolute(low, high) })
    }
}

fn within(name: &str) -> Option<Within> {
    match name {
        "TM" => Some(Within::TrimmedMean),
        "TC" => Some(Within::TrimmedCount),
        "TS" => Some(Within::TrimmedSum),
        "WM" => Some(Within::WinsorizedMean),
        "PR" => Some(Within::PercentileRank),
        _ => None,
    }
}

fn parse_number(text: &str) -> Result<f64, InvalidStatistic> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = match text.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals) && decimals.len() <= DECIMALS_MAX,
        None => digits(text),
    };
    let number: f64 =
        if well_formed { text.parse().map_err(|_| InvalidStatistic)? } else { return Err(InvalidStatistic) };
    if number.is_finite() { Ok(number) } else { Err(InvalidStatistic) }
}

fn parse_percent(text: &str) -> Result<f64, InvalidStatistic> {
    parse_number(text).and_then(|percent| if percent <= 100.0 { Ok(percent) } else { Err(InvalidStatistic) })
}

fn total(samples: &[Sample]) -> f64 {
    samples.iter().map(|sample| sample.count).sum()
}

/// How far below a bound a running count may stay and still have reached it: what rounding can take from sums of counts.
fn slack(total: f64) -> f64 {
    total * 1e-12
}

fn percentile(sorted: &[Sample], percent: f64) -> Option<f64> {
    let total = total(sorted);
    let reached = total * percent / 100.0 - slack(total);
    let mut below = 0.0;
    let found = sorted.iter().find(|sample| {
        below += sample.count;
        below >= reached
    });
    found.or(sorted.last()).map(|sample| sample.value)
}

fn of_range(within: Within, bounds: Bounds, sorted: &[Sample]) -> Option<f64> {
    let all = total(sorted);
    if within == Within::WinsorizedMean {
        let (low, high) = match bounds {
            Bounds::Percent(low, high) => {
                (low.and_then(|low| percentile(sorted, low)), high.and_then(|high| percentile(sorted, high)))
            }
            Bounds::Absolute(low, high) => (low, high),
        };
        let clamped = |value: f64| value.max(low.unwrap_or(value)).min(high.unwrap_or(f64::INFINITY));
        return Some(sorted.iter().map(|sample| clamped(sample.value) * sample.count).sum::<f64>() / all);
    }
    let (count, sum) = match bounds {
        Bounds::Percent(low, high) => {
            let (low, high) = (low.unwrap_or(0.0) / 100.0 * all, high.unwrap_or(100.0) / 100.0 * all);
            let (mut below, mut count, mut sum) = (0.0, 0.0, 0.0);
            for sample in sorted {
                let inside = (below + sample.count).min(high) - f64::max(below, low);
                below += sample.count;
                // What rounding leaves of a sample outside must not drag its value in.
                if inside > slack(all) {
                    count += inside;
                    sum += inside * sample.value;
                }
            }
            (count, sum)
        }
        Bounds::Absolute(low, high) => {
            let is_inside = |value: f64| low.is_none_or(|low| value > low) && high.is_none_or(|high| value <= high);
            let inside = sorted.iter().filter(|sample| is_inside(sample.value));
            inside.fold((0.0, 0.0), |(count, sum), sample| (count + sample.count, sum + sample.value * sample.count))
        }
    };
    match within {
        Within::TrimmedMean if count > 0.0 => Some(sum / count),
        Within::TrimmedMean | Within::WinsorizedMean => None,
        Within::TrimmedCount => Some(count),
        Within::TrimmedSum => Some(sum),
        Within::PercentileRank => Some(count / all * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(values: &[f64]) -> Vec<Sample> {
        values.iter().map(|&value| Sample { value, count: 1.0 }).collect()
    }

    #[test]
    fn names_follow_the_grammar() {
        let good = [
            ("SampleCount", "SampleCount"),
            ("Average", "Average"),
            ("p0", "p0"),
            ("p99.9", "p99.9"),
            ("p100", "p100"),
            ("p99.0123456789", "p99.0123456789"),
            ("tm90", "TM(:90%)"),
            ("tc99.5", "TC(:99.5%)"),
            ("ts1", "TS(:1%)"),
            ("wm98", "WM(:98%)"),
            ("TM(10%:90%)", "TM(10%:90%)"),
            ("TC(:0.5)", "TC(:0.5)"),
            ("TC(0.005:0.030)", "TC(0.005:0.03)"),
            ("TS(80%:)", "TS(80%:)"),
            ("WM(1:2)", "WM(1:2)"),
            ("PR(:100)", "PR(:100)"),
            ("PR(3:12)", "PR(3:12)"),
            ("IQM", "TM(25%:75%)"),
        ];
        for (text, canonical) in good {
            let statistic = Statistic::parse(text).unwrap_or_else(|_| panic!("{text}"));
            assert_eq!(statistic.to_string(), canonical);
            assert_eq!(Statistic::parse(canonical), Ok(statistic));
        }
        let bad = [
            "",
            "sum",
            "SUM",
            "average",
            "p",
            "p101",
            "p-1",
            "p1e1",
            "p99.",
            "p.5",
            "p99.01234567890",
            "P90",
            "TM90",
            "tm(10%:90%)",
            "TM(10%:90)",
            "TM(:)",
            "TM()",
            "TM(90%:10%)",
            "TM(10%:10%)",
            "PR(10%:20%)",
            "PR(:)",
            "pr90",
            "iqm",
            "IQM()",
            "TM(:90%",
            "TM(:101%)",
            "TM(1:2:3)",
            " p90",
            "p90 ",
            "TC(-1:2)",
            "mean",
            "p９０",
            "TM(1:)x",
        ];
        for text in bad {
            assert_eq!(Statistic::parse(text), Err(InvalidStatistic), "{text}");
        }
    }

    #[test]
    fn the_documented_example_comes_out() {
        let powers: Vec<f64> = (0..10).map(|power| f64::from(1 << power)).collect();
        let cases = [
            ("SampleCount", 10.0),
            ("Sum", 1023.0),
            ("Average", 102.3),
            ("Minimum", 1.0),
            ("Maximum", 512.0),
            ("p0", 1.0),
            ("p50", 16.0),
            ("p100", 512.0),
            ("tm90", 511.0 / 9.0),
            ("tc90", 9.0),
            ("ts90", 511.0),
            ("TC(10%:90%)", 8.0),
            ("PR(:12)", 40.0),
            ("PR(3:12)", 20.0),
            ("TC(100:)", 3.0),
            ("TS(3:12)", 12.0),
            ("WM(:12)", 8.7),
            ("TM(2:4)", 4.0),
            ("TC(1000:)", 0.0),
            // Half of the samples 4 and 128 lie inside.
            ("IQM", (2.0 + 8.0 + 16.0 + 32.0 + 64.0 + 64.0) / 5.0),
            ("wm90", (1.0 + 2.0 + 4.0 + 8.0 + 16.0 + 32.0 + 64.0 + 128.0 + 256.0 + 256.0) / 10.0),
        ];
        for (text, expected) in cases {
            let value = Statistic::parse(text).unwrap().of_samples(&samples(&powers)).unwrap();
            assert!((value - expected).abs() < 1e-9, "{text}: {value}, not {expected}");
        }
        assert_eq!(Statistic::parse("TM(1000:)").unwrap().of_samples(&samples(&powers)), None);
        assert_eq!(Statistic::parse("p50").unwrap().of_samples(&[]), None);
    }

    fn statistics() -> impl Strategy<Value = Statistic> {
        let within = prop::sample::select(vec![
            Within::TrimmedMean,
            Within::TrimmedCount,
            Within::TrimmedSum,
            Within::WinsorizedMean,
            Within::PercentileRank,
        ]);
        let percent =
            (0u32..50, 51u32..=100).prop_map(|(low, high)| Bounds::Percent(Some(low.into()), Some(high.into())));
        let absolute =
            (0u32..10, 11u32..30).prop_map(|(low, high)| Bounds::Absolute(Some(low.into()), Some(high.into())));
        let range = (within, prop_oneof![percent, absolute]).prop_map(|(within, bounds)| match (within, bounds) {
            (Within::PercentileRank, Bounds::Percent(low, high)) => {
                Statistic::Range(within, Bounds::Absolute(low, high))
            }
            _ => Statistic::Range(within, bounds),
        });
        prop_oneof![(0u32..=100).prop_map(|percent| Statistic::Percentile(percent.into())), range]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A count of n is n samples; a hundredfold repetition makes every percent bound a whole sample, so that the naive
        /// statistic only has to slice.
        #[test]
        fn weights_equal_repetition(values in prop::collection::vec((0u32..25, 1u32..5), 1..20), statistic in statistics()) {
            let mut weighted: Vec<Sample> =
                values.iter().map(|&(value, count)| Sample { value: value.into(), count: count.into() }).collect();
            weighted.sort_by(|a, b| a.value.total_cmp(&b.value));
            let mut repeated: Vec<f64> = Vec::new();
            for sample in &weighted {
                repeated.extend(std::iter::repeat_n(sample.value, sample.count as usize * 100));
            }
            let value = statistic.of_samples(&weighted);
            let naive = naive(statistic, &repeated);
            match (value, naive) {
                (Some(value), Some(naive)) => prop_assert!((value - naive).abs() < 1e-6, "{statistic} of {weighted:?}: {value}, {naive}"),
                (value, naive) => prop_assert_eq!(value, naive),
            }
        }

        #[test]
        fn any_text_is_parsed_without_panic_and_canonical_text_round_trips(text in "[ptcswmPTMIQR]{0,3}[(]?[0-9.%]{0,4}:?[0-9.%]{0,4}[)]?") {
            if let Ok(statistic) = Statistic::parse(&text) {
                prop_assert_eq!(Statistic::parse(&statistic.to_string()), Ok(statistic));
            }
        }
    }

    /// Over samples that each stand for a hundredth.
    fn naive(statistic: Statistic, sorted: &[f64]) -> Option<f64> {
        let place = |percent: f64| (percent * sorted.len() as f64 / 100.0).round() as usize;
        let percentile = |percent: f64| sorted[place(percent).max(1) - 1];
        let mean = |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let (within, bounds) = match statistic {
            Statistic::Percentile(percent) => return Some(percentile(percent)),
            Statistic::Range(within, bounds) => (within, bounds),
            _ => unreachable!(),
        };
        let (inside, clamp): (Vec<f64>, (f64, f64)) = match bounds {
            Bounds::Percent(Some(low), Some(high)) => {
                (sorted[place(low)..place(high)].to_vec(), (percentile(low), percentile(high)))
            }
            Bounds::Absolute(Some(low), Some(high)) => {
                (sorted.iter().copied().filter(|&v| v > low && v <= high).collect(), (low, high))
            }
            _ => unreachable!(),
        };
        match within {
            Within::TrimmedMean => mean(&inside),
            Within::TrimmedCount => Some(inside.len() as f64 / 100.0),
            Within::TrimmedSum => Some(inside.iter().sum::<f64>() / 100.0),
            Within::WinsorizedMean => mean(&sorted.iter().map(|v| v.clamp(clamp.0, clamp.1)).collect::<Vec<_>>()),
            Within::PercentileRank => Some(inside.len() as f64 * 100.0 / sorted.len() as f64),
        }
    }
}
