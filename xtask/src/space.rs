//! Free disk space, looked at before something large is made. What fails for want of it fails minutes later, and in the words
//! of whichever tool was the one to find out.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Something large that is made on the disk. Sizes are in megabytes, as `du` measured them; CONTRIBUTING.md lists them.
#[derive(Debug, Clone, Copy)]
pub struct Large {
    /// What it is.
    pub name: &'static str,
    /// What all of it takes.
    pub megabytes: u64,
    /// What making it takes though all of it is there: what changed is made beside what it replaces. An estimate.
    pub megabytes_again: u64,
}

const MEGABYTE: u64 = 1_000_000;

/// Refuses to begin if the disk has no room for what is still missing of `large` in `folder`.
pub fn ensure(large: &Large, folder: &Path) -> Result<()> {
    let existing = existing(folder);
    let disk =
        rustix::fs::statvfs(&existing).with_context(|| format!("looking at the disk of {}", existing.display()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / MEGABYTE;
    let there = size(folder, &mut HashSet::new()) / MEGABYTE;
    if let Some(shortage) = shortage(large, there, free) {
        bail!("{shortage} on the disk of {}", folder.display());
    }
    Ok(())
}

fn shortage(large: &Large, there: u64, free: u64) -> Option<String> {
    let Large { name, megabytes, megabytes_again } = *large;
    let needed = megabytes.saturating_sub(there).max(megabytes_again);
    (free < needed).then(|| {
        format!(
            "too little free disk space: {name} takes about {megabytes} MB, of which {there} MB are there; \
             that needs {needed} MB more, and {free} MB are free"
        )
    })
}

/// The folder, or what of its path is there already.
fn existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// The bytes that a folder takes on the disk, files with several names counted once. What cannot be read counts as nothing.
fn size(path: &Path, seen: &mut HashSet<(u64, u64)>) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    if metadata.nlink() > 1 && !metadata.is_dir() && !seen.insert((metadata.dev(), metadata.ino())) {
        return 0;
    }
    let own = metadata.blocks().saturating_mul(512);
    if !metadata.is_dir() {
        return own;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    own + entries.map(|entry| size(&entry.path(), seen)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Large = Large { name: "the build", megabytes: 4000, megabytes_again: 500 };

    #[test]
    fn what_is_there_is_not_needed_again() {
        for (there, free, is_enough) in [
            (0, 4000, true),
            (0, 3999, false),
            (3000, 1000, true),
            (3000, 999, false),
            (4000, 500, true),
            (9000, 499, false),
        ] {
            assert_eq!(shortage(&LARGE, there, free).is_none(), is_enough, "{there} {free}");
        }
        let told = "too little free disk space: the build takes about 4000 MB, of which 1000 MB are there; \
                    that needs 3000 MB more, and 17 MB are free";
        assert_eq!(shortage(&LARGE, 1000, 17).as_deref(), Some(told));
    }

    #[test]
    fn folders_are_measured_as_they_lie_on_the_disk() {
        let folder = std::env::temp_dir().join(format!("xtask-space-{}", std::process::id()));
        fs::create_dir_all(folder.join("inner")).unwrap();
        fs::write(folder.join("inner/file"), vec![1; 3 << 20]).unwrap();
        fs::hard_link(folder.join("inner/file"), folder.join("again")).unwrap();
        let measured = size(&folder, &mut HashSet::new());
        let missing = folder.join("not/there/yet");
        let (found, nothing) = (existing(&missing), size(&missing, &mut HashSet::new()));
        fs::remove_dir_all(&folder).unwrap();
        // How much a disk that compresses takes is its own affair; twice the file it would be if names counted.
        assert!((1..4 << 20).contains(&measured), "{measured}");
        assert_eq!((found, nothing), (folder, 0));
    }
}
