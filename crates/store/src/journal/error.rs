//! What can go wrong with the journal, by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::Lsn;
use super::log::FrameLogError;

/// Why the journal refused an append, or did not open.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// More bytes wait for the writer than the queue may hold. Nothing was written: retry a little later.
    #[error("the journal's queue is full")]
    QueueFull,
    /// The disk is full, or nearly, and the reserved files are used up. Nothing was written: retry when space was made.
    #[error("the disk is full: the journal has no reserved space left")]
    Full,
    /// The frame does not fit into one segment file. Nothing was written, and a retry will not help.
    #[error("a frame of {bytes} bytes does not fit into the journal, which takes up to {bytes_max}")]
    TooLarge {
        /// The frame's size, uncompressed.
        bytes: u64,
        /// The largest that fits.
        bytes_max: u64,
    },
    /// A write or sync failed before: nothing more is accepted until the process restarts (J-3). It is unknown whether the
    /// frame is durable.
    #[error("the journal stopped after a failed write or sync")]
    Poisoned,
    /// The journal is being closed. Nothing was written.
    #[error("the journal is closed")]
    Closed,
    /// Another process has the directory open.
    #[error("the journal in {} is in use by another process", directory.display())]
    Locked {
        /// The journal's directory.
        directory: PathBuf,
    },
    /// Frames that were durable are damaged. `accept_loss` opens the journal without them.
    #[error(
        "the journal is damaged: segment {segment} at byte {offset}: frames {first} to {last} were durable and cannot be read; \
         to start without them, accept the loss"
    )]
    Corrupt {
        /// Number of the damaged segment.
        segment: u64,
        /// Where in its file the damage begins, in bytes.
        offset: u64,
        /// The first frame that cannot be read.
        first: Lsn,
        /// The last frame that cannot be read.
        last: Lsn,
    },
    /// The header page of a segment is damaged, so none of its frames can be read. `accept_loss` sets the file aside.
    #[error(
        "the journal is damaged: the header of segment {segment} cannot be read ({reason}); to start without the segment, \
         accept the loss"
    )]
    CorruptHeader {
        /// Number of the damaged segment, from its name.
        segment: u64,
        /// What is wrong with the header.
        reason: &'static str,
    },
    /// Frames that have not been published are not in the directory at all. `accept_loss` opens the journal without them.
    #[error(
        "the journal's frames from {needed_from} on are needed, but it begins at {found}; to start without, accept the loss"
    )]
    Missing {
        /// The first frame that is needed.
        needed_from: Lsn,
        /// The first frame that is there (the next to be written, if the directory is empty).
        found: Lsn,
    },
    /// The directory was written by a version with another format.
    #[error("segment {segment} of the journal has format version {version}, which this program does not know")]
    Version {
        /// Number of the segment.
        segment: u64,
        /// The version in its header.
        version: u32,
    },
    /// The log that keeps the frames failed, or does not take any more from this process. Whether the last ones were kept is
    /// unknown.
    #[error("the journal's log failed: {0}")]
    Log(#[from] FrameLogError),
    /// A setting is out of its range.
    #[error("{setting} must be from {min} to {max}")]
    Config {
        /// The setting's name.
        setting: &'static str,
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// The operating system failed.
    #[error("the journal could not {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as "sync".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

impl JournalError {
    /// Makes an [`JournalError::Io`] of an error of the operating system: for `map_err`.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
        let path = path.to_owned();
        move |source| JournalError::Io { action, path, source }
    }
}
