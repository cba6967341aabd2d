//! OTel enrichment: StartOTelEnrichment, UpdateOTelEnrichment, GetOTelEnrichment, StopOTelEnrichment. While it runs, metrics in
//! AWS's namespaces that are of a resource carry that resource's ARN and tags as labels in PromQL. Sources: "AWS vended metrics in
//! OpenTelemetry format", "Filtering enrichment by namespace and metric", "Querying vended AWS metrics with PromQL".
//!
//! Nothing is stored with the metrics: the labels are what the resource has when a query is computed, and a query in a place
//! without enrichment asks nobody.

use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_core::ports::{Enrichment, MetricIdentity, MetricPlace};
use watchkeep_model::cloudwatch::{
    GetOTelEnrichmentInput, GetOTelEnrichmentOutput, OTelEnrichmentMetricSelector, StartOTelEnrichmentInput,
    StartOTelEnrichmentOutput, StopOTelEnrichmentInput, StopOTelEnrichmentOutput, UpdateOTelEnrichmentInput,
    UpdateOTelEnrichmentOutput,
};
use watchkeep_model::{ServiceError, Timestamp};
use watchkeep_store::{ResourceKey, Versioned};

use crate::Metrics;
use crate::errors::{self, not_found, of_catalog, validation};
use crate::known::Known;
use crate::limits::ENRICHMENT_SELECTORS_MAX;
use crate::resources::{MetricSelector, OTelEnrichment, change, regional};

/// The only enrichment of a place.
const NAME: &str = "default";

type Selectors = Option<Vec<OTelEnrichmentMetricSelector>>;

/// Starts enrichment. Where it runs already nothing changes, and the answer has the filters that are in force.
pub(crate) async fn start_otel_enrichment(
    metrics: &Metrics,
    caller: &Caller,
    input: StartOTelEnrichmentInput,
) -> Result<StartOTelEnrichmentOutput, ServiceError> {
    let (include, exclude) = checked(input.include_filters, input.exclude_filters)?;
    let (enrichments, key, now) =
        (metrics.resources.enrichments.clone(), regional(caller, NAME), metrics.clock.now().0);
    let running = errors::finish(async move {
        change(&enrichments, &key, |current| {
            let new =
                || OTelEnrichment { include: include.clone(), exclude: exclude.clone(), created: now, updated: now };
            Ok(current.cloned().unwrap_or_else(new))
        })
        .await
    })
    .await?;
    Ok(StartOTelEnrichmentOutput {
        include_filters: shown(&running.include),
        exclude_filters: shown(&running.exclude),
        created_at: Some(Timestamp(running.created)),
        updated_at: Some(Timestamp(running.updated)),
    })
}

/// Replaces both filters of an enrichment that runs.
pub(crate) async fn update_otel_enrichment(
    metrics: &Metrics,
    caller: &Caller,
    input: UpdateOTelEnrichmentInput,
) -> Result<UpdateOTelEnrichmentOutput, ServiceError> {
    let (include, exclude) = checked(input.include_filters, input.exclude_filters)?;
    let (enrichments, key, now) =
        (metrics.resources.enrichments.clone(), regional(caller, NAME), metrics.clock.now().0);
    let account = caller.account;
    let running = errors::finish(async move {
        change(&enrichments, &key, |current| {
            let current = current.ok_or_else(|| not_found("otel-enrichment", account.as_str()))?;
            Ok(OTelEnrichment {
                include: include.clone(),
                exclude: exclude.clone(),
                created: current.created,
                updated: now,
            })
        })
        .await
    })
    .await?;
    Ok(UpdateOTelEnrichmentOutput {
        include_filters: shown(&running.include),
        exclude_filters: shown(&running.exclude),
        created_at: Some(Timestamp(running.created)),
        updated_at: Some(Timestamp(running.updated)),
    })
}

/// Says whether enrichment runs, and of what.
pub(crate) async fn get_otel_enrichment(
    metrics: &Metrics,
    caller: &Caller,
    _: GetOTelEnrichmentInput,
) -> Result<GetOTelEnrichmentOutput, ServiceError> {
    let Some(running) = metrics.resources.enrichments.get(&regional(caller, NAME)) else {
        return Ok(GetOTelEnrichmentOutput { status: "Stopped".to_owned(), ..Default::default() });
    };
    Ok(GetOTelEnrichmentOutput {
        status: "Running".to_owned(),
        include_filters: shown(&running.include),
        exclude_filters: shown(&running.exclude),
        created_at: Some(Timestamp(running.created)),
        updated_at: Some(Timestamp(running.updated)),
    })
}

