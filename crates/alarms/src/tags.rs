//! The tags of alarms. TagResource and its like are answered by metrics, which hands on what is said of alarms.

use std::collections::BTreeMap;

use watchkeep_core::ports::{TagEdit, TagError, TaggedResources};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_store::CatalogError;

use crate::Alarms;
use crate::engine::Engine;
use crate::limits::TAGS_MAX;
use crate::resources::{Key, regional};

/// What the resource of an alarm's ARN begins with.
const PREFIX: &str = "alarm:";

impl TaggedResources for Alarms {
    fn keeps(&self, resource: &str) -> bool {
        resource.starts_with(PREFIX)
    }

    fn tags(&self, caller: &Caller, resource: &str) -> Option<BTreeMap<String, String>> {
        let key = regional(caller, resource.strip_prefix(PREFIX)?);
        self.engine.resources.metric_alarms.get(&key).map(|alarm| alarm.tags.clone())
    }

    fn edit<'a>(&'a self, caller: &'a Caller, resource: &'a str, edit: TagEdit) -> BoxFuture<'a, Result<(), TagError>> {
        Box::pin(async move {
            let key = regional(caller, resource.strip_prefix(PREFIX).ok_or(TagError::NotFound)?);
            let engine = self.engine.clone();
            let edited = tokio::spawn(async move { engine.edit_tags(key, edit).await });
            edited.await.unwrap_or_else(|error| Err(TagError::Busy(error.to_string())))
        })
    }
}

impl Engine {
    async fn edit_tags(&self, key: Key, edit: TagEdit) -> Result<(), TagError> {
        let _writing = self.writing.lock().await;
        let before = self.resources.metric_alarms.get(&key).ok_or(TagError::NotFound)?;
        let mut changed = before.value.clone();
        match edit {
            TagEdit::Add(tags) => changed.tags.extend(tags),
            TagEdit::Remove(keys) => changed.tags.retain(|key, _| !keys.contains(key)),
        }
        if changed.tags.len() > TAGS_MAX {
            return Err(TagError::TooMany(TAGS_MAX));
        }
        let written = self.resources.metric_alarms.update(&before, changed).await;
        let alarm = written.map_err(|error: CatalogError| TagError::Busy(error.to_string()))?;
        self.book.note(alarm);
        Ok(())
    }
}
