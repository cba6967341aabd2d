//! All files that are tailed: found, opened where they were left, followed when they are renamed, and closed when they are
//! done. This is the blocking half of the tailer; the other half hands the events in.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use watchkeep_core::{Random, TimestampMs};

use super::discover::{self, Found};
use super::file::{From, Tailed};
use super::lines::Batch;
use super::state::{FileId, Progress, State};
use crate::limits::{DISCOVER_INTERVAL, FILES_MAX, PATHS_MAX};

/// The files, and how far each was read.
#[derive(Debug)]
pub(super) struct Files {
    globs: Vec<String>,
    own: PathBuf,
    state: State,
    open: Vec<Tailed>,
    /// Those that cannot be read, or are no text.
    ignored: HashSet<FileId>,
    discovered_at: Option<Duration>,
    /// Nothing was ever read: what is found now is old.
    is_first_sight: bool,
    is_full: bool,
    is_state_unsaved: bool,
}

/// A batch of a file, ready to be handed in.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) id: FileId,
    pub(super) group: String,
    pub(super) batch: Batch,
}

impl Files {
    pub(super) fn new(globs: Vec<String>, state_dir: PathBuf) -> Files {
        let state = State::load(&state_dir);
        Files {
            globs,
            is_first_sight: state.files.is_empty(),
            // Patterns may come to a file by another way: compare what is really there.
            own: state_dir.canonicalize().unwrap_or(state_dir),
            state,
            open: Vec::new(),
            ignored: HashSet::new(),
            discovered_at: None,
            is_full: false,
            is_state_unsaved: false,
        }
    }

    /// Looks at all open files, and now and then for new ones. Returns those that are open.
    pub(super) fn look(&mut self, now: Duration) -> Vec<FileId> {
        self.open.retain_mut(|file| match file.look(now) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(file = %file.path.display(), %error, "the log file cannot be read any more");
                false
            }
        });
        // Where a file was rotated away, another is about to begin.
        let is_rotating = self.open.iter().any(Tailed::is_rotated);
        if is_rotating || self.discovered_at.is_none_or(|at| now.saturating_sub(at) >= DISCOVER_INTERVAL) {
            self.discover(now);
            self.discovered_at = Some(now);
        }
        let (state, open) = (&mut self.state, &mut self.open);
        let known = state.files.len();
        open.retain(|file| {
            let is_done = file.is_done(now);
            if is_done {
                state.files.remove(&file.id);
            }
            !is_done
        });
        if state.files.len() < known {
            // Its number may soon be another file's.
            self.save();
        }
        self.open.iter().map(|file| file.id).collect()
    }

    /// The next batch of a file. One whose events are all left out is acknowledged at once.
    pub(super) fn next_batch(&mut self, id: FileId, now: Duration, time: TimestampMs) -> Option<Ready> {
        let file = self.open.iter_mut().find(|file| file.id == id && file.retry_at <= now)?;
        loop {
            let batch = match file.next_batch(now, time) {
                Ok(batch) => batch?,
                Err(error) => {
                    tracing::warn!(file = %file.path.display(), %error, "the log file cannot be read now");
                    return None;
                }
            };
            if batch.out_of_time > 0 {
                let events = batch.out_of_time;
                tracing::warn!(file = %file.path.display(), events, "events that are too old or too new were left out");
            }
            if !batch.events.is_empty() {
                return Some(Ready { id, group: file.group.clone(), batch });
            }
            file.acknowledge(&batch);
        }
    }

    /// Notes that a batch was acknowledged, or given up, and saves that.
    pub(super) fn acknowledge(&mut self, ready: &Ready) {
        let Some(file) = self.open.iter_mut().find(|file| file.id == ready.id) else { return };
        file.acknowledge(&ready.batch);
        let progress = Progress { path: file.path.clone(), group: file.group.clone(), offset: file.offset };
        self.state.files.insert(file.id, progress);
        self.save();
    }

    /// Notes that a batch was refused for now: its file waits, the others do not.
    pub(super) fn defer(&mut self, id: FileId, now: Duration, random: &dyn Random) {
        if let Some(file) = self.open.iter_mut().find(|file| file.id == id) {
            file.retry_at = now + file.retry.failed(random);
        }
    }

    fn save(&mut self) {
        match self.state.save() {
            Ok(()) => self.is_state_unsaved = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_state_unsaved, true) {
                    tracing::warn!(%error, "how far log files were read cannot be saved: a restart would hand them in again");
                }
            }
        }
    }

    fn discover(&mut self, now: Duration) {
        let known: Vec<FileId> = self.state.files.keys().copied().collect();
        let found = discover::find(&self.globs, &self.own);
        if self.discovered_at.is_none() {
            self.resume_renamed(&found, now);
        }
        for found in found {
            match self.open.iter_mut().find(|file| file.id == found.id) {
                Some(file)
                    if file.path != found.path && discover::look(&file.path).is_none_or(|at| at.id != file.id) =>
                {
                    file.moved_to(found.path);
                }
                Some(_) => {}
                None => {
                    let from = if self.is_first_sight { From::NearEnd } else { From::Offset(0) };
                    let new = (discover::group_of(&found.path), from);
                    let known = self.state.files.get(&found.id);
                    let (group, from) = known.map_or(new, |known| (known.group.clone(), From::Offset(known.offset)));
                    self.start(&found, group, from, now);
                }
            }
        }
        self.is_first_sight = false;
        if !known.iter().eq(self.state.files.keys()) {
            // Even before something is acknowledged: the file may be renamed while nobody looks.
            self.save();
        }
    }

    /// Goes on with files that were renamed while nobody looked; forgets those that are gone.
    fn resume_renamed(&mut self, found: &[Found], now: Duration) {
        let known: Vec<(FileId, Progress)> = self.state.files.iter().map(|(id, known)| (*id, known.clone())).collect();
        for (id, progress) in known {
            if found.iter().any(|found| found.id == id) {
                continue;
            }
            match discover::renamed(&progress.path, id) {
                // As if it had been renamed just now: it is read to its end.
                Some(found) => {
                    let found = Found { path: found.path, ..found };
                    self.start(&found, progress.group, From::Offset(progress.offset), now);
                    if let Some(file) = self.open.last_mut().filter(|file| file.id == id) {
                        file.path = progress.path;
                    }
                }
                None => {
                    self.state.files.remove(&id);
                }
            }
        }
    }

    fn start(&mut self, found: &Found, group: String, from: From, now: Duration) {
        if self.ignored.contains(&found.id) {
            return;
        }
        if self.open.len() >= FILES_MAX {
            if !std::mem::replace(&mut self.is_full, true) {
                tracing::warn!(files = FILES_MAX, "there are more log files than are tailed at once");
            }
            return;
        }
        match Tailed::open(found, group, from, now) {
            Ok(Some(file)) => {
                tracing::debug!(file = %file.path.display(), group = file.group, offset = file.offset, "tailing a log file");
                let progress = Progress { path: file.path.clone(), group: file.group.clone(), offset: file.offset };
                self.state.files.insert(file.id, progress);
                self.open.push(file);
            }
            Ok(None) => self.ignore(found.id),
            Err(error) => {
                tracing::info!(file = %found.path.display(), %error, "the log file cannot be read and is left out");
                self.ignore(found.id);
            }
        }
    }

    fn ignore(&mut self, id: FileId) {
        if self.ignored.len() >= PATHS_MAX {
            self.ignored.clear();
        }
        self.ignored.insert(id);
    }
}
