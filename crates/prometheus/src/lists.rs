//! Lists of what is there: series, names and values of labels. All of the metrics with data in the last two weeks are there, whatever
//! `start` and `end` say. Sources: "HTTP API: querying metadata"; "GetSeries", "GetLabels" of the CloudWatch User Guide.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;
use watchkeep_core::Caller;
use watchkeep_core::ports::{Enrichment, MetricIdentity, MetricPlace};
use watchkeep_model::ServiceError;
use watchkeep_wire::http_api::HttpAnswer;

use crate::Prometheus;
use crate::answer::{self, json_of};
use crate::errors::{bad_data, execution};
use crate::form::Form;
use crate::limits::{LIST_MAX, SERIES_MAX};
use crate::promql::{Labels, Selector};
use crate::query::place;
use crate::series::{STATISTIC, Selection, Statistic, is_written, labels};

/// `series`: those that any selector selects.
pub(crate) fn series(prometheus: &Prometheus, caller: &Caller, form: &Form) -> Result<HttpAnswer, ServiceError> {
    let selectors = form.selectors()?;
    if selectors.is_empty() {
        return Err(bad_data("no match[] parameter provided"));
    }
    check_times(form)?;
    let place = place(caller);
    let enrichment = prometheus.source.enrichment(&place);
    let mut found: BTreeSet<Labels> = BTreeSet::new();
    for selector in &selectors {
        let selection = Selection::new(selector, &place, enrichment.clone());
        let metrics = find(prometheus, &place, |metric| selection.accepts(metric))?;
        found.extend(metrics.iter().flat_map(|metric| selection.series(metric)).map(|(labels, _)| labels));
    }
    let limit = form.limit(LIST_MAX)?;
    let listed: Vec<Json> = found.iter().take(limit).map(answer::labels).collect();
    Ok(json_of(&listed.into(), found.len() > limit))
}

/// `labels`: the names of the labels of those series, or of all.
pub(crate) fn label_names(prometheus: &Prometheus, caller: &Caller, form: &Form) -> Result<HttpAnswer, ServiceError> {
    let mut names: BTreeSet<Arc<str>> = BTreeSet::new();
    visit(prometheus, caller, form, |metric, enrichment| {
        names.extend(labels(metric, enrichment).iter().map(|(name, _)| name.clone()));
        // CloudWatch's metrics are shown by a statistic, which can be chosen.
        if !is_written(metric) {
            names.insert(STATISTIC.into());
        }
    })?;
    listed(names, form)
}

/// `label/<name>/values`: the values of a label of those series, or of all.
pub(crate) fn label_values(
    prometheus: &Prometheus,
    caller: &Caller,
    form: &Form,
    name: &str,
) -> Result<HttpAnswer, ServiceError> {
    if name.is_empty() {
        return Err(bad_data("invalid label name: \"\""));
    }
    let mut values: BTreeSet<Arc<str>> = BTreeSet::new();
    visit(prometheus, caller, form, |metric, enrichment| {
        values.extend(labels(metric, enrichment).value(name).cloned());
        if name == STATISTIC && !is_written(metric) {
            values.extend(Statistic::ALL.iter().map(|(name, _)| Arc::from(*name)));
        }
    })?;
    listed(values, form)
}

/// Visits the metrics that any of the request's selectors selects; all, if it has none.
fn visit(
    prometheus: &Prometheus,
    caller: &Caller,
    form: &Form,
    mut visit: impl FnMut(&MetricIdentity, Option<&dyn Enrichment>),
) -> Result<(), ServiceError> {
    check_times(form)?;
    let place = place(caller);
    let enrichment = prometheus.source.enrichment(&place);
    let selection = |selector: &Selector| Selection::new(selector, &place, enrichment.clone());
    let selections: Vec<Selection> = form.selectors()?.iter().map(selection).collect();
    let is_wanted =
        |metric: &MetricIdentity| selections.is_empty() || selections.iter().any(|selection| selection.accepts(metric));
    // Nothing is collected but what the visit keeps.
    prometheus.source.find(
        &place,
        None,
        &mut |metric| {
            if is_wanted(metric) {
                visit(metric, enrichment.as_deref());
            }
            false
        },
        1,
    );
    Ok(())
}

fn find(
    prometheus: &Prometheus,
    place: &MetricPlace,
    mut is_wanted: impl FnMut(&MetricIdentity) -> bool,
) -> Result<Vec<MetricIdentity>, ServiceError> {
    let metrics = prometheus.source.find(place, None, &mut is_wanted, SERIES_MAX + 1);
    if metrics.len() > SERIES_MAX {
        return Err(execution(format!("more than {SERIES_MAX} series are selected")));
    }
    Ok(metrics)
}

/// `start` and `end` have to be times, though nothing depends on them.
fn check_times(form: &Form) -> Result<(), ServiceError> {
    form.time("start")?;
    form.time("end")?;
    Ok(())
}

fn listed(texts: BTreeSet<Arc<str>>, form: &Form) -> Result<HttpAnswer, ServiceError> {
    let limit = form.limit(LIST_MAX)?;
    let listed: Vec<Json> = texts.iter().take(limit).map(|text| Json::from(text.as_ref())).collect();
    Ok(json_of(&listed.into(), texts.len() > limit))
}
