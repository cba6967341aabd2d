//! Syslog configurations: PutSyslogConfiguration, ListSyslogConfigurations, DeleteSyslogConfiguration: which log group the messages of
//! an endpoint go to. On AWS, an endpoint is an interface endpoint of a VPC; here it is the server's syslog receiver, which asks by the
//! port [`SyslogRoutes`].
//!
//! An endpoint has one configuration at most, and a group may be that of several. A configuration outlives its group, as on AWS, where
//! messages are dropped with the reason `ResourceNotFound` then: were it to go, they would go elsewhere unnoticed.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use watchkeep_core::Caller;
use watchkeep_core::ports::{SyslogEndpoint, SyslogRoute, SyslogRoutes};
use watchkeep_model::logs::{
    DeleteSyslogConfigurationRequest, ListSyslogConfigurationsRequest, ListSyslogConfigurationsResponse,
    PutSyslogConfigurationRequest, SyslogConfiguration as Described, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{Collection, Resource, ResourceKey, Store, StoreError, Versioned};

use crate::errors::{self, no_group};
use crate::limits::LIST_PAGE_DEFAULT;
use crate::names::{group_arn, identified};
use crate::paging::{self, Paged};
use crate::{Logs, imports};

/// Where the messages of an endpoint go; its key's name is the endpoint's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SyslogConfiguration {
    /// The name of the log group.
    pub log_group: String,
    /// Since when they go there, in milliseconds since the epoch.
    pub created: i64,
}

impl Resource for SyslogConfiguration {
    const KIND: &'static str = "logs_syslog_configuration";
}

/// All syslog configurations, and the endpoint that there is.
#[derive(Debug)]
pub(crate) struct SyslogConfigurations {
    documents: Collection<SyslogConfiguration>,
    endpoint: OnceLock<SyslogEndpoint>,
    /// Held while a configuration is put or deleted.
    changing: tokio::sync::Mutex<()>,
}

impl SyslogConfigurations {
    pub(crate) async fn open(store: &Store) -> Result<SyslogConfigurations, StoreError> {
        Ok(SyslogConfigurations {
            documents: store.catalog().collection().await?,
            endpoint: OnceLock::new(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// The key of the endpoint's configuration, if the caller's account has it in the Region; without an id that of the only endpoint.
    fn endpoint(&self, caller: &Caller, id: Option<&str>) -> Result<ResourceKey, ServiceError> {
        let is_there = |endpoint: &&SyslogEndpoint| {
            endpoint.place.account == caller.account
                && endpoint.place.region == caller.region
                && id.is_none_or(|id| id == endpoint.id)
        };
        self.endpoint.get().filter(is_there).map(key_of).ok_or_else(|| {
            model::resource_not_found_exception(match id {
                Some(id) => format!("The specified VPC endpoint {id} does not exist."),
                None => "There is no VPC endpoint for syslog messages.".to_owned(),
            })
        })
    }

    /// The configurations of the caller's account in the Region that have this group, if one is given, and come after `after`, by the
    /// ids of their endpoints.
    fn of(
        &self,
        caller: &Caller,
        group: Option<&ResourceKey>,
        after: Option<&str>,
    ) -> Vec<Arc<Versioned<SyslogConfiguration>>> {
        let mut found = self.documents.list(&caller.account, Some(&caller.region), "", after, usize::MAX);
        found.retain(|configuration| group.is_none_or(|group| group.name == configuration.log_group));
        found
    }
}

fn key_of(endpoint: &SyslogEndpoint) -> ResourceKey {
    ResourceKey::new(endpoint.place.account, &endpoint.place.region, &endpoint.id)
}

/// Says where the messages of an endpoint go from now on.
pub(crate) async fn put_syslog_configuration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutSyslogConfigurationRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&identified(caller, &input.log_group_identifier)?)?;
    imports::ensure_not_managed(&group).map_err(|error| model::invalid_operation_exception(error.message))?;
    let key = logs.syslog.endpoint(caller, input.vpc_endpoint_id.as_deref())?;
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = logs.syslog.changing.lock().await;
        let _kept = group.changing.lock().await;
        if group.is_deleted() {
            return Err(no_group());
        }
        let log_group = group.key.name.clone();
        let current = logs.syslog.documents.get(&key);
        if current.is_none_or(|current| current.log_group != log_group) {
            let document = SyslogConfiguration { log_group, created: logs.clock.now().0 };
            logs.syslog.documents.put(key, document).await.map_err(errors::store)?;
        }
        Ok(Unit {})
    })
    .await
}

