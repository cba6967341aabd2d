//! The payload with which an alarm invokes a Lambda function.

use serde_json::{Map, Value, json};

use super::text::timestamp;
use super::{Notice, configuration};

pub(super) fn payload(notice: &Notice<'_>) -> Value {
    let Notice { alarm, contributor, new, old, .. } = notice;
    let mut data = Map::new();
    data.insert("alarmName".to_owned(), json!(alarm.name));
    if let Some(contributor) = contributor {
        data.insert("alarmContributor".to_owned(), json!({"id": contributor.id, "attributes": contributor.attributes}));
    }
    data.insert("state".to_owned(), configuration::state(new));
    // A contributor has no earlier state that is told.
    if contributor.is_none() {
        data.insert("previousState".to_owned(), configuration::state(old));
    }
    data.insert("configuration".to_owned(), configuration::brief(alarm));
    data.extend(configuration::tags(notice));
    json!({
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn,
        "accountId": alarm.account,
        "time": timestamp(new.since_ms),
        "region": alarm.region,
        "alarmData": data,
    })
}
