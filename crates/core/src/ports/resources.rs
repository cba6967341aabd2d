//! The resources that there are here, as services ask one another for them: by ARN, by the metrics that are vended of them, and how
//! many there are.

use std::collections::BTreeMap;

use crate::Arn;
use crate::ports::{MetricIdentity, MetricPlace};

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A log group of CloudWatch Logs.
    LogGroup,
    /// An instance of EC2: the host.
    Instance,
}

/// What a directory knows of an ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It names a resource that exists; this is its ARN, written in the one way in which metrics and tags have it.
    Found(ResourceKind, Arn),
    /// It names a resource of a kind that the directory has, but there is none.
    Missing(ResourceKind),
    /// It names something else.
    Unknown,
}

/// A resource that metrics are vended of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedResource {
    /// Its ARN.
    pub arn: Arn,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// How many resources of a sort there are in a place: what `ResourceCount` of the namespace `AWS/Usage` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceUsage {
    /// The account and Region.
    pub place: MetricPlace,
    /// The sort.
    pub sort: ResourceSort,
    /// How many there are.
    pub count: u64,
}

/// A sort of resources that are counted, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceSort {
    /// The value of the dimension `Service`, as `CloudWatch`.
    pub service: &'static str,
    /// The value of the dimension `Resource`, as `InsightRules`.
    pub resource: &'static str,
    /// How many an account can have in a Region; no quota, if absent.
    pub quota: Option<u64>,
}

/// Knows resources of some kinds. All of it is asked often, and answered from memory.
pub trait ResourceDirectory: Send + Sync {
    /// What an ARN names.
    fn look_up(&self, arn: &Arn) -> Lookup;

    /// The resource that a metric of AWS's namespaces is of, by its dimensions.
    fn of_metric(&self, place: &MetricPlace, metric: &MetricIdentity) -> Option<DescribedResource>;

    /// The sorts of resources that are counted.
    fn sorts(&self) -> &'static [ResourceSort] {
        &[]
    }

    /// How many resources of these sorts there are, in every place that has any.
    fn usage(&self) -> Vec<ResourceUsage> {
        Vec::new()
    }
}
