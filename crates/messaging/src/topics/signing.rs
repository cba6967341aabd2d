//! The key that messages are signed with, and its certificate.
//!
//! It is made when the first message is to be signed, kept sealed in the catalog, and the same ever after: receivers keep the
//! certificate that they once fetched.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use rsa::PrivateKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use tokio::sync::OnceCell;
use watchkeep_core::ports::SecretSealing;
use watchkeep_core::{AccountId, Random};
use watchkeep_store::{Collection, ResourceKey};

use super::limits::SIGNING_KEY_BITS;
use super::resources::{SignatureVersion, SigningKey};

/// The name of the key in the catalog, and what is bound to the sealed key.
const NAME: &str = "sns-signing-key";

/// What stands before a digest in a signature: its algorithm and length, in DER (RFC 8017, section 9.2).
const SHA1_PREFIX: &[u8] = &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
const SHA256_PREFIX: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// The certificate is valid from and until then. Receivers check that it is; nobody would renew it.
const VALID_FROM_YEAR: i32 = 2020;
const VALID_UNTIL_YEAR: i32 = 2120;

/// Signs messages.
pub(crate) struct Signer {
    key: PrivateKey,
    /// In PEM.
    certificate: String,
    random: Arc<dyn Random>,
}

/// The signer, once it is needed.
pub(crate) struct Signing {
    signer: OnceCell<Arc<Signer>>,
    keys: Collection<SigningKey>,
    sealing: Arc<dyn SecretSealing>,
    random: Arc<dyn Random>,
}

impl Signing {
    /// The signer whose key is in this collection.
    pub(crate) fn new(
        keys: Collection<SigningKey>,
        sealing: Arc<dyn SecretSealing>,
        random: Arc<dyn Random>,
    ) -> Signing {
        Signing { signer: OnceCell::new(), keys, sealing, random }
    }

    /// The signer; its key is made if there is none.
    ///
    /// # Errors
    ///
    /// What the catalog or sealing meets, for a person.
    pub(crate) async fn signer(&self) -> Result<Arc<Signer>, String> {
        self.signer.get_or_try_init(|| self.open()).await.cloned()
    }

    async fn open(&self) -> Result<Arc<Signer>, String> {
        let place = ResourceKey::global(AccountId::DEFAULT, NAME);
        if self.keys.get(&place).is_none() {
            let random = self.random.clone();
            let made = tokio::task::spawn_blocking(move || make(random.as_ref())).await;
            let (key, certificate) = made.map_err(|error| error.to_string())??;
            let sealed = self.sealing.seal(NAME, STANDARD.encode(key).as_bytes()).map_err(|error| error.to_string())?;
            self.keys
                .put(place.clone(), SigningKey { sealed, certificate })
                .await
                .map_err(|error| error.to_string())?;
        }
        let kept = self.keys.get(&place).ok_or("the signing key is gone")?;
        let key = self.sealing.open(NAME, &kept.sealed).map_err(|error| error.to_string())?;
        let key = STANDARD.decode(key.expose()).map_err(|error| error.to_string())?;
        let key = PrivateKey::from_pkcs8_der(&key).map_err(|error| error.to_string())?;
        Ok(Arc::new(Signer { key, certificate: kept.certificate.clone(), random: self.random.clone() }))
    }
}

impl Signer {
    /// The signature of a text, in base64.
    pub(crate) fn sign(&self, version: SignatureVersion, text: &str) -> Result<String, String> {
        let (digest, prefix) = match version {
            SignatureVersion::One => (Sha1::digest(text).to_vec(), SHA1_PREFIX),
            SignatureVersion::Two => (Sha256::digest(text).to_vec(), SHA256_PREFIX),
        };
        let scheme = Pkcs1v15Sign { hash_len: Some(digest.len()), prefix: prefix.into() };
        // Blinded by random numbers, so that how long it takes tells nothing of the key.
        let signature = self.key.sign_with_rng(&mut Source(self.random.as_ref()), scheme, &digest);
        signature.map(|signature| STANDARD.encode(signature)).map_err(|error| error.to_string())
    }

    /// The certificate in PEM.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The path that the certificate is served at; another for another certificate.
    pub(crate) fn certificate_path(&self) -> String {
        let digest = hex::encode(Sha256::digest(&self.certificate));
        format!("/SimpleNotificationService-{}.pem", digest.get(..32).unwrap_or_default())
    }
}

/// A new key in PKCS #8, and its certificate in PEM.
fn make(random: &dyn Random) -> Result<(Vec<u8>, String), String> {
    let key = PrivateKey::new(&mut Source(random), SIGNING_KEY_BITS).map_err(|error| error.to_string())?;
    let key = key.to_pkcs8_der().map_err(|error| error.to_string())?.as_bytes().to_vec();
    let certificate = certificate(&key).map_err(|error| error.to_string())?;
    Ok((key, certificate))
}

/// The certificate of a key, in PEM.
pub(crate) fn certificate(key: &[u8]) -> Result<String, rcgen::Error> {
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key.into(), &PKCS_RSA_SHA256)?;
    let mut parameters = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()])?;
    parameters.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
    parameters.distinguished_name.push(DnType::OrganizationName, "Watchkeep");
    parameters.not_before = rcgen::date_time_ymd(VALID_FROM_YEAR, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(VALID_UNTIL_YEAR, 1, 1);
    Ok(parameters.self_signed(&pair)?.pem())
}

/// Our randomness as the crate for RSA takes it.
struct Source<'a>(&'a dyn Random);

impl rand_core::TryRng for Source<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.next_u64() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Source<'_> {}
