//! The files of an export, as AWS lays them out: `<prefix>/<task id>/<stream>/000000.gz` and on, each line a time and a message.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use watchkeep_model::Timestamp;
use watchkeep_wire::text::timestamp;

use crate::limits::{EXPORT_FILE_BYTES, EXPORT_KEY_BYTES_MAX, EXPORT_LINES_BYTES};

/// What is written to see whether one may.
pub(super) const PROBE: &[u8] = b"Permission Check Successful";

/// What keys begin with if the client does not say.
const PREFIX_DEFAULT: &str = "exportedlogs";

/// The bytes of a key beside prefix and folder: three slashes, the task's id, the file's number and `.gz`.
const BESIDE_BYTES: usize = 3 + 36 + 10 + 3;

/// What keys begin with.
pub(super) fn prefix(asked: Option<&str>) -> String {
    asked.filter(|prefix| !prefix.is_empty()).unwrap_or(PREFIX_DEFAULT).to_owned()
}

/// The key of the object that is written to see whether one may.
pub(super) fn probe_key(prefix: &str) -> String {
    format!("{prefix}/aws-logs-write-test")
}

/// A stream's name as a part of keys that begin with this prefix: its end is left out if the keys were too long with it.
pub(super) fn folder(prefix: &str, stream: &str) -> String {
    let mut folder = stream.replace('/', "-");
    let bytes_max = EXPORT_KEY_BYTES_MAX.saturating_sub(prefix.len() + BESIDE_BYTES);
    folder.truncate(folder.floor_char_boundary(bytes_max));
    folder
}

/// The key of a file.
pub(super) fn file_key(prefix: &str, task_id: &str, folder: &str, number: u32) -> String {
    format!("{prefix}/{task_id}/{folder}/{number:06}.gz")
}

/// A file that is being written: compressed as it grows.
pub(super) struct File {
    encoder: GzEncoder<Vec<u8>>,
    lines_bytes: usize,
}

impl File {
    pub(super) fn new() -> File {
        File { encoder: GzEncoder::new(Vec::new(), Compression::default()), lines_bytes: 0 }
    }

    /// Whether it has no line.
    pub(super) fn is_empty(&self) -> bool {
        self.lines_bytes == 0
    }

    /// Whether it has enough.
    pub(super) fn is_full(&self) -> bool {
        self.encoder.get_ref().len() >= EXPORT_FILE_BYTES || self.lines_bytes >= EXPORT_LINES_BYTES
    }

    /// Adds an event.
    pub(super) fn add(&mut self, time_ms: i64, message: &str) {
        let time = time(time_ms);
        self.lines_bytes += time.len() + message.len() + 2;
        // Writing to memory does not fail.
        let _ = writeln!(self.encoder, "{time} {message}");
    }

    /// Its bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        self.encoder.finish().unwrap_or_default()
    }
}

/// `2015-09-05T22:00:00.000Z`.
fn time(time_ms: i64) -> String {
    let seconds = timestamp::iso8601(Timestamp(time_ms - time_ms.rem_euclid(1_000)));
    format!("{}.{:03}Z", seconds.trim_end_matches('Z').split('.').next().unwrap_or_default(), time_ms.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::limits::EXPORT_PREFIX_BYTES_MAX;

    #[test]
    fn files_are_laid_out_as_in_aws() {
        assert_eq!(prefix(None), "exportedlogs");
        assert_eq!(prefix(Some("")), "exportedlogs");
        assert_eq!(file_key("p/q", "id", &folder("p/q", "a/b/c"), 7), "p/q/id/a-b-c/000007.gz");
        // A name may have four bytes a character, and a key has a thousand.
        for (prefix, name) in [("p", "\u{1f4a7}".repeat(512)), (&*"p".repeat(EXPORT_PREFIX_BYTES_MAX), "s".repeat(512))]
        {
            let folder = folder(prefix, &name);
            let key = file_key(prefix, &"i".repeat(36), &folder, u32::MAX);
            assert!(name.starts_with(&folder) && folder.len() > 400, "{folder}");
            assert!(key.len() <= EXPORT_KEY_BYTES_MAX, "{}", key.len());
        }
        let mut file = File::new();
        assert!(file.is_empty());
        file.add(1_441_490_400_000, "hello");
        file.add(1_441_490_400_007, "two\nlines");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&file.finish()[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "2015-09-05T22:00:00.000Z hello\n2015-09-05T22:00:00.007Z two\nlines\n");
    }
}
