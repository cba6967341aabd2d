//! Rows that a thread reads, as DataFusion takes them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use tokio::sync::mpsc;
use watchkeep_store::Store;

use crate::error::QueryError;

/// The batches that may wait for who takes them.
const WAITING_MAX: usize = 2;

/// Takes a batch; says whether more are wanted.
pub(super) type Give<'g> = dyn FnMut(RecordBatch) -> bool + 'g;

/// The batches that `read` gives, which runs where it may block.
pub(super) fn of_thread(
    store: Arc<Store>,
    schema: SchemaRef,
    read: impl FnOnce(&Store, &mut Give<'_>) -> Result<(), QueryError> + Send + 'static,
) -> SendableRecordBatchStream {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(async move {
        let giving = sender.clone();
        let outcome =
            store.blocking(move |store| read(store, &mut |batch| giving.blocking_send(Ok(batch)).is_ok())).await;
        if let Err(error) = outcome {
            // Whoever has gone wants no error either.
            let _ = sender.send(Err(DataFusionError::External(Box::new(error)))).await;
        }
    });
    let batches = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|batch| (batch, receiver))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}
