//! What a model makes of particular metrics.

use super::generated::Random;
use super::*;

const FIVE_MINUTES_MS: i64 = 5 * MINUTE_MS;

/// Points of so many days from a Monday on, each of the local time by the clock.
fn days(
    count: i64,
    period_ms: i64,
    zone: &Zone,
    mut value: impl FnMut(i64, calendar::Local) -> f64,
) -> Vec<(i64, f64)> {
    let mut calendar = Calendar::new(zone);
    let times = (0..count * DAY_MS / period_ms).map(|slot| MONDAY_MS + slot * period_ms);
    times.map(|time_ms| (time_ms, value(time_ms, calendar.local(time_ms)))).collect()
}

fn office(local: calendar::Local) -> f64 {
    if (8..18).contains(&local.hour()) { 100.0 } else { 10.0 }
}

fn next_day(points: &[(i64, f64)], period_ms: i64) -> Vec<i64> {
    let last_ms = points.last().unwrap().0;
    (1..=DAY_MS / period_ms).map(|slot| last_ms + slot * period_ms).collect()
}

#[test]
fn too_little_is_not_learned_from() {
    let settings = Settings::new(MINUTE_MS);
    let minutes = |count: i64| (0..count).map(|minute| (minute * MINUTE_MS, 1.0)).collect::<Vec<_>>();
    for (points, is_enough) in [
        (vec![], false),
        (minutes(11), false),
        (minutes(60), false),
        (minutes(120), false),
        (minutes(121), true),
        (vec![(0, f64::NAN); 500], false),
        ((0..500).map(|minute| (minute * MINUTE_MS, f64::INFINITY)).collect(), false),
        ((0..12).map(|day| (day * DAY_MS, 1.0)).collect(), true),
    ] {
        assert_eq!(Model::train(&points, &settings).is_some(), is_enough, "{} points", points.len());
    }
}

#[test]
fn a_constant_metric_has_a_band_that_it_is_in() {
    for value in [5.0, 0.0, -1e12, 1e-9] {
        let points = days(14, FIVE_MINUTES_MS, &Zone::default(), |_, _| value);
        let model = Model::train(&points, &Settings::new(FIVE_MINUTES_MS)).unwrap();
        let band = model.band(&next_day(&points, FIVE_MINUTES_MS), 2.0);
        assert!(band.iter().all(|band| contains(band, value)), "{value}");
        assert!(mean_width(&band) <= value.abs() * 1e-6 + 1e-5, "{value}");
        assert!(!contains(&band[0], value + 0.01 + value.abs() * 0.01), "a change shows");
    }
}

#[test]
fn seasons_follow_the_clock_of_the_zone_through_daylight_saving_time() {
    // Clocks in Berlin go forward on 2026-03-29, the 27th day from the Monday.
    let zone = Zone::named("Europe/Berlin").unwrap();
    let mut random = Random(4);
    let points = days(27, FIVE_MINUTES_MS, &zone, |_, local| office(local) + random.normal());
    let eight_utc = MONDAY_MS + 28 * DAY_MS + 6 * HOUR_MS;
    for (zone, expected) in [(zone, 100.0), (Zone::default(), 10.0)] {
        let model = Model::train(&points, &Settings { zone, ..Settings::new(FIVE_MINUTES_MS) }).unwrap();
        // Half past eight in summer, half past seven in winter.
        let band = model.band(&[eight_utc + 30 * MINUTE_MS], 3.0)[0];
        assert!(contains(&band, expected), "{band:?} {expected}");
    }
}

#[test]
fn weekends_are_learned_wherever_they_lie() {
    for weekend in [[5, 6], [4, 5]] {
        let mut random = Random(5);
        let zone = Zone::default();
        let value = |local: calendar::Local| if weekend.contains(&local.weekday) { 20.0 } else { 20.0 + office(local) };
        let points = days(14, FIVE_MINUTES_MS, &zone, |_, local| value(local) + random.normal());
        let model = Model::train(&points, &Settings::new(FIVE_MINUTES_MS)).unwrap();
        for day in 14..21 {
            let time_ms = MONDAY_MS + day * DAY_MS + 12 * HOUR_MS;
            let usual = value(Calendar::new(&zone).local(time_ms));
            let band = model.band(&[time_ms], 3.0)[0];
            assert!(contains(&band, usual), "day {day}: {band:?}, {usual}");
            assert!(band.upper - band.lower < 20.0, "day {day}: {band:?}");
        }
    }
}

