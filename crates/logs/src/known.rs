//! Log groups, as the other services ask for them: by ARN, by the metrics that are vended of them, and how many there are.

use std::collections::BTreeMap;

use watchkeep_core::ports::{
    DescribedResource, Lookup, MetricIdentity, MetricPlace, ResourceDirectory, ResourceKind, ResourceSort,
    ResourceUsage,
};
use watchkeep_core::{AccountId, Arn, Region};
use watchkeep_store::ResourceKey;

use crate::Logs;
use crate::limits::GROUPS_MAX;
use crate::names::{arn_of_group, group_named};

/// What counts log groups in `AWS/Usage`.
static SORTS: &[ResourceSort] =
    &[ResourceSort { service: "Logs", resource: "LogGroups", quota: Some(GROUPS_MAX as u64) }];

impl ResourceDirectory for Logs {
    fn look_up(&self, arn: &Arn) -> Lookup {
        let Some(name) = group_named(arn) else { return Lookup::Unknown };
        let place = arn.account.parse::<AccountId>().ok().zip(arn.region.parse::<Region>().ok());
        let key = place.map(|(account, region)| ResourceKey::new(account, &region, name));
        match key.filter(|key| self.directory.group(key).is_ok()) {
            Some(key) => Lookup::Found(ResourceKind::LogGroup, arn_of_group(&key)),
            None => Lookup::Missing(ResourceKind::LogGroup),
        }
    }

    fn of_metric(&self, place: &MetricPlace, metric: &MetricIdentity) -> Option<DescribedResource> {
        if metric.namespace.as_ref() != "AWS/Logs" {
            return None;
        }
        let (_, name) = metric.dimensions.iter().find(|(name, _)| name.as_ref() == "LogGroupName")?;
        let group = self.directory.group(&ResourceKey::new(place.account, &place.region, name.as_ref())).ok()?;
        Some(DescribedResource { arn: arn_of_group(&group.key), tags: group.document().tags.clone() })
    }

    fn sorts(&self) -> &'static [ResourceSort] {
        SORTS
    }

    fn usage(&self) -> Vec<ResourceUsage> {
        let mut counts: BTreeMap<(AccountId, Region), u64> = BTreeMap::new();
        self.directory.for_each_group(|key| {
            if let Some(region) = &key.region {
                *counts.entry((key.account, region.clone())).or_default() += 1;
            }
        });
        let usage = |((account, region), count)| {
            let place = MetricPlace { account, region };
            SORTS.iter().map(move |sort| ResourceUsage { place: place.clone(), sort: *sort, count })
        };
        counts.into_iter().flat_map(usage).collect()
    }
}
