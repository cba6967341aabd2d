//! The row that a pointer of a query's result names: an event, or what was cut off one.

use std::ops::ControlFlow;
use std::sync::Arc;

use watchkeep_core::Caller;
use watchkeep_model::ServiceError;
use watchkeep_query::Pointer;
use watchkeep_store::{Batch, Scan, StoreError, Table};

use crate::data_protection::Unmasking;
use crate::directory::Group;
use crate::tables::{GROUP, STREAM};
use crate::{Logs, errors};

/// The place of a row.
pub(crate) struct Pointed {
    /// What names it.
    pub pointer: Pointer,
    /// Its group, which is the caller's.
    pub group: Arc<Group>,
}

impl Pointed {
    /// The place that a pointer names; none if its group is not there, or not the caller's.
    pub(crate) fn of(logs: &Logs, caller: &Caller, pointer: Pointer) -> Option<Pointed> {
        let group = logs.directory.group_numbered(pointer.group)?;
        let is_own = group.key.account == caller.account && group.key.region.as_ref() == Some(&caller.region);
        is_own.then_some(Pointed { pointer, group })
    }

    /// What `read` makes of the row, in the batch that has it; none if it is gone. `narrow` says what is read of the table, whose first
    /// columns are those of events.
    ///
    /// # Errors
    ///
    /// AccessDeniedException and what else KMS says, if the row may be there under a key that cannot be used.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        logs: &Logs,
        table: &'static Table,
        narrow: impl FnOnce(Scan) -> Scan,
        read: impl Fn(&Batch) -> Option<T> + Send + 'static,
    ) -> Result<Option<T>, ServiceError> {
        let Pointer { group, stream, time_ms, .. } = self.pointer;
        let scan = Scan::new(table).ids(GROUP, [group]).ids(STREAM, [stream]);
        let scan = narrow(scan.time(time_ms..time_ms.saturating_add(1)));
        let found = logs.store.blocking(move |store| {
            let mut found = None;
            let stats = store.scan(&scan, &mut |batch| {
                found = read(batch);
                if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            Ok::<_, StoreError>((found, stats))
        });
        let (found, stats) = found.await.map_err(errors::store)?;
        if found.is_none() {
            logs.ensure_unlocked(&self.group, &stats).await?;
        }
        Ok(found)
    }

    /// The text of the row, with what was masked in it if there is leave to see that.
    pub(crate) fn text(
        &self,
        unmasking: Option<&Unmasking>,
        stored: String,
        masks: &[u8],
    ) -> Result<String, ServiceError> {
        match unmasking {
            Some(unmasking) => unmasking.restore(self.pointer.stream, self.pointer.time_ms, &stored, masks),
            None => Ok(stored),
        }
    }
}
