//! Blobs as objects in an S3-compatible bucket.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::runtime::Handle;

use super::{BlobError, BlobStore, ReadBlobs, check_path, check_prefix, limits};

/// Which bucket, where, and how to speak with it.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The server's URL, as `https://minio.example:9000`; none means AWS itself. Plain `http` is used only if it says so.
    pub endpoint: Option<String>,
    /// The bucket's Region; servers that know none take `us-east-1`.
    pub region: String,
    /// The bucket, which must exist.
    pub bucket: String,
    /// What all keys begin with, without slashes at its ends; empty for none.
    pub prefix: String,
    /// The key to sign with; none means the instance's or container's role.
    pub credentials: Option<S3Credentials>,
    /// Whether the bucket's name goes into the path, as most servers other than AWS want it, or into the host's name.
    pub path_style: bool,
    /// How long one try of one request may take, with its body.
    pub request_timeout: Duration,
    /// How often a failed request is tried again.
    pub retries_max: usize,
    /// How long after its start a request is not tried again.
    pub retry_for: Duration,
}

impl S3Config {
    /// This bucket at this server in Region `us-east-1`, without prefix and credentials, with time-outs fit for files of some
    /// hundred megabytes.
    pub fn new(endpoint: Option<String>, bucket: impl Into<String>) -> Self {
        S3Config {
            path_style: endpoint.is_some(),
            endpoint,
            region: "us-east-1".to_owned(),
            bucket: bucket.into(),
            prefix: String::new(),
            credentials: None,
            request_timeout: Duration::from_secs(120),
            retries_max: 6,
            retry_for: Duration::from_secs(60),
        }
    }
}

/// An access key.
#[derive(Clone)]
pub struct S3Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// The session token of a temporary key.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Objects in one bucket below one prefix.
#[derive(Debug)]
pub struct S3Blobs {
    store: Arc<AmazonS3>,
    runtime: Handle,
    endpoint: String,
    bucket: String,
    prefix: String,
}

impl S3Blobs {
    /// Opens the bucket, and lists it to see that it is there and that we may. Requests run on `runtime`; this and all calls
    /// wait for them, so they must not come from its only thread.
    pub fn open(config: S3Config, runtime: Handle) -> Result<Self, BlobError> {
        let prefix = check_prefix(&config.prefix)?.to_owned();
        let blobs = S3Blobs {
            store: Arc::new(client(&config)?),
            runtime,
            endpoint: config.endpoint.unwrap_or_else(|| format!("S3 in {}", config.region)),
            bucket: config.bucket,
            prefix,
        };
        let store = blobs.store.clone();
        let prefix = Path::from(blobs.prefix.as_str());
        let first = blobs.wait(async move { store.list(Some(&prefix)).next().await.transpose() })?;
        first.map_err(|e| blobs.error("", e))?;
        Ok(blobs)
    }

    /// `s3://bucket/prefix/`, by which other programs find the files.
    pub fn url(&self) -> String {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        format!("s3://{}/{}{slash}", self.bucket, self.prefix)
    }

    fn key(&self, path: &str) -> Result<Path, BlobError> {
        check_path(path)?;
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        Ok(Path::from(format!("{}{slash}{path}", self.prefix)))
    }

    /// Runs the future on the runtime and waits for it. Unlike `Handle::block_on` this may be called from any thread.
    fn wait<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Result<T, BlobError> {
        let (done, result) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody waits any more only if the waiting thread is gone.
            let _ = done.send(future.await);
        });
        result.recv().map_err(|_| self.unavailable("the server is stopping".to_owned()))
    }

    fn unavailable(&self, message: String) -> BlobError {
        BlobError::Unavailable { endpoint: self.endpoint.clone(), message }
    }

    fn error(&self, path: &str, error: Error) -> BlobError {
        let message = full_message(&error);
        if message.contains("NoSuchBucket") {
            return BlobError::NoBucket { bucket: self.bucket.clone(), endpoint: self.endpoint.clone() };
        }
        match error {
            Error::NotFound { .. } => BlobError::NotFound { path: path.to_owned() },
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                BlobError::Denied { bucket: self.bucket.clone(), endpoint: self.endpoint.clone(), message }
            }
            Error::InvalidPath { .. } => BlobError::BadPath { path: path.to_owned() },
            _ => self.unavailable(message),
        }
    }
}

