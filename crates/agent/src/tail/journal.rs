//! systemd's journal on its way to PutLogEvents, for hosts that keep no text files of it: followed by `journalctl`, which
//! knows the format and what its user may see. Where it was left is known by the journal's own cursor, saved when the events
//! before it were acknowledged. While the service does not answer, `journalctl` waits with the rest.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use watchkeep_core::{Clock, Random, TimestampMs};
use watchkeep_model::logs::InputLogEvent;

use super::batch::{Events, is_in_time};
use super::ship::{Outcome, Ship};
use super::{discover, state};
use crate::api::Api;
use crate::backoff::Backoff;
use crate::limits::{EVENT_BYTES_MAX, JOURNAL_ENTRY_BYTES_MAX, JOURNAL_FIRST_ENTRIES, JOURNAL_READ_BYTES};
use crate::{AgentConfig, stopped};

/// The log group of the journal: where journald keeps it.
const GROUP: &str = "/var/log/journal";

/// The cursor's file in the state directory.
const FILE: &str = "journal.json";

/// Follows the journal.
pub(crate) struct Journal {
    program: Option<PathBuf>,
    state_dir: PathBuf,
    ship: Ship,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// After which entry it goes on.
    cursor: Option<String>,
    is_unsaved: bool,
}

#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    cursor: Cow<'a, str>,
}

/// Events, and the cursor of the last entry that they, and what was left out, are made of.
struct Batch {
    events: Vec<InputLogEvent>,
    cursor: String,
}

/// Why following the journal ended.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The agent is to stop.
    Stopped,
    /// `journalctl` ended, after it had said something.
    AfterEntries,
    /// `journalctl` ended, and had said nothing.
    AtOnce,
}

impl Journal {
    pub(crate) fn new(
        config: &AgentConfig,
        api: Arc<dyn Api>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Journal {
        Journal {
            program: config.journalctl.clone(),
            state_dir: config.state_dir.clone(),
            ship: Ship::new(api, discover::stream_of(&config.host)),
            clock,
            random,
            cursor: None,
            is_unsaved: false,
        }
    }

    pub(crate) async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let Some(program) = self.program.take() else { return };
        let file = self.state_dir.join(FILE);
        let saved = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
        self.cursor = saved.ok().and_then(Result::ok).and_then(|text| {
            let saved: Option<Saved<'_>> = serde_json::from_slice(&text).ok();
            saved.map(|saved| saved.cursor.into_owned())
        });
        let mut restart = Backoff::default();
        loop {
            match Follower::start(&program, self.cursor.as_deref()) {
                Ok(mut follower) => {
                    match self.follow(&mut follower, &mut shutdown).await {
                        End::Stopped => return,
                        End::AfterEntries => restart.succeeded(),
                        // It may be that the entry of the cursor is gone.
                        End::AtOnce => self.cursor = None,
                    }
                    tracing::warn!("journalctl ended; it is started again");
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) => tracing::warn!(%error, "journalctl cannot be started now; it is tried again"),
            }
            let pause = restart.failed(&*self.random).max(Duration::from_secs(1));
            tokio::select! {
                () = stopped(&mut shutdown) => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// Hands in what `journalctl` says until one of the two ends.
    async fn follow(&mut self, follower: &mut Follower, shutdown: &mut watch::Receiver<bool>) -> End {
        let mut end = End::AtOnce;
        loop {
            let next = tokio::select! {
                () = stopped(shutdown) => return End::Stopped,
                next = follower.next_batch(self.clock.now()) => next,
            };
            match next {
                Ok(Some(batch)) => {
                    if !self.settle(batch, shutdown).await {
                        return End::Stopped;
                    }
                    end = End::AfterEntries;
                }
                Ok(None) => return end,
                Err(error) => {
                    tracing::warn!(%error, "the journal cannot be read now");
                    return end;
                }
            }
        }
    }

    /// Hands a batch in, as often as it takes, and saves that. Says whether it was not stopped before.
    async fn settle(&mut self, batch: Batch, shutdown: &mut watch::Receiver<bool>) -> bool {
        let mut backoff = Backoff::default();
        while !batch.events.is_empty() {
            match self.ship.hand_in(GROUP, &batch.events).await {
                Outcome::Settled => break,
                Outcome::Refused => {}
                Outcome::Outage(error) => {
                    if !backoff.is_failing() {
                        tracing::warn!(%error, "the journal's events cannot be handed in now; it is tried again");
                    }
                }
            }
            tokio::select! {
                () = stopped(shutdown) => return false,
                () = self.clock.sleep(backoff.failed(&*self.random)) => {}
            }
        }
        let (file, saved) =
            (self.state_dir.join(FILE), serde_json::to_vec(&Saved { cursor: Cow::Borrowed(&batch.cursor) }));
        self.cursor = Some(batch.cursor);
        let written = match saved {
            Ok(text) => tokio::task::spawn_blocking(move || state::replace(&file, &text)).await.unwrap_or(Ok(())),
            Err(error) => Err(error.into()),
        };
        match written {
            Ok(()) => self.is_unsaved = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_unsaved, true) {
                    tracing::warn!(%error, "how far the journal was read cannot be saved");
                }
            }
        }
        true
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("program", &self.program).finish_non_exhaustive()
    }
}

/// A running `journalctl`. It ends with this value.
struct Follower {
    _process: Child,
    output: BufReader<ChildStdout>,
    /// An entry that was read and did not fit into the batch before.
    held: Option<Entry>,
}

impl Follower {
    fn start(program: &Path, cursor: Option<&str>) -> io::Result<Follower> {
        let mut command = Command::new(program);
        command.args(["--follow", "--all", "--output=json", "--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_COMM,_PID"]);
        match cursor {
            Some(cursor) => command.arg(format!("--after-cursor={cursor}")).arg("--lines=all"),
            // What is old may be very much.
            None => command.arg(format!("--lines={JOURNAL_FIRST_ENTRIES}")),
        };
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let output = process.stdout.take().ok_or_else(|| io::Error::other("journalctl has no output"))?;
        Ok(Follower { _process: process, output: BufReader::with_capacity(JOURNAL_READ_BYTES, output), held: None })
    }

