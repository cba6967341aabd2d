//! What a picture of an alarm shows.

use crate::{AccountId, Region};

use super::alarm_metrics::WatchQuery;

/// What is drawn of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct PicturedAlarm {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub queries: Vec<WatchQuery>,
    /// What that is compared with, unless it is a band, which is one of the queries.
    pub threshold: Option<f64>,
    /// When it goes off, in words: `Load > 80 for 2 datapoints within 3 minutes`.
    pub condition: String,
}

/// Knows alarms, for pictures of them.
pub trait AlarmPictures: Send + Sync {
    /// What is drawn of the alarm of this name; `None` if there is no such alarm, or nothing of it can be drawn.
    fn picture(&self, account: AccountId, region: &Region, name: &str) -> Option<PicturedAlarm>;
}
