//! The rows behind the collections of resources, without their types.

use super::Catalog;
use super::error::CatalogError;
use super::limits;
use super::resources::{ResourceKey, Write};
use super::sql::{Param, Row};

/// A resource as it is stored.
pub(super) struct Document {
    pub(super) version: i64,
    pub(super) key: ResourceKey,
    pub(super) text: String,
}

/// Writes a document; returns its new version.
pub(super) async fn write(
    catalog: &Catalog,
    kind: &'static str,
    key: &ResourceKey,
    text: &str,
    write: Write,
) -> Result<i64, CatalogError> {
    let version = catalog.next_id("resource version").await?.cast_signed();
    let [account, region, name] = columns(key);
    let row = [Param::Text(kind), account, region, name, Param::Int(version), Param::Text(text)];
    let mut tx = catalog.shared.database.begin().await?;
    let written = match write {
        Write::Create => {
            let sql =
                "insert into resource (kind, account, region, name, version, document) values ($1, $2, $3, $4, $5, $6)
                       on conflict do nothing";
            tx.run(sql, &row).await?
        }
        Write::Put => {
            let sql =
                "insert into resource (kind, account, region, name, version, document) values ($1, $2, $3, $4, $5, $6)
                       on conflict (kind, account, region, name)
                       do update set version = excluded.version, document = excluded.document";
            tx.run(sql, &row).await?
        }
        Write::Update { current } => {
            let sql = "update resource set version = $5, document = $6
                       where kind = $1 and account = $2 and region = $3 and name = $4 and version = $7";
            let [kind, account, region, name, version, text] = row;
            tx.run(sql, &[kind, account, region, name, version, text, Param::Int(current)]).await?
        }
    };
    if written == 0 {
        let name = key.name.clone();
        return Err(match write {
            Write::Create => CatalogError::Exists { kind, name },
            Write::Update { .. } | Write::Put => CatalogError::Conflict { kind, name },
        });
    }
    tx.commit().await?;
    Ok(version)
}

/// Deletes a document; false if there was none.
pub(super) async fn delete(catalog: &Catalog, kind: &'static str, key: &ResourceKey) -> Result<bool, CatalogError> {
    let [account, region, name] = columns(key);
    let mut tx = catalog.shared.database.begin().await?;
    let sql = "delete from resource where kind = $1 and account = $2 and region = $3 and name = $4";
    let deleted = tx.run(sql, &[Param::Text(kind), account, region, name]).await?;
    tx.commit().await?;
    Ok(deleted > 0)
}

/// Deletes the documents whose names begin with that of `from`; returns how many there were.
pub(super) async fn delete_prefix(
    catalog: &Catalog,
    kind: &'static str,
    from: &ResourceKey,
) -> Result<u64, CatalogError> {
    let [account, region, name] = columns(from);
    let end = prefix_end(from.name.as_bytes());
    let mut tx = catalog.shared.database.begin().await?;
    let sql = "delete from resource where kind = $1 and account = $2 and region = $3 and name >= $4 and name < $5";
    let deleted = tx.run(sql, &[Param::Text(kind), account, region, name, Param::Bytes(&end)]).await?;
    tx.commit().await?;
    Ok(deleted)
}

/// The document of a key.
pub(super) async fn read(
    catalog: &Catalog,
    kind: &'static str,
    key: &ResourceKey,
) -> Result<Option<Document>, CatalogError> {
    let [account, region, name] = columns(key);
    let sql = "select account, region, name, version, document from resource
               where kind = $1 and account = $2 and region = $3 and name = $4";
    let rows = catalog.shared.database.rows(sql, &[Param::Text(kind), account, region, name]).await?;
    rows.into_iter().next().map(document).transpose()
}

/// Up to [`limits::PAGE_ROWS`] documents of a kind: those whose keys come after `after`.
pub(super) async fn page(
    catalog: &Catalog,
    kind: &'static str,
    after: Option<&ResourceKey>,
) -> Result<Vec<Document>, CatalogError> {
    // No account is empty, so the empty one is before all others.
    let [account, region, name] = after.map_or([Param::Text(""), Param::Text(""), Param::Bytes(b"")], columns);
    let sql = "select account, region, name, version, document from resource
               where kind = $1 and (account, region, name) > ($2, $3, $4)
               order by account, region, name limit $5";
    let page = [Param::Text(kind), account, region, name, Param::Int(limits::PAGE_ROWS)];
    catalog.shared.database.rows(sql, &page).await?.into_iter().map(document).collect()
}

fn columns(key: &ResourceKey) -> [Param<'_>; 3] {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    [Param::Text(key.account.as_str()), Param::Text(region), Param::Bytes(key.name.as_bytes())]
}

fn document(mut row: Row) -> Result<Document, CatalogError> {
    let (account, region, name) = (row.text(0)?, row.text(1)?, row.name(2)?);
    let damaged = |e| CatalogError::Damaged(format!("resource {name:?}: {e}"));
    let region = match region.as_str() {
        "" => None,
        region => Some(region.parse().map_err(damaged)?),
    };
    let account = account.parse().map_err(damaged)?;
    Ok(Document { version: row.int(3)?, text: row.text(4)?, key: ResourceKey { account, region, name } })
}

/// The least bytes that come after all UTF-8 text that begins with `prefix`.
fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    match end.last_mut() {
        // No byte of UTF-8 is the greatest, so there is always a next one.
        Some(last) => *last = last.saturating_add(1),
        None => end.push(u8::MAX),
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_prefix_ends_where_it_ends(prefix in "\\PC{0,3}", text in "\\PC{0,5}") {
            let within = text.as_bytes() >= prefix.as_bytes() && *text.as_bytes() < *prefix_end(prefix.as_bytes());
            prop_assert_eq!(within, text.starts_with(&prefix));
        }
    }
}
