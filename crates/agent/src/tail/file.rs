//! One file that is tailed: what was acknowledged of it, and what comes next. The file itself is the buffer: nothing of it is
//! kept in memory between two looks, so an outage costs no memory, and what was not acknowledged is simply read again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use watchkeep_core::TimestampMs;

use super::discover::{self, Found};
use super::lines::{self, Batch, Bytes};
use super::state::FileId;
use crate::backoff::Backoff;
use crate::limits::{FIRST_SIGHT_BYTES, READ_BYTES, ROTATED_GRACE};

/// Where a file begins to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// At this offset.
    Offset(u64),
    /// At a line near its end: the file is old, and all of it may be very much.
    NearEnd,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Tailed {
    pub(super) id: FileId,
    /// Where it is, or was before it was rotated away.
    pub(super) path: PathBuf,
    pub(super) group: String,
    /// The bytes from its start that were acknowledged.
    pub(super) offset: u64,
    /// Refusals of its batches, and since when it may be tried again.
    pub(super) retry: Backoff,
    pub(super) retry_at: Duration,
    file: File,
    /// As of the last look.
    length: u64,
    grown_at: Duration,
    at_rest: bool,
    /// When it was found gone from its path.
    rotated_at: Option<Duration>,
    last_told: Option<i64>,
    /// The state in which there was no whole event: only a change is worth another reading.
    nothing_in: Option<(u64, bool, bool)>,
}

impl Tailed {
    /// Opens a file; `None` if it is no text, or another by now.
    pub(super) fn open(found: &Found, group: String, from: From, now: Duration) -> io::Result<Option<Tailed>> {
        let file = File::open(&found.path)?;
        let metadata = file.metadata()?;
        if FileId::of(&metadata) != found.id || !discover::is_text(&file) {
            return Ok(None);
        }
        let length = metadata.len();
        let offset = match from {
            From::Offset(offset) if offset <= length => offset,
            From::Offset(_) => 0,
            From::NearEnd => near_end(&file, length)?,
        };
        Ok(Some(Tailed {
            id: found.id,
            path: found.path.clone(),
            group,
            offset,
            retry: Backoff::default(),
            retry_at: now,
            file,
            length,
            grown_at: now,
            at_rest: true,
            rotated_at: None,
            last_told: None,
            nothing_in: None,
        }))
    }

    /// Looks how long the file is by now, and whether it still is where it was.
    pub(super) fn look(&mut self, now: Duration) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        self.at_rest = length == self.length;
        if !self.at_rest {
            self.grown_at = now;
        }
        self.length = length;
        if length < self.offset {
            tracing::info!(file = %self.path.display(), "the log file was truncated, and is read from its start");
            self.offset = 0;
            self.last_told = None;
        }
        let is_there = discover::look(&self.path).is_some_and(|found| found.id == self.id);
        if is_there {
            self.rotated_at = None;
        } else {
            self.rotated_at.get_or_insert(now);
        }
        Ok(())
    }

    /// Notes that the file has another name, and is still one of those that are tailed.
    pub(super) fn moved_to(&mut self, path: PathBuf) {
        self.path = path;
        self.rotated_at = None;
    }

    /// Whether it was found gone from its path.
    pub(super) fn is_rotated(&self) -> bool {
        self.rotated_at.is_some()
    }

    /// Whether nobody writes to it any more: it was rotated away, and has not grown since for a while.
    fn is_finished(&self, now: Duration) -> bool {
        self.rotated_at.is_some_and(|at| now.saturating_sub(at.max(self.grown_at)) >= ROTATED_GRACE)
    }

    /// Whether it is finished, and all of it was acknowledged.
    pub(super) fn is_done(&self, now: Duration) -> bool {
        self.is_finished(now) && self.offset >= self.length
    }

    /// The events after those that were acknowledged; `None` if there is no whole one.
    pub(super) fn next_batch(&mut self, now: Duration, time: TimestampMs) -> io::Result<Option<Batch>> {
        let state = (self.length, self.at_rest, self.is_finished(now));
        if self.length <= self.offset || self.nothing_in == Some(state) {
            return Ok(None);
        }
        let ahead = usize::try_from(self.length - self.offset).unwrap_or(usize::MAX);
        let mut buffer = vec![0; ahead.min(READ_BYTES)];
        let read = read_up_to(&self.file, &mut buffer, self.offset)?;
        buffer.truncate(read);
        let more = read == READ_BYTES && ahead > READ_BYTES;
        let bytes = Bytes { bytes: &buffer, more, at_rest: self.at_rest, finished: state.2 };
        let batch = lines::batch(bytes, self.last_told, time);
        if batch.consumed == 0 {
            self.nothing_in = Some(state);
            return Ok(None);
        }
        Ok(Some(batch))
    }

    /// Notes that a batch was acknowledged, or given up.
    pub(super) fn acknowledge(&mut self, batch: &Batch) {
        self.offset += batch.consumed as u64;
        self.last_told = batch.last_told;
        self.nothing_in = None;
        self.retry.succeeded();
    }
}

/// The start of the first line in the last part of a file.
fn near_end(file: &File, length: u64) -> io::Result<u64> {
    if length <= FIRST_SIGHT_BYTES {
        return Ok(0);
    }
    // One byte more: a line may begin exactly there.
    let start = length - FIRST_SIGHT_BYTES - 1;
    let mut buffer = vec![0; FIRST_SIGHT_BYTES as usize + 1];
    let read = read_up_to(file, &mut buffer, start)?;
    let line_end = buffer.iter().take(read).position(|&byte| byte == b'\n');
    Ok(line_end.map_or(length, |end| start + end as u64 + 1))
}

fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
