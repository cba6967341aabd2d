//! Checksums of objects ("Checking object integrity in Amazon S3"): those that clients send with the data or behind it, what is kept
//! of them, and how those of parts make that of an object.

mod combine;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::Sha256;
use watchkeep_model::ServiceError;
use watchkeep_wire::crc64::crc64_nvme_append;

use crate::errors::{coded, invalid_request, not_implemented};

/// A checksum algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "CRC32")]
    Crc32,
    #[serde(rename = "CRC32C")]
    Crc32c,
    #[serde(rename = "CRC64NVME")]
    Crc64Nvme,
    #[serde(rename = "SHA1")]
    Sha1,
    #[serde(rename = "SHA256")]
    Sha256,
}

/// Whether the checksum of an object of parts is that of all of its data, or one over the parts' checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ChecksumType {
    #[serde(rename = "COMPOSITE")]
    Composite,
    #[serde(rename = "FULL_OBJECT")]
    FullObject,
}

/// A checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub algorithm: Algorithm,
    /// In base64; with the number of parts behind it if it is composite.
    pub value: String,
    #[serde(rename = "type")]
    pub kind: ChecksumType,
}

impl Algorithm {
    pub(crate) const ALL: [Algorithm; 5] =
        [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme, Algorithm::Sha1, Algorithm::Sha256];

    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
        }
    }

    /// The algorithm of this name in the API.
    ///
    /// # Errors
    /// `NotImplemented` for one of AWS's newest.
    pub(crate) fn parse(text: &str) -> Result<Algorithm, ServiceError> {
        let found = Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| not_implemented(&format!("x-amz-checksum-{}", text.to_ascii_lowercase())))
    }

    /// The header or trailer that carries it.
    pub(crate) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.as_str().to_ascii_lowercase())
    }

    /// The bytes of a checksum.
    fn bytes(self) -> usize {
        match self {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme => 8,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
        }
    }

    /// What an upload's checksum is if the client does not say.
    pub(crate) fn type_default(self) -> ChecksumType {
        if self == Algorithm::Crc64Nvme { ChecksumType::FullObject } else { ChecksumType::Composite }
    }

    /// Whether an upload's checksum may be of this type.
    pub(crate) fn allows(self, kind: ChecksumType) -> bool {
        match kind {
            ChecksumType::FullObject => !matches!(self, Algorithm::Sha1 | Algorithm::Sha256),
            ChecksumType::Composite => self != Algorithm::Crc64Nvme,
        }
    }
}

impl ChecksumType {
    /// The API's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ChecksumType::Composite => "COMPOSITE",
            ChecksumType::FullObject => "FULL_OBJECT",
        }
    }

    /// The type of this name in the API.
    pub(crate) fn parse(text: &str) -> Option<ChecksumType> {
        [ChecksumType::Composite, ChecksumType::FullObject].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A checksum that is being computed.
#[derive(Debug, Clone)]
enum Running {
    Crc32(crc32fast::Hasher),
    Crc32c(u32),
    Crc64Nvme(u64),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Running {
    fn new(algorithm: Algorithm) -> Running {
        match algorithm {
            Algorithm::Crc32 => Running::Crc32(crc32fast::Hasher::new()),
            Algorithm::Crc32c => Running::Crc32c(0),
            Algorithm::Crc64Nvme => Running::Crc64Nvme(0),
            Algorithm::Sha1 => Running::Sha1(Sha1::new()),
            Algorithm::Sha256 => Running::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Running::Crc32(hash) => hash.update(data),
            Running::Crc32c(crc) => *crc = crc32c::crc32c_append(*crc, data),
            Running::Crc64Nvme(crc) => *crc = crc64_nvme_append(*crc, data),
            Running::Sha1(hash) => hash.update(data),
            Running::Sha256(hash) => hash.update(data),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Running::Crc32(hash) => hash.finalize().to_be_bytes().to_vec(),
            Running::Crc32c(crc) => crc.to_be_bytes().to_vec(),
            Running::Crc64Nvme(crc) => crc.to_be_bytes().to_vec(),
            Running::Sha1(hash) => hash.finalize().to_vec(),
            Running::Sha256(hash) => hash.finalize().to_vec(),
        }
    }
}

/// The digests of content that is being received.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    md5: Md5,
    checksum: Option<(Algorithm, Running)>,
}

impl Digests {
    pub(crate) fn new(algorithm: Option<Algorithm>) -> Digests {
        Digests { md5: Md5::new(), checksum: algorithm.map(|algorithm| (algorithm, Running::new(algorithm))) }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        if let Some((_, running)) = &mut self.checksum {
            running.update(data);
        }
    }

    /// The MD5, and the checksum of the whole.
    pub(crate) fn finish(self) -> ([u8; 16], Option<Checksum>) {
        let checksum = self.checksum.map(|(algorithm, running)| Checksum {
            algorithm,
            value: STANDARD.encode(running.finish()),
            kind: ChecksumType::FullObject,
        });
        (self.md5.finalize().into(), checksum)
    }
}

/// What a client says that its data has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// `Content-MD5`, decoded.
    md5: Option<[u8; 16]>,
    /// A checksum in a header, or one that is promised to come behind the data.
    checksum: Option<(Algorithm, Option<String>)>,
}

