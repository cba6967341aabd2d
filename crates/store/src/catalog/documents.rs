//! The rows behind the collections of resources, without their types.

use super::Catalog;
use super::entries::{self, EntryChange};
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

/// Writes a document, with changes of entries; returns its new version.
pub(super) async fn write(
    catalog: &Catalog,
    kind: &'static str,
    key: &ResourceKey,
    text: &str,
    write: Write,
    changes: &[EntryChange],
) -> Result<i64, CatalogError> {
    let version = catalog.next_id("resource version").await?.cast_signed();
    let [account, region, name] = columns(key);
    let crc = Param::Int(checksum(kind, key, version, text));
    let row = [Param::Text(kind), account, region, name, Param::Int(version), Param::Text(text), crc];
    let mut tx = if changes.is_empty() { catalog.begin_to_change().await? } else { catalog.begin_as_node().await? };
    let written = match write {
        Write::Create => {
            let sql = "insert into resource (kind, account, region, name, version, document, crc)
                       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";
            tx.run(sql, &row).await?
        }
        Write::Put => {
            let sql = "insert into resource (kind, account, region, name, version, document, crc)
                       values ($1, $2, $3, $4, $5, $6, $7) on conflict (kind, account, region, name)
                       do update set version = excluded.version, document = excluded.document, crc = excluded.crc";
            tx.run(sql, &row).await?
        }
        Write::Update { current } => {
            let sql = "update resource set version = $5, document = $6, crc = $7
                       where kind = $1 and account = $2 and region = $3 and name = $4 and version = $8";
            let [kind, account, region, name, version, text, crc] = row;
            tx.run(sql, &[kind, account, region, name, version, text, crc, Param::Int(current)]).await?
        }
    };
    if written == 0 {
        let name = key.name.clone();
        return Err(match write {
            Write::Create => CatalogError::Exists { kind, name },
            Write::Update { .. } | Write::Put => CatalogError::Conflict { kind, name },
        });
    }
    for change in changes {
        entries::apply(&mut tx, change).await?;
    }
    tx.commit().await?;
    Ok(version)
}

/// Deletes a document; false if there was none.
pub(super) async fn delete(catalog: &Catalog, kind: &'static str, key: &ResourceKey) -> Result<bool, CatalogError> {
    let [account, region, name] = columns(key);
    let mut tx = catalog.begin_to_change().await?;
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
    let mut tx = catalog.begin_to_change().await?;
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
    let sql = "select kind, account, region, name, version, document, crc from resource
               where kind = $1 and account = $2 and region = $3 and name = $4";
    let rows = catalog.shared.database.rows(sql, &[Param::Text(kind), account, region, name]).await?;
    rows.into_iter().next().map(document).transpose()
}

/// The rows of a kind whose keys come after another.
const PAGE: &str = "select kind, account, region, name, version, document, crc from resource
                    where kind = $1 and (account, region, name) > ($2, $3, $4)
                    order by account, region, name limit $5";

/// Up to [`limits::PAGE_ROWS`] documents of a kind: those whose keys come after `after`.
pub(super) async fn page(
    catalog: &Catalog,
    kind: &'static str,
    after: Option<&ResourceKey>,
) -> Result<Vec<Document>, CatalogError> {
    // No account is empty, so the empty one is before all others.
    let [account, region, name] = after.map_or([Param::Text(""), Param::Text(""), Param::Bytes(b"")], columns);
    let page = [Param::Text(kind), account, region, name, Param::Int(limits::PAGE_ROWS)];
    catalog.shared.database.rows(PAGE, &page).await?.into_iter().map(document).collect()
}

/// What is wrong with the documents of all kinds, of some of them if it is many.
pub(super) async fn damage(catalog: &Catalog) -> Result<Vec<String>, CatalogError> {
    let mut damage = Vec::new();
    for mut row in catalog.shared.database.rows("select distinct kind from resource order by kind", &[]).await? {
        let kind = row.text(0)?;
        let mut after: [Vec<u8>; 3] = Default::default();
        loop {
            let [account, region, name] = &after;
            let (account, region) = (String::from_utf8_lossy(account), String::from_utf8_lossy(region));
            let page = [Param::Text(&kind), Param::Text(&account), Param::Text(&region), Param::Bytes(name)];
            let rows =
                catalog.shared.database.rows(PAGE, &[&page[..], &[Param::Int(limits::PAGE_ROWS)]].concat()).await?;
            let Some(last) = rows.last() else { break };
            after = [last.bytes(1)?, last.bytes(2)?, last.bytes(3)?];
            damage.extend(rows.into_iter().filter_map(|row| document(row).err()).map(|error| error.to_string()));
            damage.truncate(limits::DAMAGE_MAX);
        }
    }
    Ok(damage)
}

fn columns(key: &ResourceKey) -> [Param<'_>; 3] {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    [Param::Text(key.account.as_str()), Param::Text(region), Param::Bytes(key.name.as_bytes())]
}

fn document(mut row: Row) -> Result<Document, CatalogError> {
    let (kind, account, region, name) = (row.text(0)?, row.text(1)?, row.text(2)?, row.name(3)?);
    let damaged = |e| CatalogError::Damaged(format!("{kind} {name:?}: {e}"));
    let region = match region.as_str() {
        "" => None,
        region => Some(region.parse().map_err(damaged)?),
    };
    let account = account.parse().map_err(damaged)?;
    let (version, text, crc) = (row.int(4)?, row.text(5)?, row.opt_int(6)?);
    let key = ResourceKey { account, region, name };
    if crc.is_some_and(|crc| crc != checksum(&kind, &key, version, &text)) {
        return Err(CatalogError::Damaged(format!("{kind} {:?}: its checksum does not fit", key.name)));
    }
    Ok(Document { version, text, key })
}

/// The checksum over a resource's row. Lengths part the texts, so that none can move into its neighbour.
fn checksum(kind: &str, key: &ResourceKey, version: i64, text: &str) -> i64 {
    let region = key.region.as_ref().map_or("", |region| region.as_str());
    let parts = [kind, key.account.as_str(), region, &key.name, text];
    let crc = parts.iter().fold(crc32c::crc32c(&version.to_le_bytes()), |crc, part| {
        crc32c::crc32c_append(crc32c::crc32c_append(crc, &part.len().to_le_bytes()), part.as_bytes())
    });
    i64::from(crc)
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
