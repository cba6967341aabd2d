//! Metric filters: PutMetricFilter, DescribeMetricFilters, DeleteMetricFilter, TestMetricFilter. A filter makes metrics of the
//! events that are put into its group from then on.
//!
//! What a filter makes of events is stored in the very append that makes them durable (`emission`), so each event counts exactly
//! once (LF-1). What it says of minutes in which nothing matched is in `defaults`. Source: "Creating metrics from log events using filters".

mod book;
mod defaults;
mod emission;
mod extraction_policy;
mod filter;
mod transformation;
mod try_out;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchkeep_core::Caller;
use watchkeep_model::logs::{
    DeleteMetricFilterRequest, DescribeMetricFiltersRequest, DescribeMetricFiltersResponse, MetricFilter as Described,
    MetricTransformation, PutMetricFilterRequest, errors as model,
};
use watchkeep_model::{ServiceError, Unit};
use watchkeep_store::{Resource, ResourceKey, Versioned};

use crate::Logs;
use crate::errors::{self, invalid, no_group};
use crate::limits::{DESCRIBE_PAGE_MAX, METRIC_FILTERS_MAX};
use crate::names::group_key;
use crate::paging::{self, Paged};
use crate::resources::Class;

pub(crate) use book::MetricFilters;
pub(crate) use defaults::keep_settling;
pub use emission::MetricStaging;
pub(crate) use extraction_policy::check_extraction_policy;
use filter::Filter;
pub(crate) use try_out::test_metric_filter;

pub(crate) use defaults::METRIC_FILTER_MINUTES;

/// What the catalog has of a filter; its key's name is [`filter_key`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricFilter {
    /// Its number in [`METRIC_FILTER_MINUTES`].
    pub id: u64,
    /// The number of its group.
    pub group_id: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created: i64,
    /// Its pattern.
    pub pattern: String,
    /// The metric's name.
    pub metric_name: String,
    /// The metric's namespace.
    pub metric_namespace: String,
    /// A number, or where the number is in an event.
    pub metric_value: String,
    /// The value of minutes in which events came in and none matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<f64>,
    /// Names of dimensions, and where their values are in an event.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// The metric's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether it looks at what the group's transformer makes of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_on_transformed_logs: Option<bool>,
    /// Which events it takes, by where they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_selection_criteria: Option<String>,
    /// The system fields that are dimensions, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emit_system_field_dimensions: Option<Vec<String>>,
    /// Whether it made too many different dimensions, and is at rest until it is put again.
    #[serde(default)]
    pub disabled: bool,
}

impl Resource for MetricFilter {
    const KIND: &'static str = "metric_filter";
}

/// What the names of the keys of all filters of a group begin with.
pub(crate) fn filter_prefix(group_id: u64) -> String {
    format!("{group_id:016x}/")
}

fn filter_key(group: &ResourceKey, group_id: u64, name: &str) -> ResourceKey {
    ResourceKey { name: filter_prefix(group_id) + name, ..group.clone() }
}

/// Creates or replaces a filter.
pub(crate) async fn put_metric_filter(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: PutMetricFilterRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let class = group.document().class;
    if class != Class::Standard {
        let class = class.as_str();
        let text = format!("Metric filters are not supported for log groups of class {class}.");
        return Err(model::invalid_operation_exception(text));
    }
    let name = input.filter_name.clone();
    let document = transformation::document(input, group.id, logs.clock.now().0)?;
    // Compiling is the check: what is in the catalog can be compiled.
    let has_regexes = filter::compile(&document)?.has_regexes;
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = group.changing.lock().await;
        if group.is_deleted() {
            return Err(no_group());
        }
        let key = filter_key(&group.key, group.id, &name);
        let book = &logs.metric_filters;
        let current = book.collection.get(&key);
        if current.is_none() && book.count(group.id) >= METRIC_FILTERS_MAX {
            return Err(model::limit_exceeded_exception("Resource limit exceeded."));
        }
        if has_regexes {
            let others = book.with_regexes(group.id, Some(&key)) + logs.subscriptions_with_regexes(&group, None);
            errors::check_regexes(others)?;
        }
        let (id, created) = match &current {
            Some(current) => (current.id, current.created),
            None => (logs.store.catalog().next_id("metric_filter").await.map_err(errors::store)?, document.created),
        };
        let put = book.collection.put(key, MetricFilter { id, created, ..document }).await.map_err(errors::store)?;
        book.insert(&put, &group.key);
        Ok(Unit {})
    })
    .await
}