/// Lists configurations by endpoint: all, those of a group, that of an endpoint.
pub(crate) async fn list_syslog_configurations(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: ListSyslogConfigurationsRequest,
) -> Result<ListSyslogConfigurationsResponse, ServiceError> {
    let now = logs.clock.now();
    let after = paging::place(Paged::SyslogConfigurations, now, input.next_token.as_deref())?;
    let limit = input.max_results.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    let limit = limit.unwrap_or(LIST_PAGE_DEFAULT);
    let group = input.log_group_identifier.as_deref().map(|identifier| identified(caller, identifier)).transpose()?;
    let mut found = logs.syslog.of(caller, group.as_ref(), after.as_deref());
    if let Some(group) = &group
        && found.is_empty()
    {
        logs.directory.group(group)?;
    }
    found.retain(|configuration| input.vpc_endpoint_id.as_ref().is_none_or(|id| *id == configuration.key.name));
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next_token = last.map(|last| paging::token(Paged::SyslogConfigurations, now, &last.key.name));
    let described = found.iter().map(|configuration| Described {
        log_group_arn: Some(group_arn(&ResourceKey {
            name: configuration.log_group.clone(),
            ..configuration.key.clone()
        })),
        source_type: Some("VPCE".to_owned()),
        vpc_endpoint_id: Some(configuration.key.name.clone()),
        created_at: Some(configuration.created),
    });
    Ok(ListSyslogConfigurationsResponse { syslog_configurations: Some(described.collect()), next_token })
}

/// Deletes the configuration of a group and an endpoint, or all of a group. The group may be gone.
pub(crate) async fn delete_syslog_configuration(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteSyslogConfigurationRequest,
) -> Result<Unit, ServiceError> {
    let group = identified(caller, &input.log_group_identifier)?;
    let (logs, caller) = (logs.clone(), caller.clone());
    errors::finish(async move {
        let _changing = logs.syslog.changing.lock().await;
        let mut found = logs.syslog.of(&caller, Some(&group), None);
        found.retain(|configuration| input.vpc_endpoint_id.as_ref().is_none_or(|id| *id == configuration.key.name));
        if found.is_empty() {
            return Err(model::resource_not_found_exception("The specified syslog configuration does not exist."));
        }
        for configuration in found {
            logs.syslog.documents.delete(&configuration.key).await.map_err(errors::store)?;
        }
        Ok(Unit {})
    })
    .await
}

impl Logs {
    /// Sets the endpoint that syslog messages are taken at; once, before the first call. Without it no configuration can be put.
    pub fn set_syslog_endpoint(&self, endpoint: SyslogEndpoint) {
        let key = key_of(&endpoint);
        for stale in self.syslog.documents.all().iter().filter(|configuration| configuration.key != key) {
            let (endpoint, log_group) = (&stale.key.name, &stale.log_group);
            tracing::warn!(endpoint, log_group, "a syslog configuration names an endpoint that is not there");
        }
        // A second endpoint would be a mistake of who wires the program.
        let _ = self.syslog.endpoint.set(endpoint);
    }
}

