//! Dashboards: PutDashboard, GetDashboard, ListDashboards, DeleteDashboards. They belong to the account: every Region sees the
//! same ones. What is in a body is said in `body`. Sources: "PutDashboard", "Dashboard body structure and syntax".

mod body;

use watchkeep_core::{Arn, Caller};
use watchkeep_model::cloudwatch::{
    DashboardEntry, DashboardInvalidInputError, DashboardValidationMessage, DeleteDashboardsInput,
    DeleteDashboardsOutput, GetDashboardInput, GetDashboardOutput, ListDashboardsInput, ListDashboardsOutput,
    PutDashboardInput, PutDashboardOutput, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::ResourceKey;

use crate::Metrics;
use crate::errors::{self, invalid_value, missing, of_catalog};
use crate::limits::{
    DASHBOARD_BODY_BYTES_MAX, DASHBOARD_LIST_PAGE, DASHBOARD_NAME_CHARS_MAX, DASHBOARDS_AT_ONCE_MAX, DASHBOARDS_MAX,
};
use crate::paging::{Listed, place, token};
use crate::resources::{Dashboard, change};
use crate::tags;

use body::{Finding, Findings, NotAnObject};

/// Creates a dashboard, or replaces it. Its tags are those that it was created with, unless they were changed by themselves.
pub(crate) async fn put_dashboard(
    metrics: &Metrics,
    caller: &Caller,
    input: PutDashboardInput,
) -> Result<PutDashboardOutput, ServiceError> {
    check_name(&input.dashboard_name)?;
    let tags = tags::checked(input.tags)?;
    let warnings = check_body(&input.dashboard_body)?;
    let key = ResourceKey::global(caller.account, input.dashboard_name);
    let (body, modified) = (input.dashboard_body, metrics.clock.now().0);
    let (dashboards, creating) = (metrics.resources.dashboards.clone(), metrics.resources.creating.clone());
    errors::finish(async move {
        let _creating = creating.lock().await;
        if dashboards.get(&key).is_none()
            && dashboards.list(&key.account, None, "", None, DASHBOARDS_MAX).len() >= DASHBOARDS_MAX
        {
            let text = format!("An account can have no more than {DASHBOARDS_MAX} dashboards.");
            return Err(model::limit_exceeded_fault(text));
        }
        change(&dashboards, &key, |current| {
            let tags = current.map_or(&tags, |current| &current.tags).clone();
            Ok(Dashboard { body: body.clone(), modified, tags })
        })
        .await
        .map(|_| ())
    })
    .await?;
    Ok(PutDashboardOutput { dashboard_validation_messages: Some(warnings.into_iter().map(message).collect()) })
}

/// Gets a dashboard: its body is byte for byte what was put.
pub(crate) async fn get_dashboard(
    metrics: &Metrics,
    caller: &Caller,
    input: GetDashboardInput,
) -> Result<GetDashboardOutput, ServiceError> {
    check_name(&input.dashboard_name)?;
    let key = ResourceKey::global(caller.account, input.dashboard_name);
    let dashboard = metrics.resources.dashboards.get(&key);
    let dashboard =
        dashboard.ok_or_else(|| model::dashboard_not_found_error(format!("Dashboard {} does not exist", key.name)))?;
    Ok(GetDashboardOutput {
        dashboard_arn: Some(arn(&key)),
        dashboard_body: Some(dashboard.body.clone()),
        dashboard_name: Some(key.name),
    })
}

/// Lists dashboards by name.
pub(crate) async fn list_dashboards(
    metrics: &Metrics,
    caller: &Caller,
    input: ListDashboardsInput,
) -> Result<ListDashboardsOutput, ServiceError> {
    let prefix = input.dashboard_name_prefix.unwrap_or_default();
    if !prefix.is_empty() {
        check_characters("DashboardNamePrefix", &prefix)?;
    }
    let bad_token = || invalid_value("The parameter NextToken is invalid.");
    let after = input.next_token.map(|token| place(Listed::Dashboards, &token).ok_or_else(bad_token)).transpose()?;
    let page = DASHBOARD_LIST_PAGE;
    let mut found = metrics.resources.dashboards.list(&caller.account, None, &prefix, after.as_deref(), page + 1);
    let has_more = found.len() > page;
    found.truncate(page);
    let next_token = found.last().filter(|_| has_more).map(|last| token(Listed::Dashboards, &last.key.name));
    let entries = found.iter().map(|dashboard| DashboardEntry {
        dashboard_name: Some(dashboard.key.name.clone()),
        dashboard_arn: Some(arn(&dashboard.key)),
        last_modified: Some(Timestamp(dashboard.modified)),
        size: i64::try_from(dashboard.body.len()).ok(),
    });
    Ok(ListDashboardsOutput { dashboard_entries: Some(entries.collect()), next_token })
}

/// Deletes dashboards; those that do not exist are no error, but a name that none can have is, and then none is deleted.
pub(crate) async fn delete_dashboards(
    metrics: &Metrics,
    caller: &Caller,
    input: DeleteDashboardsInput,
) -> Result<DeleteDashboardsOutput, ServiceError> {
    let names = input.dashboard_names;
    if names.is_empty() {
        return Err(missing("The parameter DashboardNames is required."));
    }
    if names.len() > DASHBOARDS_AT_ONCE_MAX {
        return Err(errors::collection_too_large("DashboardNames", DASHBOARDS_AT_ONCE_MAX));
    }
    names.iter().try_for_each(|name| check_name(name))?;
    let (dashboards, account) = (metrics.resources.dashboards.clone(), caller.account);
    errors::finish(async move {
        for name in names {
            dashboards.delete(&ResourceKey::global(account, name)).await.map_err(of_catalog)?;
        }
        Ok(DeleteDashboardsOutput {})
    })
    .await
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    if !(1..=DASHBOARD_NAME_CHARS_MAX).contains(&name.len()) {
        return Err(invalid_value(format!(
            "The value for field DashboardName must have between 1 and {DASHBOARD_NAME_CHARS_MAX} characters.\n"
        )));
    }
    check_characters("DashboardName", name)
}

fn check_characters(field: &str, name: &str) -> Result<(), ServiceError> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(());
    }
    Err(invalid_value(format!(
        "The value for field {field} contains invalid characters. It can only contain alphanumerics, dash (-) and underscore (_).\n"
    )))
}

