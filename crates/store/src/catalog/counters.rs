//! Numbers that are handed out once and never again.

use super::error::CatalogError;
use super::sql::Param;
use super::{Catalog, limits};

impl Catalog {
    /// The next number of a counter, from 1 up; a counter begins to be when it is first asked. Numbers of this process are
    /// ascending; some are left out when it restarts, for they are reserved in blocks.
    pub async fn next_id(&self, counter: &str) -> Result<u64, CatalogError> {
        let mut blocks = self.shared.blocks.lock().await;
        if let Some(number) = blocks.get_mut(counter).and_then(Iterator::next) {
            return Ok(number.cast_unsigned());
        }
        let mut tx = self.shared.database.begin().await?;
        // Counters of callers do not meet those that the catalog counts by itself.
        let name = format!("id:{counter}");
        let last = tx
            .number(
                "insert into counter (name, value) values ($1, $2)
                 on conflict (name) do update set value = counter.value + excluded.value
                 returning value",
                &[Param::Text(&name), Param::Int(limits::COUNTER_BLOCK)],
            )
            .await?;
        tx.commit().await?;
        let first = last - limits::COUNTER_BLOCK + 1;
        blocks.insert(counter.to_owned(), first + 1..last + 1);
        Ok(first.cast_unsigned())
    }
}
