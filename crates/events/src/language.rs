//! Stand-ins for the languages, until they are merged.

use watchkeep_core::TimestampMs;

#[derive(Debug, Clone)]
pub(crate) struct EventPattern(serde_json::Value);
impl EventPattern {
    pub(crate) fn parse(text: &str) -> Result<EventPattern, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if value.is_object() { Ok(EventPattern(value)) } else { Err("Filter is not an object".to_owned()) }
    }
    pub(crate) fn matches(&self, event: &[u8]) -> bool {
        fn is(pattern: &serde_json::Value, event: &serde_json::Value) -> bool {
            match pattern {
                serde_json::Value::Object(members) => {
                    members.iter().all(|(name, inner)| event.get(name).is_some_and(|event| is(inner, event)))
                }
                serde_json::Value::Array(values) => match event {
                    serde_json::Value::Array(events) => events.iter().any(|event| values.contains(event)),
                    event => values.contains(event),
                },
                _ => false,
            }
        }
        serde_json::from_slice(event).is_ok_and(|event| is(&self.0, &event))
    }
}
pub(crate) struct EventMatcher(Vec<(u32, EventPattern)>);
impl EventMatcher {
    pub(crate) fn new(patterns: impl IntoIterator<Item = (u32, EventPattern)>) -> EventMatcher {
        EventMatcher(patterns.into_iter().collect())
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub(crate) fn matching(&self, event: &[u8]) -> Vec<u32> {
        self.0.iter().filter(|(_, pattern)| pattern.matches(event)).map(|(id, _)| *id).collect()
    }
}
#[derive(Debug, Clone)]
pub(crate) struct EventSchedule(i64);
impl EventSchedule {
    pub(crate) fn parse(text: &str) -> Result<EventSchedule, String> {
        let inner = text
            .strip_prefix("rate(")
            .and_then(|text| text.strip_suffix(" minutes)").or(text.strip_suffix(" minute)")));
        inner.and_then(|text| text.parse().ok()).map(EventSchedule).ok_or_else(|| "no".to_owned())
    }
    pub(crate) fn next_after(&self, began: TimestampMs, after: TimestampMs) -> Option<TimestampMs> {
        let step = self.0 * 60_000;
        let began = began.0 - began.0.rem_euclid(1000);
        let passed = (after.0 - began).div_euclid(step) + 1;
        Some(TimestampMs(began + passed.max(1) * step))
    }
}
