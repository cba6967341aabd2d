//! The host's figures on their way to PutMetricData: read at once, again after a second (rates need two readings), and then
//! every interval. While the service does not answer they wait, with the time at which they were read; when too many wait the
//! oldest go.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use watchkeep_core::{Clock, TimestampMs};
use watchkeep_model::Timestamp;
use watchkeep_model::cloudwatch::{Dimension, MetricDatum, PutMetricDataInput};

use crate::api::{Api, ApiError};
use crate::host::{Figure, HostFiles, PLUGINS, Plugin};
use crate::limits::{DATUMS_PER_CALL_MAX, DATUMS_QUEUED_MAX, SECOND_READING_AFTER};
use crate::{AgentConfig, stopped};

/// The CloudWatch agent's namespace.
const NAMESPACE: &str = "CWAgent";

/// Reads figures and sends them.
pub(crate) struct Metrics {
    api: Arc<dyn Api>,
    clock: Arc<dyn Clock>,
    interval: Duration,
    host: String,
    readers: Arc<Mutex<Readers>>,
    queue: VecDeque<MetricDatum>,
    /// Whether the last call failed, so that an outage is told once.
    is_failing: bool,
}

/// The plugins, with what they remember.
struct Readers {
    files: HostFiles,
    plugins: Vec<(&'static str, Box<dyn Plugin>)>,
    /// The plugins whose failure was told.
    failing: HashSet<&'static str>,
}

impl Metrics {
    pub(crate) fn new(config: &AgentConfig, files: HostFiles, api: Arc<dyn Api>, clock: Arc<dyn Clock>) -> Metrics {
        let plugins = PLUGINS.iter().map(|plugin| (plugin.name, (plugin.new)())).collect();
        Metrics {
            api,
            clock,
            interval: config.interval.max(SECOND_READING_AFTER),
            host: config.host.clone(),
            readers: Arc::new(Mutex::new(Readers { files, plugins, failing: HashSet::new() })),
            queue: VecDeque::new(),
            is_failing: false,
        }
    }

    pub(crate) async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let mut next = self.clock.monotonic();
        let mut is_first = true;
        loop {
            self.read().await;
            self.send(&shutdown).await;
            let now = self.clock.monotonic();
            next += if is_first { SECOND_READING_AFTER } else { self.interval };
            is_first = false;
            // Readings that were missed (the host slept, the service took its time) are not made up for.
            next = next.max(now);
            tokio::select! {
                () = stopped(&mut shutdown) => break,
                () = self.clock.sleep(next - now) => {}
            }
        }
        self.send_some().await;
    }

    /// Takes a reading into the queue.
    async fn read(&mut self) {
        let readers = self.readers.clone();
        // Files in /proc answer at once, but file systems may take their time.
        let read = tokio::task::spawn_blocking(move || readers.lock().unwrap_or_else(PoisonError::into_inner).read());
        let Ok(figures) = read.await else { return };
        let now = self.clock.now();
        let resolution = if self.interval < Duration::from_secs(60) { 1 } else { 60 };
        self.queue.extend(figures.into_iter().filter_map(|figure| datum(figure, &self.host, now, resolution)));
        let surplus = self.queue.len().saturating_sub(DATUMS_QUEUED_MAX);
        if surplus > 0 {
            tracing::warn!(
                datums = surplus,
                "the oldest figures of this host are given up: the service did not take them for long"
            );
            self.queue.drain(..surplus);
        }
    }

    /// Sends the queue, a call at a time, until it is empty, a call fails, or the agent is to stop.
    async fn send(&mut self, shutdown: &watch::Receiver<bool>) {
        while !self.queue.is_empty() && !*shutdown.borrow() {
            if !self.send_some().await {
                return;
            }
        }
    }

    /// Sends as much of the queue as fits into one call. Says whether to go on.
    async fn send_some(&mut self) -> bool {
        let count = self.queue.len().min(DATUMS_PER_CALL_MAX);
        if count == 0 {
            return true;
        }
        let data: Vec<MetricDatum> = self.queue.iter().take(count).cloned().collect();
        let input =
            PutMetricDataInput { namespace: NAMESPACE.to_owned(), metric_data: Some(data), ..Default::default() };
        match self.api.put_metric_data(input).await {
            Ok(()) => self.is_failing = false,
            Err(error @ ApiError::Unavailable { .. }) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(%error, "figures of this host cannot be sent now; it is tried again");
                }
                return false;
            }
            // The same call would be refused again.
            Err(error) => tracing::warn!(%error, datums = count, "figures of this host were refused and are given up"),
        }
        self.queue.drain(..count);
        true
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("host", &self.host).field("queued", &self.queue.len()).finish_non_exhaustive()
    }
}

impl Readers {
    /// What all plugins read; one that fails does not keep the others from it.
    fn read(&mut self) -> Vec<Figure> {
        let mut figures = Vec::new();
        for (name, plugin) in &mut self.plugins {
            match plugin.read(&self.files, &mut figures) {
                Ok(()) => {
                    self.failing.remove(name);
                }
                Err(error) => {
                    if self.failing.insert(name) {
                        tracing::warn!(plugin = name, %error, "figures of this host are missing");
                    }
                }
            }
        }
        figures
    }
}

fn datum(figure: Figure, host: &str, now: TimestampMs, resolution: i32) -> Option<MetricDatum> {
    // CloudWatch takes no others.
    if !figure.value.is_finite() {
        return None;
    }
    let dimensions =
        std::iter::once(("host", host.to_owned())).chain(figure.dimensions).filter(|(_, value)| !value.is_empty());
    Some(MetricDatum {
        metric_name: figure.name.to_owned(),
        dimensions: Some(dimensions.map(|(name, value)| Dimension { name: name.to_owned(), value }).collect()),
        timestamp: Some(Timestamp(now.0)),
        value: Some(figure.value),
        unit: Some(figure.unit.to_owned()),
        storage_resolution: Some(resolution),
        ..Default::default()
    })
}
