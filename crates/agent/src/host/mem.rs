//! `mem`: how much memory is used, and by what.

use procfs::Meminfo;

use super::{Figure, HostError, HostFiles, Plugin, PluginInfo, percent};

pub(super) const PLUGIN: PluginInfo =
    PluginInfo { name: "mem", about: "memory: used, available, cached, in bytes and percent", new: || Box::new(Mem) };

#[derive(Debug)]
struct Mem;

impl Plugin for Mem {
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError> {
        let info: Meminfo = host.proc("meminfo")?;
        let cached = info.cached.saturating_add(info.s_reclaimable.unwrap_or(0));
        let used = info.mem_total.saturating_sub(info.mem_free).saturating_sub(info.buffers).saturating_sub(cached);
        // Kernels before 3.14 do not estimate it.
        let available = info.mem_available.unwrap_or(info.mem_free.saturating_add(info.buffers).saturating_add(cached));
        let mut add = |name, unit, value| figures.push(Figure { name, unit, value, dimensions: Vec::new() });
        add("mem_total", "Bytes", info.mem_total as f64);
        add("mem_used", "Bytes", used as f64);
        add("mem_free", "Bytes", info.mem_free as f64);
        add("mem_available", "Bytes", available as f64);
        add("mem_buffered", "Bytes", info.buffers as f64);
        add("mem_cached", "Bytes", cached as f64);
        add("mem_active", "Bytes", info.active as f64);
        add("mem_inactive", "Bytes", info.inactive as f64);
        add("mem_shared", "Bytes", info.shmem.unwrap_or(0) as f64);
        add("mem_used_percent", "Percent", percent(used, info.mem_total));
        add("mem_available_percent", "Percent", percent(available, info.mem_total));
        Ok(())
    }
}
