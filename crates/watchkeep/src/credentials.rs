//! The root user's access key, and how secrets are sealed before they are stored.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use watchkeep_core::ports::{Credential, Credentials, Seal, SealError};
use watchkeep_core::{AccountId, BoxFuture, Principal, Random};
use watchkeep_store::{Catalog, Resource, ResourceKey};

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
}

impl Sealer {
    /// The key in `path`; made there (mode 0600) if it is not there yet.
    pub fn open(path: &Path, random: &dyn Random) -> Result<Sealer> {
        let mut key = [0; KEY_BYTES];
        match fs::read(path) {
            Ok(bytes) => {
                key = bytes.try_into().ok().with_context(|| format!("{} is not a master key", path.display()))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                random.fill(&mut key);
                keep(path, &key).with_context(|| format!("writing the master key {}", path.display()))?;
            }
            Err(error) => return Err(error).with_context(|| format!("reading the master key {}", path.display())),
        }
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).ok().context("a key of the wrong length")?;
        Ok(Sealer { key: LessSafeKey::new(key) })
    }

    /// The nonce, then the sealed text, as hexadecimal. `name` is bound to it.
    pub fn seal(&self, name: &str, text: &str, random: &dyn Random) -> Result<String> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut sealed = text.as_bytes().to_vec();
        let sealing = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(name.as_bytes()),
            &mut sealed,
        );
        ensure!(sealing.is_ok(), "sealing failed");
        Ok([nonce.as_slice(), &sealed].concat().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What [`Sealer::seal`] sealed.
    pub fn unseal(&self, name: &str, sealed: &str) -> Result<String> {
        let bytes =
            (0..sealed.len() / 2).map(|index| u8::from_str_radix(sealed.get(2 * index..2 * index + 2)?, 16).ok());
        let mut bytes = bytes.collect::<Option<Vec<u8>>>().context("a sealed secret is damaged")?;
        ensure!(bytes.len() > NONCE_LEN, "a sealed secret is damaged");
        let mut text = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).ok().context("a sealed secret is damaged")?;
        match self.key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut text) {
            Ok(text) => Ok(String::from_utf8(text.to_vec())?),
            Err(_) => bail!("a stored secret cannot be opened: the master key is another one than it was sealed with"),
        }
    }
}

/// The sealer as services are given it.
pub struct Seals {
    /// The sealer.
    pub sealer: Arc<Sealer>,
    /// What its nonces are drawn from.
    pub random: Arc<dyn Random>,
}

impl Seal for Seals {
    fn seal(&self, name: &str, secret: &str) -> Result<String, SealError> {
        self.sealer.seal(name, secret, self.random.as_ref()).map_err(|error| SealError(error.to_string()))
    }

    fn unseal(&self, name: &str, sealed: &str) -> Result<String, SealError> {
        self.sealer.unseal(name, sealed).map_err(|error| SealError(error.to_string()))
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
        sealer: &Sealer,
        random: &dyn Random,
    ) -> Result<RootCredentials> {
        if let Some((access_key_id, secret)) = configured.cloned() {
            return Ok(RootCredentials { account, access_key_id, secret, is_to_be_shown: false });
        }
        let stored = catalog.collection::<RootKey>().await?;
        let key = ResourceKey::global(account, ROOT);
        if let Some(stored) = stored.get(&key) {
            let RootKey { access_key_id, sealed_secret, is_shown } = stored.value.clone();
            let secret = sealer.unseal(&access_key_id, &sealed_secret)?;
            return Ok(RootCredentials { account, access_key_id, secret, is_to_be_shown: !is_shown });
        }
        let access_key_id = format!("AKIA{}", text(random, KEY_ID_ALPHABET, 16));
        let secret = text(random, SECRET_ALPHABET, 40);
        let sealed_secret = sealer.seal(&access_key_id, &secret, random)?;
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
    fn sealed_secrets_open_with_the_same_key_and_name_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let sealed = Sealer::open(&path, &OsRandom).unwrap().seal("AKIA1", "hush", &OsRandom).unwrap();
        assert!(!sealed.contains("hush") && !sealed.contains("68757368"));
        let again = Sealer::open(&path, &OsRandom).unwrap();
        assert_eq!(again.unseal("AKIA1", &sealed).unwrap(), "hush");
        assert!(again.unseal("AKIA2", &sealed).is_err());
        let other = Sealer::open(&directory.path().join("other.key"), &OsRandom).unwrap();
        assert!(other.unseal("AKIA1", &sealed).is_err());
        assert!(again.unseal("AKIA1", "00").is_err() && again.unseal("AKIA1", "zz").is_err());
    }

    #[test]
    fn the_master_key_is_private_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        // What a start that was cut short leaves.
        fs::write(directory.path().join("master.key.new"), b"half").unwrap();
        Sealer::open(&path, &OsRandom).unwrap();
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
