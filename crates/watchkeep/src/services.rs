//! The services, side by side: which tables they keep, what they answer, and which port of one another one plugs into.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use watchkeep_alarms::{Alarms, AlarmsPorts};
use watchkeep_core::ports::{Authorizer, ResourceDirectory, SecretSealing};
use watchkeep_core::{BoxFuture, Clock, Random};
use watchkeep_delivery::{DeliveryStreams, OpenSearchFunctions, Webhooks};
use watchkeep_events::{Events, EventsPorts};
use watchkeep_gateway::{Document, Documents};
use watchkeep_identity::Identity;
use watchkeep_keys::Keys;
use watchkeep_logs::{
    DataProtectionPorts, DeliveryPorts, Incoming, LogClass, Logs, QueryPorts, Stored, SubscriptionPorts, Tap,
};
use watchkeep_messaging::data_streams::{self, Enforcement};
use watchkeep_messaging::{
    DataStreams, Queues, QueuesConfig, TOPIC_ROUTES, TOPIC_TABLES, Topics, TopicsConfig, TopicsPorts,
};
use watchkeep_metrics::{LogEvent, Metrics, MetricsConfig};
use watchkeep_objects::Objects;
use watchkeep_opentelemetry::OpenTelemetry;
use watchkeep_prometheus::Prometheus;
use watchkeep_store::{Append, Store, Table};
use watchkeep_traces::Traces;
use watchkeep_trails::Trails;
use watchkeep_wire::http_api::HttpApi;
use watchkeep_wire::model::cloudwatch;
use watchkeep_wire::service::{Joined, RoutedService};

use crate::alarm_actions::{ActionTargets, AlarmTargets};
use crate::embedded_metrics::{EmbeddedMetrics, FilteredMetrics};
use crate::known_resources::{HostInstance, LogGroups, NoInstance};
use crate::measuring::{CountedLogs, Meters};
use crate::transformations::CountedTransformations;

/// All services over one store.
pub struct Services {
    pub metrics: Arc<Metrics>,
    pub alarms: Arc<Alarms>,
    pub logs: Arc<Logs>,
    pub traces: Arc<Traces>,
    pub trails: Arc<Trails>,
    pub keys: Arc<Keys>,
    pub identity: Arc<Identity>,
    pub queues: Arc<Queues>,
    pub topics: Arc<Topics>,
    pub objects: Arc<Objects>,
    pub data_streams: Arc<DataStreams>,
    pub events: Arc<Events>,
    pub opentelemetry: Arc<OpenTelemetry>,
    pub prometheus: Arc<Prometheus>,
}

/// The tables of all services: what the store is opened with.
pub fn tables() -> Vec<&'static Table> {
    [
        watchkeep_logs::TABLES,
        watchkeep_metrics::TABLES,
        watchkeep_traces::TABLES,
        watchkeep_trails::TABLES,
        watchkeep_messaging::queues::TABLES,
        TOPIC_TABLES,
        data_streams::TABLES,
        watchkeep_events::TABLES,
        watchkeep_alarms::TABLES,
    ]
    .concat()
}

/// Every routed operation, as (service, operation) by their names in the models.
pub fn routes() -> Vec<(&'static str, &'static str)> {
    fn names<S>(
        service: &'static str,
        table: &'static [watchkeep_wire::service::Route<S>],
    ) -> Vec<(&'static str, &'static str)> {
        table.iter().map(|route| (service, route.operation.name)).collect()
    }
    [
        names("cloudwatch", watchkeep_metrics::ROUTES),
        names("cloudwatch", watchkeep_alarms::ROUTES),
        names("logs", watchkeep_logs::ROUTES),
        names("xray", watchkeep_traces::ROUTES),
        names("cloudtrail", watchkeep_trails::ROUTES),
        names("kms", watchkeep_keys::ROUTES),
        names("iam", watchkeep_identity::ROUTES),
        names("sqs", watchkeep_messaging::queues::ROUTES),
        names("sns", TOPIC_ROUTES),
        names("s3", watchkeep_objects::ROUTES),
        names("kinesis", data_streams::ROUTES),
        names("events", watchkeep_events::ROUTES),
        names("observabilityadmin", watchkeep_logs::OBSERVABILITY_ROUTES),
        names("s3tables", watchkeep_logs::S3_TABLES_ROUTES),
    ]
    .concat()
}

/// Log events count in the reports of Contributor Insights rules.
struct InsightRules(Arc<Metrics>);

