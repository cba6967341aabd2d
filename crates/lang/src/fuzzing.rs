//! The doors through which fuzzing reaches the languages: each takes any bytes and must come back. The targets in `fuzz/`
//! call them, and so does a test over the kept corpus.

use crate::alarm_rule::{AlarmRule, State};
use crate::anomaly::{Adaptation, Model, Outliers, Settings, Zone};
use crate::data_protection::{Detector, Identifier, Policy, managed_names, mask, restore};
use crate::embedded_metrics;
use crate::event_pattern::{EventMatcher, EventPattern};
use crate::event_schedule::EventSchedule;
use crate::field_selection::FieldSelection;
use crate::filter_pattern::FilterPattern;
use crate::filter_policy::{Attribute, FilterPolicy, Scope};
use crate::input_transformer::{InputTransformer, JsonPath, Variables};
use crate::insight_rule::{Aggregate, InsightRule, RuleSet};
use crate::insights;
use crate::label::{Label, LabelContext, parse_timezone};
use crate::log_aggregation::LogAggregation;
use crate::log_pattern::{self, Model as PatternModel};
use crate::metric_identity::MetricIdentity;
use crate::metric_math::{BandSource, Environment, Expression, External, Grid, Series, Value};
use crate::metric_search::{Search, labels};
use crate::metrics_insights::{Aggregation, Query, is_query};
use crate::mute_schedule::{MuteSchedule, ScheduleText, Status};
use crate::policy::{Asker, Context, Policy as AccessPolicy, PolicyKind, Request};
use crate::sketch::Sketch;
use crate::statistic::{Sample, Statistic, Summary};
use crate::statsd;
use crate::transform::{Source, Transformer, limits as transform_limits};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// The targets by their names; a folder of `fuzz/corpus` is named like each.
pub const TARGETS: &[(&str, Target)] = &[
    ("alarm_rule", alarm_rule),
    ("anomaly", anomaly),
    ("data_protection", data_protection),
    ("embedded_metrics", embedded_metrics),
    ("event_pattern", event_pattern),
    ("event_schedule", event_schedule),
    ("field_selection", field_selection),
    ("filter_pattern", filter_pattern),
    ("filter_policy", filter_policy),
    ("input_transformer", input_transformer),
    ("insight_rule", insight_rule),
    ("insights", insights),
    ("label", label),
    ("log_aggregation", log_aggregation),
    ("log_pattern", log_pattern),
    ("metric_math", metric_math),
    ("metric_search", metric_search),
    ("metrics_insights", metrics_insights),
    ("mute_schedule", mute_schedule),
    ("policy", policy),
    ("sketch", sketch),
    ("statistic", statistic),
    ("statsd", statsd),
    ("transform", transform),
];

/// A rule: its canonical text is the same rule, it refers to a bounded number of alarms, and it is met or not whatever they are.
pub fn alarm_rule(bytes: &[u8]) {
    let Ok(rule) = AlarmRule::parse(&String::from_utf8_lossy(bytes)) else { return };
    assert!(rule.children().len() <= crate::alarm_rule::limits::CHILDREN_MAX, "too many children");
    for state in [None, Some(State::Ok), Some(State::Alarm), Some(State::InsufficientData)] {
        rule.is_met(|name| state.filter(|_| name.len() % 2 == 0));
    }
    let text = rule.to_string();
    if text.chars().count() <= crate::alarm_rule::limits::RULE_CHARS_MAX {
        assert_eq!(AlarmRule::parse(&text).as_ref(), Ok(&rule), "{text} is not its own text");
    }
}

/// A policy's document, or a text: what is found in a text, by every identifier, are whole characters of it, and what is masked comes
/// back.
pub fn data_protection(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(policy) = Policy::parse(&text) {
        assert!(Detector::new(&policy.identifiers).is_some(), "a policy that was accepted compiles");
    }
    static ALL: std::sync::OnceLock<Option<Detector>> = std::sync::OnceLock::new();
    let all = || Detector::new(&managed_names().map(Identifier::Managed).collect::<Vec<_>>());
    let Some(detector) = ALL.get_or_init(all) else { return };
    let found: Vec<_> = detector.detect(&text).into_iter().map(|finding| finding.at).collect();
    assert!(found.iter().all(|at| text.get(at.clone()).is_some_and(|value| !value.is_empty())), "whole characters");
    if let Some(masked) = mask(&text, found) {
        assert_eq!(restore(&masked.text, &masked.originals).as_deref(), Some(&*text), "what is masked comes back");
    }
    let _ = restore(&text, bytes);
}

