//! The doors through which fuzzing reaches what strangers send: each takes any bytes and must come back.

use crate::promql::eval::{EvalError, Evaluator, Grid, SampleSeries, plan};
use crate::promql::{Labels, parse, prettify};
use crate::write::decode_any;

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// The targets by their names.
pub const TARGETS: &[(&str, Target)] = &[("promql", promql), ("remote_write", remote_write)];

const AWKWARD: &[f64] = &[1.0, 5.0, f64::NAN, -0.0, 1e300, f64::INFINITY];

/// A query: what is read can be written and read again as the same, and is evaluated over a few awkward series.
pub fn promql(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(expr) = parse(&text) else { return };
    let written = prettify(&expr);
    assert!(parse(&written).is_ok(), "{text:?} was written as {written:?}");
    let grid = Grid::range(1_700_000_000_000, 1_700_000_120_000, 30_000);
    let series = |place: i64| SampleSeries {
        labels: Labels::from_pairs(&[("__name__", "m"), ("le", if place == 0 { "+Inf" } else { "1" })]),
        times_ms: (0..20).map(|step| 1_699_999_900_000 + step * 15_000).collect(),
        values: (0..20)
            .map(|step| AWKWARD.iter().cycle().nth(step + place as usize).copied().unwrap_or_default())
            .collect(),
    };
    let samples: Vec<Vec<SampleSeries>> =
        plan::needs(&expr, grid, 300_000).iter().map(|_| vec![series(0), series(1)]).collect();
    // Only so much, so that a run stays short.
    let asked = std::cell::Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        if asked.get() > 2000 { Err(EvalError::Timeout) } else { Ok(()) }
    };
    let mut evaluator = Evaluator { samples: &samples, query: grid, lookback_ms: 300_000, go_on: &go_on, computed: 0 };
    let _ = evaluator.run(&expr);
}

/// A remote write of either version, after snappy.
pub fn remote_write(bytes: &[u8]) {
    decode_any(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_core::{Random, SeededRandom};

    fn kept(target: &str) -> Vec<Vec<u8>> {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// The kept inputs, the same with damage, and random text of the language's own words.
    #[test]
    fn every_target_survives_its_corpus_damage_and_noise() {
        let words = "m a:b rate( sum( by( on( ( ) { } [ ] 5m : , + - * / ^ @ offset or == bool > = =~ \"a\" 1 .5 time() le \\ ' `";
        let words: Vec<&str> = words.split(' ').collect();
        let random = SeededRandom::new(17);
        let below = |limit: usize| {
            let mut bytes = [0; 4];
            random.fill(&mut bytes);
            u32::from_le_bytes(bytes) as usize % limit.max(1)
        };
        for (name, target) in TARGETS {
            let kept = kept(name);
            assert!(!kept.is_empty(), "{name}");
            kept.iter().for_each(|bytes| target(bytes));
            for round in 0..1500 {
                let mut bytes = kept[round % kept.len()].clone();
                for _ in 0..=below(3) {
                    let at = below(bytes.len());
                    match below(4) {
                        0 => bytes.truncate(at),
                        1 => bytes.extend_from_within(at..),
                        2 => bytes.insert(at, below(256) as u8),
                        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
                    }
                }
                target(&bytes);
            }
            for round in 0..1500 {
                let noise: Vec<&str> = (0..round % 16).map(|_| words[below(words.len())]).collect();
                target(noise.join(" ").as_bytes());
            }
        }
    }
}
