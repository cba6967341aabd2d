//! `disk`: how full the file systems are.

use std::collections::HashSet;
use std::path::Path;

use procfs::MountEntry;

use super::{Figure, HostError, HostFiles, Plugin, PluginInfo, Usage, percent};
use crate::limits::DEVICES_MAX;

pub(super) const PLUGIN: PluginInfo = PluginInfo {
    name: "disk",
    about: "file systems: used and free, in bytes, inodes and percent",
    new: || Box::new(Disk),
};

/// File systems that are not on a disk of this host: the kernel's own, those in memory, images that are always full, and
/// remote ones, which may not answer for minutes. (Those of size 0 are left out, too.)
const IGNORED: &[&str] = &[
    "tmpfs",
    "devtmpfs",
    "ramfs",
    "squashfs",
    "iso9660",
    "erofs",
    "autofs",
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "ceph",
    "fuse.sshfs",
    "fuse.gvfsd-fuse",
    "fuse.portal",
    "9p",
    "efivarfs",
    "nsfs",
];

#[derive(Debug)]
struct Disk;

impl Plugin for Disk {
    fn read(&mut self, host: &HostFiles, figures: &mut Vec<Figure>) -> Result<(), HostError> {
        let mut mounts: Vec<MountEntry> = host.proc("self/mounts")?;
        for mount in &mut mounts {
            // `procfs` 0.18 undoes every escape of the kernel's but that of blanks.
            mount.fs_file = mount.fs_file.replace(r"\040", " ");
        }
        mounts.retain(|mount| !IGNORED.contains(&mount.fs_vfstype.as_str()));
        // A device may be mounted at several places, as containers do with single files: the shortest path stands for all.
        mounts.sort_by_key(|mount| mount.fs_file.len());
        let mut seen = HashSet::new();
        for mount in mounts {
            if seen.len() == DEVICES_MAX {
                break;
            }
            if seen.contains(&mount.fs_spec) {
                continue;
            }
            // What may not be looked at is not reported.
            let Ok(usage) = (host.usage)(Path::new(&mount.fs_file)) else { continue };
            if usage.total > 0 {
                report(&mount, usage, figures);
                seen.insert(mount.fs_spec);
            }
        }
        Ok(())
    }
}

fn report(mount: &MountEntry, usage: Usage, figures: &mut Vec<Figure>) {
    let device = mount.fs_spec.strip_prefix("/dev/").unwrap_or(&mount.fs_spec);
    let used = usage.total.saturating_sub(usage.free);
    let mut add = |name, unit, value| {
        let dimensions =
            vec![("path", mount.fs_file.clone()), ("device", device.to_owned()), ("fstype", mount.fs_vfstype.clone())];
        figures.push(Figure { name, unit, value, dimensions });
    };
    add("disk_total", "Bytes", usage.total as f64);
    add("disk_used", "Bytes", used as f64);
    add("disk_free", "Bytes", usage.available as f64);
    // As df reckons: of what unprivileged users can have.
    add("disk_used_percent", "Percent", percent(used, used.saturating_add(usage.available)));
    add("disk_inodes_total", "Count", usage.inodes_total as f64);
    add("disk_inodes_used", "Count", usage.inodes_total.saturating_sub(usage.inodes_free) as f64);
    add("disk_inodes_free", "Count", usage.inodes_free as f64);
}
