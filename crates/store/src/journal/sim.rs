//! A disk for tests, in memory: it can lose power (unsynced sectors land or do not, at random), fail a sync, hold syncs back,
//! and be full.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use watchkeep_core::Random;

use super::disk::{Disk, WalFile};

const SECTOR_BYTES: usize = 512;

#[derive(Clone)]
pub(super) struct SimDisk {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    names: BTreeMap<String, u64>,
    files: HashMap<u64, Content>,
    next_file: u64,
    /// Bytes that may still be used.
    pub free_bytes: u64,
    /// Writes and syncs until the power goes off.
    pub power_left: Option<u64>,
    /// The next sync fails.
    pub fail_sync: bool,
    /// Syncs wait while this is set.
    pub hold_syncs: bool,
    /// Syncs of files that have begun.
    pub syncs: u64,
    /// Writes to files.
    pub writes: u64,
}

#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    cached: Vec<u8>,
}

impl State {
    fn use_power(&mut self) -> io::Result<()> {
        match &mut self.power_left {
            Some(0) => Err(io::Error::other("the power is off")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn file(&mut self, name: &str) -> io::Result<&mut Content> {
        let id = self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.files.get_mut(id).unwrap())
    }
}

impl SimDisk {
    pub(super) fn new() -> Self {
        let disk = SimDisk { shared: Arc::default() };
        disk.set(|state| state.free_bytes = 1 << 30);
        disk
    }

    /// Changes the disk's behaviour.
    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.shared.changed.notify_all();
    }

    /// Waits until the state is as wished; fails the test after ten seconds.
    pub(super) fn wait_until(&self, wish: impl Fn(&State) -> bool) {
        let patience = std::time::Duration::from_secs(10);
        let (state, waited) =
            self.shared.changed.wait_timeout_while(self.lock(), patience, |state| !wish(state)).unwrap();
        drop(state);
        assert!(!waited.timed_out(), "the disk did not get there");
    }

    /// What a restart of the process finds: all that was written.
    pub(super) fn after_kill(&self) -> SimDisk {
        self.restarted(|content| content.cached.clone())
    }

    /// What a restart of the machine finds: of each sector that was not synced, the old or the new content.
    pub(super) fn after_power_loss(&self, random: &dyn Random) -> SimDisk {
        self.restarted(|content| {
            let mut found = content.cached.clone();
            let sectors = found.chunks_mut(SECTOR_BYTES).zip(content.durable.chunks(SECTOR_BYTES));
            for (new, old) in sectors.filter(|(new, old)| new != old) {
                if random.next_u64().is_multiple_of(2) {
                    new.copy_from_slice(old);
                }
            }
            found
        })
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().names.keys().cloned().collect()
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        self.lock().file(name).unwrap().cached.clone()
    }

    /// Damages a file.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        let content = state.file(name).unwrap();
        change(&mut content.cached);
        content.durable = content.cached.clone();
    }

    fn restarted(&self, found: impl Fn(&Content) -> Vec<u8>) -> SimDisk {
        let state = self.lock();
        let files = state.files.iter().map(|(id, content)| {
            let bytes = found(content);
            (*id, Content { durable: bytes.clone(), cached: bytes })
        });
        let state = State {
            names: state.names.clone(),
            files: files.collect(),
            next_file: state.next_file,
            free_bytes: state.free_bytes,
            ..State::default()
        };
        SimDisk { shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }
}

impl Disk for SimDisk {
    fn path(&self) -> &Path {
        Path::new("sim")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn WalFile>> {
        let state = self.lock();
        let id = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { shared: self.shared.clone(), id }))
    }

    fn create_zeroed(&self, name: &str, bytes: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.use_power()?;
        state.free_bytes = state.free_bytes.checked_sub(bytes).ok_or(io::ErrorKind::StorageFull)?;
        let id = state.next_file;
        state.next_file += 1;
        let zeros = vec![0; bytes as usize];
        state.files.insert(id, Content { durable: zeros.clone(), cached: zeros });
        state.names.insert(name.to_owned(), id);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.use_power()?;
        let id = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        assert!(state.names.insert(to.to_owned(), id).is_none(), "{to} is overwritten");
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.use_power()?;
        let id = state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        let content = state.files.remove(&id).unwrap();
        state.free_bytes += content.cached.len() as u64;
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.lock().use_power()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.lock().free_bytes)
    }
}

struct SimFile {
    shared: Arc<Shared>,
    id: u64,
}

impl SimFile {
    fn with<T>(&self, act: impl FnOnce(&mut State, &mut Content) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.shared.state.lock().unwrap();
        let mut content = state.files.remove(&self.id).ok_or(io::ErrorKind::NotFound)?;
        let result = act(&mut state, &mut content);
        state.files.insert(self.id, content);
        drop(state);
        self.shared.changed.notify_all();
        result
    }
}

impl WalFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|_, content| Ok(content.cached.len() as u64))
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> io::Result<()> {
        self.with(|_, content| {
            let from = content.cached.get(offset as usize..).and_then(|from| from.get(..to.len()));
            to.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, from: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.with(|state, content| {
            state.writes += 1;
            let bytes: Vec<u8> = from.iter().flat_map(|slice| slice.iter().copied()).collect();
            let end = offset as usize + bytes.len();
            if content.cached.len() < end {
                content.cached.resize(end, 0);
                content.durable.resize(end, 0);
            }
            // The write on which the power fails may still reach the disk in part.
            content.cached[offset as usize..end].copy_from_slice(&bytes);
            state.use_power()
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.shared.state.lock().unwrap();
        state.syncs += 1;
        self.shared.changed.notify_all();
        state = self.shared.changed.wait_while(state, |state| state.hold_syncs).unwrap();
        drop(state);
        self.with(|state, content| {
            state.use_power()?;
            if std::mem::take(&mut state.fail_sync) {
                return Err(io::Error::other("the sync failed"));
            }
            content.durable.clone_from(&content.cached);
            Ok(())
        })
    }
}
