//! `system`: the load averages. The CloudWatch agent has them by way of collectd only; the names are those of Telegraf, whose
//! plugins are the agent's.

use procfs::LoadAverage;

use super::{Figure, HostError, HostFiles, Plugin, PluginInfo};

pub(super) const PLUGIN: PluginInfo =
    PluginInfo { name: "system", about: "load averages over 1, 5 and 15 minutes", new: || Box::new(Load) };

#[derive(Debug)]
struct Load;

impl Plugin for Load {
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError> {
        let load: LoadAverage = host.proc("loadavg")?;
        // By way of decimal text: 0.1 shall not become 0.10000000149.
        let exact = |value: f32| value.to_string().parse().unwrap_or(f64::from(value));
        for (name, value) in [("system_load1", load.one), ("system_load5", load.five), ("system_load15", load.fifteen)]
        {
            figures.push(Figure { name, unit: "None", value: exact(value), dimensions: Vec::new() });
        }
        Ok(())
    }
}
