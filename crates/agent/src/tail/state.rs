//! How far each file was read and acknowledged, kept across restarts in one small file that is replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name in the state directory.
const FILE: &str = "log-files.json";

/// The format that this program writes.
const VERSION: u32 = 1;

/// What a file is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(super) fn of(metadata: &fs::Metadata) -> FileId {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Where it was last.
    pub(super) path: PathBuf,
    /// The log group that its lines go to.
    pub(super) group: String,
    /// The bytes from its start that were acknowledged.
    pub(super) offset: u64,
}

/// The progress of all files, in memory and on disk.
#[derive(Debug)]
pub(super) struct State {
    file: PathBuf,
    pub(super) files: BTreeMap<FileId, Progress>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    files: Vec<SavedFile>,
}

#[derive(Serialize, Deserialize)]
struct SavedFile {
    #[serde(flatten)]
    id: FileId,
    #[serde(flatten)]
    progress: Progress,
}

impl State {
    /// Reads what was saved in the directory; nothing if nothing was. What cannot be read is told, and lost: files are then
    /// read as if they were seen for the first time.
    pub(super) fn load(directory: &Path) -> State {
        let file = directory.join(FILE);
        let files = match read(&file) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "how far log files were read is not known any more");
                BTreeMap::new()
            }
        };
        State { file, files }
    }

    /// Saves it. After a crash either this or what was saved before is there.
    pub(super) fn save(&self) -> io::Result<()> {
        let files = self.files.iter().map(|(&id, progress)| SavedFile { id, progress: progress.clone() }).collect();
        let text = serde_json::to_vec_pretty(&Saved { version: VERSION, files })?;
        replace(&self.file, &text)
    }
}

/// Writes a file, in a directory that is made if absent. After a crash the file is as before or as it shall be.
pub(super) fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let unfinished = file.with_extension("new");
    let mut opened = File::create(&unfinished)?;
    opened.write_all(text)?;
    opened.sync_data()?;
    fs::rename(&unfinished, file)
}

fn read(file: &Path) -> io::Result<BTreeMap<FileId, Progress>> {
    let saved: Saved = serde_json::from_slice(&fs::read(file)?)?;
    if saved.version != VERSION {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("it is of format {}", saved.version)));
    }
    Ok(saved.files.into_iter().map(|file| (file.id, file.progress)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_there_again() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("made/on/demand");
        let mut state = State::load(&place);
        assert!(state.files.is_empty());
        let progress = |offset| Progress { path: "/var/log/syslog".into(), group: "/var/log/syslog".into(), offset };
        state.files.insert(FileId { device: 1, inode: u64::MAX }, progress(5));
        state.save().unwrap();
        state.files.insert(FileId { device: 2, inode: 7 }, progress(u64::MAX));
        state.save().unwrap();
        assert_eq!(State::load(&place).files, state.files);

        // What a crash, or a newer version, left behind is not mistaken for something.
        for text in ["", "{", r#"{"version":2,"files":[]}"#] {
            fs::write(place.join(FILE), text).unwrap();
            assert!(State::load(&place).files.is_empty());
        }
    }
}
