//! Opening OpsItems. Sources: "CreateOpsItem" of Systems Manager's API; "Create OpsItems from CloudWatch alarms".

use serde_json::json;
use watchkeep_core::ports::AlarmAction;

use super::{Aws, AwsCall, AwsError};

const HEADERS: &[(&str, &str)] =
    &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "AmazonSSM.CreateOpsItem")];

/// The characters of a title, and of a description. AWS: 1,024 and 2,048.
const TITLE_CHARS_MAX: usize = 1024;
const DESCRIPTION_CHARS_MAX: usize = 2048;

/// Opens an item of the severity and category that the action names.
pub(super) async fn create_ops_item(aws: &Aws, action: &AlarmAction) -> Result<String, AwsError> {
    let (severity, category) = severity(&action.arn.resource);
    let cut = |text: &str, max: usize| text.chars().take(max).collect::<String>();
    let description = match &action.description {
        Some(description) => format!("{description}\n{}", action.reason),
        None => action.reason.clone(),
    };
    let resources = json!([{"arn": action.alarm_arn}]).to_string();
    // One alarm has one open item.
    let once = json!({"dedupString": format!("CloudWatch alarm - {}", action.alarm_name)}).to_string();
    let mut item = json!({
        "Title": cut(&format!("CloudWatch alarm - {} is in ALARM state", action.alarm_name), TITLE_CHARS_MAX),
        "Description": cut(&description, DESCRIPTION_CHARS_MAX),
        "Source": "CloudWatch Alarms",
        "Severity": severity,
        "OperationalData": {
            "/aws/resources": {"Type": "SearchableString", "Value": resources},
            "/aws/dedup": {"Type": "SearchableString", "Value": once},
        },
    });
    if let (Some(category), Some(members)) = (category, item.as_object_mut()) {
        members.insert("Category".to_owned(), category.into());
    }
    let region = action.place.region.as_str();
    let call = AwsCall { service: "ssm", region, path: "/", headers: HEADERS, body: item.to_string() };
    match aws.call(call).await {
        Ok(_) => Ok(format!("CreateOpsItem {}", action.alarm_name)),
        // It is open already.
        Err(AwsError::Never(error)) if error.starts_with("OpsItemAlreadyExistsException") => Ok(error),
        Err(error) => Err(error),
    }
}

/// Severity and category of `opsitem:3#CATEGORY=Security`.
fn severity(resource: &str) -> (&str, Option<&str>) {
    let rest = resource.strip_prefix("opsitem:").unwrap_or(resource);
    match rest.split_once("#CATEGORY=") {
        Some((severity, category)) => (severity, Some(category)),
        None => (rest, None),
    }
}
