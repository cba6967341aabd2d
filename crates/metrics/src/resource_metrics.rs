//! Resource metrics configurations: CreateResourceMetricsConfiguration, GetResourceMetricsConfiguration,
//! UpdateResourceMetricsConfiguration, DeleteResourceMetricsConfiguration. One turns detailed monitoring of a resource on: of all
//! metrics, or of those that it names. Who measures resources asks [`DetailedMonitoring`]. Sources: the operations' pages, "CloudWatch
//! detailed monitoring for OpenTelemetry metrics".
//!
//! What can be monitored in detail here: the instance that the host is, every minute rather than every five; and log groups, at the
//! resolution of ten seconds rather than of minutes. Anything else is, as the documentation says, an unsupported type of resource.

use std::collections::BTreeSet;

use watchkeep_core::ports::{Detail, DetailedMonitoring, Lookup, MetricPlace, ResourceKind};
use watchkeep_core::{Arn, Caller};
use watchkeep_model::cloudwatch::{
    CreateResourceMetricsConfigurationInput, CreateResourceMetricsConfigurationOutput,
    DeleteResourceMetricsConfigurationInput, DeleteResourceMetricsConfigurationOutput,
    GetResourceMetricsConfigurationInput, GetResourceMetricsConfigurationOutput, ResourceMetricSelection,
    ResourceMetricsConfiguration as Described, UpdateResourceMetricsConfigurationInput,
    UpdateResourceMetricsConfigurationOutput, errors as model,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Metrics;
use crate::errors::{self, not_found, of_catalog, validation};
use crate::resources::{ResourceMetricsConfiguration, change};

/// What errors call a configuration.
const KIND: &str = "resource-metrics-configuration";

/// Turns detailed monitoring of a resource on.
pub(crate) async fn create_resource_metrics_configuration(
    metrics: &Metrics,
    caller: &Caller,
    input: CreateResourceMetricsConfigurationInput,
) -> Result<CreateResourceMetricsConfigurationOutput, ServiceError> {
    let arn = existing(metrics, caller, &input.resource_arn)?;
    let (include, now) = (selected(input.metric_selections), metrics.clock.now().0);
    let (configurations, key) = (metrics.resources.metrics_configurations.clone(), key(caller, &arn));
    let created = errors::finish(async move {
        change(&configurations, &key, |current| match current {
            Some(_) => Err(model::conflict_exception(format!("The resource {arn} has a configuration already."))),
            None => Ok(ResourceMetricsConfiguration { include: include.clone(), created: now, updated: now }),
        })
        .await
    })
    .await?;
    Ok(CreateResourceMetricsConfigurationOutput { resource_metrics_configuration: described(&created) })
}

/// Says how a resource is monitored in detail.
pub(crate) async fn get_resource_metrics_configuration(
    metrics: &Metrics,
    caller: &Caller,
    input: GetResourceMetricsConfigurationInput,
) -> Result<GetResourceMetricsConfigurationOutput, ServiceError> {
    let arn = parsed(&input.resource_arn)?;
    let found = metrics.resources.metrics_configurations.get(&key(caller, &arn));
    let found = found.ok_or_else(|| not_found(KIND, &input.resource_arn))?;
    Ok(GetResourceMetricsConfigurationOutput { resource_metrics_configuration: described(&found) })
}

/// Replaces which metrics of a resource are measured in detail.
pub(crate) async fn update_resource_metrics_configuration(
    metrics: &Metrics,
    caller: &Caller,
    input: UpdateResourceMetricsConfigurationInput,
) -> Result<UpdateResourceMetricsConfigurationOutput, ServiceError> {
    let arn = parsed(&input.resource_arn)?;
    let (include, now) = (selected(input.metric_selections), metrics.clock.now().0);
    let (configurations, key) = (metrics.resources.metrics_configurations.clone(), key(caller, &arn));
    let updated = errors::finish(async move {
        change(&configurations, &key, |current| {
            let current = current.ok_or_else(|| not_found(KIND, &arn.to_string()))?;
            Ok(ResourceMetricsConfiguration { include: include.clone(), created: current.created, updated: now })
        })
        .await
    })
    .await?;
    Ok(UpdateResourceMetricsConfigurationOutput { resource_metrics_configuration: described(&updated) })
}

/// Turns detailed monitoring of a resource off. What was measured stays.
pub(crate) async fn delete_resource_metrics_configuration(
    metrics: &Metrics,
    caller: &Caller,
    input: DeleteResourceMetricsConfigurationInput,
) -> Result<DeleteResourceMetricsConfigurationOutput, ServiceError> {
    let key = key(caller, &parsed(&input.resource_arn)?);
    let configurations = metrics.resources.metrics_configurations.clone();
    errors::finish(async move {
        match configurations.delete(&key).await.map_err(of_catalog)? {
            true => Ok(DeleteResourceMetricsConfigurationOutput {}),
            false => Err(not_found(KIND, &input.resource_arn)),
        }
    })
    .await
}

impl DetailedMonitoring for Metrics {
    fn detail(&self, place: &MetricPlace, resource: &Arn) -> Detail {
        if self.resources.metrics_configurations.is_empty() {
            return Detail::Basic;
        }
        let key = ResourceKey::new(place.account, &place.region, resource.to_string());
        match self.resources.metrics_configurations.get(&key).map(|found| found.include.clone()) {
            None => Detail::Basic,
            Some(None) => Detail::All,
            Some(Some(names)) => Detail::Of(names),
        }
    }
}

/// The ARN of a resource of the caller's that exists and can be monitored in detail.
fn existing(metrics: &Metrics, caller: &Caller, text: &str) -> Result<Arn, ServiceError> {
    let arn = parsed(text)?;
    match metrics.known.look_up(&arn) {
        Lookup::Found(ResourceKind::Instance | ResourceKind::LogGroup, found) if is_own(caller, &found) => Ok(found),
        Lookup::Found(..) | Lookup::Missing(_) => Err(not_found("resource", text)),
        Lookup::Unknown => Err(validation(format!("Unsupported resource type: {text}"))),
    }
}

fn is_own(caller: &Caller, arn: &Arn) -> bool {
    arn.account == caller.account.as_str() && arn.region == caller.region.as_str()
}

/// The ARN that a text is; that of a log group without the `:*` that stands for its streams.
fn parsed(text: &str) -> Result<Arn, ServiceError> {
    let arn = text.strip_suffix(":*").unwrap_or(text).parse();
    arn.map_err(|_| validation(format!("The value {text} for parameter ResourceArn is not an ARN.")))
}

fn key(caller: &Caller, arn: &Arn) -> ResourceKey {
    ResourceKey::new(caller.account, &caller.region, arn.to_string())
}

fn selected(selections: Option<Vec<ResourceMetricSelection>>) -> Option<BTreeSet<String>> {
    let selections = selections.filter(|selections| !selections.is_empty())?;
    Some(selections.into_iter().flat_map(|selection| selection.include_metrics).collect())
}

fn described(configuration: &Versioned<ResourceMetricsConfiguration>) -> Described {
    let selection =
        |names: &BTreeSet<String>| ResourceMetricSelection { include_metrics: names.iter().cloned().collect() };
    Described {
        resource_arn: configuration.key.name.clone(),
        created_at: Timestamp(configuration.created),
        updated_at: Timestamp(configuration.updated),
        metric_selections: configuration.include.as_ref().map(|names| vec![selection(names)]),
    }
}
