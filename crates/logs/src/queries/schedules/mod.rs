//! Scheduled queries. Sources: "CreateScheduledQuery" and its siblings.

mod alarms;
mod change;
mod runs;
mod show;
pub(crate) mod tags;
#[cfg(test)]
mod tests;

pub(crate) use alarms::{AlarmQueries, AlarmResults};
pub(crate) use change::{create_scheduled_query, delete_scheduled_query, update_scheduled_query};
pub(crate) use runs::run_schedules;
pub(crate) use show::{get_scheduled_query, get_scheduled_query_history, list_scheduled_queries};

use std::sync::Arc;

use watchkeep_core::{AccountId, Arn, Caller, Client, Principal, Region};
use watchkeep_lang::event_schedule::EventSchedule;
use watchkeep_lang::schedule::Schedule;
use watchkeep_model::ServiceError;
use watchkeep_model::logs::{DestinationConfiguration, S3Configuration, errors as model};
use watchkeep_store::{CatalogError, ResourceKey, StoreError, Versioned};

use super::resources::{S3Destination, ScheduledQueryDocument};
use crate::Logs;

const ARN_PREFIX: &str = "scheduled-query:";

fn validation(message: impl Into<String>) -> ServiceError {
    model::validation_exception(message)
}

fn missing() -> ServiceError {
    model::resource_not_found_exception("The specified scheduled query does not exist.")
}

/// What a client is told when the store fails.
fn failed(error: impl Into<StoreError>) -> ServiceError {
    match error.into() {
        StoreError::Catalog(CatalogError::Conflict { .. }) => {
            model::conflict_exception("The scheduled query is being changed. Please try again.")
        }
        error => {
            tracing::error!(%error, "a call on scheduled queries failed");
            model::internal_server_exception("The service cannot complete the request.")
        }
    }
}

fn arn(query: &Versioned<ScheduledQueryDocument>) -> String {
    let region = query.key.region.as_ref().map_or("", |region| region.as_str());
    Arn::new("logs", region, query.key.account.as_str(), format!("{ARN_PREFIX}{}", query.id)).to_string()
}

/// A scheduled query by its name, or its ARN.
fn find(
    logs: &Logs,
    caller: &Caller,
    identifier: &str,
) -> Result<Arc<Versioned<ScheduledQueryDocument>>, ServiceError> {
    let all = &logs.queries.schedules;
    if !identifier.starts_with("arn:") {
        return all.get(&ResourceKey::new(caller.account, &caller.region, identifier)).ok_or_else(missing);
    }
    let mut of_caller = all.list(&caller.account, Some(&caller.region), "", None, usize::MAX).into_iter();
    of_caller.find(|query| arn(query) == identifier).ok_or_else(missing)
}

/// When a query runs.
enum Times {
    Cron(Box<Schedule>),
    /// At multiples of its interval, whenever it was put, so that all with one interval run together.
    Rate(EventSchedule),
}

impl Times {
    /// Those of a document: they were checked when it was put.
    fn of(query: &ScheduledQueryDocument) -> Option<Times> {
        match query.managed {
            Some(_) => EventSchedule::parse(&query.schedule).ok().map(Times::Rate),
            None => Schedule::parse(&query.schedule, query.timezone.as_deref()).ok().map(Box::new).map(Times::Cron),
        }
    }

    /// The first after another, both in milliseconds since the epoch.
    fn next_after(&self, time_ms: i64) -> Option<i64> {
        match self {
            Times::Cron(schedule) => schedule.next_after(time_ms),
            Times::Rate(rate) => rate.next_after(0, time_ms),
        }
    }
}

/// Who asks when a query runs.
fn runner(account: AccountId, region: Region, query_id: &str) -> Caller {
    Caller {
        account,
        region,
        principal: Principal::Service("logs.amazonaws.com"),
        access_key_id: None,
        source_address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: None,
        request_id: query_id.into(),
        secure_transport: false,
        client: Client::default(),
    }
}

fn destination(of: &S3Destination) -> DestinationConfiguration {
    DestinationConfiguration {
        s3_configuration: Some(S3Configuration {
            destination_identifier: of.uri.clone(),
            role_arn: of.role.clone(),
            owner_account_id: of.owner.clone(),
            kms_key_id: of.kms_key_id.clone(),
        }),
        ..DestinationConfiguration::default()
    }
}

fn state(query: &ScheduledQueryDocument) -> String {
    if query.enabled { "ENABLED" } else { "DISABLED" }.to_owned()
}
