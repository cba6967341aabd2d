//! The seam between the journal and the file system, so that tests can tear writes, fail syncs and fill the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::JournalError;
use crate::blob::create_dirs;

/// Zeros are written in pieces of this many bytes.
const ZERO_BYTES: usize = 1024 * 1024;

const LOCK_NAME: &str = "lock";

/// The journal's directory.
pub(super) trait Disk: Send + Sync {
    /// Where it is, for messages.
    fn path(&self) -> &Path;

    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a file that exists.
    fn open(&self, name: &str) -> io::Result<Box<dyn WalFile>>;

    /// Creates a file of `bytes` zeros that take up their space on the disk, and syncs it.
    fn create_zeroed(&self, name: &str, bytes: u64) -> io::Result<()>;

    /// Renames a file; durable after [`Disk::sync_directory`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations and renames durable.
    fn sync_directory(&self) -> io::Result<()>;

    /// Bytes that may still be used on the file system.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// One file of the journal.
pub(super) trait WalFile: Send {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Fills `to` from the bytes at `offset`.
    fn read_at(&self, offset: u64, to: &mut [u8]) -> io::Result<()>;

    /// Writes all of `from` at `offset`, in one call of the operating system if it takes it whole.
    fn write_at(&self, offset: u64, from: &mut [IoSlice<'_>]) -> io::Result<()>;

    /// Returns when all that was written is durable.
    fn sync(&self) -> io::Result<()>;
}

/// A directory of the real file system.
#[derive(Debug)]
pub(super) struct RealDisk {
    directory: PathBuf,
    access: Access,
}

/// What may be done to the directory's files.
#[derive(Debug)]
enum Access {
    /// Reading only.
    Read,
    /// All, under the directory's lock, which ends with the file.
    Write { _lock: File },
}

impl RealDisk {
    /// Opens the directory, creating it if need be, and locks it against other processes.
    pub(super) fn open_locked(directory: &Path) -> Result<Self, JournalError> {
        // Durably: what is acknowledged must not vanish with the directory that it is in.
        create_dirs(directory).map_err(JournalError::io("create", directory))?;
        let path = directory.join(LOCK_NAME);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(JournalError::io("open", &path))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(RealDisk { directory: directory.to_owned(), access: Access::Write { _lock: lock } }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::Locked { directory: directory.to_owned() }),
            Err(error) => Err(JournalError::io("lock", &path)(error.into())),
        }
    }

    /// Opens the directory for reading, without its lock.
    pub(super) fn open_read_only(directory: &Path) -> Self {
        RealDisk { directory: directory.to_owned(), access: Access::Read }
    }
}

impl Disk for RealDisk {
    fn path(&self) -> &Path {
        &self.directory
    }

    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn WalFile>> {
        let writable = matches!(self.access, Access::Write { .. });
        let file = OpenOptions::new().read(true).write(writable).open(self.directory.join(name))?;
        Ok(Box::new(RealFile(file)))
    }

    fn create_zeroed(&self, name: &str, bytes: u64) -> io::Result<()> {
        let path = self.directory.join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let zeros = vec![0; ZERO_BYTES];
        let mut left = bytes;
        while left > 0 {
            let piece = zeros.get(..left.min(ZERO_BYTES as u64) as usize).unwrap_or(&zeros);
            file.write_all(piece)?;
            left -= piece.len() as u64;
        }
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.directory.join(from), self.directory.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.directory.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let status = rustix::fs::statvfs(&self.directory)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }
}

#[derive(Debug)]
struct RealFile(File);

impl WalFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(to, offset)
    }

    fn write_at(&self, mut offset: u64, mut from: &mut [IoSlice<'_>]) -> io::Result<()> {
        while !from.is_empty() {
            let written = match rustix::io::pwritev(&self.0, from, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            IoSlice::advance_slices(&mut from, written);
            offset += written as u64;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner() {
        let directory = tempfile::tempdir().unwrap();
        let owner = RealDisk::open_locked(directory.path()).unwrap();
        let refused = RealDisk::open_locked(directory.path()).unwrap_err();
        assert!(matches!(refused, JournalError::Locked { .. }), "{refused}");
        drop(owner);
        RealDisk::open_locked(directory.path()).unwrap();
    }

    #[test]
    fn files_hold_what_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open_locked(&directory.path().join("new")).unwrap();
        disk.create_zeroed("a", 3_000_000).unwrap();
        disk.rename("a", "b").unwrap();
        disk.sync_directory().unwrap();
        let file = disk.open("b").unwrap();
        assert_eq!(file.len().unwrap(), 3_000_000);
        file.write_at(4090, &mut [IoSlice::new(b"hello "), IoSlice::new(b""), IoSlice::new(b"world")]).unwrap();
        file.sync().unwrap();
        let mut read = [1; 13];
        file.read_at(4089, &mut read).unwrap();
        assert_eq!(&read, b"\0hello world\0");
        let mut names = disk.list().unwrap();
        names.sort();
        assert_eq!(names, ["b", "lock"]);
        disk.remove("b").unwrap();
        assert!(disk.open("b").is_err());
        assert!(disk.free_bytes().unwrap() > 0);
    }
}
