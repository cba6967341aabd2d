//! Which files are log files, and what their log groups are called.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::state::FileId;
use crate::limits::{PATHS_MAX, SIBLINGS_MAX, SNIFF_BYTES};

/// The log files that hosts usually have.
pub const LOG_GLOBS: &[&str] = &[
    "/var/log/*.log",
    "/var/log/*/*.log",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/secure",
    "/var/log/maillog",
    "/var/log/cron",
];

/// Never taken: what rotation compressed.
const COMPRESSED: &[&str] = &["gz", "zip", "bz2", "rar", "tar", "xz", "zst"];

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) length: u64,
}

/// The files that match the patterns, by path, without those below `own`.
pub(super) fn find(globs: &[String], own: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    for pattern in globs {
        let paths = match glob::glob(pattern) {
            Ok(paths) => paths,
            Err(error) => {
                tracing::warn!(pattern, %error, "this is no pattern for files");
                continue;
            }
        };
        // Directories that may not be read have nothing for us.
        let paths = paths.take(PATHS_MAX).flatten();
        found.extend(paths.filter(|path| !path.starts_with(own)).filter_map(|path| look(path.as_path())));
    }
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    // One file may have several names: the first stands for all.
    let mut seen = HashSet::new();
    found.retain(|found| seen.insert(found.id));
    found
}

/// The file at a path, if it is one that may be tailed.
pub(super) fn look(path: &Path) -> Option<Found> {
    let is_compressed = path.extension().is_some_and(|end| COMPRESSED.iter().any(|compressed| end == *compressed));
    // Names that are no text cannot name log groups.
    if is_compressed || path.to_str().is_none() {
        return None;
    }
    let metadata = fs::metadata(path).ok()?;
    metadata.is_file().then(|| Found { path: path.to_owned(), id: FileId::of(&metadata), length: metadata.len() })
}

/// The file that was at `path` and has been renamed in its directory, as `syslog` to `syslog.1`.
pub(super) fn renamed(path: &Path, id: FileId) -> Option<Found> {
    let name = path.file_name()?.to_str()?;
    let entries = fs::read_dir(path.parent()?).ok()?.take(SIBLINGS_MAX).flatten();
    let stem = name.split('.').next().unwrap_or(name);
    let mut siblings = entries.filter(|entry| entry.file_name().to_str().is_some_and(|other| other.starts_with(stem)));
    siblings.find_map(|entry| look(&entry.path()).filter(|found| found.id == id))
}

/// Whether what a file begins with looks like text.
pub(super) fn is_text(file: &File) -> bool {
    let mut start = Vec::new();
    let read = file.take(SNIFF_BYTES as u64).read_to_end(&mut start);
    read.is_ok() && !start.contains(&0)
}

/// The log group of a file's lines: its path without the last extension (the CloudWatch agent's default), in characters that
/// a group's name may have.
pub(super) fn group_of(path: &Path) -> String {
    named(&path.with_extension("").to_string_lossy(), |byte| byte == '/')
}

/// The log stream of a host's lines.
pub(super) fn stream_of(host: &str) -> String {
    named(host, |_| false)
}

/// A text as the name of a log group or stream: 1 to 512 of `A-Za-z0-9_-.#` (and what `also` lets through), others as `_`.
fn named(text: &str, also: impl Fn(char) -> bool) -> String {
    let plain = |byte: char| byte.is_ascii_alphanumeric() || matches!(byte, '_' | '-' | '.' | '#') || also(byte);
    let name: String = text.chars().map(|byte| if plain(byte) { byte } else { '_' }).take(512).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_called_as_the_agent_calls_them() {
        for (path, group) in [
            ("/var/log/syslog", "/var/log/syslog"),
            ("/var/log/nginx/access.log", "/var/log/nginx/access"),
            ("/var/log/app/2026.11.log", "/var/log/app/2026.11"),
            ("/var/log/my app/\u{e4}.log", "/var/log/my_app/_"),
        ] {
            assert_eq!(group_of(Path::new(path)), group);
        }
        assert_eq!(
            (stream_of("web-1.example"), stream_of("a:b*c/d"), stream_of("")),
            ("web-1.example".into(), "a_b_c_d".into(), "_".into())
        );
        assert_eq!(stream_of(&"x".repeat(600)).len(), 512);
    }

    #[test]
    fn files_are_found_by_patterns() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for file in ["a.log", "b.log.gz", "messages", "nginx/access.log", "own/agent.log", "deep/er/x.log"] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), b"text\n").unwrap();
        }
        fs::create_dir(root.join("folder.log")).unwrap();
        std::os::unix::fs::symlink(root.join("a.log"), root.join("z.log")).unwrap();
        let names = |globs: &[&str]| {
            let globs: Vec<String> = globs.iter().map(|glob| root.join(glob).display().to_string()).collect();
            let found = find(&globs, &root.join("own"));
            found.iter().map(|found| found.path.strip_prefix(root).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&["*.log", "*.gz", "*/*.log", "messages", "missing", "[", "*.log"]),
            ["a.log", "messages", "nginx/access.log"]
        );
        assert_eq!(names(&["**/*.log"]), ["a.log", "deep/er/x.log", "nginx/access.log"]);
    }

    #[test]
    fn a_renamed_file_is_found_beside_its_old_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        fs::write(&path, b"1").unwrap();
        fs::write(directory.path().join("other.log"), b"2").unwrap();
        let id = look(&path).unwrap().id;
        fs::rename(&path, directory.path().join("app-20261124.log")).unwrap();
        assert_eq!(renamed(&path, id).unwrap().path, directory.path().join("app-20261124.log"));
        fs::remove_file(directory.path().join("app-20261124.log")).unwrap();
        assert_eq!(renamed(&path, id), None);
    }

    #[test]
    fn text_has_no_zeros() {
        let directory = tempfile::tempdir().unwrap();
        for (content, text) in [(&b""[..], true), (b"caf\xe9\n", true), (b"wtmp\0\0", false)] {
            let path = directory.path().join("file");
            fs::write(&path, content).unwrap();
            assert_eq!(is_text(&File::open(&path).unwrap()), text);
        }
    }
}
