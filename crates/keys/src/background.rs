//! What happens to keys by itself: they are deleted at their date, and rotated by their plan.

use std::sync::Weak;

use crate::Keys;
use crate::limits::BACKGROUND_INTERVAL;

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
                    Ok(()) => tracing::info!(key, "a key was deleted: its waiting period is over"),
                    Err(error) => tracing::warn!(key, %error, "a key could not be deleted yet"),
                }
            } else if found.is_rotation_due(now) {
                match self.rotate_by_plan(&found).await {
                    Ok(()) => tracing::info!(key, "a key was rotated"),
                    Err(error) => tracing::warn!(key, %error, "a key could not be rotated yet"),
                }
            }
        }
    }
}
