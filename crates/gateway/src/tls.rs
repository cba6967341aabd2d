//! TLS by rustls: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ServerConfig, ServerConnection};

use crate::config::TlsFiles;

/// Why the server cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// A file holds no certificate, or no private key.
    #[error("{}: no {what} in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// Certificate and key do not go together, or are of a kind that is not spoken.
    #[error("certificate and key: {0}")]
    Unfit(#[from] rustls::Error),
}

/// What accepts connections with this certificate and key. Besides the gateway, other doors may use it.
///
/// # Errors
///
/// [`TlsError`]: the files cannot be read, or do not go together.
pub fn tls_acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let certificates: Result<Vec<_>, _> = rustls_pemfile::certs(&mut open(&files.certificate)?).collect();
    let certificates = certificates.map_err(|source| TlsError::File { path: files.certificate.clone(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::Empty { path: files.certificate.clone(), what: "certificate" });
    }
    let key = rustls_pemfile::private_key(&mut open(&files.key)?)
        .map_err(|source| TlsError::File { path: files.key.clone(), source })?
        .ok_or_else(|| TlsError::Empty { path: files.key.clone(), what: "private key" })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Protocol version and cipher suite, spelled as CloudTrail does: `TLSv1.3`, `TLS_AES_128_GCM_SHA256`.
pub(crate) fn details(connection: &ServerConnection) -> Option<(String, String)> {
    let version = match connection.protocol_version()? {
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        other => format!("{other:?}"),
    };
    let suite = format!("{:?}", connection.negotiated_cipher_suite()?.suite()).replace("TLS13_", "TLS_");
    Some((version, suite))
}

fn open(path: &Path) -> Result<BufReader<std::fs::File>, TlsError> {
    let file = std::fs::File::open(path).map_err(|source| TlsError::File { path: path.to_owned(), source })?;
    Ok(BufReader::new(file))
}
