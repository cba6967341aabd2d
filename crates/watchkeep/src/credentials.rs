//! The root user's access key, and how secrets are sealed before they are stored.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use serde::{Deserialize, Serialize};
use watchkeep_core::ports::{Credential, Credentials, SealingError, SecretSealing};
use watchkeep_core::{AccountId, BoxFuture, Principal, Random, SecretBytes};
use watchkeep_store::{Catalog, Resource, ResourceKey};
use zeroize::Zeroizing;

/// Bytes of a ChaCha20-Poly1305 key.
const KEY_BYTES: usize = 32;

/// Characters of access key ids after their prefix.
const KEY_ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Characters of secret access keys.
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The name of the root user's key in the catalog.
const ROOT: &str = "root";

/// Seals secrets with the master key, so that a copy of the catalog alone gives none away.
pub struct Sealer {
    key: LessSafeKey,
    /// What the servers of a cluster know each other by.
    peers: Zeroizing<[u8; KEY_BYTES]>,
    random: Arc<dyn Random>,
}

impl Sealer {
    /// The key in `path`; made there (mode 0600) if it is not there yet. `random` must be fit for keys.
    pub fn open(path: &Path, random: Arc<dyn Random>) -> Result<Sealer> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        match fs::read(path).map(Zeroizing::new) {
            Ok(bytes) if bytes.len() == KEY_BYTES => key.copy_from_slice(&bytes),
            Ok(_) => bail!("{} is not a master key", path.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                random.fill(key.as_mut_slice());
                keep(path, key.as_slice()).with_context(|| format!("writing the master key {}", path.display()))?;
            }
            Err(error) => return Err(error).with_context(|| format!("reading the master key {}", path.display())),
        }
        let peers = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), b"watchkeep cluster peers");
        let peers = Zeroizing::new(peers.as_ref().try_into().context("a derived key of the wrong length")?);
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).ok().context("a key of the wrong length")?;
        Ok(Sealer { key: LessSafeKey::new(key), peers, random })
    }

    /// A key that is derived from the master key, and tells nothing of it: for those who have the same to know each other by.
    pub fn peers(&self) -> &[u8; KEY_BYTES] {
        &self.peers
    }
}

/// What is sealed is the nonce, then the encrypted secret with its tag, all as hexadecimal. The purpose is its additional data.
impl SecretSealing for Sealer {
    fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String, SealingError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        // Encrypted in place: with room for the tag, so that no copy of the secret is left behind by growing.
        let mut sealed = Vec::with_capacity(secret.len() + CHACHA20_POLY1305.tag_len());
        sealed.extend_from_slice(secret);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose.as_bytes()), &mut sealed)
            .map_err(|_| SealingError::Failed)?;
        Ok(hex::encode(nonce) + &hex::encode(sealed))
    }

    fn open(&self, purpose: &str, sealed: &str) -> Result<SecretBytes, SealingError> {
        let bytes = hex::decode(sealed).map_err(|_| SealingError::Unopenable)?;
        let (nonce, encrypted) = bytes.split_at_checked(NONCE_LEN).ok_or(SealingError::Unopenable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealingError::Unopenable)?;
        let mut opened = encrypted.to_vec();
        let length = match self.key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut opened) {
            Ok(secret) => secret.len(),
            Err(_) => return Err(SealingError::Unopenable),
        };
        opened.truncate(length);
        Ok(opened.into())
    }
}

/// Writes the key beside its place and then moves it there: a start that is cut short leaves no half of a key.
fn keep(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    // What was there before keeps its mode.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// The catalog's document of the root user's access key.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RootKey {
    access_key_id: String,
    sealed_secret: String,
    /// Whether a person has seen it: a key made by a server in mode open, or by one whose start failed, has not been shown.
    #[serde(default)]
    is_shown: bool,
}

impl Resource for RootKey {
    const KIND: &'static str = "root_access_key";
}