/// A byte of settings, one of the period's size, eight of where time begins, then points: two bytes of the periods from one to the
/// next, eight of the value. Bands are finite, and in order.
pub fn anomaly(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<10>() else { return };
    let [flags, size, start @ ..] = *head;
    let period_ms = 1_i64 << (size % 63);
    let settings = Settings {
        zone: if flags & 1 == 0 { Zone::default() } else { Zone::named("America/New_York").unwrap_or_default() },
        expects_spikes: flags & 2 != 0,
        adaptation: if flags & 4 == 0 { Adaptation::Fast } else { Adaptation::Slow },
        outliers: if flags & 8 == 0 { Outliers::Minimal } else { Outliers::Strict },
        least: (flags & 16 != 0).then_some(0.0),
        most: (flags & 32 != 0).then_some(-1.0),
        ..Settings::new(period_ms)
    };
    let mut time_ms = i64::from_le_bytes(start);
    let points: Vec<(i64, f64)> = rest
        .as_chunks::<10>()
        .0
        .iter()
        .map(|[low, high, value @ ..]| {
            time_ms = time_ms.saturating_add(period_ms.saturating_mul(u16::from_le_bytes([*low, *high]).into()));
            (time_ms, f64::from_le_bytes(*value))
        })
        .collect();
    let Some(model) = Model::train(&points, &settings) else { return };
    let times = [time_ms, time_ms.saturating_add(period_ms), i64::MIN, i64::MAX, model.range_ms().start];
    for deviations in [0.0, 2.0, f64::MAX, f64::NAN] {
        for band in model.band(&times, deviations) {
            assert!(band.upper.is_finite() && band.lower.is_finite() && band.lower <= band.upper, "{band:?}");
        }
    }
}

/// A log event: what it makes is bounded.
pub fn embedded_metrics(bytes: &[u8]) {
    let Ok(Some(embedded)) = embedded_metrics::read(bytes) else { return };
    assert!(embedded.measurements.len() <= embedded_metrics::limits::MEASUREMENTS_MAX, "too many measurements");
    for measurement in &embedded.measurements {
        assert!(measurement.dimensions.len() <= embedded_metrics::limits::DIMENSIONS_MAX, "too many dimensions");
    }
}

/// Field selection criteria, asked of every field.
pub fn field_selection(bytes: &[u8]) {
    if let Ok(selection) = FieldSelection::parse(&String::from_utf8_lossy(bytes)) {
        selection.selects(&|field| field.as_str());
    }
}

/// A line with a filter pattern, then a message: what matches is extracted, and has in it what is said to be certain.
pub fn filter_pattern(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (pattern, message) = bytes.split_at_checked(end).unwrap_or_default();
    let Ok(pattern) = FilterPattern::parse(&String::from_utf8_lossy(pattern)) else { return };
    let message = message.get(1..).unwrap_or_default();
    let matches = pattern.matches(message);
    assert_eq!(pattern.extract(message).is_some(), matches, "extraction and matching differ");
    let reader = pattern.reader(&["$.a", "$.a.b[0]"]).or_else(|_| pattern.reader(&["$1"]));
    assert!(reader.is_err() || reader.is_ok_and(|reader| reader.read(message).is_some() == matches), "reading differs");
    let has = |piece: &[u8]| memchr::memmem::find(message, piece).is_some();
    if !matches || pattern.escape().is_some_and(has) {
        return;
    }
    for word in pattern.required_words() {
        assert!(has(word.as_bytes()), "a matching message lacks the required word {word}");
    }
    for literal in pattern.required_literals() {
        assert!(has(&literal), "a matching message lacks the required literal {literal:?}");
    }
}

