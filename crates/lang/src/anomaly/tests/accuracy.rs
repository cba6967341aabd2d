//! How well bands tell anomalies from what is usual, on made metrics: a model of two weeks, in which there are anomalies, too,
//! says what to expect of the day after; then all moves on by a day, for a week. The figures are those of the documentation.

use super::generated::{Kind, Made, SHAPES, Shape, made};
use super::*;

/// A point counts as an anomaly if it was moved by so many standard deviations of the noise; one that was moved by less counts
/// neither way.
const MOVED_MIN: f64 = 6.0;
const SEEDS: [u64; 3] = [1, 2, 3];
const DAYS: i64 = 7;
const DEVIATIONS: [f64; 3] = [2.0, 3.0, 4.0];

/// Points by what they are and what the band says of them.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    found: usize,
    missed: usize,
    false_alarms: usize,
    usual: usize,
}

impl Score {
    fn precision(self) -> f64 {
        self.found as f64 / (self.found + self.false_alarms).max(1) as f64
    }

    fn recall(self) -> f64 {
        self.found as f64 / (self.found + self.missed).max(1) as f64
    }

    /// The share of usual points that are outside.
    fn false_rate(self) -> f64 {
        self.false_alarms as f64 / (self.usual + self.false_alarms).max(1) as f64
    }

    fn add(&mut self, point: &Made, band: &Band) {
        let is_outside = !contains(band, point.value);
        match point.anomaly {
            None if is_outside => self.false_alarms += 1,
            None => self.usual += 1,
            Some((_, moved)) if moved < MOVED_MIN => {}
            Some(_) if is_outside => self.found += 1,
            Some(_) => self.missed += 1,
        }
    }

    fn plus(self, other: Score) -> Score {
        Score {
            found: self.found + other.found,
            missed: self.missed + other.missed,
            false_alarms: self.false_alarms + other.false_alarms,
            usual: self.usual + other.usual,
        }
    }
}

const KINDS: [Kind; 3] = [Kind::Spike, Kind::Shift, Kind::MissingPeak];

/// The scores at each of the deviations, and at three of them for each kind of anomaly.
fn scores(number: u64, shape: &Shape) -> ([Score; 3], [Score; 3]) {
    let (mut scores, mut of_kinds) = ([Score::default(); 3], [Score::default(); 3]);
    // There are five times as many minutes.
    let seeds = if shape.period_ms > MINUTE_MS { &SEEDS[..] } else { &SEEDS[..1] };
    for seed in seeds {
        let all = made(shape, 14 + DAYS, 14, 100 * number + seed);
        let settings = Settings { zone: Zone::named(shape.zone).unwrap(), ..Settings::new(shape.period_ms) };
        let per_day = (DAY_MS / shape.period_ms) as usize;
        for day in 0..DAYS as usize {
            let (known, next) = all[day * per_day..].split_at(14 * per_day);
            let next = &next[..per_day];
            let points: Vec<(i64, f64)> = known.iter().map(|point| (point.time_ms, point.value)).collect();
            let model = Model::train(&points, &settings).unwrap();
            let times: Vec<i64> = next.iter().map(|point| point.time_ms).collect();
            for (score, deviations) in scores.iter_mut().zip(DEVIATIONS) {
                for (point, band) in next.iter().zip(model.band(&times, deviations)) {
                    score.add(point, &band);
                    let kind = KINDS.iter().position(|kind| point.anomaly.is_some_and(|(other, _)| *kind == other));
                    if let (Some(kind), 3.0) = (kind, deviations) {
                        of_kinds[kind].add(point, &band);
                    }
                }
            }
        }
    }
    (scores, of_kinds)
}

/// For each shape the least precision and recall at three deviations, and the most usual points outside at two.
const FLOORS: [(f64, f64, f64); 8] = [
    (0.97, 0.98, 0.02),
    (0.9, 0.97, 0.025),
    (0.97, 0.95, 0.01),
    (0.87, 0.97, 0.08),
    (0.97, 0.93, 0.01),
    (0.97, 0.98, 0.015),
    (0.91, 0.98, 0.01),
    (0.96, 0.93, 0.055),
];

/// The least share of each kind of anomaly that is found at three deviations, over all shapes.
const KIND_FLOORS: [f64; 3] = [0.94, 0.97, 0.97];

#[test]
fn bands_find_anomalies_and_little_else() {
    println!("| metric | precision, recall at 2 | at 3 | at 4 | usual points outside at 2, 3 |");
    let (mut failures, mut of_kinds) = (Vec::new(), [Score::default(); 3]);
    for ((shape, floors), number) in SHAPES.iter().zip(FLOORS).zip(1..) {
        let (scores, by_kind) = scores(number, shape);
        for (total, score) in of_kinds.iter_mut().zip(by_kind) {
            *total = total.plus(score);
        }
        let shown: Vec<String> =
            scores.iter().map(|score| format!("{:.2}, {:.2}", score.precision(), score.recall())).collect();
        let (two, three) = (100.0 * scores[0].false_rate(), 100.0 * scores[1].false_rate());
        println!("| {} | {} | {two:.2} %, {three:.2} % |", shape.name, shown.join(" | "));
        let (precision, recall, rate) = (scores[1].precision(), scores[1].recall(), scores[0].false_rate());
        if precision < floors.0 || recall < floors.1 || rate > floors.2 {
            failures.push(format!("{}: {precision} {recall} {rate}", shape.name));
        }
    }
    for ((kind, score), floor) in KINDS.iter().zip(of_kinds).zip(KIND_FLOORS) {
        println!("| {kind:?} | {:.3} |", score.recall());
        if score.recall() < floor {
            failures.push(format!("{kind:?}: {score:?}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