/// The root user's access key, verified against in mode enforced.
#[derive(Clone)]
pub struct RootCredentials {
    account: AccountId,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: String,
    /// Whether it was made by a server and never shown: it is to be shown once.
    pub is_to_be_shown: bool,
}

impl RootCredentials {
    /// The key from the configuration; else the stored one; else a new one, stored.
    pub async fn open(
        configured: Option<&(String, String)>,
        account: AccountId,
        catalog: &Catalog,
        sealing: &dyn SecretSealing,
        random: &dyn Random,
    ) -> Result<RootCredentials> {
        if let Some((access_key_id, secret)) = configured.cloned() {
            return Ok(RootCredentials { account, access_key_id, secret, is_to_be_shown: false });
        }
        let stored = catalog.collection::<RootKey>().await?;
        let key = ResourceKey::global(account, ROOT);
        if let Some(stored) = stored.get(&key) {
            let RootKey { access_key_id, sealed_secret, is_shown } = stored.value.clone();
            let secret = String::from_utf8(sealing.open(&access_key_id, &sealed_secret)?.expose().to_vec())?;
            return Ok(RootCredentials { account, access_key_id, secret, is_to_be_shown: !is_shown });
        }
        let access_key_id = format!("AKIA{}", text(random, KEY_ID_ALPHABET, 16));
        let secret = text(random, SECRET_ALPHABET, 40);
        let sealed_secret = sealing.seal(&access_key_id, secret.as_bytes())?;
        let made = RootKey { access_key_id: access_key_id.clone(), sealed_secret, is_shown: false };
        stored.create(key, made).await?;
        Ok(RootCredentials { account, access_key_id, secret, is_to_be_shown: true })
    }

    /// Remembers that the key has been shown.
    pub async fn was_shown(&self, catalog: &Catalog) -> Result<()> {
        let stored = catalog.collection::<RootKey>().await?;
        if let Some(current) = stored.get(&ResourceKey::global(self.account, ROOT)) {
            stored.update(&current, RootKey { is_shown: true, ..current.value.clone() }).await?;
        }
        Ok(())
    }
}

impl Credentials for RootCredentials {
    fn find<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Option<Credential>> {
        let found = (access_key_id == self.access_key_id).then(|| Credential {
            account: self.account,
            principal: Principal::Root,
            secret: self.secret.clone(),
            session_token: None,
            expires_at: None,
        });
        Box::pin(std::future::ready(found))
    }
}

/// `length` random characters. The alphabets' lengths are powers of two, so every character is equally likely.
fn text(random: &dyn Random, alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchkeep_core::OsRandom;

    #[test]
    fn sealed_secrets_open_with_the_same_key_and_purpose_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let sealer = |path: &Path| Sealer::open(path, Arc::new(OsRandom)).unwrap();
        let sealed = sealer(&path).seal("AKIA1", b"hush").unwrap();
        assert!(!sealed.contains("hush") && !sealed.contains("68757368"));
        let again = sealer(&path);
        assert_eq!(again.open("AKIA1", &sealed).unwrap().expose(), b"hush");
        assert_ne!(again.seal("AKIA1", b"hush").unwrap(), sealed);
        let refused = Err(SealingError::Unopenable);
        assert_eq!(again.open("AKIA2", &sealed), refused);
        assert_eq!(sealer(&directory.path().join("other.key")).open("AKIA1", &sealed), refused);
        for damaged in ["", "00", "zz", &sealed[..sealed.len() - 2], &format!("{sealed}00")] {
            assert_eq!(again.open("AKIA1", damaged), refused, "{damaged}");
        }
    }

    #[test]
    fn the_master_key_is_private_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        // What a start that was cut short leaves.
        fs::write(directory.path().join("master.key.new"), b"half").unwrap();
        Sealer::open(&path, Arc::new(OsRandom)).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), KEY_BYTES);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn keys_look_like_aws_keys() {
        let id = text(&OsRandom, KEY_ID_ALPHABET, 16);
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)));
        assert_eq!(text(&OsRandom, SECRET_ALPHABET, 40).len(), 40);
    }
}