/// A line with a policy, then a message: its body, or the text, number and array of its attributes.
pub fn filter_policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (policy, message) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(policy) = FilterPolicy::parse(policy, Scope::Body) {
        policy.passes_body(message);
    }
    let Ok(policy) = FilterPolicy::parse(policy, Scope::Attributes) else { return };
    for attribute in [Attribute::Text(message), Attribute::Number(message), Attribute::Array(message)] {
        policy.passes_attributes(&[("a", attribute)]);
    }
}

/// A line with a pattern, then an event: a matcher of the pattern, twice, says what the pattern does.
pub fn event_pattern(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (pattern, event) = bytes.split_at_checked(end).unwrap_or_default();
    let Ok(pattern) = EventPattern::parse(&String::from_utf8_lossy(pattern)) else { return };
    let matching = EventMatcher::new([(1, pattern.clone()), (2, pattern.clone())]).matching(event);
    assert_eq!(matching, if pattern.matches(event) { vec![1, 2] } else { vec![] }, "a matcher and its pattern differ");
}

/// A schedule: its times come one after the other.
pub fn event_schedule(bytes: &[u8]) {
    let Ok(schedule) = EventSchedule::parse(&String::from_utf8_lossy(bytes)) else { return };
    let mut now = 1_700_000_000_000;
    for _ in 0..3 {
        let Some(next) = schedule.next_after(1_690_000_000_000, now) else { return };
        assert!(next > now, "a time that has passed");
        now = next;
    }
}

/// An aggregation expression, whose queries are queries.
pub fn log_aggregation(bytes: &[u8]) {
    let Ok(aggregation) = LogAggregation::parse(&String::from_utf8_lossy(bytes)) else { return };
    let row = [("a", "\"\\"), ("b", "2"), ("alarm_value", "1.5")];
    let (group, _) = aggregation.read(&row);
    for query in [aggregation.query("fields @message", 501), aggregation.query_of_group("fields @message", &group)] {
        let parsed = insights::Plan::parse(&query, insights::plan::Language::Cwli);
        assert!(parsed.is_ok(), "what was made of an aggregation is no query");
    }
}

/// A line with a path, a line with a template, then an event: what a path finds, and what a template of an object makes, is JSON.
pub fn input_transformer(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(3, '\n');
    let [path, template, event] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if let Some(found) =
        JsonPath::parse(path).ok().filter(|_| is_json(event)).and_then(|path| path.find(event).map(String::from))
    {
        assert!(is_json(&found), "a path found no JSON");
    }
    let Ok(transformer) = InputTransformer::parse([("x", path)], template) else { return };
    let variables = Variables { rule_arn: "arn", rule_name: "rule", ingestion_time: "2026-01-15T12:30:45Z" };
    if let Ok(filled) = transformer.fill(event, &variables) {
        assert!(!template.trim_start().starts_with('{') || is_json(&filled), "an object that is no JSON");
    }
}

/// A line with a rule, then an event: what the event adds is a finite number, and has a value for each key.
pub fn insight_rule(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (definition, message) = bytes.split_at_checked(end).unwrap_or_default();
    let message = String::from_utf8_lossy(message);
    let Ok(rule) = InsightRule::parse(&String::from_utf8_lossy(definition)) else { return };
    rule.covers("123456789012", "eu-west-1", &message);
    for contribution in RuleSet::new([&rule]).contributions(&message).flatten() {
        assert_eq!(contribution.keys.len(), rule.key_labels().len(), "a key without a value");
        assert!(contribution.value.is_finite(), "no number");
        assert!(rule.aggregate() == Aggregate::Sum || contribution.value == 1.0, "a count that is not 1");
    }
}

/// A line with a query, then lines with events: in either language it is a query or an error within its text, and what it finds is no
/// more than it asks for.
pub fn insights(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (query, events) = text.split_once("\n\n").unwrap_or((&text, "{\"a\":[1,\"x\"]}"));
    for language in [insights::plan::Language::Cwli, insights::plan::Language::Ppl] {
        match insights::Plan::parse(query, language) {
            Ok(plan) => {
                let limit = 3;
                if let Ok(outcome) = insights::run::run(&plan, &Lines(events), 0..1_000, 1_000, limit) {
                    assert!(outcome.rows.len() <= limit, "more rows than asked for");
                }
            }
            Err(error) => {
                let chars = query.chars().count();
                assert!(error.span.start <= error.span.end && error.span.end <= chars, "{:?} of {query}", error.span);
            }
        }
    }
}

