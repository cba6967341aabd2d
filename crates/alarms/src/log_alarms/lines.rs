//! The log lines that notifications of a log alarm have. Source: "Including log lines in notifications".

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::LogLine;
use watchkeep_store::ResourceKey;

use crate::engine::{Engine, place};
use crate::kept::Defined;
use crate::limits::LOG_LINES_BYTES_MAX;
use crate::transition::Transition;

impl Engine {
    /// The lines that go with a change of state: rows of the last run's time, of the contributor if it is one's. If they cannot be
    /// read, the change is told without.
    pub(crate) async fn log_lines(&self, key: &ResourceKey, uid: u64, transition: &Transition) -> Vec<LogLine> {
        let Defined::Metric(definition) = &transition.definition else { return Vec::new() };
        let wanted = definition.log().and_then(|log| log.lines).filter(|count| *count > 0);
        let (Some(count), Some(queries)) = (wanted, &self.log_queries) else { return Vec::new() };
        let group = transition.contributor.as_ref().map(|of| &of.attributes);
        let before = TimestampMs(transition.new.updated);
        match queries.lines(&place(key), uid, before, group, count as usize).await {
            Ok(lines) => bearable(lines),
            Err(error) => {
                tracing::warn!(%error, alarm = key.name, "a notification goes without its log lines");
                Vec::new()
            }
        }
    }
}

/// As many of the first lines as a message can hold.
fn bearable(lines: Vec<LogLine>) -> Vec<LogLine> {
    let mut bytes = 0;
    let fits = |line: &LogLine| {
        bytes += line.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        bytes <= LOG_LINES_BYTES_MAX
    };
    lines.into_iter().take_while(fits).collect()
}
