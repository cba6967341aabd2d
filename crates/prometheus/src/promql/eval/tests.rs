//! PromQL over series that are written down: name and labels, then a value a minute from time 0 on. `_` is no sample, `x` the marker
//! of a series that ended, `1+2*3` stands for 1, 3, 5, 7.

use std::fmt::Write;

use proptest::prelude::*;

use super::super::number::{parse_number, value_text, write_time};
use super::super::{Labels, Matcher, parse, parse_selector};
use super::*;
use crate::limits::LOOKBACK_MS;

const MINUTE_MS: i64 = 60_000;

fn series(text: &str) -> SampleSeries {
    let (labels, values) = text.rsplit_once(": ").unwrap();
    let matchers = parse_selector(labels).unwrap().matchers;
    let label = |matcher: &Matcher| (Arc::from(matcher.name.as_str()), Arc::from(matcher.value.as_str()));
    let mut series = SampleSeries { labels: Labels::new(matchers.iter().map(label)), ..SampleSeries::default() };
    let mut time_ms = 0;
    let mut push = |value: Option<f64>| {
        if let Some(value) = value {
            series.times_ms.push(time_ms);
            series.values.push(value);
        }
        time_ms += MINUTE_MS;
    };
    for word in values.split(' ') {
        match word {
            "_" => push(None),
            "x" => push(Some(ABSENT)),
            _ if word.contains('*') => {
                let (first, rest) = word.split_once('+').unwrap();
                let (step, count) = rest.split_once('*').unwrap();
                let (first, step) = (first.parse::<f64>().unwrap(), step.parse::<f64>().unwrap());
                (0..=count.parse::<i32>().unwrap()).for_each(|place| push(Some(first + step * f64::from(place))));
            }
            _ => push(Some(parse_number(word).unwrap())),
        }
    }
    series
}

fn world(texts: &[&str]) -> Vec<SampleSeries> {
    texts.iter().map(|text| series(text)).collect()
}

/// What a selector finds: the samples of the time that it needs.
fn found(world: &[SampleSeries], need: &plan::Need<'_>) -> Vec<SampleSeries> {
    let is_wanted =
        |series: &&SampleSeries| need.selector.matchers.iter().all(|own| own.accepts_labels(&series.labels));
    let cut = |series: &SampleSeries| {
        let samples = series.times_ms.iter().copied().zip(series.values.iter().copied());
        let is_needed = |(time_ms, value): &(i64, f64)| {
            (need.from_ms..=need.to_ms).contains(time_ms) && !(need.is_range && is_absent(*value))
        };
        let (times_ms, values) = samples.filter(is_needed).unzip();
        SampleSeries { labels: series.labels.clone(), times_ms, values }
    };
    let mut found: Vec<SampleSeries> = world.iter().filter(is_wanted).map(cut).collect();
    found.sort_by(|one, other| one.labels.cmp(&other.labels));
    found
}

fn evaluated(world: &[SampleSeries], query: &str, grid: Grid) -> Result<Value, String> {
    let expr = parse(query).map_err(|error| error.message(query))?;
    let samples: Vec<_> = plan::needs(&expr, grid, LOOKBACK_MS).iter().map(|need| found(world, need)).collect();
    let mut evaluator =
        Evaluator { samples: &samples, query: grid, lookback_ms: LOOKBACK_MS, go_on: &|| Ok(()), computed: 0 };
    evaluator.run(&expr).map_err(|error| error.to_string())
}