/// Lines as events, a few of them.
struct Lines<'t>(&'t str);

impl insights::run::Surroundings for Lines<'_> {
    fn events(
        &self,
        _: Option<&insights::plan::Source>,
        _: std::ops::Range<i64>,
    ) -> Result<Vec<insights::run::OwnedEvent>, insights::run::RunError> {
        let group = std::sync::Arc::new(insights::event::EventGroup::new("1", "eu-west-1", "/aws/lambda/f"));
        let event = |(seq, line): (u64, &str)| insights::run::OwnedEvent {
            group: group.clone(),
            log_stream: "s".into(),
            time_ms: seq.cast_signed(),
            ingested_ms: i64::MAX,
            seq,
            message: line.to_owned(),
            unmasked: None,
            transformed: String::new(),
            entity: line.to_owned(),
            pointer: String::new(),
        };
        Ok((0..).zip(self.0.lines().take(8)).map(event).collect())
    }

    fn lookup_table(&self, _: &str) -> Result<std::sync::Arc<insights::run::LookupTable>, insights::run::RunError> {
        Ok(std::sync::Arc::default())
    }
}

/// A label, filled in from points that are awkward.
pub fn label(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let offset = parse_timezone(&text).unwrap_or_default();
    let Ok(label) = Label::parse(&text) else { return };
    let property = |name: &str| name.strip_prefix("Dim.").map(str::to_owned);
    let awkward =
        [(i64::MIN, f64::NAN), (i64::MAX, f64::INFINITY), (0, -0.0), (1_768_480_245_000, 1e300), (-1, f64::MIN)];
    for points in [&[][..], &awkward[..1], &awkward[..]] {
        for (now_ms, offset_minutes) in [(1_768_480_245_000, offset), (i64::MIN, -1439), (i64::MAX, 1439)] {
            label.render(&LabelContext { default: "m", points, now_ms, offset_minutes, property: &property });
        }
    }
}

/// A line with a search, then one with the values of two metrics' properties: what is found is of the namespace and has the
/// name that the search says are certain.
pub fn metric_search(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (search, property) = text.split_once('\n').unwrap_or((&text, "AWS/EC2"));
    let Ok(search) = Search::parse(search) else { return };
    let dimensions = [(property, "i-1"), ("InstanceId", property)];
    let metric =
        |namespace, name, dimensions| MetricIdentity { namespace, name, dimensions, account: "1", is_local: true };
    let metrics = [metric(property, "CPUUtilization", &dimensions[..1]), metric("AWS/EC2", property, &dimensions[1..])];
    for metric in metrics.iter().filter(|metric| search.matches(metric)) {
        assert!(search.namespace().is_none_or(|namespace| namespace == metric.namespace), "of another namespace");
        assert!(search.metric_name().is_none_or(|name| name == metric.name), "of another name");
    }
    assert_eq!(labels(&metrics).len(), metrics.len());
}

/// A query, asked of metrics with awkward numbers.
pub fn metrics_insights(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(query) = Query::parse(&text) else { return };
    assert!(is_query(&text), "a query that is taken for metric math: {text}");
    let dimension_names = query.source.dimension_names.iter().flatten();
    let dimensions: Vec<(&str, &str)> = dimension_names.map(|name| (name.as_str(), "a")).collect();
    let mut aggregation = Aggregation::new(&query);
    for value in [f64::MAX, -1.0, f64::MIN, 0.0] {
        let metric = MetricIdentity {
            namespace: &query.source.namespace,
            name: &query.metric_name,
            dimensions: &dimensions,
            account: "1",
            is_local: value < 0.0,
        };
        let summary = Summary { count: 2.0, sum: value, minimum: value, maximum: value };
        let added = aggregation.add(&metric, &[("env", "prod")], [(i64::MAX, summary), (i64::MIN, summary)]);
        assert!(added.is_ok());
    }
    let series = aggregation.finish("q");
    assert!(series.len() <= query.limit.unwrap_or(series.len()), "more series than asked for");
}

