//! Appending: rows to blocks, blocks to one frame, the frame to the journal; what the caller waits for is the frame's sync.

use crate::encryption::{self, encrypt_section};
use crate::error::StoreError;
use crate::journal::{Lsn, Section};
use crate::limits::{APPEND_ROWS_MAX, APPEND_WAIT_MAX};
use crate::rows::{Rows, RowsError};

use super::Store;

/// Rows of one table or several that become durable together, or not at all.
#[derive(Debug, Clone, Default)]
pub struct Append {
    parts: Vec<Rows>,
}

impl Append {
    /// Nothing yet.
    pub fn new() -> Append {
        Append::default()
    }

    /// The same and `rows`.
    pub fn and(mut self, rows: Rows) -> Append {
        self.push(rows);
        self
    }

    /// Adds rows. Rows of one table are kept together, in the order in which they were added, unless they are to be encrypted under
    /// different keys.
    pub fn push(&mut self, rows: Rows) {
        let is_alike = |part: &&mut Rows| {
            part.table().id == rows.table().id && encryption::id_of(part.key()) == encryption::id_of(rows.key())
        };
        match self.parts.iter_mut().find(is_alike) {
            Some(part) => part.extend(rows),
            None => self.parts.push(rows),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Rows::is_empty)
    }

    fn sections(self, store: &Store) -> Result<Vec<Section>, StoreError> {
        let mut sections = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let of_table = self.parts.iter().filter(|other| other.table().id == part.table().id);
            if of_table.map(Rows::len).sum::<usize>() > APPEND_ROWS_MAX {
                return Err(StoreError::Rows { table: part.table().name, source: RowsError::TooLarge });
            }
        }
        for part in self.parts {
            let (table, key) = (part.table(), part.key().cloned());
            if store.shared.index(table).is_none() {
                return Err(StoreError::UnknownTable { table: table.name });
            }
            let empty = part.is_empty();
            let refused = |source| StoreError::Rows { table: table.name, source };
            let mut payload = part.finish().map_err(refused)?;
            if let Some(key) = key {
                let encrypted = encrypt_section(&payload, &key, &*store.random);
                payload = encrypted.ok_or(RowsError::Unencryptable).map_err(refused)?;
            }
            if !empty {
                sections.push(Section { table: table.id, payload });
            }
        }
        Ok(sections)
    }
}

impl From<Rows> for Append {
    fn from(rows: Rows) -> Append {
        Append { parts: vec![rows] }
    }
}

impl Store {
    /// Appends rows. When it returns they are durable (as far as the configuration asks), and every scan that begins
    /// afterwards sees them. The number of the frame grows in the order in which appends were acknowledged: the `seq` of the
    /// n-th row of a table in it is `lsn << 20 | n`. An append without rows does nothing.
    ///
    /// # Errors
    ///
    /// Nothing was appended on [`StoreError::Busy`], [`StoreError::Rows`], [`StoreError::UnknownTable`],
    /// [`StoreError::Closed`], and on the journal's errors other than poisoning; see [`StoreError::is_retryable`].
    pub async fn append(&self, append: impl Into<Append>) -> Result<Lsn, StoreError> {
        let sections = append.into().sections(self)?;
        let journal = self.journal().await?;
        if sections.is_empty() {
            return Ok(Lsn(self.shared.read().next_lsn.0.saturating_sub(1)));
        }
        self.wait_for_memory().await?;
        Ok(journal.append(sections).await?)
    }

    /// Waits a little while memory is over its budget: first sealing is hurried, then appends are slowed, then refused.
    async fn wait_for_memory(&self) -> Result<(), StoreError> {
        if self.has_memory() {
            return Ok(());
        }
        let mut given_up = self.clock.sleep(APPEND_WAIT_MAX);
        loop {
            let freed = self.shared.freed.notified();
            self.shared.pressed.notify_one();
            if self.has_memory() {
                return Ok(());
            }
            tokio::select! {
                () = freed => {}
                () = &mut given_up => return Err(StoreError::Busy { bytes: self.memory_bytes() as u64 }),
            }
        }
    }

    fn has_memory(&self) -> bool {
        self.memory_bytes() < self.config.memory_bytes_max
    }
}