impl SyslogRoutes for Logs {
    fn route(&self, endpoint: &SyslogEndpoint) -> SyslogRoute {
        let key = key_of(endpoint);
        let Some(configuration) = self.syslog.documents.get(&key) else { return SyslogRoute::Unset };
        let log_group = configuration.log_group.clone();
        match self.directory.group(&ResourceKey { name: log_group.clone(), ..key }) {
            Ok(_) => SyslogRoute::To(log_group),
            Err(_) => SyslogRoute::Missing(log_group),
        }
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::ports::MetricPlace;
    use watchkeep_model::logs::DeleteLogGroupRequest;

    use super::*;
    use crate::log_groups::{delete_log_group, find_or_create_managed};
    use crate::tests::{Fixture, NOW};

    const ENDPOINT: &str = "vpce-1";

    fn endpoint(fixture: &Fixture, id: &str) -> SyslogEndpoint {
        let place = MetricPlace { account: fixture.caller.account, region: fixture.caller.region.clone() };
        SyslogEndpoint { place, id: id.into() }
    }

    fn route(fixture: &Fixture) -> SyslogRoute {
        fixture.logs.route(&endpoint(fixture, ENDPOINT))
    }

    async fn put(fixture: &Fixture, group: &str, id: Option<&str>) -> Result<Unit, ServiceError> {
        let input = PutSyslogConfigurationRequest {
            log_group_identifier: group.into(),
            vpc_endpoint_id: id.map(str::to_owned),
        };
        put_syslog_configuration(&fixture.logs, &fixture.caller, input).await
    }

    async fn delete(fixture: &Fixture, group: &str, id: Option<&str>) -> Result<Unit, ServiceError> {
        let input = DeleteSyslogConfigurationRequest {
            log_group_identifier: group.into(),
            vpc_endpoint_id: id.map(str::to_owned),
        };
        delete_syslog_configuration(&fixture.logs, &fixture.caller, input).await
    }

    async fn list(fixture: &Fixture, input: ListSyslogConfigurationsRequest) -> ListSyslogConfigurationsResponse {
        list_syslog_configurations(&fixture.logs, &fixture.caller, input).await.unwrap()
    }

    /// The endpoint, group and time of each.
    fn shown(listed: &ListSyslogConfigurationsResponse) -> Vec<(&str, &str, i64)> {
        let shown = listed.syslog_configurations.iter().flatten().map(|configuration| {
            assert_eq!(configuration.source_type.as_deref(), Some("VPCE"));
            let arn = configuration.log_group_arn.as_deref().unwrap();
            let group = arn.strip_prefix("arn:aws:logs:us-east-1:000000000000:log-group:").unwrap();
            (configuration.vpc_endpoint_id.as_deref().unwrap(), group, configuration.created_at.unwrap())
        });
        shown.collect()
    }

    async fn set_up() -> Fixture {
        let fixture = Fixture::new().await;
        fixture.logs.set_syslog_endpoint(endpoint(&fixture, ENDPOINT));
        for name in ["/a", "/b"] {
            fixture.group(name).await;
        }
        fixture
    }

    #[tokio::test]
    async fn the_last_configuration_of_an_endpoint_says_where_messages_go() {
        let fixture = set_up().await;
        assert_eq!(route(&fixture), SyslogRoute::Unset);
        put(&fixture, "/a", None).await.unwrap();
        assert_eq!(route(&fixture), SyslogRoute::To("/a".into()));
        fixture.clock.advance(std::time::Duration::from_millis(5));
        put(&fixture, "arn:aws:logs:us-east-1:000000000000:log-group:/a:*", Some(ENDPOINT)).await.unwrap();
        let all = ListSyslogConfigurationsRequest::default;
        assert_eq!(shown(&list(&fixture, all()).await), [(ENDPOINT, "/a", NOW)]);
        put(&fixture, "/b", Some(ENDPOINT)).await.unwrap();
        assert_eq!(route(&fixture), SyslogRoute::To("/b".into()));

        let fixture = fixture.reopen(false).await;
        assert_eq!(route(&fixture), SyslogRoute::To("/b".into()));
        assert_eq!(shown(&list(&fixture, all()).await), [(ENDPOINT, "/b", NOW + 5)]);
        delete(&fixture, "/b", None).await.unwrap();
        assert_eq!(route(&fixture), SyslogRoute::Unset);
        assert!(shown(&list(&fixture, all()).await).is_empty());
    }

    #[tokio::test]
    async fn a_configuration_outlives_its_group() {
        let fixture = set_up().await;
        put(&fixture, "/a", None).await.unwrap();
        let input = DeleteLogGroupRequest { log_group_name: "/a".into() };
        delete_log_group(&fixture.logs, &fixture.caller, input).await.unwrap();
        assert_eq!(route(&fixture), SyslogRoute::Missing("/a".into()));
        let of_group = || ListSyslogConfigurationsRequest {
            log_group_identifier: Some("/a".into()),
            ..ListSyslogConfigurationsRequest::default()
        };
        assert_eq!(shown(&list(&fixture, of_group()).await).len(), 1);
        fixture.group("/a").await;
        assert_eq!(route(&fixture), SyslogRoute::To("/a".into()));
        delete(&fixture, "/a", Some(ENDPOINT)).await.unwrap();
        assert!(shown(&list(&fixture, of_group()).await).is_empty());
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        let fixture = Fixture::new().await;
        fixture.group("/a").await;
        let code = |result: Result<Unit, ServiceError>| result.err().unwrap().code;
        // Nobody takes messages.
        assert_eq!(code(put(&fixture, "/a", None).await), "ResourceNotFoundException");
        fixture.logs.set_syslog_endpoint(endpoint(&fixture, ENDPOINT));
        find_or_create_managed(&fixture.logs, &fixture.caller, "aws/cloudtrail/x", None).await.unwrap();
        let cases = [
            ("/a", Some("vpce-2"), "ResourceNotFoundException"),
            ("/none", None, "ResourceNotFoundException"),
            ("arn:aws:s3:::b", None, "InvalidParameterException"),
            ("aws/cloudtrail/x", None, "InvalidOperationException"),
        ];
        for (group, id, expected) in cases {
            assert_eq!(code(put(&fixture, group, id).await), expected, "{group} {id:?}");
        }
        let elsewhere = Caller { region: "eu-west-1".parse().unwrap(), ..fixture.caller.clone() };
        assert!(fixture.logs.syslog.endpoint(&elsewhere, Some(ENDPOINT)).is_err());
        assert_eq!(code(delete(&fixture, "/a", None).await), "ResourceNotFoundException");
        put(&fixture, "/a", None).await.unwrap();
        assert_eq!(code(delete(&fixture, "/a", Some("vpce-2")).await), "ResourceNotFoundException");
        assert_eq!(code(delete(&fixture, "/b", Some(ENDPOINT)).await), "ResourceNotFoundException");
        let input = ListSyslogConfigurationsRequest {
            log_group_identifier: Some("/none".into()),
            ..ListSyslogConfigurationsRequest::default()
        };
        let listed = list_syslog_configurations(&fixture.logs, &fixture.caller, input).await;
        assert_eq!(listed.err().unwrap().code, "ResourceNotFoundException");
    }

    #[tokio::test]
    async fn configurations_are_listed_in_pages() {
        let mut fixture = Fixture::new().await;
        fixture.group("/a").await;
        // The receiver had another id each time that the server was started.
        for id in ["vpce-1", "vpce-2", "vpce-3"] {
            fixture = fixture.reopen(true).await;
            fixture.logs.set_syslog_endpoint(endpoint(&fixture, id));
            put(&fixture, "/a", Some(id)).await.unwrap();
        }
        let page = |token: Option<String>| ListSyslogConfigurationsRequest {
            max_results: Some(2),
            next_token: token,
            ..ListSyslogConfigurationsRequest::default()
        };
        let first = list(&fixture, page(None)).await;
        assert_eq!(shown(&first), [("vpce-1", "/a", NOW), ("vpce-2", "/a", NOW)]);
        let second = list(&fixture, page(first.next_token)).await;
        assert_eq!((shown(&second), second.next_token.clone()), (vec![("vpce-3", "/a", NOW)], None));
        let refused = list_syslog_configurations(&fixture.logs, &fixture.caller, page(Some("x".into()))).await;
        assert_eq!(refused.err().unwrap().code, "InvalidParameterException");
        let of_endpoint = ListSyslogConfigurationsRequest {
            vpc_endpoint_id: Some("vpce-2".into()),
            max_results: Some(0),
            ..ListSyslogConfigurationsRequest::default()
        };
        assert_eq!(shown(&list(&fixture, of_endpoint).await), [("vpce-2", "/a", NOW)]);
        delete(&fixture, "/a", None).await.unwrap();
        assert!(shown(&list(&fixture, page(None)).await).is_empty());
    }
}