#[test]
fn a_day_of_the_week_that_is_different_every_week_is_learned() {
    let mut random = Random(6);
    let value = |local: calendar::Local| if local.weekday == 2 && local.hour() == 9 { 200.0 } else { office(local) };
    let points = days(14, FIVE_MINUTES_MS, &Zone::default(), |_, local| value(local) + 2.0 * random.normal());
    let model = Model::train(&points, &Settings::new(FIVE_MINUTES_MS)).unwrap();
    let at_nine = |day: i64| model.band(&[MONDAY_MS + day * DAY_MS + 9 * HOUR_MS + 30 * MINUTE_MS], 3.0)[0];
    assert!(contains(&at_nine(16), 200.0) && contains(&at_nine(15), 100.0), "{:?} {:?}", at_nine(16), at_nine(15));
}

#[test]
fn one_bad_day_is_not_learned_and_neither_is_what_is_excluded() {
    let mut random = Random(7);
    let noise: Vec<f64> = (0..14 * 288).map(|_| random.normal()).collect();
    let bad = MONDAY_MS + 9 * DAY_MS..MONDAY_MS + 10 * DAY_MS;
    let train = |height: f64, excluded: Vec<Range<i64>>| {
        let mut noise = noise.iter();
        let points = days(14, FIVE_MINUTES_MS, &Zone::default(), |time_ms, local| {
            office(local) + noise.next().unwrap() + if bad.contains(&time_ms) { height } else { 0.0 }
        });
        let model = Model::train(&points, &Settings { excluded, ..Settings::new(FIVE_MINUTES_MS) }).unwrap();
        model.band(&next_day(&points, FIVE_MINUTES_MS), 2.0)
    };
    let calm = train(0.0, Vec::new());
    let far = |band: &[Band]| {
        let moved = calm.iter().zip(band).map(|(a, b)| (a.upper - b.upper).abs().max((a.lower - b.lower).abs()));
        moved.fold(0.0, f64::max)
    };
    assert!(far(&train(1000.0, Vec::new())) < 2.0);
    assert!(far(&train(1000.0, vec![bad.clone()])) < 1.0);
    let excluded = train(1e9, vec![bad.clone()]);
    assert_eq!(excluded, train(0.0, vec![bad.clone()]), "what is excluded makes no difference");
}

#[test]
fn a_lasting_change_becomes_what_is_expected_as_fast_as_was_said() {
    let mut random = Random(8);
    let changed_ms = MONDAY_MS + 13 * DAY_MS;
    let points = days(16, FIVE_MINUTES_MS, &Zone::default(), |time_ms, local| {
        office(local) + random.normal() + if time_ms >= changed_ms { 300.0 } else { 0.0 }
    });
    let hours_until_expected = |adaptation| {
        let is_expected = |hours: &i64| {
            let known = points.partition_point(|point| point.0 < changed_ms + hours * HOUR_MS);
            let settings = Settings { adaptation, ..Settings::new(FIVE_MINUTES_MS) };
            let model = Model::train(&points[..known], &settings).unwrap();
            let (time_ms, value) = points[known];
            contains(&model.band(&[time_ms], 3.0)[0], value)
        };
        (1..60).find(is_expected).unwrap_or(60)
    };
    let hours = [Adaptation::Fast, Adaptation::Normal, Adaptation::Slow].map(hours_until_expected);
    assert!((2..=5).contains(&hours[0]) && (10..=16).contains(&hours[1]) && (30..=45).contains(&hours[2]), "{hours:?}");
}

#[test]
fn a_trend_goes_on() {
    let mut random = Random(9);
    let points = days(14, HOUR_MS, &Zone::default(), |time_ms, local| {
        office(local) + 24.0 * (time_ms - MONDAY_MS) as f64 / DAY_MS as f64 + 2.0 * random.normal()
    });
    let model = Model::train(&points, &Settings::new(HOUR_MS)).unwrap();
    let band = model.band(&[MONDAY_MS + 15 * DAY_MS], 3.0)[0];
    assert!(contains(&band, 10.0 + 24.0 * 15.0), "{band:?}");
}

