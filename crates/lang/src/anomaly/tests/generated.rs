//! Metrics as services have them, made from a seed, and anomalies put into them.

use std::f64::consts::TAU;

use super::MONDAY_MS;
use crate::anomaly::calendar::{Calendar, Local};
use crate::anomaly::{DAY_MS, HOUR_MS, MINUTE_MS, Zone};

/// Splitmix64, and what is made of it.
pub struct Random(pub u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.unit() * limit as f64) as usize
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().max(1e-300).ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

/// A kind of metric.
pub struct Shape {
    pub name: &'static str,
    pub period_ms: i64,
    pub zone: &'static str,
    /// What it is without noise, at a local time and so many days from the beginning.
    pub expected: fn(Local, f64) -> f64,
    /// How noise makes a value of what is expected, from a normal number and one that follows the last.
    pub noisy: fn(f64, f64, f64) -> f64,
    /// The standard deviation of the noise where this much is expected.
    pub noise: fn(f64) -> f64,
}

fn hours(local: Local) -> f64 {
    local.of_day_ms as f64 / HOUR_MS as f64
}

/// Low at four in the morning, high at four in the afternoon: from 0 to 1.
fn day_curve(local: Local) -> f64 {
    (1.0 - (TAU * (hours(local) - 4.0) / 24.0).cos()) / 2.0
}

pub const SHAPES: &[Shape] = &[
    Shape {
        name: "requests of an office, half at weekends",
        period_ms: 5 * MINUTE_MS,
        zone: "America/New_York",
        expected: |local, _| (200.0 + 800.0 * day_curve(local)) * if local.weekday < 5 { 1.0 } else { 0.5 },
        noisy: |expected, normal, _| expected + 40.0 * normal,
        noise: |_| 40.0,
    },
    Shape {
        name: "processor time with a nightly job",
        period_ms: 5 * MINUTE_MS,
        zone: "Europe/Berlin",
        expected: |local, _| if (2.0..2.5).contains(&hours(local)) { 80.0 } else { 15.0 + 10.0 * day_curve(local) },
        noisy: |expected, normal, _| (expected + 2.0 * normal).clamp(0.0, 100.0),
        noise: |_| 2.0,
    },
    Shape {
        name: "counts of rare events",
        period_ms: 5 * MINUTE_MS,
        zone: "UTC",
        expected: |local, _| 3.0 + 17.0 * day_curve(local),
        noisy: |expected, normal, _| (expected + expected.sqrt() * normal).max(0.0).round(),
        noise: |expected| expected.sqrt(),
    },
    Shape {
        name: "growing traffic, noise that lasts",
        period_ms: 5 * MINUTE_MS,
        zone: "UTC",
        expected: |local, days| 100.0 + 6.0 * days + 60.0 * day_curve(local),
        noisy: |expected, normal, lasting| expected + 3.0 * normal + 4.0 * lasting,
        noise: |_| 5.0,
    },
    Shape {
        name: "latency with a long tail",
        period_ms: 5 * MINUTE_MS,
        zone: "UTC",
        expected: |local, _| 80.0 + 40.0 * day_curve(local),
        noisy: |expected, normal, _| expected * (0.15 * normal).exp(),
        noise: |expected| expected * 0.15,
    },
    Shape {
        name: "minutes with a job every quarter of an hour",
        period_ms: MINUTE_MS,
        zone: "UTC",
        expected: |local, _| {
            let job = if local.of_day_ms / MINUTE_MS % 15 == 0 { 30.0 } else { 0.0 };
            20.0 + 40.0 * day_curve(local) + job
        },
        noisy: |expected, normal, _| expected + 3.0 * normal,
        noise: |_| 3.0,
    },
    Shape {
        name: "a queue that is mostly empty",
        period_ms: 5 * MINUTE_MS,
        zone: "UTC",
        expected: |_, _| 0.0,
        noisy: |expected, normal, _| (expected + normal - 1.2).max(0.0).round(),
        noise: |_| 1.0,
    },
    Shape {
        name: "hours of a steady load",
        period_ms: HOUR_MS,
        zone: "UTC",
        expected: |local, _| 1000.0 + 500.0 * day_curve(local),
        noisy: |expected, normal, _| expected + 30.0 * normal,
        noise: |_| 30.0,
    },
];

/// What an anomaly is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One point, up or down by eight to sixteen.
    Spike,
    /// Three hours, up by eight standard deviations of the noise.
    Shift,
    /// The middle of the day is as the early morning is.
    MissingPeak,
}

/// A point of a made metric.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub time_ms: i64,
    pub value: f64,
    /// The anomaly that moved it, and by how many standard deviations of the noise.
    pub anomaly: Option<(Kind, f64)>,
}

/// So many days of a metric from a Monday on. Until day `calm_days`, one has an anomaly that lasts in four, and each one that
/// does not; from then on, two have in three, and each three that do not.
pub fn made(shape: &Shape, days: i64, calm_days: i64, seed: u64) -> Vec<Made> {
    let zone = Zone::named(shape.zone).unwrap();
    let mut calendar = Calendar::new(&zone);
    let mut random = Random(seed);
    let mut lasting = 0.0;
    let per_day = DAY_MS / shape.period_ms;
    let mut made = Vec::new();
    for day in 0..days {
        let (spikes, one_in) = if day < calm_days { (1, 8) } else { (3, 3) };
        let spikes: Vec<i64> = (0..spikes).map(|_| random.below(per_day as usize) as i64).collect();
        let event = [Some(Kind::Shift), Some(Kind::MissingPeak)].get(random.below(one_in)).copied().flatten();
        let from_ms = random.below(20) as i64 * HOUR_MS;
        for slot in 0..per_day {
            let into_ms = slot * shape.period_ms;
            let time_ms = MONDAY_MS + day * DAY_MS + into_ms;
            let local = calendar.local(time_ms);
            let days = (day * DAY_MS + into_ms) as f64 / DAY_MS as f64;
            let mut expected = (shape.expected)(local, days);
            let noise = (shape.noise)(expected);
            let usual = expected;
            let mut kind = None;
            match event {
                Some(Kind::Shift) if (from_ms..from_ms + 3 * HOUR_MS).contains(&into_ms) => {
                    expected += 8.0 * noise;
                    kind = event;
                }
                Some(Kind::MissingPeak) if (10..20).contains(&(local.hour())) => {
                    expected = (shape.expected)(Local { of_day_ms: 4 * HOUR_MS + 3 * MINUTE_MS, ..local }, days);
                    kind = event;
                }
                _ => {}
            }
            let normal = random.normal();
            lasting = 0.9 * lasting + (1.0_f64 - 0.81).sqrt() * random.normal();
            let mut value = (shape.noisy)(expected, normal, lasting);
            let mut moved = (expected - usual).abs() / noise;
            if spikes.contains(&slot) {
                // Up more often than down, as it is.
                let sign = if random.unit() < 0.7 || usual < 8.0 * noise { 1.0 } else { -1.0 };
                value += sign * (8.0 + 8.0 * random.unit()) * noise;
                (kind, moved) = (Some(Kind::Spike), 8.0);
            }
            made.push(Made { time_ms, value, anomaly: kind.map(|kind| (kind, moved)) });
        }
    }
    made
}
