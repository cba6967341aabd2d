//! Starting incidents. Source: "StartIncident" of Incident Manager's API.

use serde_json::json;
use watchkeep_core::ports::AlarmAction;

use super::{Aws, AwsCall, AwsError};

const HEADERS: &[(&str, &str)] = &[("content-type", "application/json")];

/// The characters of a title. AWS: 200.
const TITLE_CHARS_MAX: usize = 200;

/// Starts an incident by the response plan that the action names.
pub(super) async fn start_incident(aws: &Aws, action: &AlarmAction) -> Result<String, AwsError> {
    let title: String = format!("{} is in ALARM state", action.alarm_name).chars().take(TITLE_CHARS_MAX).collect();
    let body = json!({
        "clientToken": action.key,
        "responsePlanArn": action.arn.to_string(),
        "title": title,
        "triggerDetails": {
            // Names that begin with `aws.` are for AWS alone.
            "source": "watchkeep",
            "timestamp": action.time.0 as f64 / 1000.0,
            "triggerArn": action.alarm_arn,
            "rawData": action.payload,
        },
    });
    // The ARN of a plan has no Region: it is the alarm's.
    let region = action.place.region.as_str();
    let call =
        AwsCall { service: "ssm-incidents", region, path: "/startIncident", headers: HEADERS, body: body.to_string() };
    aws.call(call).await?;
    Ok(format!("StartIncident {}", action.arn))
}