/// The warnings of a body that is kept.
fn check_body(text: &str) -> Result<Vec<Finding>, ServiceError> {
    if text.len() > DASHBOARD_BODY_BYTES_MAX {
        let complaint = format!("The field DashboardBody must not be larger than {DASHBOARD_BODY_BYTES_MAX} bytes");
        return Err(invalid_body(complaint.clone(), vec![Finding { path: String::new(), message: complaint }]));
    }
    match body::findings(text) {
        Err(NotAnObject) => {
            let complaint = "The field DashboardBody must be a valid JSON object".to_owned();
            Err(invalid_body(complaint.clone(), vec![Finding { path: String::new(), message: complaint }]))
        }
        Ok(Findings { error_count: 0, warnings, .. }) => Ok(warnings),
        Ok(Findings { error_count, errors, .. }) => {
            let shown = |Finding { path, message }: &Finding| serde_json::json!({"dataPath": path, "message": message});
            let list = serde_json::Value::Array(errors.iter().map(shown).collect());
            let text = format!("The dashboard body is invalid, there are {error_count} validation errors:\n{list:#}");
            Err(invalid_body(text, errors))
        }
    }
}

fn invalid_body(text: String, findings: Vec<Finding>) -> ServiceError {
    let messages = findings.into_iter().map(message).collect();
    let details = DashboardInvalidInputError { message: None, dashboard_validation_messages: Some(messages) };
    model::dashboard_invalid_input_error(text).with_details(details)
}

fn message(Finding { path, message }: Finding) -> DashboardValidationMessage {
    DashboardValidationMessage { data_path: Some(path), message: Some(message) }
}

fn arn(key: &ResourceKey) -> String {
    Arn::new("cloudwatch", "", key.account.as_str(), format!("dashboard/{}", key.name)).to_string()
}