/// Lines with an expression, a duration, a time zone, and a time in milliseconds: windows are where they were asked for, and the
/// status is theirs.
pub fn mute_schedule(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let (expression, duration) = (lines.next().unwrap_or_default(), lines.next().unwrap_or("PT1H"));
    let (timezone, time_ms) = (lines.next(), lines.next().and_then(|time| time.parse::<i64>().ok()).unwrap_or(0));
    for dates in [None, Some((time_ms, time_ms.saturating_add(100_000_000)))] {
        let (start_ms, expire_ms) = (dates.map(|dates| dates.0), dates.map(|dates| dates.1));
        let Ok(schedule) = MuteSchedule::parse(&ScheduleText { expression, duration, timezone, start_ms, expire_ms })
        else {
            return;
        };
        let (now, next) = (schedule.window_at(time_ms), schedule.next_window(time_ms));
        assert!(now.is_none_or(|now| now.start_ms <= time_ms && time_ms < now.end_ms), "{now:?} at {time_ms}");
        assert!(next.is_none_or(|next| time_ms < next.start_ms && next.start_ms < next.end_ms), "{next:?}");
        assert!(next.is_none_or(|next| schedule.window_at(next.start_ms) == Some(next)), "{next:?} is not its own");
        assert_eq!(schedule.status(time_ms) == Status::Active, now.is_some(), "active");
    }
}

/// A policy: it decides whatever it is asked, the same each time.
pub fn policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for kind in [PolicyKind::Identity, PolicyKind::Resource, PolicyKind::Trust] {
        let Ok(policy) = AccessPolicy::parse(&text, kind) else { continue };
        let context = Context::default().with("aws:username", "alice").with("aws:SourceIp", "10.0.0.1");
        let request = Request { asker: Asker::Anonymous, action: "s3:GetObject", resource: &text, context: &context };
        assert_eq!(policy.decide(&request), policy.decide(&request), "a policy changed its mind");
        policy.is_public();
    }
}

/// An encoded sketch: merged with others it has their samples, and it is encoded to what is decoded to the same.
pub fn sketch(bytes: &[u8]) {
    let Ok(sketch) = Sketch::decode(bytes) else { return };
    assert_eq!(Sketch::decode(&sketch.encode()).as_ref(), Ok(&sketch), "another sketch after encoding");
    let mut merged = Sketch::new();
    (0..70).for_each(|value| merged.add(f64::from(value), 0.5));
    merged.merge(&sketch);
    assert!(merged.count() >= sketch.count(), "samples are lost");
    assert!(merged.samples().zip(merged.samples().skip(1)).all(|(one, next)| one.value < next.value), "out of order");
    let summary = Summary { count: 1.0, sum: 0.0, minimum: f64::MIN, maximum: f64::MAX };
    for statistic in ["p50", "tm99", "WM(1:2)", "TS(10%:90%)"].into_iter().flat_map(Statistic::parse) {
        let _ = merged.statistic(statistic, &summary);
    }
}

/// An expression: its canonical text is the same expression, and it has a value or an error over awkward series.
pub fn metric_math(bytes: &[u8]) {
    let Ok(expression) = Expression::parse(&String::from_utf8_lossy(bytes)) else { return };
    let text = expression.to_string();
    if text.chars().count() <= crate::metric_math::limits::EXPRESSION_CHARS_MAX {
        let again = Expression::parse(&text);
        assert_eq!(again.as_ref(), Ok(&expression), "{text} is not its own text");
    }
    let series = |points: &[(i64, f64)], period_ms| Series { points: points.to_vec(), period_ms, ..Series::default() };
    let (near, far) = ([(-120, 1.5), (0, -0.0), (60, f64::MAX), (180, 7.0)], [(i64::MIN, f64::MIN), (i64::MAX, 1.0)]);
    let awkward = Awkward {
        near: Value::Series(series(&near, 60)),
        far: Value::Series(series(&far, 180)),
        array: Value::Array(vec![series(&near, 60), series(&[], 60), series(&far, 7)]),
    };
    if let Ok(value) = expression.evaluate(&awkward) {
        assert!(!matches!(value, Value::Scalar(_)), "{text} is a scalar");
    }
}

/// Two metrics, of a near and a far time, and an array.
struct Awkward {
    near: Value,
    far: Value,
    array: Value,
}

