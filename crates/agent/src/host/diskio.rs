//! `diskio`: what was read from the disks and written to them since the previous reading.

use std::collections::HashMap;

use procfs::DiskStats;

use super::previous::Previous;
use super::{Figure, HostError, HostFiles, Plugin, PluginInfo};
use crate::limits::DEVICES_MAX;

pub(super) const PLUGIN: PluginInfo = PluginInfo {
    name: "diskio",
    about: "disks: reads, writes, their bytes and time since the previous reading",
    new: || Box::new(DiskIo::default()),
};

/// The kernel's unit of sectors, whatever the disk's own is.
const SECTOR_BYTES: u64 = 512;

const FIGURES: [(&str, &str); 7] = [
    ("diskio_reads", "Count"),
    ("diskio_writes", "Count"),
    ("diskio_read_bytes", "Bytes"),
    ("diskio_write_bytes", "Bytes"),
    ("diskio_read_time", "Milliseconds"),
    ("diskio_write_time", "Milliseconds"),
    ("diskio_io_time", "Milliseconds"),
];

#[derive(Debug, Default)]
struct DiskIo {
    before: Previous<{ FIGURES.len() }>,
}

impl Plugin for DiskIo {
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError> {
        let stats: DiskStats = host.proc("diskstats")?;
        // Devices in memory, and files that pose as devices, are no disks.
        let is_disk = |name: &str| !["loop", "ram", "zram"].iter().any(|prefix| name.starts_with(prefix));
        let disks: Vec<_> = stats.0.into_iter().filter(|disk| is_disk(&disk.name)).take(DEVICES_MAX).collect();
        let in_progress: HashMap<String, u64> =
            disks.iter().map(|disk| (disk.name.clone(), disk.in_progress)).collect();
        let now = disks.into_iter().map(|disk| {
            let counters = [
                disk.reads,
                disk.writes,
                disk.sectors_read.saturating_mul(SECTOR_BYTES),
                disk.sectors_written.saturating_mul(SECTOR_BYTES),
                disk.time_reading,
                disk.time_writing,
                disk.time_in_progress,
            ];
            (disk.name, counters)
        });
        for (name, grown) in self.before.exchange(now.collect()) {
            let mut add = |metric, unit, value: u64| {
                figures.push(Figure {
                    name: metric,
                    unit,
                    value: value as f64,
                    dimensions: vec![("name", name.clone())],
                });
            };
            for ((metric, unit), value) in FIGURES.into_iter().zip(grown) {
                add(metric, unit, value);
            }
            add("diskio_iops_in_progress", "Count", in_progress.get(&name).copied().unwrap_or(0));
        }
        Ok(())
    }
}