/// Stops enrichment, and forgets its filters. Where none runs nothing is to be done.
pub(crate) async fn stop_otel_enrichment(
    metrics: &Metrics,
    caller: &Caller,
    _: StopOTelEnrichmentInput,
) -> Result<StopOTelEnrichmentOutput, ServiceError> {
    let (enrichments, key) = (metrics.resources.enrichments.clone(), regional(caller, NAME));
    errors::finish(async move { enrichments.delete(&key).await.map_err(of_catalog) }).await?;
    Ok(StopOTelEnrichmentOutput {})
}

impl Metrics {
    /// What gives the metrics of a place their labels, if enrichment runs there.
    pub(crate) fn enriched(&self, place: &MetricPlace) -> Option<Arc<dyn Enrichment>> {
        if self.resources.enrichments.is_empty() {
            return None;
        }
        let key = ResourceKey::new(place.account, &place.region, NAME);
        let running = self.resources.enrichments.get(&key)?;
        Some(Arc::new(Running { place: place.clone(), running, known: self.known.clone() }))
    }
}

/// An enrichment that runs.
struct Running {
    place: MetricPlace,
    running: Arc<Versioned<OTelEnrichment>>,
    known: Arc<Known>,
}

impl Enrichment for Running {
    fn labels(&self, metric: &MetricIdentity) -> Vec<(Arc<str>, Arc<str>)> {
        // Only metrics of AWS's namespaces are vended, whatever a filter names.
        let service = metric.namespace.strip_prefix("AWS/").filter(|_| self.running.covers(metric));
        let Some((service, resource)) = service.zip(self.known.of_metric(&self.place, metric)) else {
            return Vec::new();
        };
        let (account, region) = (self.place.account.as_str(), self.place.region.as_str());
        let service = service.to_ascii_lowercase();
        let mut labels: Vec<(Arc<str>, Arc<str>)> = vec![
            ("@aws.account".into(), account.into()),
            ("@aws.region".into(), region.into()),
            ("@instrumentation.@name".into(), format!("cloudwatch.aws/{service}").into()),
            ("@instrumentation.cloudwatch.solution".into(), "CloudWatchOTelEnrichment".into()),
            ("@instrumentation.cloudwatch.source".into(), format!("aws.{service}").into()),
            ("@resource.cloud.account.id".into(), account.into()),
            ("@resource.cloud.provider".into(), "aws".into()),
            ("@resource.cloud.region".into(), region.into()),
            ("@resource.cloud.resource_id".into(), resource.arn.to_string().into()),
        ];
        let tags = resource.tags.into_iter().map(|(key, value)| (format!("@aws.tag.{key}").into(), value.into()));
        labels.extend(tags);
        labels.sort();
        labels
    }
}

impl OTelEnrichment {
    /// Whether a metric passes the filters: included first, if anything is, then not excluded.
    fn covers(&self, metric: &MetricIdentity) -> bool {
        let is_among = |selectors: &[MetricSelector]| selectors.iter().any(|selector| selector.selects(metric));
        (self.include.is_empty() || is_among(&self.include)) && !is_among(&self.exclude)
    }
}

impl MetricSelector {
    fn selects(&self, metric: &MetricIdentity) -> bool {
        let is_named = || self.metric_names.iter().any(|name| *name == *metric.name);
        self.namespace == *metric.namespace && (self.metric_names.is_empty() || is_named())
    }
}

/// The filters of a request; an empty one is as good as none.
fn checked(include: Selectors, exclude: Selectors) -> Result<(Vec<MetricSelector>, Vec<MetricSelector>), ServiceError> {
    let kept = |selectors: Selectors| -> Vec<MetricSelector> {
        let selectors = selectors.unwrap_or_default().into_iter();
        let kept = selectors.map(|OTelEnrichmentMetricSelector { namespace, metric_names }| MetricSelector {
            namespace,
            metric_names: metric_names.unwrap_or_default(),
        });
        kept.collect()
    };
    let (include, exclude) = (kept(include), kept(exclude));
    match include.len() + exclude.len() {
        0..=ENRICHMENT_SELECTORS_MAX => Ok((include, exclude)),
        count => Err(validation(format!(
            "IncludeFilters and ExcludeFilters can have no more than {ENRICHMENT_SELECTORS_MAX} selectors together, but have {count}."
        ))),
    }
}

fn shown(selectors: &[MetricSelector]) -> Selectors {
    let shown = selectors.iter().map(|MetricSelector { namespace, metric_names }| OTelEnrichmentMetricSelector {
        namespace: namespace.clone(),
        metric_names: (!metric_names.is_empty()).then(|| metric_names.clone()),
    });
    (!selectors.is_empty()).then(|| shown.collect())
}
