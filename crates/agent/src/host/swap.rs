//! `swap`: how much swap space is used. A host without any reports zeros, as the CloudWatch agent does.

use procfs::Meminfo;

use super::{Figure, HostError, HostFiles, Plugin, PluginInfo, percent};

pub(super) const PLUGIN: PluginInfo =
    PluginInfo { name: "swap", about: "swap space: used and free", new: || Box::new(Swap) };

#[derive(Debug)]
struct Swap;

impl Plugin for Swap {
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError> {
        let info: Meminfo = host.proc("meminfo")?;
        let used = info.swap_total.saturating_sub(info.swap_free);
        let mut add = |name, unit, value| figures.push(Figure { name, unit, value, dimensions: Vec::new() });
        add("swap_used", "Bytes", used as f64);
        add("swap_free", "Bytes", info.swap_free as f64);
        add("swap_used_percent", "Percent", percent(used, info.swap_total));
        Ok(())
    }
}
