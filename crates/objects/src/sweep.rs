//! What a crash left: files whose content never became known, or whose content was deleted. A start compares the files that are there
//! with the index, in the background; files of content that is newer than the start are not looked at.

use std::sync::{Arc, Weak};

use watchkeep_store::{Store, StoreError};

use crate::Objects;
use crate::contents::{FOLDER, number_of};
use crate::keys::{self, CONTENT};
use crate::limits::SWEEP_READ;

/// Deletes the files of content below the number `end` that no entry knows.
pub(crate) async fn sweep(objects: Weak<Objects>, end: u64) {
    let Some(objects) = objects.upgrade() else { return };
    match find(&objects, end).await {
        Ok(orphans) if orphans.is_empty() => {}
        Ok(orphans) => {
            tracing::info!(files = orphans.len(), "files of objects that were not put or are deleted are swept");
            delete(&objects.store, orphans).await;
        }
        Err(error) => tracing::warn!(%error, "files that no object has stay until the next start"),
    }
}

async fn find(objects: &Arc<Objects>, end: u64) -> Result<Vec<String>, StoreError> {
    let mut files = objects.store.blocking(|store| store.blobs().list(FOLDER)).await?;
    files.retain(|path| number_of(path).is_some_and(|number| number < end));
    let mut orphans = Vec::new();
    for some in files.chunks(SWEEP_READ) {
        let numbers = || some.iter().filter_map(|path| number_of(path));
        // In the order of paths, which is that of numbers.
        let (Some(first), Some(last)) = (numbers().next(), numbers().next_back()) else { continue };
        let mut known = std::collections::HashSet::new();
        let (mut at, to) = (keys::content(first), keys::content(last.saturating_add(1)));
        loop {
            let read = objects.entries.range(CONTENT, &at, &to, SWEEP_READ).await?;
            let Some(last) = read.last() else { break };
            at = [&last.key[..], &[0]].concat();
            known.extend(read.iter().filter_map(|entry| entry.key.as_slice().try_into().ok().map(u64::from_be_bytes)));
        }
        let is_orphan = |path: &&String| number_of(path).is_some_and(|number| !known.contains(&number));
        orphans.extend(some.iter().filter(is_orphan).cloned());
    }
    Ok(orphans)
}

/// Deletes the files of all objects.
pub(crate) async fn delete_all(store: &Arc<Store>) {
    match store.blocking(|store| store.blobs().list(FOLDER)).await {
        Ok(files) => delete(store, files).await,
        Err(error) => tracing::warn!(%error, "files of objects stay until the next start"),
    }
}

async fn delete(store: &Arc<Store>, files: Vec<String>) {
    let delete = move |store: &Store| {
        for path in files {
            if let Err(error) = store.blobs().delete(&path) {
                tracing::warn!(%error, path, "a file that no object has stays until the next start");
            }
        }
    };
    store.blocking(delete).await;
}
