//! DescribeAlarmHistory.

use std::ops::ControlFlow;

use watchkeep_core::Caller;
use watchkeep_model::cloudwatch::{AlarmHistoryItem, DescribeAlarmHistoryInput, DescribeAlarmHistoryOutput};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{Batch, Order, Scan, StoreError};

use super::ItemType;
use crate::Alarms;
use crate::errors::{invalid_token, of_store};
use crate::limits::HISTORY_PAGE;
use crate::tables::{ALARM_HISTORY, history};

/// Lists what happened to alarms, deleted ones included.
pub(crate) async fn describe_alarm_history(
    service: &Alarms,
    caller: &Caller,
    input: DescribeAlarmHistoryInput,
) -> Result<DescribeAlarmHistoryOutput, ServiceError> {
    let order = match input.scan_by.as_deref() {
        Some("TimestampAscending") => Order::Ascending,
        _ => Order::Descending,
    };
    let page = input.max_records.and_then(|max| usize::try_from(max).ok()).unwrap_or(HISTORY_PAGE).min(HISTORY_PAGE);
    let place = input.next_token.as_deref().map(|token| Place::parse(token).ok_or_else(invalid_token)).transpose()?;
    let start = input.start_date.map_or(i64::MIN, |time| time.0);
    let end = input.end_date.map_or(i64::MAX, |time| time.0);
    let time = match (&place, order) {
        (Some(place), Order::Ascending) => start.max(place.time_ms)..end,
        (Some(place), _) => start..end.min(place.time_ms.saturating_add(1)),
        (None, _) => start..end,
    };
    let types = input.alarm_types.filter(|types| !types.is_empty()).unwrap_or_else(|| vec!["MetricAlarm".to_owned()]);
    let items = match input.history_item_type {
        Some(item) if item == ItemType::Release.as_str() => return Ok(DescribeAlarmHistoryOutput::default()),
        Some(item) => vec![item],
        None => ItemType::ALL.map(|item| item.as_str().to_owned()).to_vec(),
    };
    let mut scan = Scan::new(&ALARM_HISTORY)
        .time(time)
        .texts(history::ACCOUNT, [caller.account.to_string()])
        .texts(history::REGION, [caller.region.to_string()])
        .texts(history::ALARM_TYPE, types)
        .texts(history::ITEM, items)
        .order(order);
    if let Some(name) = input.alarm_name {
        scan = scan.texts(history::ALARM, [name]);
    }
    if let Some(id) = input.alarm_contributor_id {
        scan = scan.texts(history::CONTRIBUTOR, [id]);
    }
    let read = service.engine.store.blocking(move |store| {
        let mut found = Vec::new();
        let scanned = store.scan(&scan, &mut |batch| {
            for row in 0..batch.len() {
                let (Some(time_ms), Some(seq)) = (batch.times().get(row), batch.seqs().get(row)) else { continue };
                let here = Place { time_ms: *time_ms, seq: *seq };
                if place.is_some_and(|place| !here.is_behind(place, order)) {
                    continue;
                }
                // One more tells that there is another page.
                if found.len() > page {
                    return ControlFlow::Break(());
                }
                found.push((here, item(batch, row, *time_ms)));
            }
            ControlFlow::Continue(())
        });
        scanned.map(|_| found)
    });
    let mut found: Vec<(Place, AlarmHistoryItem)> = read.await.map_err(|error: StoreError| of_store(&error))?;
    let has_more = found.len() > page;
    found.truncate(page);
    let next_token = found.last().filter(|_| has_more).map(|(place, _)| place.token());
    let items = found.into_iter().map(|(_, item)| item);
    Ok(DescribeAlarmHistoryOutput { alarm_history_items: Some(items.collect()), next_token })
}

fn item(batch: &Batch, row: usize, time_ms: i64) -> AlarmHistoryItem {
    let text = |column| Some(batch.text(column, row).to_owned());
    let optional = |column| (!batch.is_null(column, row)).then(|| batch.text(column, row).to_owned());
    AlarmHistoryItem {
        alarm_name: text(history::ALARM),
        alarm_contributor_id: optional(history::CONTRIBUTOR),
        alarm_type: text(history::ALARM_TYPE),
        timestamp: Some(Timestamp(time_ms)),
        history_item_type: text(history::ITEM),
        history_summary: text(history::SUMMARY),
        history_data: text(history::DATA),
        alarm_contributor_attributes: optional(history::ATTRIBUTES).and_then(|text| serde_json::from_str(&text).ok()),
    }
}

/// Where a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    time_ms: i64,
    seq: u64,
}

impl Place {
    fn is_behind(self, other: Place, order: Order) -> bool {
        if order == Order::Ascending { self > other } else { self < other }
    }

    fn token(self) -> String {
        format!("{:x}.{:x}", self.time_ms, self.seq)
    }

    fn parse(token: &str) -> Option<Place> {
        let (time, seq) = token.split_once('.')?;
        // Written as the 64 bits that they are.
        let time_ms = u64::from_str_radix(time, 16).ok()? as i64;
        Some(Place { time_ms, seq: u64::from_str_radix(seq, 16).ok()? })
    }
}
