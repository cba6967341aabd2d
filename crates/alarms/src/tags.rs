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
        self.engine.alarm(&key).map(|mut alarm| std::mem::take(alarm.tags_mut()))
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
        let mut changed = self.alarm(&key).ok_or(TagError::NotFound)?;
        let of_alarm = changed.tags_mut();
        match edit {
            TagEdit::Add(tags) => of_alarm.extend(tags),
            TagEdit::Remove(keys) => of_alarm.retain(|key, _| !keys.contains(key)),
        }
        if of_alarm.len() > TAGS_MAX {
            return Err(TagError::TooMany(TAGS_MAX));
        }
        self.replace(&key, changed).await.map_err(|error: CatalogError| TagError::Busy(error.to_string()))
    }
}
