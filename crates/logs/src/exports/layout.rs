//! The files of an export, as AWS lays them out: `<prefix>/<task id>/<stream>/000000.gz` and on, each line a time and a message.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use watchkeep_model::Timestamp;
use watchkeep_wire::text::timestamp;

use crate::limits::{EXPORT_FILE_BYTES, EXPORT_LINES_BYTES};

/// What is written to see whether one may.
pub(super) const PROBE: &[u8] = b"Permission Check Successful";

/// What keys begin with if the client does not say.
const PREFIX_DEFAULT: &str = "exportedlogs";

/// What keys begin with.
pub(super) fn prefix(asked: Option<&str>) -> String {
    asked.filter(|prefix| !prefix.is_empty()).unwrap_or(PREFIX_DEFAULT).to_owned()
}

/// The key of the object that is written to see whether one may.
pub(super) fn probe_key(prefix: &str) -> String {
    format!("{prefix}/aws-logs-write-test")
}

/// A stream's name as a part of keys.
pub(super) fn folder(stream: &str) -> String {
    stream.replace('/', "-")
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

    #[test]
    fn files_are_laid_out_as_in_aws() {
        assert_eq!(prefix(None), "exportedlogs");
        assert_eq!(prefix(Some("")), "exportedlogs");
        assert_eq!(file_key("p/q", "id", &folder("a/b/c"), 7), "p/q/id/a-b-c/000007.gz");
        let mut file = File::new();
        assert!(file.is_empty());
        file.add(1_441_490_400_000, "hello");
        file.add(1_441_490_400_007, "two\nlines");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&file.finish()[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "2015-09-05T22:00:00.000Z hello\n2015-09-05T22:00:00.007Z two\nlines\n");
    }
}
