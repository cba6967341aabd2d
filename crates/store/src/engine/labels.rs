//! Labels that outlive what they are of: while segments are replaced, their owner may no longer know what an identifier was called
//! (a metric without data of late); then the segments still do.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;

use crate::error::StoreError;
use crate::table::{Keep, Label, Table, TableOwner};

use super::Store;
use super::state::Segment;

/// An owner, and what segments say of the identifiers that it does not know.
pub(super) struct Remembering {
    owner: Arc<dyn TableOwner>,
    table: &'static Table,
    /// For each of the table's labels, texts by identifier.
    texts: Vec<HashMap<u64, String>>,
}

impl TableOwner for Remembering {
    fn keep(&self, key: &[u64]) -> Keep {
        self.owner.keep(key)
    }

    fn label(&self, label: &str, id: u64) -> Option<String> {
        self.owner.label(label, id).or_else(|| {
            let mut labels = self.table.labels.iter().zip(&self.texts);
            labels.find(|(known, _)| known.name == label)?.1.get(&id).cloned()
        })
    }
}

impl Store {
    /// An owner that remembers what these segments say and `owner` does not know of the identifiers in `batches`, their rows.
    pub(super) fn remembering(
        &self,
        table: &'static Table,
        owner: Arc<dyn TableOwner>,
        segments: &[Arc<Segment>],
        batches: &[&RecordBatch],
    ) -> Result<Remembering, StoreError> {
        let mut texts = vec![HashMap::new(); table.labels.len()];
        let unknown: Vec<HashSet<u64>> = table.labels.iter().map(|label| unknown(&*owner, label, batches)).collect();
        // Mostly there are none, and then the segments' texts, which are many, are not read.
        let segments = if unknown.iter().all(HashSet::is_empty) { &[] } else { segments };
        for segment in segments {
            let mut visit = |index: usize, id: u64, text: &str| {
                if let (Some(unknown), Some(texts)) = (unknown.get(index), texts.get_mut(index))
                    && unknown.contains(&id)
                    && !texts.contains_key(&id)
                {
                    texts.insert(id, text.to_owned());
                }
            };
            let read = self.open_segment(&segment.row).and_then(|reader| Ok(reader.labels(table, &mut visit)?));
            self.noticing_damage(segment, read)?;
        }
        Ok(Remembering { owner, table, texts })
    }
}

/// The identifiers that the owner has no label of.
fn unknown(owner: &dyn TableOwner, label: &Label, batches: &[&RecordBatch]) -> HashSet<u64> {
    let mut unknown = HashSet::new();
    let mut last = None;
    for batch in batches {
        let ids = batch.columns().get(label.of).and_then(|column| column.as_primitive_opt::<UInt64Type>());
        for &id in ids.map_or(&[][..], |ids| ids.values()) {
            if last != Some(id) && owner.label(label.name, id).is_none() {
                unknown.insert(id);
            }
            last = Some(id);
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Mutex;

    use watchkeep_core::{ManualClock, SeededRandom, TimestampMs};

    use super::*;
    use crate::engine::testing::EVENTS;
    use crate::{Rows, StoreConfig};

    /// Names of groups, until they are forgotten or change.
    #[derive(Default)]
    struct Names(Mutex<BTreeMap<u64, String>>);

    impl TableOwner for Names {
        fn keep(&self, _: &[u64]) -> Keep {
            Keep::Forever
        }

        fn label(&self, _: &str, id: u64) -> Option<String> {
            self.0.lock().unwrap().get(&id).cloned()
        }
    }

    async fn append(store: &Arc<Store>, groups: &[u64]) {
        let mut rows = Rows::new(&EVENTS);
        for group in groups {
            rows.u64(*group);
            rows.u64(1);
            rows.i64(1_700_000_000_000);
            rows.bytes(b"{}");
            rows.end_row();
        }
        store.append(rows).await.unwrap();
        store.seal_now().await.unwrap();
    }

    /// The labels in all segments, and how many segments there are.
    fn written(store: &Store) -> (usize, BTreeSet<(u64, String)>) {
        let segments = store.shared.read().tables[0].segments.clone();
        let mut found = BTreeSet::new();
        for segment in &segments {
            let row = &segment.row;
            let reader = store.open_segment(row).unwrap();
            let mut visit = |_: usize, id: u64, text: &str| _ = found.insert((id, text.to_owned()));
            reader.labels(&EVENTS, &mut visit).unwrap();
        }
        (segments.len(), found)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_forgotten_keeps_its_label() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(TimestampMs(1_700_000_000_000)));
        let (config, random) = (StoreConfig::small(directory.path()), Arc::new(SeededRandom::new(1)));
        let fatal = |error: &crate::JournalError| panic!("{error}");
        let store = Store::open(config, &[&EVENTS], clock, random, fatal).await.unwrap();
        let names = Arc::new(Names::default());
        store.set_owner(&EVENTS, names.clone());
        let name = |id: u64, name: Option<&str>| {
            let mut names = names.0.lock().unwrap();
            match name {
                Some(name) => _ = names.insert(id, name.to_owned()),
                None => _ = names.remove(&id),
            }
        };
        let labels = |pairs: &[(u64, &str)]| -> BTreeSet<(u64, String)> {
            pairs.iter().map(|(id, name)| (*id, (*name).to_owned())).collect()
        };
        name(1, Some("web"));
        name(2, Some("shop"));
        append(&store, &[1, 2, 3]).await;
        assert_eq!(written(&store), (1, labels(&[(1, "web"), (2, "shop")])));
        name(1, None);
        name(2, Some("store"));
        append(&store, &[1, 2, 3]).await;
        store.compact_now().await.unwrap();
        assert_eq!(written(&store), (1, labels(&[(1, "web"), (2, "store")])), "what the owner knows counts");
        append(&store, &[1]).await;
        store.compact_now().await.unwrap();
        assert_eq!(written(&store), (1, labels(&[(1, "web"), (2, "store")])), "and once more, from a wide segment");
        store.close().await;
    }
}