    /// Waits for an entry; returns it with those that are there already, as many as one PutLogEvents takes. `None` at the end.
    async fn next_batch(&mut self, now: TimestampMs) -> io::Result<Option<Batch>> {
        let mut events = Events::default();
        let mut cursor = None;
        loop {
            let entry = match self.held.take() {
                Some(entry) => entry,
                None if cursor.is_some() && !self.output.buffer().contains(&b'\n') => break,
                None => match self.entry().await? {
                    Some(entry) => entry,
                    None => break,
                },
            };
            let (time, text) = (entry.time_ms(), entry.text());
            if is_in_time(time, now) && !text.is_empty() {
                if !events.fits(time, text.len()) {
                    self.held = Some(entry);
                    break;
                }
                events.push(time, text);
            }
            cursor = Some(entry.cursor);
        }
        Ok(cursor.map(|cursor| Batch { events: events.sorted(), cursor }))
    }

    /// The next line that is an entry; longer ones than [`JOURNAL_ENTRY_BYTES_MAX`] are skipped.
    async fn entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            let mut line = Vec::new();
            let mut length = 0;
            loop {
                let read = self.output.fill_buf().await?;
                if read.is_empty() {
                    return Ok(None);
                }
                let end = read.iter().position(|&byte| byte == b'\n');
                let part = read.get(..end.unwrap_or(read.len())).unwrap_or_default();
                length += part.len();
                if length <= JOURNAL_ENTRY_BYTES_MAX {
                    line.extend_from_slice(part);
                }
                let consumed = end.map_or(read.len(), |end| end + 1);
                self.output.consume(consumed);
                if end.is_some() {
                    break;
                }
            }
            if length <= JOURNAL_ENTRY_BYTES_MAX
                && let Ok(entry) = serde_json::from_slice(&line)
            {
                return Ok(Some(entry));
            }
            tracing::warn!(bytes = length, "an entry of the journal cannot be read and is left out");
        }
    }
}

/// What `journalctl` says of an entry.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "__CURSOR")]
    cursor: String,
    /// Microseconds since the epoch, in decimal.
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    time_us: String,
    #[serde(rename = "MESSAGE", default)]
    message: Value,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Value,
    #[serde(rename = "_COMM", default)]
    command: Value,
    #[serde(rename = "_PID", default)]
    pid: Value,
}

impl Entry {
    fn time_ms(&self) -> i64 {
        self.time_us.parse::<i64>().map_or(0, |time| time.div_euclid(1000))
    }

    /// The entry as it would stand in a text file, without time and host: `sshd[123]: message`. Empty if it has no message.
    fn text(&self) -> String {
        let message = shown(&self.message);
        let message = message.trim_end();
        if message.is_empty() {
            return String::new();
        }
        let name = [&self.identifier, &self.command].into_iter().map(shown).find(|name| !name.is_empty());
        let pid = shown(&self.pid);
        let mut text = match name {
            Some(name) if pid.is_empty() => format!("{name}: {message}"),
            Some(name) => format!("{name}[{pid}]: {message}"),
            None => message.to_owned(),
        };
        text.truncate(text.floor_char_boundary(EVENT_BYTES_MAX));
        text
    }
}

/// A field's value: text, or the numbers of bytes that are no text; the first one if there are several, empty if there is none.
fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(values) => match values.first() {
            Some(Value::Number(_)) => {
                let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
                let bytes: Vec<u8> = values.iter().filter_map(byte).collect();
                Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(first) => shown(first),
            None => Cow::Borrowed(""),
        },
        _ => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_become_lines() {
        for (fields, text) in [
            (r#""MESSAGE":"Accepted","SYSLOG_IDENTIFIER":"sshd","_COMM":"x","_PID":"12""#, "sshd[12]: Accepted"),
            (r#""MESSAGE":"a\nb\n","_COMM":"cron""#, "cron: a\nb"),
            (r#""MESSAGE":[99,97,102,233]"#, "caf\u{fffd}"),
            (r#""MESSAGE":["first","second"],"_PID":null"#, "first"),
            (r#""MESSAGE":null,"_PID":"1""#, ""),
            (r#""_PID":"1""#, ""),
        ] {
            let line = format!(r#"{{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795000000123456",{fields}}}"#);
            let entry: Entry = serde_json::from_str(&line).unwrap();
            assert_eq!((entry.text().as_str(), entry.time_ms()), (text, 1_795_000_000_123), "{fields}");
        }
        let long = Entry {
            cursor: String::new(),
            time_us: "never".to_owned(),
            message: Value::String("\u{20ac}".repeat(EVENT_BYTES_MAX)),
            identifier: Value::Null,
            command: Value::Null,
            pid: Value::Null,
        };
        assert!((EVENT_BYTES_MAX - 3..=EVENT_BYTES_MAX).contains(&long.text().len()) && long.time_ms() == 0);
    }
}
