//! Rows under keys of their owners: getting the keys, and opening what is encrypted under them.

use std::sync::Arc;

use watchkeep_core::ports::{DataKeyError, DataKeys, EncryptionContext};

use crate::blob::ReadBlobs;
use crate::catalog::SegmentRow;
use crate::encryption::{EncryptedFile, EncryptionKey};
use crate::error::StoreError;
use crate::segment::SegmentReader;

use super::Store;

impl Store {
    /// Names the one who keeps the owners' keys. Until then, whatever is encrypted in segments cannot be read.
    pub fn set_data_keys(&self, data_keys: Arc<dyn DataKeys>) {
        self.shared.keyring.set_data_keys(data_keys);
    }

    /// The one who keeps the owners' keys.
    ///
    /// # Errors
    ///
    /// [`DataKeyError::Unavailable`] if nobody was named yet.
    pub fn data_keys(&self) -> Result<Arc<dyn DataKeys>, DataKeyError> {
        self.shared.keyring.data_keys()
    }

    /// The key to encrypt new rows under ([`Rows::encrypted_under`](crate::Rows::encrypted_under)): a data key of the owner's key
    /// `key`, in this context. It is also how to ask whether what is encrypted under `key` may be read at this moment. Costs a look
    /// into memory but once a minute.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if the key cannot be used; what reading and writing the catalog can meet.
    pub async fn encryption_key(
        &self,
        key: &str,
        context: &EncryptionContext,
    ) -> Result<Arc<EncryptionKey>, StoreError> {
        Ok(self.shared.keyring.current(&self.catalog, key, context).await??)
    }

    /// The data key of this number, to open what was sealed with it ([`EncryptionKey::seal`]).
    ///
    /// # Errors
    ///
    /// Those of [`Store::encryption_key`].
    pub async fn data_key(&self, id: u64) -> Result<Arc<EncryptionKey>, StoreError> {
        Ok(self.shared.keyring.usable(&self.catalog, id).await??)
    }

    /// The data key of this number, to read what is encrypted under it, or to encrypt under it what is made of that. Blocks, unless
    /// it was asked for lately.
    ///
    /// # Errors
    ///
    /// Those of [`Store::encryption_key`].
    pub fn key_to_read(&self, id: u64) -> Result<Arc<EncryptionKey>, StoreError> {
        let remembered = self.shared.keyring.remembered(id);
        let usable = match remembered {
            Some(usable) => usable,
            None => self.runtime.block_on(self.shared.keyring.usable(&self.catalog, id))?,
        };
        Ok(usable?)
    }

    /// Opens a segment. Blocks.
    pub(super) fn open_segment(&self, row: &SegmentRow) -> Result<SegmentReader<'_>, StoreError> {
        let (blobs, bytes): (Arc<dyn ReadBlobs>, u64) = match row.data_key {
            None => (self.blobs.clone(), row.bytes),
            Some(id) => {
                let file = EncryptedFile::new(self.blobs.clone(), self.key_to_read(id)?, row.bytes);
                let bytes = file.segment_bytes();
                (Arc::new(file), bytes)
            }
        };
        Ok(SegmentReader::open(blobs, &row.path, bytes, &self.footers)?)
    }
}
