//! Blobs as files below a directory.
//!
//! A file is written under a name of its own in `.tmp`, synced, renamed to its place, and the directory synced: after a crash
//! it is there whole or not at all. What a crash left in `.tmp` is removed when the store is next opened for writing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::{BlobError, BlobStore, ReadBlobs, check_path, check_prefix, limits};

/// The directory of unfinished files. No blob's path begins with a dot, so it is never in the way.
const UNFINISHED: &str = ".tmp";

/// Files below one directory.
#[derive(Debug)]
pub struct LocalBlobs {
    root: PathBuf,
    unfinished: AtomicU64,
}

impl LocalBlobs {
    /// Opens `root` for its one writer: creates it if need be and removes unfinished files.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let blobs = LocalBlobs { root: root.into(), unfinished: AtomicU64::new(0) };
        let unfinished = blobs.root.join(UNFINISHED);
        match fs::remove_dir_all(&unfinished) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(io_error("clear", &unfinished, e)),
            _ => {}
        }
        create_dirs(&unfinished).map_err(|e| io_error("create", &unfinished, e))?;
        Ok(blobs)
    }

    /// Opens `root` for reading beside its writer: creates and removes nothing.
    pub fn open_to_read(root: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(found) if found.is_dir() => Ok(LocalBlobs { root, unfinished: AtomicU64::new(0) }),
            Ok(_) => Err(io_error("open", &root, ErrorKind::NotADirectory.into())),
            Err(e) => Err(io_error("open", &root, e)),
        }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn file(&self, path: &str) -> Result<PathBuf, BlobError> {
        check_path(path)?;
        Ok(self.root.join(path))
    }

    /// Moves a finished file to its place. The directory may be swept away between its creation and the renaming by
    /// [`BlobStore::delete`] of its last other file: then it is made again.
    fn settle(&self, unfinished: &Path, file: &Path) -> io::Result<()> {
        let directory = file.parent().unwrap_or(&self.root);
        let mut outcome = Ok(());
        for _ in 0..limits::LOCAL_PUT_TRIES {
            outcome = create_dirs(directory)
                .and_then(|()| fs::rename(unfinished, file))
                .and_then(|()| sync_directory(directory));
            match &outcome {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                _ => break,
            }
        }
        outcome
    }

    /// Removes the directories above a removed file that have become empty.
    fn prune(&self, file: &Path) {
        let above = file.ancestors().skip(1).take_while(|directory| *directory != self.root);
        for directory in above {
            // One that is not empty stays, and so do those above it.
            if fs::remove_dir(directory).is_err() {
                return;
            }
        }
    }
}

impl ReadBlobs for LocalBlobs {
    fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let file = self.file(path)?;
        let opened = File::open(&file).map_err(|e| not_found_or("read", path, &file, e))?;
        let beyond = || BlobError::Range { path: path.to_owned(), range: range.clone() };
        let found = opened.metadata().map_err(|e| io_error("read", &file, e))?;
        if !found.is_file() {
            return Err(BlobError::NotFound { path: path.to_owned() });
        }
        let length = found.len();
        // Checked before the buffer is made: a damaged footer may ask for any number of bytes.
        if range.start > range.end || range.end > length {
            return Err(beyond());
        }
        let mut bytes = vec![0; (range.end - range.start) as usize];
        match opened.read_exact_at(&mut bytes, range.start) {
            Ok(()) => Ok(bytes.into()),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err(beyond()),
            Err(e) => Err(io_error("read", &file, e)),
        }
    }
}

impl BlobStore for LocalBlobs {
    fn put(&self, path: &str, bytes: Bytes) -> Result<(), BlobError> {
        let file = self.file(path)?;
        let number = self.unfinished.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.root.join(UNFINISHED).join(format!("{}-{number}", std::process::id()));
        let written = write_synced(&unfinished, &bytes).and_then(|()| self.settle(&unfinished, &file));
        written.map_err(|e| {
            // The first error is the one to tell; a leftover is swept at the next start.
            let _ = fs::remove_file(&unfinished);
            io_error("write", &file, e)
        })
    }

    fn size(&self, path: &str) -> Result<u64, BlobError> {
        let file = self.file(path)?;
        match fs::metadata(&file) {
            Ok(found) if found.is_file() => Ok(found.len()),
            Ok(_) => Err(BlobError::NotFound { path: path.to_owned() }),
            Err(e) => Err(not_found_or("read", path, &file, e)),
        }
    }

    fn delete(&self, path: &str) -> Result<(), BlobError> {
        let file = self.file(path)?;
        match fs::remove_file(&file) {
            Ok(()) => {
                self.prune(&file);
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(io_error("delete", &file, e)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, BlobError> {
        let mut found = Vec::new();
        let mut directories = vec![check_prefix(prefix)?.to_owned()];
        while let Some(directory) = directories.pop() {
            let full = self.root.join(&directory);
            let entries = match fs::read_dir(&full) {
                Ok(entries) => entries,
                // Never there, or swept away since its parent was read.
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(e) => return Err(io_error("list", &full, e)),
            };
            for entry in entries {
                let entry = entry.map_err(|e| io_error("list", &full, e))?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                let kind = entry.file_type().map_err(|e| io_error("list", &full, e))?;
                // Whatever else somebody put here is not a blob.
                match check_path(&path) {
                    Ok(()) if kind.is_dir() => directories.push(path),
                    Ok(()) if kind.is_file() => found.push(path),
                    _ => {}
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Creates a directory and those above it, each durable in its parent.
pub(crate) fn create_dirs(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_dirs(parent)?;
    }
    match fs::create_dir(directory) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(e) => Err(e),
        Ok(()) => sync_directory(parent.unwrap_or(Path::new("."))),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> BlobError {
    BlobError::Io { action, path: path.display().to_string(), source }
}

fn not_found_or(action: &'static str, path: &str, file: &Path, source: io::Error) -> BlobError {
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => BlobError::NotFound { path: path.to_owned() },
        _ => io_error(action, file, source),
    }
}