/// Deletes a filter.
pub(crate) async fn delete_metric_filter(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DeleteMetricFilterRequest,
) -> Result<Unit, ServiceError> {
    let group = logs.directory.group(&group_key(caller, &input.log_group_name))?;
    let logs = logs.clone();
    errors::finish(async move {
        let _changing = group.changing.lock().await;
        let key = filter_key(&group.key, group.id, &input.filter_name);
        if !logs.metric_filters.collection.delete(&key).await.map_err(errors::store)? {
            return Err(model::resource_not_found_exception("The specified metric filter does not exist."));
        }
        logs.metric_filters.remove(group.id, &key);
        Ok(Unit {})
    })
    .await
}

/// Lists filters by name.
pub(crate) async fn describe_metric_filters(
    logs: &Arc<Logs>,
    caller: &Caller,
    input: DescribeMetricFiltersRequest,
) -> Result<DescribeMetricFiltersResponse, ServiceError> {
    if input.metric_name.is_some() != input.metric_namespace.is_some() {
        return Err(invalid("metricName and metricNamespace must be specified together."));
    }
    let now = logs.clock.now();
    let after = paging::place(Paged::MetricFilters, now, input.next_token.as_deref())?;
    let (mut filters, prefix) = match &input.log_group_name {
        Some(name) => {
            let group = logs.directory.group(&group_key(caller, name))?;
            (logs.metric_filters.of_group(group.id).to_vec(), input.filter_name_prefix.as_deref())
        }
        // Without a group, the prefix counts for nothing ("DescribeMetricFilters").
        None => (logs.metric_filters.of_place(caller.account, &caller.region), None),
    };
    let is_metric = |filter: &Filter| {
        let named = |own: &str, wanted: Option<&String>| wanted.is_none_or(|wanted| wanted == own);
        named(&filter.document.metric_name, input.metric_name.as_ref())
            && named(&filter.document.metric_namespace, input.metric_namespace.as_ref())
    };
    filters.retain(|filter| prefix.is_none_or(|prefix| filter.name().starts_with(prefix)) && is_metric(filter));
    filters.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(DESCRIBE_PAGE_MAX);
    let start = after.map_or(0, |after| filters.partition_point(|filter| place_text(filter) <= after));
    let page: Vec<_> = filters.iter().skip(start).take(limit).collect();
    let has_more = filters.len() > start + page.len();
    let last = page.last().filter(|_| has_more);
    Ok(DescribeMetricFiltersResponse {
        next_token: last.map(|last| paging::token(Paged::MetricFilters, now, &place_text(last))),
        metric_filters: Some(page.into_iter().map(|filter| describe(filter)).collect()),
    })
}

/// A filter's place among all, as a token has it: names have no colon.
fn place_text(filter: &Filter) -> String {
    let (name, group) = filter.place();
    format!("{name}:{group}")
}

fn describe(filter: &Filter) -> Described {
    let document: &Versioned<MetricFilter> = &filter.document;
    Described {
        filter_name: Some(filter.name().to_owned()),
        filter_pattern: Some(document.pattern.clone()),
        metric_transformations: Some(vec![MetricTransformation {
            metric_name: document.metric_name.clone(),
            metric_namespace: document.metric_namespace.clone(),
            metric_value: document.metric_value.clone(),
            default_value: document.default_value,
            dimensions: (!document.dimensions.is_empty()).then(|| document.dimensions.clone()),
            unit: document.unit.clone(),
        }]),
        creation_time: Some(document.created),
        log_group_name: Some(filter.group.name.clone()),
        apply_on_transformed_logs: Some(document.apply_on_transformed_logs.unwrap_or_default()),
        field_selection_criteria: document.field_selection_criteria.clone(),
        emit_system_field_dimensions: document.emit_system_field_dimensions.clone(),
    }
}
