//! What is kept of transformers: the configuration, in the document of its group, and what was compiled of it, in memory.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchkeep_lang::transform::Transformer;
use watchkeep_model::ServiceError;

use super::Level;
use crate::Logs;
use crate::account_policies::PolicyType;
use crate::directory::Group;
use crate::errors::no_group;
use crate::limits::TRANSFORMERS_HELD_MAX;
use crate::resources::{Class, LogGroup};

/// The transformer of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogTransformer {
    /// Its processors, in the API's JSON.
    pub config: Value,
    /// When the group got one, in milliseconds since the epoch.
    pub created: i64,
    /// When it was put last.
    pub modified: i64,
}

/// Transformers, compiled, by the versions of the documents that they are in. What cannot be compiled is kept as none.
#[derive(Default)]
pub(crate) struct Transformers(Mutex<HashMap<Key, Option<Arc<Transformer>>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// The number of a group and the version of its document.
    Group(u64, i64),
    /// The version of an account policy.
    Policy(i64),
}

impl Logs {
    /// The transformer that holds for a group, if there is one: its own, or else the account's.
    pub(crate) fn transformer(&self, group: &Group) -> Option<(Level, Arc<Transformer>)> {
        let document = group.document();
        if document.class != Class::Standard {
            return None;
        }
        if let Some(own) = &document.transformer {
            let key = Key::Group(group.id, document.version);
            let transformer = self.transformers.compiled(key, || own.config.to_string())?;
            return Some((Level::LogGroup, transformer));
        }
        let policy = self.account_policies.of(&group.key, PolicyType::Transformer).into_iter().next()?;
        let transformer = self.transformers.compiled(Key::Policy(policy.version), || policy.document.clone())?;
        Some((Level::Account, transformer))
    }
}

impl Logs {
    /// Whether a transformer may have made others of events of the group.
    pub(crate) fn may_be_transformed(&self, group: &Group) -> bool {
        group.document().was_transformed || self.transformer(group).is_some()
    }

    /// Remembers, before the first of them is stored, that a transformer makes others of a group's events.
    pub(crate) async fn remember_transforming(self: &Arc<Self>, group: &Group) -> Result<(), ServiceError> {
        if group.document().was_transformed {
            return Ok(());
        }
        let group = self.directory.group_numbered(group.id).ok_or_else(no_group)?;
        let remember = |document: &mut LogGroup| {
            document.was_transformed = true;
            Ok(())
        };
        self.change(&group, remember).await.map(drop)
    }
}

impl Transformers {
    fn compiled(&self, key: Key, config: impl FnOnce() -> String) -> Option<Arc<Transformer>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.get(&key) {
            return known.clone();
        }
        let compiled = match Transformer::parse(&config()) {
            Ok(transformer) => Some(Arc::new(transformer)),
            Err(error) => {
                // It was checked when it was put: another version of the program did.
                tracing::error!(%error, "a transformer cannot be used any more");
                None
            }
        };
        if held.len() >= TRANSFORMERS_HELD_MAX {
            held.clear();
        }
        held.insert(key, compiled.clone());
        compiled
    }
}

impl fmt::Debug for Transformers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transformers").finish_non_exhaustive()
    }
}
