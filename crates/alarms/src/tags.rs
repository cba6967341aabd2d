//! The tags of alarms. TagResource and its like are answered by metrics, which hands on what is said of alarms.

use std::collections::BTreeMap;

use watchkeep_core::ports::{TagEdit, TagError, TaggedResources};
use watchkeep_core::{BoxFuture, Caller};
use watchkeep_store::CatalogError;

use crate::Alarms;
use crate::engine::Engine;
use crate::limits::TAGS_MAX;
use crate::resources::{Key, Tags, regional};

/// What the resource of an ARN names.
enum Named<'a> {
    Alarm(&'a str),
    MuteRule(&'a str),
}

impl Named<'_> {
    fn of(resource: &str) -> Option<Named<'_>> {
        let alarm = resource.strip_prefix("alarm:").map(Named::Alarm);
        alarm.or_else(|| resource.strip_prefix("alarm-mute-rule:").map(Named::MuteRule))
    }
}

impl TaggedResources for Alarms {
    fn keeps(&self, resource: &str) -> bool {
        Named::of(resource).is_some()
    }

    fn tags(&self, caller: &Caller, resource: &str) -> Option<BTreeMap<String, String>> {
        let engine = &self.engine;
        match Named::of(resource)? {
            Named::Alarm(name) => {
                engine.alarm(&regional(caller, name)).map(|mut alarm| std::mem::take(alarm.tags_mut()))
            }
            Named::MuteRule(name) => {
                engine.resources.mute_rules.get(&regional(caller, name)).map(|rule| rule.tags.clone())
            }
        }
    }

    fn edit<'a>(&'a self, caller: &'a Caller, resource: &'a str, edit: TagEdit) -> BoxFuture<'a, Result<(), TagError>> {
        Box::pin(async move {
            let engine = self.engine.clone();
            let edited = match Named::of(resource).ok_or(TagError::NotFound)? {
                Named::Alarm(name) => {
                    let key = regional(caller, name);
                    tokio::spawn(async move { engine.edit_tags(key, edit).await })
                }
                Named::MuteRule(name) => {
                    let key = regional(caller, name);
                    tokio::spawn(async move { engine.edit_tags_of_rule(key, edit).await })
                }
            };
            edited.await.unwrap_or_else(|error| Err(TagError::Busy(error.to_string())))
        })
    }
}

impl Engine {
    async fn edit_tags(&self, key: Key, edit: TagEdit) -> Result<(), TagError> {
        let _writing = self.writing.lock().await;
        let mut changed = self.alarm(&key).ok_or(TagError::NotFound)?;
        edit_tags(changed.tags_mut(), edit)?;
        self.replace(&key, changed).await.map_err(|error: CatalogError| TagError::Busy(error.to_string()))
    }
    async fn edit_tags_of_rule(&self, key: Key, edit: TagEdit) -> Result<(), TagError> {
        let _writing = self.writing.lock().await;
        let before = self.resources.mute_rules.get(&key).ok_or(TagError::NotFound)?;
        let mut changed = before.value.clone();
        edit_tags(&mut changed.tags, edit)?;
        let written = self.resources.mute_rules.update(&before, changed).await;
        written.map(|_| ()).map_err(|error| TagError::Busy(error.to_string()))
    }
}

fn edit_tags(tags: &mut Tags, edit: TagEdit) -> Result<(), TagError> {
    match edit {
        TagEdit::Add(added) => tags.extend(added),
        TagEdit::Remove(keys) => tags.retain(|key, _| !keys.contains(key)),
    }
    if tags.len() > TAGS_MAX { Err(TagError::TooMany(TAGS_MAX)) } else { Ok(()) }
}