/// The series with their values, in their order: `{a="b"} 1 _ 3`.
fn shown(value: Result<Value, String>) -> String {
    let values = |values: &[f64]| {
        let text = |value: &f64| if is_absent(*value) { "_".to_owned() } else { value_text(*value) };
        values.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    match value {
        Err(error) => format!("error: {error}"),
        Ok(Value::String(text)) => format!("{text:?}"),
        Ok(Value::Scalar(scalars)) => values(&scalars),
        Ok(Value::Vector(rows)) => {
            let rows = present(rows);
            rows.iter().map(|row| format!("{} {}", row.labels, values(&row.values))).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Cases: the time in seconds, the query, what it comes to.
fn check(texts: &[&str], cases: &[(i64, &str, &str)]) {
    let world = world(texts);
    for (seconds, query, expected) in cases {
        let result = shown(evaluated(&world, query, Grid::instant(seconds * 1000)));
        assert_eq!(&result, expected, "{query} at {seconds}");
    }
}

const COUNTERS: &[&str] = &[
    r#"requests_total{job="a",instance="1"}: 0+60*10"#,
    r#"requests_total{job="a",instance="2"}: 0+120*10"#,
    r#"requests_total{job="b",instance="3"}: 100 200 300 50 150 250 350 450 550 650 750"#,
];

#[test]
fn selectors_look_back_five_minutes() {
    let texts = &[r#"t{r="x"}: 1 2 _ 4"#, r#"t{r="y"}: 5 6 x"#, r#"t{r="z"}: 7 NaN"#];
    check(
        texts,
        &[
            (0, "t", r#"t{r="x"} 1; t{r="y"} 5; t{r="z"} 7"#),
            (59, r#"t{r="x"}"#, r#"t{r="x"} 1"#),
            (150, r#"t{r=~"x|y"}"#, r#"t{r="x"} 2"#),
            (180, r#"t{r!="y"}"#, r#"t{r="x"} 4; t{r="z"} NaN"#),
            // The sample of 5 minutes ago is just out of reach.
            (479, r#"t{r="x"}"#, r#"t{r="x"} 4"#),
            (480, r#"t{r="x"}"#, ""),
            (60, r#"t{r="y"} offset 1m"#, r#"t{r="y"} 5"#),
            (0, r#"t{r="y"} offset -1m"#, r#"t{r="y"} 6"#),
            (600, r#"t{r="x"} @ 60"#, r#"t{r="x"} 2"#),
            (600, r#"t{r="x"} @ 60 offset 1m"#, r#"t{r="x"} 1"#),
            (60, r#"{__name__=~"t|u",r="x"}"#, r#"t{r="x"} 2"#),
            (60, r#"{"t",r="x"}"#, r#"t{r="x"} 2"#),
            (60, "nothing", ""),
        ],
    );
}

#[test]
fn rates_reach_the_ends_of_their_ranges() {
    check(
        COUNTERS,
        &[
            (600, r#"rate(requests_total{job="a"}[5m])"#, r#"{instance="1", job="a"} 1; {instance="2", job="a"} 2"#),
            (630, r#"rate(requests_total{instance="1"}[5m])"#, r#"{instance="1", job="a"} 1"#),
            (600, r#"increase(requests_total{instance="2"}[5m])"#, r#"{instance="2", job="a"} 600"#),
            // A range that reaches back before the series: half of a sample's distance is added, but not below 0.
            (120, r#"increase(requests_total{instance="1"}[10m])"#, r#"{instance="1", job="a"} 120"#),
            // The counter was 0 half a minute before it was 50: no more is added at the start.
            (300, r#"increase(requests_total{instance="3"}[3m])"#, r#"{instance="3", job="b"} 250"#),
            (240, r#"resets(requests_total{instance="3"}[5m])"#, r#"{instance="3", job="b"} 1"#),
            (300, r#"resets(requests_total{instance="3"}[3m])"#, r#"{instance="3", job="b"} 0"#),
            (180, r#"irate(requests_total{instance="3"}[5m])"#, r#"{instance="3", job="b"} 0.8333333333333334"#),
            (240, r#"irate(requests_total{instance="3"}[5m])"#, r#"{instance="3", job="b"} 1.6666666666666667"#),
            (180, r#"idelta(requests_total{instance="3"}[5m])"#, r#"{instance="3", job="b"} -250"#),
            (240, r#"changes(requests_total{instance="3"}[5m])"#, r#"{instance="3", job="b"} 4"#),
            (600, r#"delta(requests_total{instance="1"}[2m])"#, r#"{instance="1", job="a"} 120"#),
            (600, r#"deriv(requests_total{instance="2"}[5m])"#, r#"{instance="2", job="a"} 2"#),
            (600, r#"predict_linear(requests_total{instance="2"}[5m], 60)"#, r#"{instance="2", job="a"} 1320"#),
            // One sample has no rate.
            (0, "rate(requests_total[5m])", ""),
            (600, "sum(rate(requests_total[5m])) by (job)", r#"{job="a"} 3; {job="b"} 1.6666666666666667"#),
            (600, r#"rate(requests_total{instance="1"}[5m] offset 1m)"#, r#"{instance="1", job="a"} 1"#),
            (0, r#"rate(requests_total{instance="1"}[5m] @ 600)"#, r#"{instance="1", job="a"} 1"#),
        ],
    );
}

#[test]
fn ranges_have_statistics() {
    let texts = &[r#"v{k="a"}: 1 3 2 5 4"#, r#"w{k="b"}: 1 NaN 3"#];
    check(
        texts,
        &[
            (240, "sum_over_time(v[5m])", r#"{k="a"} 15"#),
            // The sample at the range's start is not part of it.
            (240, "sum_over_time(v[4m])", r#"{k="a"} 14"#),
            (240, "avg_over_time(v[5m])", r#"{k="a"} 3"#),
            (240, "min_over_time(v[5m])", r#"{k="a"} 1"#),
            (240, "max_over_time(v[5m])", r#"{k="a"} 5"#),
            (240, "count_over_time(v[5m])", r#"{k="a"} 5"#),
            (240, "stdvar_over_time(v[5m])", r#"{k="a"} 2"#),
            (240, "stddev_over_time(v[5m])", r#"{k="a"} 1.4142135623730951"#),
            (240, "quantile_over_time(0.5, v[5m])", r#"{k="a"} 3"#),
            (240, "quantile_over_time(0.25, v[5m])", r#"{k="a"} 2"#),
            (240, "mad_over_time(v[5m])", r#"{k="a"} 1"#),
            (240, "last_over_time(v[5m])", r#"v{k="a"} 4"#),
            (240, "first_over_time(v[5m])", r#"v{k="a"} 1"#),
            (240, "present_over_time(v[5m])", r#"{k="a"} 1"#),
            (240, "double_exponential_smoothing(v[5m], 0.5, 0.5)", r#"{k="a"} 5.09375"#),
            (
                240,
                "double_exponential_smoothing(v[5m], 1, 0.5)",
                "error: invalid smoothing factor. Expected: 0 < sf < 1, got: 1.000000",
            ),
            (120, "max_over_time(w[5m])", r#"{k="b"} 3"#),
            (120, "sum_over_time(w[5m])", r#"{k="b"} NaN"#),
            (900, "sum_over_time(v[5m])", ""),
            (900, "absent_over_time(v{k=\"a\"}[5m])", r#"{k="a"} 1"#),
            (240, "absent_over_time(v[5m])", ""),
            (240, "absent(v)", ""),
            (240, r#"absent(u{a="b",c=~"d",e="f",e="g"})"#, r#"{a="b"} 1"#),
            (240, "absent(sum(u))", "{} 1"),
        ],
    );
}

#[test]
fn subqueries_are_evaluated_at_multiples_of_their_steps() {
    check(
        COUNTERS,
        &[
            (600, r#"max_over_time(rate(requests_total{instance="1"}[5m])[5m:1m])"#, r#"{instance="1", job="a"} 1"#),
            (600, r#"count_over_time(requests_total{instance="1"}[5m:30s])"#, r#"{instance="1", job="a"} 10"#),
            (610, r#"count_over_time(requests_total{instance="1"}[5m:30s])"#, r#"{instance="1", job="a"} 10"#),
            (600, r#"count_over_time(requests_total{instance="1"}[5m:])"#, r#"{instance="1", job="a"} 5"#),
            (600, r#"sum_over_time(requests_total{instance="1"}[2m:1m] offset 1m)"#, r#"{instance="1", job="a"} 1020"#),
            (600, r#"sum_over_time(requests_total{instance="1"}[2m:1m] @ 120)"#, r#"{instance="1", job="a"} 180"#),
            (600, "sum_over_time(vector(1)[5m:1m])", "{} 5"),
            (
                600,
                "sum_over_time(time()[2m:1m])",
                "error: 1:21: parse error: subquery is only allowed on instant vector, got scalar instead",
            ),
            (600, r#"max_over_time(sum_over_time(vector(time())[2m:1m])[3m:1m])"#, "{} 1140"),
        ],
    );
}

#[test]
fn numbers_and_vectors_combine() {
    let texts = &[r#"v{k="a"}: 6"#, r#"v{k="b"}: -3"#, r#"v{k="c"}: NaN"#];
    check(
        texts,
        &[
            (0, "1 + 2 * 3 ^ 2", "19"),
            (0, "2 ^ 3 ^ 2", "512"),
            (0, "-2 ^ 2", "-4"),
            (0, "7 % 4 - 10 / 4", "0.5"),
            (0, "-7 % 4", "-3"),
            (0, "1 / 0", "+Inf"),
            (0, "0 / 0", "NaN"),
            (0, "1 > bool 2", "0"),
            (0, "2 >= bool 2", "1"),
            (0, "NaN == bool NaN", "0"),
            (0, "1 atan2 1", "0.7853981633974483"),
            (0, "5m", "300"),
            (0, "0x10 + 1e1", "26"),
            (0, "v + 1", r#"{k="a"} 7; {k="b"} -2; {k="c"} NaN"#),
            (0, "2 * v", r#"{k="a"} 12; {k="b"} -6; {k="c"} NaN"#),
            (0, "v > 0", r#"v{k="a"} 6"#),
            (0, "0 < v", r#"v{k="a"} 6"#),
            (0, "v > bool 0", r#"{k="a"} 1; {k="b"} 0; {k="c"} 0"#),
            (0, "v != v", r#"v{k="c"} NaN"#),
            (0, "-v", r#"{k="a"} -6; {k="b"} 3; {k="c"} NaN"#),
            (0, "abs(v)", r#"{k="a"} 6; {k="b"} 3; {k="c"} NaN"#),
            (0, "sgn(v)", r#"{k="a"} 1; {k="b"} -1; {k="c"} NaN"#),
            (0, "clamp(v, -1, 1)", r#"{k="a"} 1; {k="b"} -1; {k="c"} NaN"#),
            (0, "clamp(v, 1, -1)", ""),
            (0, "clamp_min(v, 0)", r#"{k="a"} 6; {k="b"} 0; {k="c"} NaN"#),
            (0, "clamp_max(v, 0)", r#"{k="a"} 0; {k="b"} -3; {k="c"} NaN"#),
            (0, "round(v / 4)", r#"{k="a"} 2; {k="b"} -1; {k="c"} NaN"#),
            (0, "round(v / 4, 0.5)", r#"{k="a"} 1.5; {k="b"} -0.5; {k="c"} NaN"#),
            (0, r#"sqrt(v{k="a"} + 3)"#, r#"{k="a"} 3"#),
            (0, r#"ln(exp(v{k="a"}))"#, r#"{k="a"} 6"#),
            (0, "log2(vector(8)) + log10(vector(100))", "{} 5"),
            (0, "deg(vector(pi()))", "{} 180"),
            (0, r#"scalar(v{k="a"})"#, "6"),
            (0, "scalar(v)", "NaN"),
            (0, "vector(time())", "{} 0"),
            (90, "timestamp(v)", r#"{k="a"} 0; {k="b"} 0; {k="c"} 0"#),
            (90, "timestamp(v + 0)", r#"{k="a"} 90; {k="b"} 90; {k="c"} 90"#),
            (0, "sort(v)", r#"v{k="b"} -3; v{k="a"} 6; v{k="c"} NaN"#),
            (0, "sort_desc(v)", r#"v{k="a"} 6; v{k="b"} -3; v{k="c"} NaN"#),
            (0, r#"sort_by_label_desc(v, "k")"#, r#"v{k="c"} NaN; v{k="b"} -3; v{k="a"} 6"#),
            (0, r#""text""#, r#""text""#),
        ],
    );
}

#[test]
fn times_have_parts() {
    // 2024-02-29T13:45:10Z, a Thursday.
    let cases = [
        ("minute()", 45.0),
        ("hour()", 13.0),
        ("day_of_week()", 4.0),
        ("day_of_month()", 29.0),
        ("day_of_year()", 60.0),
        ("days_in_month()", 29.0),
        ("month()", 2.0),
        ("year()", 2024.0),
        ("year(vector(0))", 1970.0),
        ("year(vector(NaN))", f64::NAN),
    ];
    for (query, expected) in cases {
        check(&[], &[(1_709_214_310, query, &format!("{{}} {}", value_text(expected)))]);
    }
}

#[test]
fn vectors_are_matched_by_labels() {
    let texts = &[
        r#"errors{code="500",method="get"}: 24"#,
        r#"errors{code="404",method="get"}: 30"#,
        r#"errors{code="501",method="put"}: 3"#,
        r#"errors{code="500",method="post"}: 6"#,
        r#"requests{method="get"}: 600"#,
        r#"requests{method="del"}: 34"#,
        r#"requests{method="post"}: 120"#,
        r#"info{method="get",team="x"}: 1"#,
    ];
    check(
        texts,
        &[
            (0, r#"errors{code="500"} / ignoring(code) requests"#, r#"{method="get"} 0.04; {method="post"} 0.05"#),
            (0, r#"errors{code="500"} / on(method) requests"#, r#"{method="get"} 0.04; {method="post"} 0.05"#),
            (
                0,
                "errors / ignoring(code) group_left requests",
                r#"{code="404", method="get"} 0.05; {code="500", method="get"} 0.04; {code="500", method="post"} 0.05"#,
            ),
            (
                0,
                "requests / ignoring(code) group_right errors",
                r#"{code="404", method="get"} 20; {code="500", method="get"} 25; {code="500", method="post"} 20"#,
            ),
            (0, "requests * on(method) group_left(team) info", r#"{method="get", team="x"} 600"#),
            (
                0,
                "errors / on(method) requests",
                "error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            ),
            (
                0,
                "requests / on(method) errors",
                r#"error: found duplicate series for the match group {method="get"} on the right hand-side of the operation: [errors{code="500", method="get"}, errors{code="404", method="get"}];many-to-many matching not allowed: matching labels must be unique on one side"#,
            ),
            (0, r#"errors{code="500"} > on(method) group_left requests"#, ""),
            (0, "requests < on(method) group_right errors{code=\"501\"}", ""),
            (0, "requests > bool ignoring(team) info", r#"{method="get"} 1"#),
            (0, "requests and on(method) info", r#"requests{method="get"} 600"#),
            (0, "requests unless on(method) errors", r#"requests{method="del"} 34"#),
            (
                0,
                r#"info or on(method) requests"#,
                r#"info{method="get", team="x"} 1; requests{method="del"} 34; requests{method="post"} 120"#,
            ),
            (0, "requests + nothing", ""),
            (
                0,
                "requests or nothing",
                r#"requests{method="del"} 34; requests{method="get"} 600; requests{method="post"} 120"#,
            ),
        ],
    );
}

#[test]
fn series_come_together() {
    let texts = &[
        r#"v{g="x",i="1"}: 1"#,
        r#"v{g="x",i="2"}: 3"#,
        r#"v{g="y",i="1"}: 5"#,
        r#"v{g="y",i="2"}: NaN"#,
        r#"w{i="1"}: 2"#,
        r#"w{i="2"}: 2"#,
        r#"w{i="3"}: 4"#,
    ];
    check(
        texts,
        &[
            (0, "sum by (g) (v)", r#"{g="x"} 4; {g="y"} NaN"#),
            (0, "sum(w) without (i)", "{} 8"),
            (0, "avg by (g) (v)", r#"{g="x"} 2; {g="y"} NaN"#),
            (0, "min by (g) (v)", r#"{g="x"} 1; {g="y"} 5"#),
            (0, "max by (g) (v)", r#"{g="x"} 3; {g="y"} 5"#),
            (0, "count by (g) (v)", r#"{g="x"} 2; {g="y"} 2"#),
            (0, "group by (g) (v)", r#"{g="x"} 1; {g="y"} 1"#),
            (0, "stdvar(w)", "{} 0.888888888888889"),
            (0, "stddev by (g) (v{g=\"x\"})", r#"{g="x"} 1"#),
            (0, "quantile(0.5, w)", "{} 2"),
            (0, r#"count_values("value", w)"#, r#"{value="2"} 2; {value="4"} 1"#),
            (0, "topk(2, v)", r#"v{g="y", i="1"} 5; v{g="x", i="2"} 3"#),
            (0, "bottomk by (g) (1, v)", r#"v{g="x", i="1"} 1; v{g="y", i="1"} 5"#),
            (0, "topk(0, v)", ""),
            (0, "topk(NaN, v)", "error: Parameter value is NaN"),
            (0, "sum by (nothing) (w)", "{} 8"),
            (0, "sum(nothing)", ""),
            (0, "max without (i) (w) + 1", "{} 5"),
        ],
    );
}

#[test]
fn classic_histograms_have_quantiles() {
    let texts = &[
        r#"d_bucket{k="a",le="0.1"}: 10"#,
        r#"d_bucket{k="a",le="0.5"}: 30"#,
        r#"d_bucket{k="a",le="1"}: 40"#,
        r#"d_bucket{k="a",le="+Inf"}: 50"#,
        r#"d_bucket{k="b",le="1"}: 4"#,
        r#"e_bucket{le="1"}: 5"#,
        r#"e_bucket{le="2"}: 4"#,
        r#"e_bucket{le="+Inf"}: 10"#,
        r#"z_bucket{le="1"}: 0"#,
        r#"z_bucket{le="+Inf"}: 0"#,
    ];
    check(
        texts,
        &[
            (0, r#"histogram_quantile(0.5, d_bucket{k="a"})"#, r#"{k="a"} 0.4"#),
            (0, r#"histogram_quantile(0.1, d_bucket{k="a"})"#, r#"{k="a"} 0.05"#),
            // Beyond the highest finite bound nothing is known.
            (0, r#"histogram_quantile(0.95, d_bucket{k="a"})"#, r#"{k="a"} 1"#),
            (0, r#"histogram_quantile(1.5, d_bucket{k="a"})"#, r#"{k="a"} +Inf"#),
            (0, r#"histogram_quantile(-1, d_bucket{k="a"})"#, r#"{k="a"} -Inf"#),
            (0, r#"histogram_quantile(0.5, d_bucket{k="b"})"#, r#"{k="b"} NaN"#),
            (0, "histogram_quantile(0.5, e_bucket)", "{} 1"),
            (0, "histogram_quantile(0.5, z_bucket)", "{} NaN"),
            (0, "histogram_quantile(0.9, sum by (le) (d_bucket))", "{} 1"),
        ],
    );
}

#[test]
fn labels_are_rewritten() {
    let texts = &[r#"v{host="web-1:80",x="p"}: 1"#, r#"v{host="db",x="q"}: 2"#];
    check(
        texts,
        &[
            (
                0,
                r#"label_replace(v, "name", "$1", "host", "(.*):.*")"#,
                r#"v{host="db", x="q"} 2; v{host="web-1:80", name="web-1", x="p"} 1"#,
            ),
            (0, r#"label_replace(v{x="q"}, "x", "", "host", ".*")"#, r#"v{host="db"} 2"#),
            (
                0,
                r#"label_replace(v, "x", "same", "host", ".*")"#,
                r#"v{host="db", x="same"} 2; v{host="web-1:80", x="same"} 1"#,
            ),
            (
                0,
                r#"label_replace(sum by (x) (v), "x", "same", "x", ".*")"#,
                "error: vector cannot contain metrics with the same labelset",
            ),
            (0, r#"label_replace(v, "x", "a", "x", "(")"#, "error: invalid regular expression in label_replace(): ("),
            (0, r#"label_join(v{x="q"}, "both", "-", "host", "x")"#, r#"v{both="db-q", host="db", x="q"} 2"#),
            (0, r#"rate({__name__=~".+"}[1m])"#, ""),
        ],
    );
}

#[test]
fn steps_of_a_range_are_each_as_an_instant() {
    let texts = [
        r#"a{k="1"}: 1 2 _ 4 x 6 7 _ _ _ _ _ _ _ 15"#,
        r#"a{k="2"}: 0+7*14"#,
        r#"b{k="1"}: 5 4 3 2 1 0 9 8 7 6 5 4 3 2 1"#,
        r#"b{k="2"}: 3 3 3 3 x"#,
        r#"h_bucket{le="1"}: 0+1*14"#,
        r#"h_bucket{le="+Inf"}: 0+3*14"#,
    ];
    let queries = [
        "a",
        "a + b",
        "a > b",
        "a > bool b",
        "a and b",
        "a or b",
        "a unless b",
        "sum(a)",
        "avg by (k) (a)",
        "topk(1, a)",
        "bottomk(1, b)",
        r#"count_values("v", b)"#,
        "rate(a[5m])",
        "increase(b[3m])",
        "a offset 90s",
        "a @ 120 + b",
        "a @ end()",
        "sum_over_time(a[4m:90s])",
        "sum_over_time(a[4m:90s] @ 300)",
        "max_over_time(rate(a[3m])[5m:1m] offset 1m)",
        r#"absent(b{k="2"})"#,
        r#"absent_over_time(b{k="2"}[2m])"#,
        "scalar(b)",
        "histogram_quantile(0.3, h_bucket)",
        "predict_linear(a[5m] @ 300, 60)",
        "time() + a",
        "timestamp(a)",
        "quantile(0.3, {__name__=~'a|b'})",
        "quantile_over_time(scalar(a{k='2'}) / 200, b[5m])",
        "a * on(k) group_left b",
        "-a",
        "minute(a)",
        "clamp(a, 2, 9)",
        "vector(1) == vector(1)",
    ];
    let world = world(&texts);
    let grid = Grid::range(30_000, 900_000, 45_000);
    for query in queries {
        let mut of_steps: Vec<(Labels, usize, u64)> = Vec::new();
        let mut of_range = of_steps.clone();
        let add = |value: Value, first: usize, out: &mut Vec<(Labels, usize, u64)>| match value {
            Value::Scalar(values) => {
                out.extend(
                    values.iter().enumerate().map(|(step, value)| (Labels::default(), first + step, value.to_bits())),
                );
            }
            Value::Vector(rows) => {
                for row in rows {
                    for (step, value) in row.values.iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
                        out.push((row.labels.clone(), first + step, value.to_bits()));
                    }
                }
            }
            Value::String(_) => panic!("{query}"),
        };
        // `end()` is the end of the whole query, whichever the step.
        let fixed = query.replace("end()", "885");
        for (step, time_ms) in grid.times() {
            add(evaluated(&world, &fixed, Grid::instant(time_ms)).unwrap(), step, &mut of_steps);
        }
        add(evaluated(&world, query, grid).unwrap(), 0, &mut of_range);
        of_steps.sort();
        of_range.sort();
        assert!(!of_steps.is_empty(), "{query}");
        assert_eq!(of_steps, of_range, "{query}");
    }
}

/// Rates and statistics of windows, computed the slow way: all samples, looked at anew for each step.
fn slow(function: &str, samples: &[(i64, f64)], now_ms: i64, range_ms: i64) -> Option<f64> {
    let window: Vec<(i64, f64)> =
        samples.iter().copied().filter(|(time_ms, _)| *time_ms > now_ms - range_ms && *time_ms <= now_ms).collect();
    let values = || window.iter().map(|(_, value)| *value);
    let count = window.len() as f64;
    let (first, last) = (*window.first()?, *window.last()?);
    Some(match function {
        "sum_over_time" => values().sum(),
        "avg_over_time" => values().sum::<f64>() / count,
        "min_over_time" => values().fold(f64::INFINITY, f64::min),
        "max_over_time" => values().fold(f64::NEG_INFINITY, f64::max),
        "count_over_time" => count,
        "stdvar_over_time" => {
            let mean = values().sum::<f64>() / count;
            values().map(|value| (value - mean).powi(2)).sum::<f64>() / count
        }
        "last_over_time" => last.1,
        "first_over_time" => first.1,
        "changes" => window.windows(2).filter(|pair| pair[0].1 != pair[1].1).count() as f64,
        "resets" => window.windows(2).filter(|pair| pair[0].1 > pair[1].1).count() as f64,
        _ if window.len() < 2 => return None,
        "idelta" => last.1 - window[window.len() - 2].1,
        "rate" | "increase" | "delta" => {
            let is_counter = function != "delta";
            let mut change = last.1 - first.1;
            for pair in window.windows(2) {
                if is_counter && pair[1].1 < pair[0].1 {
                    change += pair[0].1;
                }
            }
            let between = (last.0 - first.0) as f64 / 1000.0;
            let mean = between / (count - 1.0);
            let reach = |gap: f64| if gap < mean * 1.1 { gap } else { mean / 2.0 };
            let mut before = reach((first.0 - (now_ms - range_ms)) as f64 / 1000.0);
            if is_counter && change > 0.0 && first.1 >= 0.0 {
                before = before.min(between * first.1 / change);
            }
            let whole = change * (between + before + reach((now_ms - last.0) as f64 / 1000.0)) / between;
            if function == "rate" { whole / (range_ms as f64 / 1000.0) } else { whole }
        }
        _ => unreachable!("{function}"),
    })
}

const SLOW: &[&str] = &[
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "stdvar_over_time",
    "last_over_time",
    "first_over_time",
    "changes",
    "resets",
    "idelta",
    "rate",
    "increase",
    "delta",
];

proptest! {
    #[test]
    fn windows_are_what_the_slow_way_finds(
        gaps in prop::collection::vec((1i64..90_000, -20i32..400), 0..120),
        range_ms in 1i64..900_000,
        step_ms in 1i64..200_000,
    ) {
        let mut time_ms = 0;
        let samples: Vec<(i64, f64)> = gaps.iter().map(|(gap, value)| {
            time_ms += gap;
            (time_ms, f64::from(*value))
        }).collect();
        let (times_ms, values) = samples.iter().copied().unzip();
        let world = [SampleSeries { labels: Labels::from_pairs(&[("__name__", "m")]), times_ms, values }];
        let grid = Grid { start_ms: 10_000, step_ms, steps: 40 };
        for function in SLOW {
            let mut range = String::new();
            write_time(&mut range, range_ms).unwrap();
            let Ok(Value::Vector(rows)) = evaluated(&world, &format!("{function}(m[{range}])"), grid) else { panic!("{function}") };
            for (step, now_ms) in grid.times() {
                let fast = rows.first().map(|row| row.values[step]).filter(|value| !is_absent(*value));
                let slow = slow(function, &samples, now_ms, range_ms);
                let is_near = match (fast, slow) {
                    (Some(fast), Some(slow)) => (fast - slow).abs() <= 1e-9 * fast.abs().max(slow.abs()).max(1.0),
                    (fast, slow) => fast.is_none() && slow.is_none(),
                };
                prop_assert!(is_near, "{} at {}: {:?} and {:?}", function, now_ms, fast, slow);
            }
        }
    }

    #[test]
    fn any_text_is_an_expression_or_an_error(text in "[a-c0-9(){}\\[\\]:@=~!\"', .+*/^-]{0,40}") {
        if let Ok(expr) = parse(&text) {
            let written = expr.to_string();
            prop_assert_eq!(parse(&written).map(|expr| expr.to_string()), Ok(written.clone()), "{}", text);
        }
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let world = world(&["m: 1+1*5"]);
    let grid = Grid::range(0, 10_999_000, 1000);
    let error = evaluated(&world, "sum_over_time(m[1d:1ms])", grid).unwrap_err();
    assert!(error.contains("too many samples"), "{error}");
    let mut chain = String::from("1");
    (0..300).for_each(|_| write!(chain, "+1").unwrap());
    assert!(evaluated(&world, &chain, grid).unwrap_err().contains("nested more than"));
    assert!(evaluated(&world, &"(".repeat(5000), grid).unwrap_err().contains("nested more than"));
    assert!(evaluated(&world, &"-".repeat(5000), grid).unwrap_err().contains("nested more than"));
    assert!(evaluated(&world, &"1^".repeat(5000), grid).unwrap_err().contains("nested more than"));
    assert!(evaluated(&world, &" ".repeat(70_000), grid).unwrap_err().contains("bytes"));
}
