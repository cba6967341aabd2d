//! Scheduled queries, as they are shown.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{
    GetScheduledQueryHistoryRequest, GetScheduledQueryHistoryResponse, GetScheduledQueryRequest,
    GetScheduledQueryResponse, ListScheduledQueriesRequest, ListScheduledQueriesResponse, ScheduledQueryDestination,
    ScheduledQuerySummary, TriggerHistoryRecord,
};
use watchkeep_store::Versioned;

use super::super::resources::{Run, ScheduledQueryDocument};
use super::{arn, destination, find, state, validation};
use crate::Logs;
use crate::limits::{DESCRIBE_QUERIES_PAGE_MAX, SCHEDULED_RUNS_KEPT_MAX};
use crate::paging::{self, Paged};

/// Everything in the API is in seconds here.
fn seconds(time_ms: i64) -> i64 {
    time_ms.div_euclid(1000)
}

/// A scheduled query.
pub(crate) async fn get_scheduled_query(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetScheduledQueryRequest,
) -> Result<GetScheduledQueryResponse, ServiceError> {
    let query = find(logs, caller, &input.identifier)?;
    Ok(shown(&query))
}

/// `ScheduleType`
fn schedule_type(query: &ScheduledQueryDocument) -> &'static str {
    if query.managed.is_some() { "AWS_MANAGED" } else { "CUSTOMER_MANAGED" }
}

pub(super) fn shown(query: &Versioned<ScheduledQueryDocument>) -> GetScheduledQueryResponse {
    let last = query.runs.last();
    GetScheduledQueryResponse {
        scheduled_query_arn: Some(arn(query)),
        name: Some(query.key.name.clone()),
        description: query.description.clone(),
        query_language: Some(query.language.clone()),
        query_string: Some(query.query_string.clone()),
        log_group_identifiers: Some(query.groups.clone()).filter(|groups| !groups.is_empty()),
        schedule_expression: Some(query.schedule.clone()),
        timezone: query.timezone.clone(),
        start_time_offset: query.start_offset_s,
        end_time_offset: query.end_offset_s,
        destination_configuration: query.destination.as_ref().map(destination),
        state: Some(state(query)),
        schedule_type: Some(schedule_type(query).to_owned()),
        last_triggered_time: last.map(|run| seconds(run.triggered_ms)),
        last_execution_status: last.map(|run| run.status.clone()),
        schedule_start_time: query.start_s,
        schedule_end_time: query.end_s,
        execution_role_arn: Some(query.role.clone()),
        creation_time: Some(seconds(query.created_ms)),
        last_updated_time: Some(seconds(query.updated_ms)),
    }
}

/// Lists scheduled queries by name.
pub(crate) async fn list_scheduled_queries(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListScheduledQueriesRequest,
) -> Result<ListScheduledQueriesResponse, ServiceError> {
    let now = logs.clock.now();
    let bad_token = |_| validation("The specified nextToken is invalid.");
    let after = paging::place(Paged::ScheduledQueries, now, input.next_token.as_deref()).map_err(bad_token)?;
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_QUERIES_PAGE_MAX);
    let schedules = &logs.queries.schedules;
    let mut found = schedules.list(&caller.account, Some(&caller.region), "", after.as_deref(), usize::MAX);
    found.retain(|query| {
        input.state.as_ref().is_none_or(|wanted| state(query) == *wanted)
            && input.schedule_type.as_ref().is_none_or(|wanted| schedule_type(query) == wanted)
    });
    let more = found.len() > limit;
    found.truncate(limit);
    let next_token =
        found.last().filter(|_| more).map(|query| paging::token(Paged::ScheduledQueries, now, &query.key.name));
    let summary = |query: &Arc<Versioned<ScheduledQueryDocument>>| {
        let shown = shown(query);
        ScheduledQuerySummary {
            scheduled_query_arn: shown.scheduled_query_arn,
            name: shown.name,
            state: shown.state,
            schedule_type: shown.schedule_type,
            last_triggered_time: shown.last_triggered_time,
            last_execution_status: shown.last_execution_status,
            schedule_expression: shown.schedule_expression,
            timezone: shown.timezone,
            destination_configuration: shown.destination_configuration,
            creation_time: shown.creation_time,
            last_updated_time: shown.last_updated_time,
        }
    };
    Ok(ListScheduledQueriesResponse { next_token, scheduled_queries: Some(found.iter().map(summary).collect()) })
}

/// The runs of a scheduled query, newest first.
pub(crate) async fn get_scheduled_query_history(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: GetScheduledQueryHistoryRequest,
) -> Result<GetScheduledQueryHistoryResponse, ServiceError> {
    let now = logs.clock.now();
    let query = find(logs, caller, &input.identifier)?;
    let bad_token = |_| validation("The specified nextToken is invalid.");
    let after = paging::place(Paged::ScheduledRuns, now, input.next_token.as_deref()).map_err(bad_token)?;
    let before_ms = after.and_then(|place| place.parse::<i64>().ok()).unwrap_or(i64::MAX);
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(SCHEDULED_RUNS_KEPT_MAX);
    let wanted = |run: &&Run| {
        run.triggered_ms < before_ms
            && (input.start_time..=input.end_time).contains(&seconds(run.triggered_ms))
            && input.execution_statuses.as_ref().is_none_or(|wanted| wanted.contains(&run.status))
    };
    let mut runs: Vec<&Run> = query.runs.iter().rev().filter(wanted).collect();
    let more = runs.len() > limit;
    runs.truncate(limit);
    let next_token =
        runs.last().filter(|_| more).map(|run| paging::token(Paged::ScheduledRuns, now, &run.triggered_ms.to_string()));
    let record = |run: &&Run| TriggerHistoryRecord {
        query_id: run.query_id.clone(),
        execution_status: Some(run.status.clone()),
        triggered_timestamp: Some(seconds(run.triggered_ms)),
        error_message: run.error.clone(),
        destinations: query.destination.as_ref().zip(run.delivery.as_ref()).map(|(destination, delivery)| {
            vec![ScheduledQueryDestination {
                destination_type: Some("S3".to_owned()),
                destination_identifier: Some(destination.uri.clone()),
                status: Some(delivery.status.clone()),
                processed_identifier: delivery.object.clone(),
                error_message: delivery.error.clone(),
            }]
        }),
    };
    Ok(GetScheduledQueryHistoryResponse {
        name: Some(query.key.name.clone()),
        scheduled_query_arn: Some(arn(&query)),
        trigger_history: Some(runs.iter().map(record).collect()),
        next_token,
    })
}
