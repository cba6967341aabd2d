//! What holds of any points.

use proptest::prelude::*;

use super::generated::{SHAPES, made};
use super::*;

fn settings() -> impl Strategy<Value = Settings> {
    let zone = prop_oneof![Just(Zone::default()), Just(Zone::named("Europe/Berlin").unwrap())];
    let period = prop_oneof![Just(MINUTE_MS), Just(5 * MINUTE_MS), Just(HOUR_MS), Just(DAY_MS), any::<i64>()];
    (period, zone, any::<bool>(), any::<(i64, i64)>()).prop_map(|(period_ms, zone, expects_spikes, excluded)| {
        Settings {
            zone,
            expects_spikes,
            excluded: std::iter::once(excluded.0..excluded.1).collect(),
            ..Settings::new(period_ms)
        }
    })
}

fn points() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let wild = prop::collection::vec((any::<i64>(), any::<f64>()), 0..200);
    let near = (0_i64..1 << 50, prop::collection::vec((0_i64..15 * DAY_MS, any::<f64>()), 0..400));
    let calm = prop::collection::vec((0_i64..15 * 24, -5.0..100.0), 0..400);
    prop_oneof![
        wild,
        near.prop_map(|(start, points)| points.into_iter().map(|(time, value)| (start + time, value)).collect()),
        calm.prop_map(|points| points.into_iter().map(|(hour, value)| (hour * HOUR_MS, value)).collect::<Vec<_>>()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bands_are_finite_ordered_and_never_narrower_with_more_deviations(
        points in points(),
        settings in settings(),
        times in prop::collection::vec(any::<i64>(), 0..20),
        deviations in prop::collection::vec(any::<f64>(), 2),
    ) {
        let Some(model) = Model::train(&points, &settings) else { return Ok(()) };
        let times: Vec<i64> = times.into_iter().chain(points.iter().map(|point| point.0)).collect();
        let mut widths = deviations.into_iter().map(f64::abs).filter(|width| width.is_finite()).collect::<Vec<_>>();
        widths.sort_by(f64::total_cmp);
        let bands: Vec<Vec<Band>> = widths.iter().map(|width| model.band(&times, *width)).collect();
        for band in bands.iter().flatten() {
            prop_assert!(band.upper.is_finite() && band.lower.is_finite() && band.lower <= band.upper, "{band:?}");
        }
        for (narrow, wide) in bands.iter().zip(bands.iter().skip(1)) {
            for (narrow, wide) in narrow.iter().zip(wide) {
                prop_assert!(wide.upper >= narrow.upper && wide.lower <= narrow.lower, "{narrow:?} {wide:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Another unit, another zero, another week: the same band in these.
    #[test]
    fn bands_move_with_the_values(
        shape in 0..SHAPES.len(),
        seed in 0_u64..1000,
        scale in prop_oneof![Just(1e-6), Just(3.0), Just(1e9)],
        shift in -1000.0..1000.0,
        weeks in -2000_i64..2000,
    ) {
        let shape = &SHAPES[shape];
        let made = made(shape, 9, 9, seed);
        let train = |value: &dyn Fn(f64) -> f64, ms: i64| {
            let points: Vec<(i64, f64)> = made.iter().map(|point| (point.time_ms + ms, value(point.value))).collect();
            let times: Vec<i64> = points.iter().step_by(7).map(|point| point.0 + 2 * DAY_MS).collect();
            Model::train(&points, &Settings::new(shape.period_ms)).unwrap().band(&times, 2.0)
        };
        let own = train(&|value| value, 0);
        let width = mean_width(&own);
        for (band, moved) in own.iter().zip(train(&|value| scale * (value + shift), weeks * 7 * DAY_MS)) {
            for (own, moved) in [(band.upper, moved.upper), (band.lower, moved.lower)] {
                let difference: f64 = scale * (own + shift) - moved;
                prop_assert!(difference.abs() <= scale * (1e-3 * width + 1e-4), "{own} {moved}");
            }
        }
    }
}
