//! The host's figures. Each plugin is one file and one line of [`PLUGINS`]: to add one, copy a neighbour. Names, units and
//! dimensions are the CloudWatch agent's ("Metrics collected by the CloudWatch agent"); the dimension `host` is added later.

mod cpu;
mod disk;
mod diskio;
mod load;
mod mem;
mod net;
mod previous;
mod swap;

use std::fmt;
use std::path::{Path, PathBuf};

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The metric's name, as `cpu_usage_idle`.
    pub name: &'static str,
    /// The metric's unit, as CloudWatch spells it.
    pub unit: &'static str,
    /// The value.
    pub value: f64,
    /// What it is of.
    pub dimensions: Vec<(&'static str, String)>,
}

/// What reads figures of one kind.
pub trait Plugin: Send {
    /// Reads them and adds them to `figures`. Those that are rates are missing from the first reading.
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError>;
}

/// A plugin, as a person chooses it.
#[derive(Debug)]
pub struct PluginInfo {
    /// Its name, with which its metrics' names begin.
    pub name: &'static str,
    /// What it collects.
    pub about: &'static str,
    /// Makes one, before its first reading.
    pub new: fn() -> Box<dyn Plugin>,
}

/// All plugins.
pub static PLUGINS: &[PluginInfo] =
    &[cpu::PLUGIN, mem::PLUGIN, swap::PLUGIN, disk::PLUGIN, diskio::PLUGIN, net::PLUGIN, load::PLUGIN];

/// Where plugins read the host's figures: this host's files, or others in a test.
pub struct HostFiles {
    proc: PathBuf,
    sys: PathBuf,
    usage: Box<UsageOf>,
}

/// Looks how full the file system is that is mounted at a path.
type UsageOf = dyn Fn(&Path) -> std::io::Result<Usage> + Send + Sync;

/// How full a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Its size in bytes.
    pub total: u64,
    /// The bytes that nothing is in, with those reserved for root.
    pub free: u64,
    /// The bytes that unprivileged users may still write.
    pub available: u64,
    /// Its inodes.
    pub inodes_total: u64,
    /// The inodes that are not in use.
    pub inodes_free: u64,
}

impl HostFiles {
    /// Those of the host that the program runs on.
    pub fn of_this_host() -> HostFiles {
        HostFiles::new("/proc", "/sys", usage_of)
    }

    /// Those below other roots.
    pub fn new(
        proc: impl Into<PathBuf>,
        sys: impl Into<PathBuf>,
        usage: impl Fn(&Path) -> std::io::Result<Usage> + Send + Sync + 'static,
    ) -> HostFiles {
        HostFiles { proc: proc.into(), sys: sys.into(), usage: Box::new(usage) }
    }

    /// Whether a block device is a disk of its own: neither part of another nor made of others.
    pub(crate) fn is_whole_disk(&self, name: &str) -> bool {
        let is_made = ["dm-", "md"].iter().any(|prefix| name.starts_with(prefix));
        !is_made && !self.sys.join("class/block").join(name).join("partition").exists()
    }

    /// Whether a network interface has a device behind it.
    pub(crate) fn is_physical_interface(&self, name: &str) -> bool {
        self.sys.join("class/net").join(name).join("device").exists()
    }

    fn proc<T: procfs::FromRead>(&self, file: &str) -> Result<T, HostError> {
        let path = self.proc.join(file);
        T::from_file(&path).map_err(|error| HostError { path, reason: error.to_string() })
    }

    fn proc_with_system_info<T: procfs::FromReadSI>(&self, file: &str) -> Result<T, HostError> {
        let path = self.proc.join(file);
        T::from_file(&path, procfs::current_system_info())
            .map_err(|error| HostError { path, reason: error.to_string() })
    }
}

impl fmt::Debug for HostFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFiles").field("proc", &self.proc).field("sys", &self.sys).finish_non_exhaustive()
    }
}

fn usage_of(path: &Path) -> std::io::Result<Usage> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Usage {
        total: found.f_blocks.saturating_mul(found.f_frsize),
        free: found.f_bfree.saturating_mul(found.f_frsize),
        available: found.f_bavail.saturating_mul(found.f_frsize),
        inodes_total: found.f_files,
        inodes_free: found.f_ffree,
    })
}

/// Figures that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {}: {reason}", path.display())]
pub struct HostError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// `part` of `whole` in percent; 0 of nothing.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}