impl Environment for Awkward {
    fn grid(&self) -> Grid {
        Grid { start_ms: -130, end_ms: 500, period_ms: 60 }
    }

    fn value(&self, id: &str) -> Option<&Value> {
        match id {
            "a" => Some(&self.near),
            "m" => Some(&self.far),
            "t" => Some(&self.array),
            _ => None,
        }
    }

    fn metric_ids(&self) -> Vec<&str> {
        vec!["a", "m"]
    }

    fn external(&self, external: &External) -> Option<&Value> {
        match external {
            External::Search { .. } | External::Lambda { .. } => Some(&self.array),
            _ => Some(&self.far),
        }
    }

    fn band(&self, _: &BandSource, series: &Series, _: f64) -> [Series; 2] {
        [series.clone(), Series::default()]
    }
}

/// A statistic: its canonical name is the same statistic, and it has a value or none over any samples.
pub fn statistic(bytes: &[u8]) {
    let Ok(statistic) = Statistic::parse(&String::from_utf8_lossy(bytes)) else { return };
    let again = Statistic::parse(&statistic.to_string());
    assert_eq!(again, Ok(statistic), "{statistic} is not its own name");
    let sample = |value, count| Sample { value, count };
    let samples = [sample(f64::MIN, 1.0), sample(-0.0, 0.5), sample(0.0, 1e300), sample(3.0, 2.0), sample(1e300, 1.0)];
    for samples in [&[][..], &samples[..1], &samples[..]] {
        let _ = statistic.of_samples(samples);
    }
    let _ = statistic.of_summary(&Summary { count: 0.0, sum: 0.0, minimum: 0.0, maximum: 0.0 });
}

/// A packet of StatsD's.
pub fn statsd(bytes: &[u8]) {
    for line in statsd::lines(bytes).flatten() {
        assert!(
            !line.samples.is_empty() && line.samples.len() <= statsd::limits::SAMPLES_MAX,
            "no sample, or too many"
        );
        assert!(line.tags.len() <= statsd::limits::TAGS_MAX, "too many tags");
    }
}

/// Messages, a line each: their patterns are bounded, and a model comes back from its JSON.
pub fn log_pattern(bytes: &[u8]) {
    let mut model = PatternModel::default();
    for line in String::from_utf8_lossy(bytes).lines() {
        if let Some(observed) = model.observe(line) {
            assert!(model.pattern(observed.pattern).is_some(), "no such pattern");
        }
        model.end_interval();
    }
    assert!(model.len() <= log_pattern::limits::PATTERNS_MAX, "too many patterns");
    let json = serde_json::to_string(&model).unwrap_or_default();
    assert!(serde_json::from_str::<PatternModel>(&json).is_ok_and(|again| again.len() == model.len()), "not kept");
}

/// A transformer, and behind the end of its line a message: what becomes of it is a JSON object of a bounded size.
pub fn transform(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (config, message) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(transformer) = Transformer::parse(config) else { return };
    let Ok(transformed) = transformer.transform(&Source { message, ..Source::default() }) else { return };
    assert!(transformed.len() <= transform_limits::TRANSFORMED_BYTES_MAX, "too large");
    assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&transformed).is_ok(), "no object");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(target: &str) -> Vec<Vec<u8>> {
        let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// Splitmix64: the crate depends on no other of ours.
    fn random() -> impl FnMut(usize) -> usize {
        let mut state = 17_u64;
        move |limit| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
        }
    }

    /// The kept inputs, the same with damage, and random text of the languages' own characters.
    #[test]
    fn every_target_survives_its_corpus_damage_and_noise() {
        let alphabet: Vec<char> = "aE0159 \t\n\"\\%?-+*[]{}()|^$.:,_/@#'\u{e4}\u{1f600}pPtTmMwWsScCR".chars().collect();
        let mut below = random();
        for (name, target) in TARGETS {
            let kept = kept(name);
            assert!(!kept.is_empty(), "{name}");
            kept.iter().for_each(|bytes| target(bytes));
            for round in 0..2000 {
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
            for round in 0..2000 {
                let noise: String = (0..round % 32).map(|_| alphabet[below(alphabet.len())]).collect();
                target(noise.as_bytes());
            }
        }
    }
}
