//! Records that become durable together: each in the event history, and in every event data store that collects it.

use std::sync::Arc;

use watchkeep_store::{Append, Rows, Store};

use crate::collectors::{Collector, Collectors};
use crate::record::Recorded;
use crate::tables::{AUDIT_EVENTS, STORED_EVENTS};

/// Records on their way to the store.
#[derive(Debug)]
pub struct Batch {
    history: Rows,
    collected: Vec<(Arc<Collector>, Rows)>,
}

impl Default for Batch {
    fn default() -> Self {
        Batch { history: Rows::new(&AUDIT_EVENTS), collected: Vec::new() }
    }
}

impl Batch {
    /// Adds a record.
    pub fn add(&mut self, record: &Recorded, collectors: &Collectors) {
        record.write(&mut self.history);
        for collector in collectors.current().iter().filter(|collector| collector.collects(record)) {
            self.add_to(collector, |rows| record.write_stored(collector.store_id, rows));
        }
    }

    /// Adds all of another batch.
    pub fn extend(&mut self, other: Batch) {
        self.history.extend(other.history);
        for (collector, rows) in other.collected {
            self.add_to(&collector, |to| to.extend(rows));
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.history.len()
    }

    /// About how many bytes they take.
    pub fn bytes(&self) -> usize {
        let collected = self.collected.iter().map(|(_, rows)| rows.block_bytes());
        self.history.block_bytes() + collected.sum::<usize>()
    }

    /// All rows as one append, those of stores with a key encrypted under it. A store whose key cannot be used gets none: its owner
    /// has locked it, and calls do not fail for that.
    pub async fn to_append(&self, store: &Store) -> Append {
        let mut append = Append::from(self.history.clone());
        for (collector, rows) in &self.collected {
            let key = match &collector.encryption {
                None => None,
                Some((kms_key, context)) => match store.encryption_key(kms_key, context).await {
                    Ok(key) => Some(key),
                    Err(error) => {
                        let (events, store_id) = (rows.len(), collector.store_id);
                        tracing::warn!(events, store_id, %error, "events are not kept in an event data store");
                        continue;
                    }
                },
            };
            append.push(rows.clone().encrypted_under(key));
        }
        append
    }

    /// Adds to the rows of a store; those of one that was changed meanwhile are kept apart, for its key may be another.
    fn add_to(&mut self, collector: &Arc<Collector>, add: impl FnOnce(&mut Rows)) {
        match self.collected.iter_mut().find(|(known, _)| Arc::ptr_eq(known, collector)) {
            Some((_, rows)) => add(rows),
            None => {
                let mut rows = Rows::new(&STORED_EVENTS);
                add(&mut rows);
                self.collected.push((collector.clone(), rows));
            }
        }
    }
}
