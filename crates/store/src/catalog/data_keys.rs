//! Data keys: wrapped by their owners' keys, so that the catalog gives none away.

use watchkeep_core::TimestampMs;
use watchkeep_core::ports::EncryptionContext;

use super::Catalog;
use super::error::CatalogError;
use super::sql::{Param, Row};
use crate::encryption::KeyDocument;

/// The counter of their numbers.
const COUNTER: &str = "data_key";

impl Catalog {
    /// Keeps a new data key. Its number.
    pub(crate) async fn add_data_key(
        &self,
        key: &str,
        context: &EncryptionContext,
        wrapped: &[u8],
        created: TimestampMs,
    ) -> Result<u64, CatalogError> {
        let id = self.next_id(COUNTER).await?;
        let mut tx = self.begin_as_node().await?;
        let sql = "insert into data_key (id, owner_key, context, wrapped, created_at) values ($1, $2, $3, $4, $5)";
        let values = [
            Param::Int(id.cast_signed()),
            Param::Text(key),
            Param::Text(&text(context)),
            Param::Bytes(wrapped),
            Param::Int(created.0),
        ];
        tx.run(sql, &values).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The data key of this number.
    pub(crate) async fn data_key(&self, id: u64) -> Result<Option<KeyDocument>, CatalogError> {
        let sql = "select id, owner_key, context, wrapped, created_at from data_key where id = $1";
        let rows = self.shared.database.rows(sql, &[Param::Int(id.cast_signed())]).await?;
        rows.into_iter().next().map(document).transpose()
    }

    /// The newest data key under an owner's key in this context.
    pub(crate) async fn newest_data_key(
        &self,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<Option<KeyDocument>, CatalogError> {
        let sql = "select id, owner_key, context, wrapped, created_at from data_key
                   where owner_key = $1 and context = $2 order by id desc limit 1";
        let rows = self.shared.database.rows(sql, &[Param::Text(key), Param::Text(&text(context))]).await?;
        rows.into_iter().next().map(document).transpose()
    }
}

/// The context as it is kept and compared: its pairs in their order, as JSON.
fn text(context: &EncryptionContext) -> String {
    serde_json::to_string(context).unwrap_or_default()
}

fn document(mut row: Row) -> Result<KeyDocument, CatalogError> {
    let damaged = |_| CatalogError::Damaged("the context of a data key".to_owned());
    Ok(KeyDocument {
        id: row.int(0)?.cast_unsigned(),
        key: row.text(1)?,
        context: serde_json::from_str(&row.text(2)?).map_err(damaged)?,
        wrapped: row.bytes(3)?,
        created: TimestampMs(row.int(4)?),
    })
}
