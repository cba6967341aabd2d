//! `cpu`: what the processors spent their time on since the previous reading, all of them together.

use procfs::{CpuTime, KernelStats};

use super::{Figure, HostError, HostFiles, Plugin, PluginInfo};

pub(super) const PLUGIN: PluginInfo = PluginInfo {
    name: "cpu",
    about: "shares of processor time: user, system, idle, waiting for disks",
    new: || Box::new(Cpu::default()),
};

/// The kinds of time in [`times`]; `usage_active` is all but the idle.
const NAMES: [&str; KINDS] = [
    "cpu_usage_user",
    "cpu_usage_nice",
    "cpu_usage_system",
    "cpu_usage_idle",
    "cpu_usage_iowait",
    "cpu_usage_irq",
    "cpu_usage_softirq",
    "cpu_usage_steal",
    "cpu_usage_guest",
    "cpu_usage_guest_nice",
];
const KINDS: usize = 10;
const IDLE: usize = 3;

#[derive(Debug, Default)]
struct Cpu {
    before: Option<[u64; KINDS]>,
}

impl Plugin for Cpu {
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError> {
        let stats: KernelStats = host.proc_with_system_info("stat")?;
        let now = times(&stats.total);
        let Some(before) = self.before.replace(now) else { return Ok(()) };
        // Some kernels let single kinds of time go back a little.
        let mut spent = [0; KINDS];
        for (spent, (now, before)) in spent.iter_mut().zip(now.into_iter().zip(before)) {
            *spent = now.saturating_sub(before);
        }
        let total: u64 = spent.iter().sum();
        if total == 0 {
            return Ok(());
        }
        let mut add = |name, value| {
            let dimensions = vec![("cpu", "cpu-total".to_owned())];
            figures.push(Figure { name, unit: "Percent", value, dimensions });
        };
        let share = |time: u64| super::percent(time, total);
        let idle = spent.get(IDLE).copied().unwrap_or_default();
        add("cpu_usage_active", share(total.saturating_sub(idle)));
        for (name, spent) in NAMES.into_iter().zip(spent) {
            add(name, share(spent));
        }
        Ok(())
    }
}

/// The time spent since boot, in ticks, by kind. The kernel counts guests' time as user's (and nice), too.
fn times(cpu: &CpuTime) -> [u64; KINDS] {
    let (guest, guest_nice) = (cpu.guest.unwrap_or(0), cpu.guest_nice.unwrap_or(0));
    [
        cpu.user.saturating_sub(guest),
        cpu.nice.saturating_sub(guest_nice),
        cpu.system,
        cpu.idle,
        cpu.iowait.unwrap_or(0),
        cpu.irq.unwrap_or(0),
        cpu.softirq.unwrap_or(0),
        cpu.steal.unwrap_or(0),
        guest,
        guest_nice,
    ]
}
