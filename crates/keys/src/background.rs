//! What happens to keys by itself: they are deleted at their date, and rotated by their plan.

use std::sync::Weak;

use serde_json::{Map, Value};
use watchkeep_core::ports::ServiceEvent;

use crate::Keys;
use crate::identifier::arn_of;
use crate::limits::BACKGROUND_INTERVAL;
use crate::resources::{FoundKey, RotationCause};

/// Does what is due, again and again, for as long as the service is there.
pub(crate) async fn keep_up(keys: Weak<Keys>) {
    loop {
        let Some(keys) = keys.upgrade() else { return };
        // Begun before the work: a clock that is moved meanwhile ends it.
        let sleep = keys.clock.sleep(BACKGROUND_INTERVAL);
        keys.do_what_is_due().await;
        drop(keys);
        sleep.await;
    }
}

impl Keys {
    /// Erases the keys whose deletion date has passed, and rotates those whose rotation is due. What fails is tried again the
    /// next time.
    pub(crate) async fn do_what_is_due(&self) {
        let now = self.clock.now();
        for found in self.keys.all() {
            let key = &found.key.name;
            if found.is_gone(now) {
                match self.erase(&found).await {
                    Ok(()) => {
                        tracing::info!(key, "a key was deleted: its waiting period is over");
                        self.tell(&found, "DeleteKey", Map::new()).await;
                    }
                    Err(error) => tracing::warn!(key, %error, "a key could not be deleted yet"),
                }
            } else if found.is_rotation_due(now) {
                match self.rotate_by_plan(&found).await {
                    Ok(()) => {
                        tracing::info!(key, "a key was rotated");
                        self.tell_of_rotation(&found, RotationCause::Automatic).await;
                    }
                    Err(error) => tracing::warn!(key, %error, "a key could not be rotated yet"),
                }
            }
        }
    }
    /// Records that a key was given new material.
    pub(crate) async fn tell_of_rotation(&self, found: &FoundKey, cause: RotationCause) {
        let details = Map::from_iter([("rotationType".to_owned(), Value::from(cause.as_str()))]);
        self.tell(found, "RotateKey", details).await;
    }

    /// Records what was done to a key by itself.
    async fn tell(&self, found: &FoundKey, name: &'static str, mut details: Map<String, Value>) {
        details.insert("keyId".to_owned(), found.key.name.as_str().into());
        let event = ServiceEvent {
            service: "kms",
            name,
            account: found.key.account,
            region: found.key.region.clone().unwrap_or_default(),
            resource_type: "AWS::KMS::Key",
            resource_arn: arn_of(found),
            happened_at: self.clock.now(),
            details,
        };
        self.events.happened(event).await;
    }
}
