//! The material of keys: made at random, kept sealed, opened for one call (K-1).

use watchkeep_core::{SecretBytes, TimestampMs};
use watchkeep_model::ServiceError;

use crate::Keys;
use crate::errors::{internal, sealing};
use crate::resources::{FoundKey, Key, KeySpec, Material, RotationCause};

/// Bytes of what a material is called by.
const MATERIAL_ID_BYTES: usize = 32;

impl Keys {
    /// New material for the key of this id, sealed.
    pub(crate) fn new_material(
        &self,
        key_id: &str,
        spec: KeySpec,
        version: u32,
        cause: Option<RotationCause>,
        created: TimestampMs,
    ) -> Result<Material, ServiceError> {
        let bytes = self.random_bytes(spec.material_bytes());
        let sealed = self.sealing.seal(&purpose(key_id, version), bytes.expose()).map_err(sealing)?;
        // No function of the bytes: the name gives nothing away.
        let id = hex::encode(self.random_bytes(MATERIAL_ID_BYTES).expose());
        Ok(Material { version, id, created, cause, sealed })
    }

    /// The bytes of a key's material.
    pub(crate) fn open_material(&self, found: &FoundKey, material: &Material) -> Result<SecretBytes, ServiceError> {
        self.sealing.open(&purpose(&found.key.name, material.version), &material.sealed).map_err(sealing)
    }

    /// Random bytes that are wiped.
    pub(crate) fn random_bytes(&self, count: usize) -> SecretBytes {
        let mut bytes = vec![0; count];
        self.random.fill(&mut bytes);
        bytes.into()
    }
}

impl Key {
    /// The material that encrypts.
    pub(crate) fn current_material(&self) -> Result<&Material, ServiceError> {
        // Every key is created with one.
        self.materials.last().ok_or_else(internal)
    }

    /// The material of this number.
    pub(crate) fn material(&self, version: u32) -> Option<&Material> {
        self.materials.iter().find(|material| material.version == version)
    }
}

/// What sealed material is bound to.
fn purpose(key_id: &str, version: u32) -> String {
    format!("kms:key:{key_id}:{version}")
}
