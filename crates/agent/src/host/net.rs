//! `net`: what the network interfaces sent and received since the previous reading. Loopback, interfaces that are down, and
//! the host's ends of containers' links (whose traffic their bridge shows) are left out.

use procfs::net::{DeviceStatus, InterfaceDeviceStatus};

use super::previous::Previous;
use super::{Figure, HostError, HostFiles, Plugin, PluginInfo};
use crate::limits::DEVICES_MAX;

pub(super) const PLUGIN: PluginInfo = PluginInfo {
    name: "net",
    about: "network interfaces: bytes, packets, errors and drops since the previous reading",
    new: || Box::new(Net::default()),
};

const FIGURES: [(&str, &str); 8] = [
    ("net_bytes_sent", "Bytes"),
    ("net_bytes_recv", "Bytes"),
    ("net_packets_sent", "Count"),
    ("net_packets_recv", "Count"),
    ("net_err_in", "Count"),
    ("net_err_out", "Count"),
    ("net_drop_in", "Count"),
    ("net_drop_out", "Count"),
];

#[derive(Debug, Default)]
struct Net {
    before: Previous<{ FIGURES.len() }>,
}

impl Plugin for Net {
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError> {
        let status: InterfaceDeviceStatus = host.proc("net/dev")?;
        let mut interfaces: Vec<DeviceStatus> = status.0.into_values().collect();
        interfaces.retain(|interface| interface.name != "lo" && !interface.name.starts_with("veth"));
        interfaces.retain(|interface| is_up(host, &interface.name));
        interfaces.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        interfaces.truncate(DEVICES_MAX);
        let now = interfaces.into_iter().map(|interface| {
            let counters = [
                interface.sent_bytes,
                interface.recv_bytes,
                interface.sent_packets,
                interface.recv_packets,
                interface.recv_errs,
                interface.sent_errs,
                interface.recv_drop,
                interface.sent_drop,
            ];
            (interface.name, counters)
        });
        for (name, grown) in self.before.exchange(now.collect()) {
            for ((metric, unit), value) in FIGURES.into_iter().zip(grown) {
                let dimensions = vec![("interface", name.clone())];
                figures.push(Figure { name: metric, unit, value: value as f64, dimensions });
            }
        }
        Ok(())
    }
}

/// Whether an interface is up, or does not say: tunnels and the like are `unknown` all the time.
fn is_up(host: &HostFiles, interface: &str) -> bool {
    let state = std::fs::read_to_string(host.sys.join("class/net").join(interface).join("operstate"));
    state.map_or(true, |state| state.trim() != "down")
}
