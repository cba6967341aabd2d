//! Which metrics a search or a query asks for, among those with data of the last two weeks.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchkeep_core::ports::{self, MetricPlace};
use watchkeep_core::{Caller, TimestampMs};
use watchkeep_lang::metric_identity::MetricIdentity;
use watchkeep_lang::metric_search::{self, Search};
use watchkeep_lang::metrics_insights as insights;

use crate::Metrics;
use crate::index::Walk;
use crate::limits::LISTED_MS;
use crate::series::{Series, key_prefix};

/// The metrics found, and whether there are more than there may be.
pub(super) struct Found {
    pub(super) series: Vec<Arc<Series>>,
    pub(super) is_cut: bool,
}

impl Metrics {
    /// Those that a search finds, each with what tells it from the others, in the order of that.
    pub(super) fn search(&self, search: &Search, caller: &Caller, now: TimestampMs) -> (Found, Vec<String>) {
        let found = self.find(
            search.namespace(),
            search.metric_name(),
            caller,
            now,
            metric_search::limits::SERIES_MAX,
            |metric| search.matches(metric),
        );
        let dimensions: Vec<Vec<(&str, &str)>> =
            found.series.iter().map(|series| series.identity().dimensions().collect()).collect();
        let identities: Vec<MetricIdentity<'_>> =
            found.series.iter().zip(&dimensions).map(|(series, dimensions)| identity(series, dimensions)).collect();
        let mut labelled: Vec<(String, Arc<Series>)> =
            metric_search::labels(&identities).into_iter().zip(found.series.iter().cloned()).collect();
        labelled.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (labels, series) = labelled.into_iter().unzip();
        (Found { series, is_cut: found.is_cut }, labels)
    }

    /// Those that a query processes.
    pub(super) fn queried(&self, query: &insights::Query, caller: &Caller, now: TimestampMs) -> Found {
        let (namespace, name) = (Some(query.source.namespace.as_str()), Some(query.metric_name.as_str()));
        self.find(namespace, name, caller, now, insights::limits::METRICS_MAX, |metric| {
            let tags = self.tags(query, metric, caller);
            query.matches(metric, &pairs(&tags))
        })
    }

    /// The tags of a metric's resource; none, if nothing that the query answers depends on them.
    pub(super) fn tags(
        &self,
        query: &insights::Query,
        metric: &MetricIdentity<'_>,
        caller: &Caller,
    ) -> BTreeMap<String, String> {
        if !query.uses_tags() || !metric.namespace.starts_with("AWS/") {
            return BTreeMap::new();
        }
        let place = MetricPlace { account: caller.account, region: caller.region.clone() };
        let metric = ports::MetricIdentity {
            namespace: metric.namespace.into(),
            name: metric.name.into(),
            dimensions: metric.dimensions.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        self.known.of_metric(&place, &metric).map(|resource| resource.tags).unwrap_or_default()
    }

    fn find(
        &self,
        namespace: Option<&str>,
        name: Option<&str>,
        caller: &Caller,
        now: TimestampMs,
        series_max: usize,
        matches: impl Fn(&MetricIdentity<'_>) -> bool,
    ) -> Found {
        let since_ms = now.0.saturating_sub(LISTED_MS);
        let prefix = key_prefix(caller.account, &caller.region, namespace, name);
        let mut series = Vec::new();
        self.index.walk(&prefix, None, |candidate| {
            if candidate.newest_ms() >= since_ms {
                let dimensions: Vec<(&str, &str)> = candidate.identity().dimensions().collect();
                if matches(&identity(candidate, &dimensions)) {
                    series.push(candidate.clone());
                }
            }
            // One more than there may be tells that there are more.
            if series.len() > series_max { Walk::Stop } else { Walk::On }
        });
        let is_cut = series.len() > series_max;
        series.truncate(series_max);
        Found { series, is_cut }
    }
}

/// Tags as the languages see them.
pub(super) fn pairs(tags: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// A series as the languages see it.
pub(super) fn identity<'a>(series: &'a Series, dimensions: &'a [(&'a str, &'a str)]) -> MetricIdentity<'a> {
    let identity = series.identity();
    MetricIdentity {
        namespace: identity.namespace,
        name: identity.name,
        dimensions,
        account: identity.account,
        // Without linked accounts, all metrics are the caller's own.
        is_local: true,
    }
}
