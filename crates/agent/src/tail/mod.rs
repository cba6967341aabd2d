//! The host's log files on their way to PutLogEvents. A file's lines go to a log group named after its path, into the stream
//! of this host, in order, and its offset moves when they were acknowledged (at least once: after a crash the last batch may
//! be handed in again). Groups and streams are made when the service misses them.

mod batch;
mod discover;
mod file;
mod files;
mod journal;
mod lines;
mod ship;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use watchkeep_core::{Clock, Random};

use crate::api::Api;
use crate::backoff::Backoff;
use crate::limits::{BATCHES_PER_TURN, POLL_INTERVAL};
use crate::{AgentConfig, stopped};
use files::Files;
use ship::{Outcome, Ship};

pub use discover::LOG_GLOBS;
pub(crate) use journal::Journal;

/// Tails log files.
pub(crate) struct Tailer {
    ship: Ship,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    has_files: bool,
    files: Arc<Mutex<Option<Files>>>,
    opening: Option<(Vec<String>, std::path::PathBuf)>,
    /// The service does not answer, and until when nothing is tried. Files are still looked at: they may be rotated meanwhile.
    outage: Backoff,
    outage_until: Duration,
}

/// How a turn over all files ended.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// All that there is was handed in, or must wait.
    Idle,
    /// There is more.
    Busy,
}

impl Tailer {
    pub(crate) fn new(
        config: &AgentConfig,
        api: Arc<dyn Api>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Tailer {
        Tailer {
            ship: Ship::new(api, discover::stream_of(&config.host)),
            clock,
            random,
            has_files: !config.log_globs.is_empty(),
            files: Arc::default(),
            opening: Some((config.log_globs.clone(), config.state_dir.clone())),
            outage: Backoff::default(),
            outage_until: Duration::ZERO,
        }
    }

    pub(crate) async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        while self.has_files && !*shutdown.borrow() {
            let pause = match self.turn(&shutdown).await {
                Turn::Idle => POLL_INTERVAL,
                Turn::Busy => Duration::ZERO,
            };
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => return,
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// Hands in what each file has, up to some batches of each.
    async fn turn(&mut self, shutdown: &watch::Receiver<bool>) -> Turn {
        let now = self.clock.monotonic();
        let ids = self.blocking(move |files| files.look(now)).await.unwrap_or_default();
        if now < self.outage_until {
            return Turn::Idle;
        }
        let mut turn = Turn::Idle;
        for id in ids {
            for batches in 0.. {
                if *shutdown.borrow() {
                    return Turn::Idle;
                }
                if batches == BATCHES_PER_TURN {
                    turn = Turn::Busy;
                    break;
                }
                let (now, time) = (self.clock.monotonic(), self.clock.now());
                let next = self.blocking(move |files| files.next_batch(id, now, time)).await;
                let Some(ready) = next.flatten() else { break };
                match self.ship.hand_in(&ready.group, &ready.batch.events).await {
                    Outcome::Settled => {}
                    Outcome::Outage(error) => {
                        if !self.outage.is_failing() {
                            tracing::warn!(%error, "log events cannot be handed in now; it is tried again");
                        }
                        self.outage_until = self.clock.monotonic() + self.outage.failed(&*self.random);
                        return Turn::Idle;
                    }
                    Outcome::Refused => {
                        let (now, random) = (self.clock.monotonic(), self.random.clone());
                        self.blocking(move |files| files.defer(id, now, &*random)).await;
                        break;
                    }
                }
                self.outage.succeeded();
                self.blocking(move |files| files.acknowledge(&ready)).await;
            }
        }
        turn
    }

    /// Works on the files where it may block; `None` if the program is ending.
    async fn blocking<T: Send + 'static>(&mut self, work: impl FnOnce(&mut Files) -> T + Send + 'static) -> Option<T> {
        let (files, opening) = (self.files.clone(), self.opening.take());
        let done = tokio::task::spawn_blocking(move || {
            let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((globs, state_dir)) = opening {
                *files = Some(Files::new(globs, state_dir));
            }
            files.as_mut().map(work)
        });
        done.await.ok().flatten()
    }
}

impl fmt::Debug for Tailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tailer").field("ship", &self.ship).finish_non_exhaustive()
    }
}