#[test]
fn spikes_that_come_every_day_are_expected_if_that_was_said() {
    let spiky = |hour: Option<i64>| {
        let mut random = Random(10);
        let at: Vec<i64> = (0..15)
            .map(|day| {
                day * DAY_MS
                    + hour.unwrap_or(random.below(24) as i64) * HOUR_MS
                    + random.below(12) as i64 * FIVE_MINUTES_MS
            })
            .collect();
        days(14, FIVE_MINUTES_MS, &Zone::default(), move |time_ms, _| {
            10.0 + random.normal() + if at.contains(&(time_ms - MONDAY_MS)) { 50.0 } else { 0.0 }
        })
    };
    for (hour, allowed_at, refused_at) in [(Some(3), 3, Some(15)), (None, 15, None)] {
        let points = spiky(hour);
        for expects_spikes in [false, true] {
            let settings = Settings { expects_spikes, ..Settings::new(FIVE_MINUTES_MS) };
            let model = Model::train(&points, &settings).unwrap();
            let band = |hour: i64| model.band(&[MONDAY_MS + 14 * DAY_MS + hour * HOUR_MS + FIVE_MINUTES_MS], 3.0)[0];
            assert_eq!(contains(&band(allowed_at), 60.0), expects_spikes, "{:?}", band(allowed_at));
            assert!(band(allowed_at).lower > 4.0, "only upwards");
            if let Some(hour) = refused_at {
                assert!(!contains(&band(hour), 60.0));
            }
        }
    }
}

#[test]
fn stronger_filtering_makes_a_tighter_band() {
    let mut random = Random(11);
    let points = days(14, FIVE_MINUTES_MS, &Zone::default(), |_, _| {
        100.0 + random.normal() * if random.unit() < 0.1 { 4.0 } else { 1.0 }
    });
    let widths = [Outliers::Minimal, Outliers::Moderate, Outliers::Strict].map(|outliers| {
        let model = Model::train(&points, &Settings { outliers, ..Settings::new(FIVE_MINUTES_MS) }).unwrap();
        mean_width(&model.band(&next_day(&points, FIVE_MINUTES_MS), 2.0))
    });
    assert!(widths[0] > widths[1] && widths[1] > widths[2], "{widths:?}");
}

#[test]
fn bands_keep_within_what_is_possible() {
    let mut random = Random(12);
    let points = days(14, FIVE_MINUTES_MS, &Zone::default(), |_, _| (50.0 * random.unit()).round());
    let settings = Settings { least: Some(0.0), most: Some(50.0), ..Settings::new(FIVE_MINUTES_MS) };
    let band = Model::train(&points, &settings).unwrap().band(&next_day(&points, FIVE_MINUTES_MS), 5.0);
    assert!(band.iter().all(|band| band.lower == 0.0 && band.upper == 50.0));
}

#[test]
fn periods_that_begin_elsewhere_are_between_those_that_were_learned() {
    let points = days(14, HOUR_MS, &Zone::default(), |_, local| 10.0 * local.hour() as f64);
    let model = Model::train(&points, &Settings::new(HOUR_MS)).unwrap();
    let noon = MONDAY_MS + 14 * DAY_MS + 12 * HOUR_MS;
    let band = model.band(&[noon, noon + 15 * MINUTE_MS, noon + HOUR_MS], 2.0);
    let middle = |band: &Band| (band.upper + band.lower) / 2.0;
    assert!((middle(&band[1]) - (0.75 * middle(&band[0]) + 0.25 * middle(&band[2]))).abs() < 1e-6, "{band:?}");
}

#[test]
fn a_model_is_small() {
    let points = days(14, MINUTE_MS, &Zone::default(), |_, local| office(local));
    let model = Model::train(&points, &Settings::new(MINUTE_MS)).unwrap();
    assert!(model.bytes() < 20_000, "{} bytes", model.bytes());
}
