//! What EC2 measures of an instance from outside, measured of this host from inside: the metrics of namespace `AWS/EC2`, once every
//! five minutes (basic monitoring) or every minute (detailed monitoring). Sources: "List the available CloudWatch metrics for your
//! instances", "Basic monitoring and detailed monitoring in CloudWatch".
//!
//! Clients may not put metrics into AWS's namespaces: these go through the port that Watchkeep's own services use, so an agent
//! has them only in the server's process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::{
    Measurement, MetricIdentity, MetricPlace, MetricSink, Precision, Publisher, Reading, Samples,
};

use crate::host::{Figure, HostFiles};

/// How often an instance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitoring {
    /// Every five minutes.
    Basic,
    /// Every minute.
    Detailed,
}

impl Monitoring {
    fn period(self) -> Duration {
        match self {
            Monitoring::Basic => Duration::from_secs(300),
            Monitoring::Detailed => Duration::from_secs(60),
        }
    }
}

/// Where the metrics of this host as an instance go.
#[derive(Clone)]
pub struct InstanceConfig {
    /// How often it is measured.
    pub monitoring: Monitoring,
    /// The value of the dimension `InstanceId`.
    pub instance_id: String,
    /// The account and Region.
    pub place: MetricPlace,
    /// Who takes the metrics.
    pub sink: Arc<dyn MetricSink>,
}

impl fmt::Debug for InstanceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (monitoring, id) = (self.monitoring, &self.instance_id);
        f.debug_struct("InstanceConfig")
            .field("monitoring", &monitoring)
            .field("instance_id", id)
            .finish_non_exhaustive()
    }
}

/// How the readings of a period become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    /// Each reading is a sample.
    Samples,
    /// The readings add up to one sample.
    Total,
}

/// A metric of an instance.
struct InstanceMetric {
    name: &'static str,
    unit: &'static str,
    fold: Fold,
    /// The figure that it is made of.
    figure: &'static str,
    /// What is taken of the figures of all devices.
    devices: Devices,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Devices {
    /// The one of the whole processor.
    Processor,
    /// Whole disks: what lies on them would count twice.
    Disks,
    /// Interfaces that have a device: bridges carry what these do.
    Interfaces,
}

const METRICS: [InstanceMetric; 9] = [
    metric("CPUUtilization", "Percent", Fold::Samples, "cpu_usage_active", Devices::Processor),
    metric("DiskReadBytes", "Bytes", Fold::Total, "diskio_read_bytes", Devices::Disks),
    metric("DiskReadOps", "Count", Fold::Total, "diskio_reads", Devices::Disks),
    metric("DiskWriteBytes", "Bytes", Fold::Total, "diskio_write_bytes", Devices::Disks),
    metric("DiskWriteOps", "Count", Fold::Total, "diskio_writes", Devices::Disks),
    metric("NetworkIn", "Bytes", Fold::Total, "net_bytes_recv", Devices::Interfaces),
    metric("NetworkOut", "Bytes", Fold::Total, "net_bytes_sent", Devices::Interfaces),
    metric("NetworkPacketsIn", "Count", Fold::Total, "net_packets_recv", Devices::Interfaces),
    metric("NetworkPacketsOut", "Count", Fold::Total, "net_packets_sent", Devices::Interfaces),
];

const fn metric(
    name: &'static str,
    unit: &'static str,
    fold: Fold,
    figure: &'static str,
    devices: Devices,
) -> InstanceMetric {
    InstanceMetric { name, unit, fold, figure, devices }
}

/// One reading of each metric that there are figures of.
pub(crate) type InstanceReading = [Option<f64>; METRICS.len()];

/// This host as an instance, in these figures.
pub(crate) fn instance_reading(files: &HostFiles, figures: &[Figure]) -> InstanceReading {
    let mut reading = [None; METRICS.len()];
    for (metric, total) in METRICS.iter().zip(&mut reading) {
        for figure in figures.iter().filter(|figure| figure.name == metric.figure) {
            let device = figure.dimensions.first().map_or("", |(_, device)| device);
            let counts = match metric.devices {
                Devices::Processor => device == "cpu-total",
                Devices::Disks => files.is_whole_disk(device),
                Devices::Interfaces => files.is_physical_interface(device),
            };
            if counts {
                *total = Some(total.unwrap_or(0.0) + figure.value);
            }
        }
    }
    reading
}

/// The readings of the period that is under way.
#[derive(Debug)]
pub(crate) struct Instance {
    config: InstanceConfig,
    period_start: Option<TimestampMs>,
    gathered: [Option<Reading>; METRICS.len()],
}

impl Instance {
    pub(crate) fn new(config: InstanceConfig) -> Instance {
        Instance { config, period_start: None, gathered: [None; METRICS.len()] }
    }

