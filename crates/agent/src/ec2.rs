//! What EC2 measures of an instance from outside, measured of this host from inside: the metrics of namespace `AWS/EC2`, once every
//! five minutes (basic monitoring) or every minute (detailed monitoring). Sources: "List the available CloudWatch metrics for your
//! instances", "Basic monitoring and detailed monitoring in CloudWatch". A resource metrics configuration of the instance turns detailed
//! monitoring on, too, of all metrics or of some.
//!
//! Clients may not put metrics into AWS's namespaces: these go through the port that Watchkeep's own services use, so an agent
//! has them only in the server's process.

use std::fmt;
use std::sync::Arc;

use watchkeep_core::ports::{
    Detail, DetailedMonitoring, Measurement, MetricIdentity, MetricPlace, MetricSink, Precision, Publisher, Reading,
    Samples,
};
use watchkeep_core::{Arn, TimestampMs};

use crate::host::{Figure, HostFiles};

const MINUTE_MS: i64 = 60_000;

/// How often an instance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Monitoring {
    /// Every five minutes.
    Basic,
    /// Every minute.
    Detailed,
}

impl Monitoring {
    fn period_ms(self) -> i64 {
        match self {
            Monitoring::Basic => 5 * MINUTE_MS,
            Monitoring::Detailed => MINUTE_MS,
        }
    }
}

/// Where the metrics of this host as an instance go.
#[derive(Clone)]
pub struct InstanceConfig {
    /// How often all of it is measured, whatever `detail` says.
    pub monitoring: Monitoring,
    /// Says which metrics are measured in detail besides.
    pub detail: Arc<dyn DetailedMonitoring>,
    /// The instance's ARN.
    pub arn: Arn,
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

/// The readings of the periods that are under way.
#[derive(Debug)]
pub(crate) struct Instance {
    config: InstanceConfig,
    /// The minute of the newest reading.
    minute: Option<TimestampMs>,
    /// How often each metric is measured.
    monitoring: [Monitoring; METRICS.len()],
    gathered: [Option<Gathered>; METRICS.len()],
}

/// The readings of one metric in its period.
#[derive(Debug, Clone, Copy)]
struct Gathered {
    start: TimestampMs,
    monitoring: Monitoring,
    reading: Reading,
}

impl Instance {
    pub(crate) fn new(config: InstanceConfig) -> Instance {
        let monitoring = [config.monitoring; METRICS.len()];
        Instance { config, minute: None, monitoring, gathered: [None; METRICS.len()] }
    }

    /// Takes in a reading; hands in the metrics whose periods ended before, or which are measured at other times from now on.
    pub(crate) async fn note(&mut self, reading: InstanceReading, now: TimestampMs) {
        let minute = now.floor_to(MINUTE_MS);
        if self.minute != Some(minute) {
            self.minute = Some(minute);
            self.ask_for_detail();
            self.hand_in(now).await;
        }
        let metrics = self.gathered.iter_mut().zip(self.monitoring).zip(reading);
        for ((gathered, monitoring), value) in metrics {
            let Some(value) = value.filter(|value| value.is_finite()) else { continue };
            let none = Reading { count: 0.0, sum: 0.0, minimum: value, maximum: value };
            let start = now.floor_to(monitoring.period_ms());
            let Gathered { reading, .. } = gathered.get_or_insert(Gathered { start, monitoring, reading: none });
            *reading = Reading {
                count: reading.count + 1.0,
                sum: reading.sum + value,
                minimum: reading.minimum.min(value),
                maximum: reading.maximum.max(value),
            };
        }
    }

    /// Asks once a minute: all periods begin with one.
    fn ask_for_detail(&mut self) {
        let detail = match self.config.monitoring {
            Monitoring::Basic => self.config.detail.detail(&self.config.place, &self.config.arn),
            Monitoring::Detailed => Detail::All,
        };
        for (metric, monitoring) in METRICS.iter().zip(&mut self.monitoring) {
            *monitoring = if detail.covers(metric.name) { Monitoring::Detailed } else { Monitoring::Basic };
        }
    }

    async fn hand_in(&mut self, now: TimestampMs) {
        let mut measurements = Vec::new();
        for ((metric, gathered), monitoring) in METRICS.iter().zip(&mut self.gathered).zip(self.monitoring) {
            let is_over = |gathered: &mut Gathered| {
                gathered.monitoring != monitoring || now.floor_to(gathered.monitoring.period_ms()) != gathered.start
            };
            let Some(Gathered { start: time, reading, .. }) = gathered.take_if(is_over) else { continue };
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
        if measurements.is_empty() {
            return;
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

    /// What is configured.
    struct Configured(Mutex<Detail>);

    impl Configured {
        fn new(detail: Detail) -> Arc<Configured> {
            Arc::new(Configured(Mutex::new(detail)))
        }
    }

    impl DetailedMonitoring for Configured {
        fn detail(&self, _: &MetricPlace, resource: &Arn) -> Detail {
            assert_eq!(resource.resource, "instance/web-1");
            self.0.lock().unwrap().clone()
        }
    }

    fn instance(monitoring: Monitoring, detail: Arc<Configured>, sink: Arc<Taken>) -> Instance {
        Instance::new(InstanceConfig {
            monitoring,
            detail,
            arn: Arn::new("ec2", "us-east-1", "000000000000", "instance/web-1"),
            instance_id: "web-1".into(),
            place: MetricPlace { account: watchkeep_core::AccountId::DEFAULT, region: Default::default() },
            sink,
        })
    }

    /// The minutes of a metric that were handed in, with their sums.
    fn sums(taken: &Taken, name: &str) -> Vec<(i64, f64)> {
        let taken = taken.0.lock().unwrap();
        let named = taken.iter().filter(|measurement| &*measurement.metric.name == name);
        let sum = |samples: &Samples| match samples {
            Samples::One(value) => *value,
            Samples::Summary(reading) => reading.sum,
            Samples::Weighted(_) => panic!("nothing is weighted"),
        };
        named.map(|measurement| (measurement.time.0 / MINUTE_MS, sum(&measurement.samples))).collect()
    }

    #[tokio::test]
    async fn a_configuration_turns_detail_on_and_off() {
        let (taken, configured) = (Arc::new(Taken::default()), Configured::new(Detail::Basic));
        let mut instance = instance(Monitoring::Basic, configured.clone(), taken.clone());
        for minute in 0..=20 {
            match minute {
                7 => *configured.0.lock().unwrap() = Detail::Of(["NetworkIn".to_owned()].into()),
                10 => *configured.0.lock().unwrap() = Detail::All,
                12 => *configured.0.lock().unwrap() = Detail::Basic,
                _ => {}
            }
            instance.note([Some(1.0); METRICS.len()], TimestampMs(minute * MINUTE_MS)).await;
        }
        // What was gathered when the detail changed is handed in as it is: no reading is lost or counts twice.
        let detailed = [(0, 5.0), (5, 2.0), (7, 1.0), (8, 1.0), (9, 1.0), (10, 1.0), (11, 1.0), (10, 3.0), (15, 5.0)];
        assert_eq!(sums(&taken, "NetworkIn"), detailed);
        let later = [(0, 5.0), (5, 5.0), (10, 1.0), (11, 1.0), (10, 3.0), (15, 5.0)];
        assert_eq!(sums(&taken, "NetworkOut"), later);
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
            let mut instance = instance(monitoring, Configured::new(Detail::Basic), taken.clone());
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
            let readings = monitoring.period_ms() as f64 / 10_000.0;
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