impl Tap for InsightRules {
    fn tap(&self, incoming: &Incoming<'_>, append: &mut Append) -> Option<Stored> {
        if incoming.class != LogClass::Standard {
            return None;
        }
        let events = incoming.events.iter();
        let events = events.map(|event| LogEvent { time_ms: event.timestamp, message: &event.message });
        let place = (incoming.account, incoming.region);
        let mut contributions = self.0.contributions(place, incoming.log_group, incoming.received, events)?;
        append.push(contributions.take_rows());
        Some(Box::new(move || contributions.stored()))
    }
}

/// The certificate that SNS's messages are signed by.
pub struct Certificates(pub Arc<Topics>);

impl Documents for Certificates {
    fn find<'a>(&'a self, path: &'a str) -> Option<BoxFuture<'a, Option<Document>>> {
        path.starts_with("/SimpleNotificationService-").then(|| -> BoxFuture<'a, Option<Document>> {
            Box::pin(async move {
                let certificate = self.0.certificate(path).await?;
                Some(Document { content_type: "application/x-pem-file", body: certificate.into() })
            })
        })
    }
}

/// Whether the records of management calls become events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiCalls {
    /// They do.
    Told,
    /// They do not.
    NotTold,
}

/// How services are configured, those that are.
pub struct ServiceConfigs {
    pub metrics: MetricsConfig,
    pub topics: TopicsConfig,
    pub queues: QueuesConfig,
    /// Whether shards of data streams are held to what AWS's take.
    pub throughput: Enforcement,
    /// The domains of OpenSearch, by the names of the functions that stand for them.
    pub open_search: Vec<(String, String)>,
    /// What carries out alarms' actions that are neither topics nor functions.
    pub actions: ActionTargets,
    /// Whether records of calls are told of on the default bus.
    pub api_calls: ApiCalls,
    /// Who is asked for leave, where a call needs more than its own.
    pub authorizer: Arc<dyn Authorizer>,
}

impl Services {
    /// Opens all services; each brings back what it keeps in memory.
    pub async fn open(
        store: &Arc<Store>,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
        sealing: &Arc<dyn SecretSealing>,
        configs: ServiceConfigs,
        meters: &Meters,
    ) -> Result<Services> {
        let trails = Trails::open(store.clone(), clock.clone(), random.clone()).await.context("opening trails")?;
        let keys = Keys::open(store, clock.clone(), random.clone(), sealing.clone(), trails.service_events()).await;
        let keys = keys.context("opening keys")?;
        let identity = Identity::open(store, clock.clone(), random.clone()).await.context("opening identity")?;
        // Before anything is read that may be encrypted.
        store.set_data_keys(keys.clone());
        let ServiceConfigs { metrics, topics, queues, throughput, open_search, actions, api_calls, authorizer } =
            configs;
        let objects = Objects::open(store.clone(), clock.clone(), random.clone()).await.context("opening objects")?;
        let functions = metrics.functions.clone();
        let deliveries: Arc<dyn DeliveryStreams> = metrics.deliveries.clone();
        let metrics = Metrics::open(store.clone(), clock.clone(), random.clone(), metrics).await;
        let metrics = metrics.context("opening metrics")?;
        let logs = Logs::open(store.clone(), clock.clone(), random.clone()).await.context("opening logs")?;
        logs.set_buckets(objects.port());
        logs.set_table_buckets(objects.table_buckets());
        logs.set_event_data_stores(trails.event_data_stores());
        logs.set_taps(vec![
            Arc::new(InsightRules(metrics.clone())),
            Arc::new(EmbeddedMetrics(metrics.clone())),
            Arc::new(CountedLogs::new(meters.clone(), metrics.clone())),
            Arc::new(CountedTransformations::new(meters.minutes.clone())),
        ]);
        logs.set_metric_staging(Arc::new(FilteredMetrics(metrics.clone())));
        logs.set_data_protection(DataProtectionPorts {
            sealing: sealing.clone(),
            authorizer,
            buckets: objects.port(),
            deliveries: deliveries.clone(),
            meter: meters.minutes.clone(),
        });
        let meter = meters.minutes.clone();
        let data_streams = DataStreams::open(store.clone(), clock.clone(), meter.clone(), throughput).await;
        let data_streams = data_streams.context("opening data streams")?;
        let subscribed = OpenSearchFunctions::new(open_search, functions.clone());
        logs.set_subscription_ports(SubscriptionPorts {
            streams: data_streams.sink(),
            deliveries: deliveries.clone(),
            functions: Arc::new(subscribed.context("delivery.open_search")?),
            meter,
        });
        let webhooks = Webhooks::new(topics.reach.clone());
        let queues = Queues::open(store.clone(), clock.clone(), random.clone(), meters.minutes.clone(), queues).await;
        let queues = queues.context("opening queues")?;
        let ports = TopicsPorts {
            queues: queues.sink(),
            sealing: sealing.clone(),
            logs: Some(logs.sink()),
            meter: meters.minutes.clone(),
        };
        let topics = Topics::open(store.clone(), clock.clone(), random.clone(), topics, ports).await;
        let topics = topics.context("opening topics")?;
        let ports = EventsPorts {
            queues: queues.sink(),
            topics: topics.sink(),
            data_streams: data_streams.sink(),
            deliveries: deliveries.clone(),
            functions: functions.clone(),
            logs: logs.sink(),
            vended_logs: logs.vended_logs(),
            log_groups: Arc::new(LogGroups(Arc::downgrade(&logs))),
            webhooks,
            sealing: sealing.clone(),
            meter: meters.minutes.clone(),
        };
        let events = Events::open(store.clone(), clock.clone(), random.clone(), ports).await;
        let events = events.context("opening events")?;
        logs.set_delivery_ports(DeliveryPorts {
            buckets: objects.port(),
            streams: deliveries,
            sources: vec![events.vended_log_sources()],
        });
        if api_calls == ApiCalls::Told {
            trails.set_event_bus(events.bus());
        }
        let prometheus = Prometheus::new(metrics.clone(), metrics.clone(), clock.clone());
        let ports = AlarmsPorts {
            metrics: metrics.clone(),
            promql: Some(prometheus.clone()),
            log_queries: Some(logs.alarm_queries()),
            topics: Some(topics.sink()),
            functions,
            actions: Arc::new(AlarmTargets::new(actions, queues.sink(), clock.clone())),
            events: events.bus(),
        };
        let alarms = Alarms::open(store.clone(), clock.clone(), random.clone(), ports).await;
        let alarms = alarms.context("opening alarms")?;
        logs.set_query_ports(QueryPorts { buckets: objects.port(), events: events.bus(), alarms: alarms.clone() });
        metrics.set_tagged_elsewhere(alarms.clone());
        metrics.set_alarm_pictures(alarms.clone());
        let meter = meters.minutes.clone();
        let traces = Traces::open(store.clone(), clock.clone(), random.clone(), meter).await;
        Ok(Services {
            alarms,
            queues,
            topics,
            opentelemetry: Arc::new(OpenTelemetry::new(metrics.clone(), logs.sink(), clock.clone())),
            objects,
            prometheus,
            data_streams,
            events,
            metrics,
            logs,
            traces: traces.context("opening traces")?,
            trails,
            keys,
            identity,
        })
    }