    /// Takes in a reading; hands in the metrics of the period before, if this is the first of another.
    pub(crate) async fn note(&mut self, reading: InstanceReading, now: TimestampMs) {
        let start = now.floor_to(self.config.monitoring.period().as_millis() as i64);
        if self.period_start.is_some_and(|begun| begun != start) {
            self.hand_in().await;
        }
        self.period_start = Some(start);
        for (gathered, value) in self.gathered.iter_mut().zip(reading) {
            let Some(value) = value.filter(|value| value.is_finite()) else { continue };
            let before = gathered.unwrap_or(Reading { count: 0.0, sum: 0.0, minimum: value, maximum: value });
            *gathered = Some(Reading {
                count: before.count + 1.0,
                sum: before.sum + value,
                minimum: before.minimum.min(value),
                maximum: before.maximum.max(value),
            });
        }
    }

    async fn hand_in(&mut self) {
        let Some(time) = self.period_start else { return };
        let mut measurements = Vec::new();
        for (metric, gathered) in METRICS.iter().zip(&mut self.gathered) {
            let Some(reading) = gathered.take() else { continue };
            let samples = match metric.fold {
                Fold::Samples => Samples::Summary(reading),
                Fold::Total => Samples::One(reading.sum),
            };
            let identity = MetricIdentity {
                namespace: "AWS/EC2".into(),
                name: metric.name.into(),
                dimensions: vec![("InstanceId".into(), self.config.instance_id.as_str().into())],
            };
            let (precision, unit) = (Precision::Minute, metric.unit);
            measurements.push(Measurement { metric: identity, time, precision, unit, samples });
        }
        if let Err(error) = self.config.sink.put(&self.config.place, Publisher::Service, measurements).await {
            tracing::warn!(%error, "metrics of this host as an instance are lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use watchkeep_core::BoxFuture;
    use watchkeep_core::ports::{MetricsError, RefusedMeasurement};

    use super::*;

    #[derive(Default)]
    struct Taken(Mutex<Vec<Measurement>>);

    impl MetricSink for Taken {
        fn put<'a>(
            &'a self,
            _: &'a MetricPlace,
            publisher: Publisher,
            measurements: Vec<Measurement>,
        ) -> BoxFuture<'a, Result<Vec<RefusedMeasurement>, MetricsError>> {
            assert_eq!(publisher, Publisher::Service);
            self.0.lock().unwrap().extend(measurements);
            Box::pin(std::future::ready(Ok(Vec::new())))
        }
    }

    fn figure(name: &'static str, device: &str, value: f64) -> Figure {
        Figure { name, unit: "None", value, dimensions: vec![("name", device.to_owned())] }
    }

    #[tokio::test]
    async fn a_period_has_its_readings_once_and_each_device_once() {
        let sys = tempfile::TempDir::new().unwrap();
        for path in ["class/block/sda", "class/block/sda1", "class/net/eth0/device", "class/net/docker0"] {
            std::fs::create_dir_all(sys.path().join(path)).unwrap();
        }
        std::fs::write(sys.path().join("class/block/sda1/partition"), "1").unwrap();
        let files = HostFiles::new("/proc", sys.path(), |_| Err(std::io::Error::other("none")));
        let figures = |busy: f64, bytes: f64| {
            vec![
                figure("cpu_usage_active", "cpu-total", busy),
                figure("diskio_read_bytes", "sda", bytes),
                figure("diskio_read_bytes", "sda1", bytes),
                figure("diskio_read_bytes", "dm-0", bytes),
                figure("net_bytes_recv", "eth0", bytes),
                figure("net_bytes_recv", "docker0", bytes),
            ]
        };
        for (monitoring, minutes) in [(Monitoring::Basic, vec![0, 5]), (Monitoring::Detailed, (0..10).collect())] {
            let taken = Arc::new(Taken::default());
            let config = InstanceConfig {
                monitoring,
                instance_id: "web-1".into(),
                place: MetricPlace { account: watchkeep_core::AccountId::DEFAULT, region: Default::default() },
                sink: taken.clone(),
            };
            let mut instance = Instance::new(config);
            for second in (0..=600).step_by(10) {
                let busy = if second % 20 == 0 { 10.0 } else { 30.0 };
                let reading = instance_reading(&files, &figures(busy, 100.0));
                instance.note(reading, TimestampMs(second * 1000)).await;
            }
            let taken = taken.0.lock().unwrap();
            let of = |name: &str| -> Vec<(i64, Samples)> {
                let named = taken.iter().filter(|measurement| &*measurement.metric.name == name);
                named.map(|measurement| (measurement.time.0 / 60_000, measurement.samples.clone())).collect()
            };
            let readings = monitoring.period().as_secs_f64() / 10.0;
            let busy = Reading { count: readings, sum: readings * 20.0, minimum: 10.0, maximum: 30.0 };
            let expected = |samples: Samples, minutes: &[i64]| -> Vec<_> {
                minutes.iter().map(|minute| (*minute, samples.clone())).collect()
            };
            assert_eq!(of("CPUUtilization"), expected(Samples::Summary(busy), &minutes));
            for name in ["DiskReadBytes", "NetworkIn"] {
                assert_eq!(of(name), expected(Samples::One(readings * 100.0), &minutes), "{name}");
            }
            assert!(of("DiskWriteBytes").is_empty(), "without figures there is no metric");
        }
    }
}
