//! Tests of metric math. Series are written as the values of one-minute slots, `-` where there is no point.

mod errors;
mod functions;
mod operators;
mod properties;
mod syntax;

use super::*;

/// 2026-01-15T10:00:00Z, a Thursday.
const TEN: i64 = 1_768_471_200_000;
const MINUTE: i64 = 60_000;

/// A request: metrics, expressions, and what is outside.
#[derive(Clone)]
struct World {
    grid: Grid,
    values: Vec<(String, Value)>,
    metrics: Vec<String>,
    externals: Vec<(External, Value)>,
}

impl World {
    /// So many minutes from ten.
    fn new(minutes: i64) -> World {
        let grid = Grid { start_ms: TEN, end_ms: TEN + minutes * MINUTE, period_ms: MINUTE };
        World { grid, values: Vec::new(), metrics: Vec::new(), externals: Vec::new() }
    }

    /// With metrics as long as the window.
    fn of(metrics: &[(&str, &str)]) -> World {
        let minutes = metrics.first().map_or(0, |(_, text)| text.split_whitespace().count());
        metrics.iter().fold(World::new(minutes as i64), |world, (id, text)| world.metric(id, series(text)))
    }

    fn metric(mut self, id: &str, series: Series) -> World {
        self.metrics.push(id.to_owned());
        self.expression(id, Value::Series(Series { label: format!("metric {id}"), ..series }))
    }

    fn expression(mut self, id: &str, value: Value) -> World {
        self.values.push((id.to_owned(), value));
        self
    }

    fn external(mut self, external: External, value: Value) -> World {
        self.externals.push((external, value));
        self
    }

    fn evaluate(&self, expression: &str) -> Result<Value, ExpressionError> {
        Expression::parse(expression)?.evaluate(self)
    }

    #[track_caller]
    fn check(&self, cases: &[(&str, &str)]) {
        for (expression, expected) in cases {
            let value = self.evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
            assert_eq!(shown(&value, &self.grid), *expected, "{expression}");
        }
    }
}

impl Environment for World {
    fn grid(&self) -> Grid {
        self.grid
    }

    fn value(&self, id: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| known == id).map(|(_, value)| value)
    }

    fn metric_ids(&self) -> Vec<&str> {
        self.metrics.iter().map(String::as_str).collect()
    }

    fn external(&self, external: &External) -> Option<&Value> {
        self.externals.iter().find(|(known, _)| known == external).map(|(_, value)| value)
    }

    /// A model that expects what is there.
    fn band(&self, source: &BandSource, series: &Series, deviations: f64) -> [Series; 2] {
        let name = match source {
            BandSource::Id(id) => id,
            BandSource::Expression(text) => text,
        };
        [("upper", deviations), ("lower", -deviations)].map(|(side, by)| Series {
            label: format!("{name} {side}"),
            points: series.points.iter().map(|(time, value)| (*time, value + by)).collect(),
            ..series.clone()
        })
    }
}

fn series(text: &str) -> Series {
    every(MINUTE, text)
}

fn every(period_ms: i64, text: &str) -> Series {
    let values = text.split_whitespace().zip(0..).filter(|(value, _)| *value != "-");
    let points = values.map(|(value, slot)| (TEN + slot * period_ms, value.parse().unwrap())).collect();
    Series { points, period_ms, ..Series::default() }
}

/// A value as it is written in tests, series of an array between `|`.
fn shown(value: &Value, grid: &Grid) -> String {
    match value {
        Value::Scalar(number) => format!("scalar {}", number_text(*number)),
        Value::Series(series) => series_text(series, grid),
        Value::Array(array) => array.iter().map(|series| series_text(series, grid)).collect::<Vec<_>>().join(" | "),
    }
}

fn series_text(series: &Series, grid: &Grid) -> String {
    let slots = (grid.start_ms..grid.end_ms).step_by(series.period_ms as usize);
    let value_at = |slot| series.points.iter().find(|point| point.0 == slot).map(|point| number_text(point.1));
    let texts: Vec<String> = slots.map(|slot| value_at(slot).unwrap_or("-".to_owned())).collect();
    assert_eq!(texts.iter().filter(|text| *text != "-").count(), series.points.len(), "a point beside the slots");
    texts.join(" ")
}

fn number_text(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The labels of an array.
fn labels(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(array) => array.iter().map(|series| series.label.as_str()).collect(),
        other => panic!("{other:?} is no array"),
    }
}