impl ReadBlobs for S3Blobs {
    fn read(&self, path: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let beyond = || BlobError::Range { path: path.to_owned(), range: range.clone() };
        if range.start >= range.end {
            // S3 knows no empty range.
            let inside = range.start == range.end && range.end <= self.size(path)?;
            return if inside { Ok(Bytes::new()) } else { Err(beyond()) };
        }
        let (store, key, wanted) = (self.store.clone(), self.key(path)?, range.clone());
        match self.wait(async move { store.get_range(&key, wanted).await })? {
            Ok(bytes) if bytes.len() as u64 == range.end - range.start => Ok(bytes),
            Ok(_) => Err(beyond()),
            Err(e) => match self.error(path, e) {
                // Whether it is the range that the server disliked, servers say in many ways: ask for the length.
                BlobError::Unavailable { .. } if self.size(path)? < range.end => Err(beyond()),
                other => Err(other),
            },
        }
    }
}

impl BlobStore for S3Blobs {
    fn put(&self, path: &str, bytes: Bytes) -> Result<(), BlobError> {
        let (store, key) = (self.store.clone(), self.key(path)?);
        let put = self.wait(async move { store.put(&key, bytes.into()).await })?;
        put.map(|_| ()).map_err(|e| self.error(path, e))
    }

    fn size(&self, path: &str) -> Result<u64, BlobError> {
        let (store, key) = (self.store.clone(), self.key(path)?);
        let head = self.wait(async move { store.head(&key).await })?;
        head.map(|object| object.size).map_err(|e| self.error(path, e))
    }

    fn delete(&self, path: &str) -> Result<(), BlobError> {
        let (store, key) = (self.store.clone(), self.key(path)?);
        match self.wait(async move { store.delete(&key).await })? {
            Ok(()) => Ok(()),
            Err(e) => match self.error(path, e) {
                BlobError::NotFound { .. } => Ok(()),
                other => Err(other),
            },
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, BlobError> {
        let prefix = check_prefix(prefix)?;
        let below = if prefix.is_empty() { Path::from(self.prefix.as_str()) } else { self.key(prefix)? };
        let store = self.store.clone();
        let objects: Result<Vec<_>, Error> =
            self.wait(async move { store.list(Some(&below)).map_ok(|object| object.location).try_collect().await })?;
        let objects = objects.map_err(|e| self.error(prefix, e))?;
        let mut paths: Vec<String> = objects.iter().filter_map(|key| self.path_of(key.as_ref())).collect();
        paths.sort_unstable();
        Ok(paths)
    }
}

impl S3Blobs {
    /// The path of the blob behind a key; none for what is not ours.
    fn path_of(&self, key: &str) -> Option<String> {
        let path = match self.prefix.as_str() {
            "" => key,
            prefix => key.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        check_path(path).is_ok().then(|| path.to_owned())
    }
}

fn client(config: &S3Config) -> Result<AmazonS3, BlobError> {
    let backoff = BackoffConfig {
        init_backoff: limits::RETRY_PAUSE_FIRST,
        max_backoff: limits::RETRY_PAUSE_MAX,
        ..BackoffConfig::default()
    };
    let options =
        ClientOptions::new().with_connect_timeout(limits::CONNECT_TIMEOUT).with_timeout(config.request_timeout);
    let mut builder = AmazonS3Builder::new()
        .with_client_options(options)
        .with_retry(RetryConfig { backoff, max_retries: config.retries_max, retry_timeout: config.retry_for })
        .with_region(&config.region)
        .with_bucket_name(&config.bucket)
        .with_virtual_hosted_style_request(!config.path_style);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(key) = &config.credentials {
        builder = builder.with_access_key_id(&key.access_key_id).with_secret_access_key(&key.secret_access_key);
        if let Some(token) = &key.session_token {
            builder = builder.with_token(token);
        }
    }
    builder.build().map_err(|e| BlobError::Settings(full_message(&e)))
}

/// The error's text with those of its causes that it does not itself repeat.
fn full_message(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let credentials = S3Credentials {
            access_key_id: "AKIAEXAMPLE".to_owned(),
            secret_access_key: "hush".to_owned(),
            session_token: Some("hush".to_owned()),
        };
        let shown = format!("{:?}", S3Config { credentials: Some(credentials), ..S3Config::new(None, "logs") });
        assert!(shown.contains("AKIAEXAMPLE") && !shown.contains("hush"), "{shown}");
    }
}
