//! What the other services know of the resources that there are, as far as metrics ask for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use watchkeep_core::ports::{
    DescribedResource, Lookup, MetricIdentity, MetricPlace, ResourceDirectory, ResourceSort, ResourceUsage,
};
use watchkeep_core::{AccountId, Arn, Region};
use watchkeep_store::{Collection, Resource};

use crate::Metrics;
use crate::limits::{DETECTORS_MAX, INSIGHT_RULES_MAX, QUERY_DEFINITIONS_MAX};

/// The directories of the other services.
#[derive(Default)]
pub(crate) struct Known(OnceLock<Vec<Arc<dyn ResourceDirectory>>>);

impl Known {
    /// Sets all directories, once.
    pub(crate) fn set(&self, directories: Vec<Arc<dyn ResourceDirectory>>) {
        if self.0.set(directories).is_err() {
            tracing::error!("directories of resources were set twice; the first ones stay");
        }
    }

    /// What an ARN names.
    pub(crate) fn look_up(&self, arn: &Arn) -> Lookup {
        let found = self.all().map(|directory| directory.look_up(arn));
        found.into_iter().find(|found| *found != Lookup::Unknown).unwrap_or(Lookup::Unknown)
    }

    /// The resource that a metric is of.
    pub(crate) fn of_metric(&self, place: &MetricPlace, metric: &MetricIdentity) -> Option<DescribedResource> {
        self.all().find_map(|directory| directory.of_metric(place, metric))
    }

    /// How many resources there may be of what a service's metric `ResourceCount` counts.
    pub(crate) fn quota(&self, service: &str, resource: &str) -> Option<u64> {
        let others = self.all().flat_map(|directory| directory.sorts());
        let mut sorts = SORTS.iter().chain(others);
        sorts.find(|sort| sort.service == service && sort.resource == resource)?.quota
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn ResourceDirectory>> {
        self.0.get().into_iter().flatten()
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Known").field(&self.all().count()).finish()
    }
}

const fn sort(resource: &'static str, quota: usize) -> ResourceSort {
    ResourceSort { service: "CloudWatch", resource, quota: Some(quota as u64) }
}

const DETECTORS: ResourceSort = sort("AnomalyDetectors", DETECTORS_MAX);
const RULES: ResourceSort = sort("InsightRules", INSIGHT_RULES_MAX);
const QUERY_DEFINITIONS: ResourceSort = sort("MetricDataQueryDefinitions", QUERY_DEFINITIONS_MAX);

/// What is counted of the metrics' own resources: those that belong to a Region and have a quota.
static SORTS: &[ResourceSort] = &[DETECTORS, RULES, QUERY_DEFINITIONS];

impl ResourceDirectory for Metrics {
    fn look_up(&self, _: &Arn) -> Lookup {
        Lookup::Unknown
    }

    fn of_metric(&self, _: &MetricPlace, _: &MetricIdentity) -> Option<DescribedResource> {
        None
    }

    fn sorts(&self) -> &'static [ResourceSort] {
        SORTS
    }

    fn usage(&self) -> Vec<ResourceUsage> {
        let mut usage = count(DETECTORS, &self.anomaly.detectors);
        usage.extend(count(RULES, &self.resources.insight_rules));
        usage.extend(count(QUERY_DEFINITIONS, &self.resources.query_definitions));
        usage
    }
}

fn count<R: Resource>(sort: ResourceSort, collection: &Collection<R>) -> Vec<ResourceUsage> {
    let mut counts: BTreeMap<(AccountId, Region), u64> = BTreeMap::new();
    for resource in collection.all() {
        if let Some(region) = &resource.key.region {
            *counts.entry((resource.key.account, region.clone())).or_default() += 1;
        }
    }
    let usage = |((account, region), count)| ResourceUsage { place: MetricPlace { account, region }, sort, count };
    counts.into_iter().map(usage).collect()
}

impl Metrics {
    /// Sets who knows the resources of the other services; once, before the first call.
    pub fn set_directories(&self, directories: Vec<Arc<dyn ResourceDirectory>>) {
        self.known.set(directories);
    }
}
