//! The batches of a task: its events by the day (UTC) of their `eventTime`. They follow from how far the task is.

use watchkeep_model::logs::ImportBatch;

use super::{ImportTask, Status};
use crate::limits::DAY_MS;

/// A batch: its day, counted from the epoch, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    pub day: i64,
    pub status: Status,
}

/// The batches of a task, oldest first.
pub(super) fn batches(task: &ImportTask) -> impl Iterator<Item = Batch> {
    let days = match task.time.is_empty() {
        true => 0..0,
        false => task.time.start.div_euclid(DAY_MS)..(task.time.end - 1).div_euclid(DAY_MS) + 1,
    };
    let (done_before, status) = (task.done_before, task.status);
    days.map(move |day| {
        let is_done = (day + 1).saturating_mul(DAY_MS) <= done_before;
        Batch { day, status: if is_done { Status::Completed } else { status } }
    })
}

/// A batch as the API shows it.
pub(super) fn shown(import_id: &str, task: &ImportTask, batch: Batch) -> ImportBatch {
    let second = batch.day.saturating_mul(DAY_MS / 1000);
    let date = jiff::Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%d");
    ImportBatch {
        batch_id: format!("{import_id}-{date}"),
        status: batch.status.as_str().to_owned(),
        error_message: task.error.clone().filter(|_| batch.status == Status::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_days_that_are_done_one_after_the_other() {
        const DAY: i64 = 20_000;
        let at = |day: i64, ms: i64| (DAY + day) * DAY_MS + ms;
        let task = |time: std::ops::Range<i64>, done_before, status| ImportTask {
            source: String::new(),
            log_group: String::new(),
            group_id: 1,
            filter: None,
            time,
            status,
            error: None,
            created: 0,
            updated: 0,
            done_before,
            bytes: 0,
        };
        let found = |task: &ImportTask| batches(task).map(|batch| (batch.day - DAY, batch.status)).collect::<Vec<_>>();
        use Status::{Cancelled, Completed, InProgress};
        let whole = at(0, 5)..at(2, 1);
        let cases = [
            (whole.clone(), at(0, 5), InProgress, vec![(0, InProgress), (1, InProgress), (2, InProgress)]),
            (whole.clone(), at(1, 0), InProgress, vec![(0, Completed), (1, InProgress), (2, InProgress)]),
            (whole.clone(), at(1, 7), Cancelled, vec![(0, Completed), (1, Cancelled), (2, Cancelled)]),
            (whole, at(2, 0), Completed, vec![(0, Completed), (1, Completed), (2, Completed)]),
            (at(0, 0)..at(1, 0), at(0, 0), InProgress, vec![(0, InProgress)]),
            (at(0, 0)..at(0, 0), at(0, 0), Completed, vec![]),
        ];
        for (time, done_before, status, expected) in cases {
            assert_eq!(found(&task(time.clone(), done_before, status)), expected, "{time:?} {done_before}");
        }
        let shown = shown("id", &task(at(0, 0)..at(1, 0), 0, InProgress), Batch { day: 19_000, status: InProgress });
        assert_eq!((shown.batch_id.as_str(), shown.status.as_str()), ("id-2022-01-08", "IN_PROGRESS"));
    }
}