impl Claimed {
    /// Reads `Content-MD5`, the checksums in headers, the trailers that are promised, and `x-amz-sdk-checksum-algorithm`.
    ///
    /// # Errors
    /// `InvalidDigest`, `InvalidRequest`, `NotImplemented`.
    pub(crate) fn read(
        content_md5: Option<&str>,
        headers: Vec<(Algorithm, String)>,
        promised: &[String],
        named: Option<&str>,
    ) -> Result<Claimed, ServiceError> {
        let md5 = content_md5.map(|text| {
            let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
            bytes.ok_or_else(|| coded("InvalidDigest", 400, "The Content-MD5 you specified was invalid."))
        });
        let mut checksums: Vec<(Algorithm, Option<String>)> =
            headers.into_iter().map(|(algorithm, value)| (algorithm, Some(value))).collect();
        for name in promised {
            if let Some(algorithm) = name.strip_prefix("x-amz-checksum-") {
                checksums.push((Algorithm::parse(algorithm)?, None));
            }
        }
        if checksums.len() > 1 {
            return Err(invalid_request(
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        let checksum = checksums.pop();
        if let Some((algorithm, Some(value))) = &checksum {
            check_form(*algorithm, value)?;
        }
        match (named.map(Algorithm::parse).transpose()?, &checksum) {
            (Some(named), Some((algorithm, _))) if named != *algorithm => Err(invalid_request(format!(
                "Value for x-amz-sdk-checksum-algorithm header is invalid: the checksum is {}.",
                algorithm.as_str()
            ))),
            (Some(_), None) => Err(invalid_request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were \
                 found.",
            )),
            _ => Ok(Claimed { md5: md5.transpose()?, checksum }),
        }
    }

    /// The algorithm of the checksum that is claimed.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.checksum.as_ref().map(|(algorithm, _)| *algorithm)
    }

    /// Compares with what was computed. `trailers` are those that came.
    ///
    /// # Errors
    /// `BadDigest`; `MalformedTrailerError` if a promised checksum did not come.
    pub(crate) fn check(
        &self,
        md5: &[u8; 16],
        computed: Option<&Checksum>,
        trailers: &[(String, String)],
    ) -> Result<(), ServiceError> {
        if self.md5.is_some_and(|claimed| claimed != *md5) {
            return Err(coded("BadDigest", 400, "The Content-MD5 you specified did not match what we received."));
        }
        let Some((algorithm, value)) = &self.checksum else { return Ok(()) };
        let value = match value {
            Some(value) => value,
            None => {
                let header = algorithm.header();
                let trailer = trailers.iter().find(|(name, _)| *name == header).map(|(_, value)| value);
                trailer.ok_or_else(|| {
                    let message = "The request contained trailing data that was not well-formed or did not conform to our \
                                   published schema.";
                    coded("MalformedTrailerError", 400, message)
                })?
            }
        };
        check_form(*algorithm, value)?;
        match computed {
            Some(computed) if computed.algorithm == *algorithm && computed.value == *value => Ok(()),
            _ => {
                let message =
                    format!("The {} you specified did not match the calculated checksum.", algorithm.as_str());
                Err(coded("BadDigest", 400, message))
            }
        }
    }
}

fn check_form(algorithm: Algorithm, value: &str) -> Result<(), ServiceError> {
    match STANDARD.decode(value) {
        Ok(bytes) if bytes.len() == algorithm.bytes() => Ok(()),
        _ => Err(invalid_request(format!("Value for {} header is invalid.", algorithm.header()))),
    }
}

/// The checksum of an object of parts: each part's checksum and size. `None` if one of them has none.
pub(crate) fn of_parts<'a>(
    algorithm: Algorithm,
    kind: ChecksumType,
    parts: impl Iterator<Item = (Option<&'a Checksum>, u64)>,
) -> Option<Checksum> {
    let mut whole = Running::new(algorithm);
    let mut crc = 0;
    let mut count = 0;
    for (checksum, size) in parts {
        let bytes = STANDARD.decode(&checksum.filter(|checksum| checksum.algorithm == algorithm)?.value).ok()?;
        whole.update(&bytes);
        count += 1;
        let number = bytes.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        crc = combine::combine(algorithm, crc, number, size);
    }
    let value = match kind {
        ChecksumType::Composite => format!("{}-{count}", STANDARD.encode(whole.finish())),
        ChecksumType::FullObject => {
            let bytes = crc.to_be_bytes();
            STANDARD.encode(bytes.get(bytes.len() - algorithm.bytes().min(8)..)?)
        }
    };
    Some(Checksum { algorithm, value, kind })
}

/// The entity tag of an object of parts: the MD5 of the parts' MD5s, and how many they are.
pub(crate) fn etag_of_parts<'a>(etags: impl Iterator<Item = &'a str>) -> String {
    let mut md5 = Md5::new();
    let mut count = 0;
    for etag in etags {
        md5.update(hex::decode(etag).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(md5.finalize()))
}

/// The checksums that the input of an operation has in headers of their own.
macro_rules! claimed_headers {
    ($input:expr) => {{
        use $crate::checksums::Algorithm;
        let newer = [
            ("x-amz-checksum-sha512", &$input.checksum_sha512),
            ("x-amz-checksum-md5", &$input.checksum_md5),
            ("x-amz-checksum-xxhash64", &$input.checksum_xxhash64),
            ("x-amz-checksum-xxhash3", &$input.checksum_xxhash3),
            ("x-amz-checksum-xxhash128", &$input.checksum_xxhash128),
        ];
        match newer.into_iter().find(|(_, value)| value.is_some()) {
            Some((header, _)) => Err($crate::errors::not_implemented(header)),
            None => Ok([
                (Algorithm::Crc32, &$input.checksum_crc32),
                (Algorithm::Crc32c, &$input.checksum_crc32_c),
                (Algorithm::Crc64Nvme, &$input.checksum_crc64_nvme),
                (Algorithm::Sha1, &$input.checksum_sha1),
                (Algorithm::Sha256, &$input.checksum_sha256),
            ]
            .into_iter()
            .filter_map(|(algorithm, value)| Some((algorithm, value.clone()?)))
            .collect::<Vec<_>>()),
        }
    }};
}
pub(crate) use claimed_headers;

/// Tells a checksum in the members that an output has for it.
macro_rules! tell_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            use $crate::checksums::Algorithm;
            let value = Some(checksum.value.clone());
            match checksum.algorithm {
                Algorithm::Crc32 => $output.checksum_crc32 = value,
                Algorithm::Crc32c => $output.checksum_crc32_c = value,
                Algorithm::Crc64Nvme => $output.checksum_crc64_nvme = value,
                Algorithm::Sha1 => $output.checksum_sha1 = value,
                Algorithm::Sha256 => $output.checksum_sha256 = value,
            }
        }
    };
}
pub(crate) use tell_checksum;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(algorithm: Algorithm, data: &[u8]) -> Checksum {
        let mut digests = Digests::new(Some(algorithm));
        digests.update(data);
        digests.finish().1.unwrap()
    }

    #[test]
    fn published_check_values() {
        for (algorithm, value) in [
            (Algorithm::Crc32, "y/Q5Jg=="),
            (Algorithm::Crc32c, "4waSgw=="),
            (Algorithm::Crc64Nvme, "rosUhgp5mIg="),
            (Algorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (Algorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ] {
            assert_eq!(of(algorithm, b"123456789").value, value, "{algorithm:?}");
        }
    }

    #[test]
    fn claims_are_read_and_checked() {
        let crc = |value: &str| vec![(Algorithm::Crc32, value.to_owned())];
        let code = |outcome: Result<Claimed, ServiceError>| outcome.unwrap_err().code.into_owned();
        let promised = |name: &str| [name.to_owned()];
        assert_eq!(code(Claimed::read(Some("x"), vec![], &[], None)), "InvalidDigest");
        assert_eq!(code(Claimed::read(None, crc("AAAA"), &[], None)), "InvalidRequest");
        assert_eq!(
            code(Claimed::read(None, crc("y/Q5Jg=="), &promised("x-amz-checksum-sha1"), None)),
            "InvalidRequest"
        );
        assert_eq!(code(Claimed::read(None, crc("y/Q5Jg=="), &[], Some("SHA1"))), "InvalidRequest");
        assert_eq!(code(Claimed::read(None, vec![], &[], Some("CRC32"))), "InvalidRequest");
        assert_eq!(code(Claimed::read(None, vec![], &promised("x-amz-checksum-xxhash3"), None)), "NotImplemented");
        let check = |claimed: Result<Claimed, ServiceError>, trailers: &[(String, String)]| {
            let claimed = claimed.unwrap();
            let mut digests = Digests::new(claimed.algorithm());
            digests.update(b"123456789");
            let (md5, computed) = digests.finish();
            claimed.check(&md5, computed.as_ref(), trailers).map_err(|error| error.code.into_owned())
        };
        let trailer = |value: &str| [("x-amz-checksum-crc32".to_owned(), value.to_owned())];
        let by_trailer = || Claimed::read(None, vec![], &promised("x-amz-checksum-crc32"), Some("CRC32"));
        assert_eq!(check(Claimed::read(Some("JfnnlDI7RTiF9RgfG2JNCw=="), crc("y/Q5Jg=="), &[], None), &[]), Ok(()));
        assert_eq!(check(Claimed::read(None, crc("AAAAAA=="), &[], None), &[]), Err("BadDigest".into()));
        assert_eq!(
            check(Claimed::read(Some("AAAAAAAAAAAAAAAAAAAAAA=="), vec![], &[], None), &[]),
            Err("BadDigest".into())
        );
        assert_eq!(check(by_trailer(), &trailer("y/Q5Jg==")), Ok(()));
        assert_eq!(check(by_trailer(), &trailer("AAAAAA==")), Err("BadDigest".into()));
        assert_eq!(check(by_trailer(), &[]), Err("MalformedTrailerError".into()));
    }

    #[test]
    fn entity_tags_of_parts() {
        // MD5 of the MD5s of "a" and "b".
        let tags = ["0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"];
        let joined: Vec<u8> = tags.iter().flat_map(|tag| hex::decode(tag).unwrap()).collect();
        let expected = format!("{}-2", hex::encode(Md5::digest(joined)));
        assert_eq!(etag_of_parts(tags.into_iter()), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

        #[test]
        fn checksums_of_parts_make_that_of_the_whole(parts: Vec<Vec<u8>>) {
            for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
                let checksums: Vec<_> = parts.iter().map(|part| (of(algorithm, part), part.len() as u64)).collect();
                let told = checksums.iter().map(|(checksum, size)| (Some(checksum), *size));
                let made = of_parts(algorithm, ChecksumType::FullObject, told).unwrap();
                prop_assert_eq!(made.value, of(algorithm, &parts.concat()).value);
            }
        }
    }
}
