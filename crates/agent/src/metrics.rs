//! The host's figures on their way to PutMetricData: read at once, again after a second (rates need two readings), and then
//! every interval.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use watchkeep_core::{Clock, TimestampMs};
use watchkeep_model::Timestamp;
use watchkeep_model::cloudwatch::{Dimension, MetricDatum};

use crate::api::Api;
use crate::ec2::{Instance, InstanceConfig, InstanceReading, instance_reading};
use crate::host::{Figure, HostFiles, PLUGINS, Plugin};
use crate::limits::SECOND_READING_AFTER;
use crate::outbox::Outbox;
use crate::{AgentConfig, stopped};

/// Reads figures and sends them.
pub(crate) struct Metrics {
    clock: Arc<dyn Clock>,
    interval: Duration,
    host: String,
    readers: Arc<Mutex<Readers>>,
    outbox: Outbox,
    /// This host as an instance of EC2, if it is measured as one.
    instance: Option<Instance>,
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
            clock,
            interval: config.interval.max(SECOND_READING_AFTER),
            host: config.host.clone(),
            readers: Arc::new(Mutex::new(Readers { files, plugins, failing: HashSet::new() })),
            outbox: Outbox::new(api, "host"),
            instance: None,
        }
    }

    /// Measures this host as an instance of EC2 besides.
    pub(crate) fn measure_instance(&mut self, config: InstanceConfig) {
        self.instance = Some(Instance::new(config));
    }

    pub(crate) async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let mut next = self.clock.monotonic();
        let mut is_first = true;
        loop {
            self.read().await;
            self.outbox.send(&shutdown).await;
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
        self.outbox.send_some().await;
    }

    /// Takes a reading into the outbox.
    async fn read(&mut self) {
        let readers = self.readers.clone();
        // Files in /proc answer at once, but file systems may take their time.
        let read = tokio::task::spawn_blocking(move || readers.lock().unwrap_or_else(PoisonError::into_inner).read());
        let Ok((figures, reading)) = read.await else { return };
        let now = self.clock.now();
        if let Some(instance) = &mut self.instance {
            instance.note(reading, now).await;
        }
        let resolution = if self.interval < Duration::from_secs(60) { 1 } else { 60 };
        self.outbox.push(figures.into_iter().filter_map(|figure| datum(figure, &self.host, now, resolution)));
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("host", &self.host).field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

impl Readers {
    /// What all plugins read, and what that makes of an instance; a plugin that fails does not keep the others from it.
    fn read(&mut self) -> (Vec<Figure>, InstanceReading) {
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
        let reading = instance_reading(&self.files, &figures);
        (figures, reading)
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