    /// Tells the services of the resources that they ask one another for; once, before the first call.
    pub fn know(&self, instance: Option<HostInstance>) {
        let instance: Arc<dyn ResourceDirectory> = match instance {
            Some(instance) => Arc::new(instance),
            None => Arc::new(NoInstance),
        };
        self.metrics.set_directories(vec![Arc::new(LogGroups(Arc::downgrade(&self.logs))), instance]);
    }

    /// Those who know how many resources there are.
    pub fn directories(&self) -> Vec<Arc<dyn ResourceDirectory>> {
        vec![self.metrics.clone(), self.logs.clone()]
    }

    /// The services as the gateway sees them.
    pub fn routed(&self) -> Vec<Arc<dyn RoutedService>> {
        // CloudWatch is answered by two services.
        let cloudwatch = Joined::new(&cloudwatch::SERVICE, vec![self.metrics.routed(), self.alarms.routed()]);
        vec![
            Arc::new(cloudwatch),
            self.logs.routed(),
            self.traces.routed(),
            self.trails.routed(),
            self.keys.routed(),
            self.identity.routed(),
            self.queues.routed(),
            self.topics.routed(),
            self.objects.routed(),
            self.data_streams.routed(),
            self.events.routed(),
            self.logs.routed_observability(),
            self.logs.routed_s3_tables(),
        ]
    }

    /// The HTTP APIs that are not AWS's own.
    pub fn http_apis(&self) -> Vec<Arc<dyn HttpApi>> {
        vec![self.opentelemetry.clone(), self.prometheus.api(), self.logs.http_endpoints(), self.logs.iceberg_catalog()]
    }

    /// Forgets what is in memory, after the store was emptied.
    pub async fn reset(&self) {
        self.metrics.reset().await;
        self.alarms.reset().await;
        self.logs.reset().await;
        self.traces.reset().await;
        self.trails.reset().await;
        self.queues.reset().await;
        self.topics.reset().await;
        self.objects.reset().await;
        self.data_streams.reset().await;
        self.events.reset().await;
        self.opentelemetry.reset();
        self.prometheus.reset();
    }
}
