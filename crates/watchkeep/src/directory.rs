//! The data directory: the one configured, or a temporary one that goes with the process.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// Where the data lives.
pub struct DataDirectory {
    path: PathBuf,
    /// Removes the directory when dropped.
    _temporary: Option<TempDir>,
}

impl DataDirectory {
    /// The directory at `configured`, made if it is not there; or a temporary one, removed when this is dropped.
    pub fn open(configured: Option<&Path>) -> Result<DataDirectory> {
        match configured {
            Some(path) => {
                std::fs::create_dir_all(path)
                    .with_context(|| format!("making the data directory {}", path.display()))?;
                Ok(DataDirectory { path: path.to_owned(), _temporary: None })
            }
            None => {
                let made = tempfile::Builder::new().prefix("watchkeep-").tempdir();
                let temporary = made.context("making a temporary data directory")?;
                Ok(DataDirectory { path: temporary.path().to_owned(), _temporary: Some(temporary) })
            }
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
