//! The words of a text, and filters that know which words a row group does not have.
//!
//! A token is a longest run of ASCII letters, digits, `_` and bytes above 127, its case kept. A filter is a binary fuse filter
//! with 8-bit fingerprints over the tokens' hashes. Hash and look-up are written out here and never change, since filters
//! live in files for years:
//!
//! ```text
//! seed u64 | segment length u32 | segment count × segment length u32 | fingerprints        (little-endian)
//! ```

use bytes::Bytes;
use hashbrown::HashSet;
use xorf::BinaryFuse8;

use super::limits::TOKENS_MAX;

/// The tokens of a text, in order.
pub fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| !is_token_byte(byte)).filter(|token| !token.is_empty())
}

/// The tokens that a text must have if it contains `literal` somewhere: those of the literal that do not touch its ends, for
/// there the text's own words may go on.
pub fn inner_tokens(literal: &[u8]) -> impl Iterator<Item = &[u8]> {
    let first = literal.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(literal.len());
    let last = literal.iter().rposition(|&byte| !is_token_byte(byte)).map_or(first, |at| at + 1);
    tokens(literal.get(first..last).unwrap_or_default())
}

/// Whether a byte is part of words.
pub fn is_token_byte(byte: u8) -> bool {
    const TABLE: [bool; 256] = token_table();
    TABLE.get(usize::from(byte)).copied().unwrap_or(false)
}

/// Collects the tokens of many texts for one filter.
pub(super) struct TokenSet {
    hashes: HashSet<u64, foldhash::fast::FixedState>,
    /// Hashes seen lately, each in the slot of its low bits: most words of a log are said again and again.
    recent: Vec<u64>,
    scratch: Vec<u8>,
}

const RECENT_SLOTS: usize = 8 << 10;

impl TokenSet {
    pub(super) fn new() -> TokenSet {
        // A slot begins with a value that no hash of its own has.
        let recent = (0..RECENT_SLOTS as u64).map(|slot| !slot).collect();
        TokenSet { hashes: HashSet::default(), recent, scratch: Vec::new() }
    }

    /// Adds the tokens of a text. If it has JSON escapes, those of the text with its escapes resolved are added too, so that
    /// a filter may also be asked for the words of a field's value.
    pub(super) fn add(&mut self, text: &[u8]) {
        if self.is_full() {
            return;
        }
        self.add_tokens(text);
        if memchr::memchr(b'\\', text).is_some() {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            unescape(text, &mut scratch);
            self.add_tokens(&scratch);
            self.scratch = scratch;
        }
    }

    /// The bytes of the filter over all tokens added; `None` if there were too many.
    pub(super) fn build(&self) -> Option<Vec<u8>> {
        if self.is_full() {
            return None;
        }
        let mut hashes: Vec<u64> = self.hashes.iter().copied().collect();
        // The same rows give the same bytes.
        hashes.sort_unstable();
        if hashes.is_empty() {
            return Some(vec![0; HEADER_BYTES]);
        }
        let filter = BinaryFuse8::try_from(&hashes).ok()?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + filter.fingerprints.len());
        bytes.extend_from_slice(&filter.descriptor.seed.to_le_bytes());
        bytes.extend_from_slice(&filter.descriptor.segment_length.to_le_bytes());
        bytes.extend_from_slice(&filter.descriptor.segment_count_length.to_le_bytes());
        bytes.extend_from_slice(&filter.fingerprints);
        Some(bytes)
    }

    fn is_full(&self) -> bool {
        self.hashes.len() > TOKENS_MAX
    }

    fn add_tokens(&mut self, text: &[u8]) {
        for token in tokens(text) {
            let hash = hash(token);
            let slot = self.recent.get_mut(hash as usize % RECENT_SLOTS);
            if let Some(slot) = slot.filter(|slot| **slot != hash) {
                *slot = hash;
                self.hashes.insert(hash);
            }
        }
    }
}

const HEADER_BYTES: usize = 16;

/// Knows which tokens a row group certainly does not have.
#[derive(Debug, Clone)]
pub(super) struct TokenFilter {
    seed: u64,
    segment: u32,
    segments: u32,
    fingerprints: Bytes,
}

impl TokenFilter {
    /// The filter of these bytes; `None` if they are no filter.
    pub(super) fn parse(bytes: Bytes) -> Option<TokenFilter> {
        let header = bytes.first_chunk::<HEADER_BYTES>()?;
        let seed = u64::from_le_bytes(*header.first_chunk()?);
        let segment = u32::from_le_bytes(*header.get(8..)?.first_chunk()?);
        let segments = u32::from_le_bytes(*header.get(12..)?.first_chunk()?);
        let fingerprints = bytes.slice(HEADER_BYTES..);
        let length = u64::from(segments) + 2 * u64::from(segment);
        let whole = segment.is_power_of_two() && segments.is_multiple_of(segment) && segments > 0;
        let empty = segment == 0 && segments == 0;
        ((whole || empty) && length == fingerprints.len() as u64).then_some(TokenFilter {
            seed,
            segment,
            segments,
            fingerprints,
        })
    }

    /// Whether the row group may have this token. False is certain.
    pub(super) fn may_have(&self, token: &[u8]) -> bool {
        if self.segments == 0 {
            return false;
        }
        let hash = mix(hash(token).wrapping_add(self.seed));
        let mask = u64::from(self.segment.wrapping_sub(1));
        let first = ((u128::from(hash) * u128::from(self.segments)) >> 64) as u64;
        let second = (first + u64::from(self.segment)) ^ ((hash >> 18) & mask);
        let third = (first + 2 * u64::from(self.segment)) ^ (hash & mask);
        let print = |at: u64| self.fingerprints.get(at as usize).copied().unwrap_or(0);
        (hash ^ (hash >> 32)) as u8 == print(first) ^ print(second) ^ print(third)
    }

    /// The bytes it takes in memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<TokenFilter>() + self.fingerprints.len()
    }
}

/// The stable hash of a token.
fn hash(token: &[u8]) -> u64 {
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    let short = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    let start = SEED ^ token.len() as u64;
    if let Some((_, last)) = token.split_last_chunk::<8>() {
        // Whole words from the front, then the last eight bytes, some of them perhaps once more.
        let hash = token.as_chunks::<8>().0.iter().fold(start, |hash, word| fold(hash ^ u64::from_le_bytes(*word)));
        return fold(hash ^ u64::from_le_bytes(*last));
    }
    let word = match (token.first_chunk::<4>(), token.last_chunk::<4>()) {
        (Some(first), Some(last)) => short(u32::from_le_bytes(*first), u32::from_le_bytes(*last)),
        _ => token.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    fold(start ^ word)
}

/// Multiplies to 128 bits and folds the halves together.
fn fold(word: u64) -> u64 {
    let product = u128::from(word) * 0xa076_1d64_78bd_642f;
    product as u64 ^ (product >> 64) as u64
}

/// The finalizer of MurmurHash3, as binary fuse filters use it.
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        // The index is a byte, so it is within the table.
        #[allow(clippy::indexing_slicing, reason = "a const table indexed by a byte")]
        {
            table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte > 127;
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

/// Resolves JSON's escapes; what is none stays as it is.
fn unescape(text: &[u8], to: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        to.extend_from_slice(plain);
        let taken = match escape {
            [_, b'u', ..] => match unicode_escape(escape) {
                Some((char, taken)) => {
                    to.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                    taken
                }
                None => 2,
            },
            [_, b'n' | b't' | b'r' | b'b' | b'f', ..] => {
                to.push(b' ');
                2
            }
            [_, other, ..] => {
                to.push(*other);
                2
            }
            _ => 1,
        };
        rest = escape.get(taken..).unwrap_or_default();
    }
    to.extend_from_slice(rest);
}

/// The character of a `\uXXXX` escape or of a pair of them, and the bytes it takes.
fn unicode_escape(escape: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let hex = escape.get(at..)?.strip_prefix(b"\\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
    };
    let first = unit(0)?;
    if let Some(char) = char::from_u32(u32::from(first)) {
        return Some((char, 6));
    }
    let char = char::decode_utf16([first, unit(6)?]).next()?.ok()?;
    Some((char, 12))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xorf::Filter;

    use super::*;

    fn filter(texts: &[&[u8]]) -> TokenFilter {
        let mut set = TokenSet::new();
        texts.iter().for_each(|text| set.add(text));
        TokenFilter::parse(set.build().unwrap().into()).unwrap()
    }

    #[test]
    fn words() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            ("GET /a_b?x=1 HTTP", &["GET", "a_b", "x", "1", "HTTP"], &["a_b", "x", "1"]),
            ("word", &["word"], &[]),
            (" word ", &["word"], &["word"]),
            ("naïve-ß", &["naïve", "ß"], &[]),
            ("", &[], &[]),
            ("a b", &["a", "b"], &[]),
        ];
        for (text, whole, inner) in cases {
            assert_eq!(tokens(text.as_bytes()).map(|t| std::str::from_utf8(t).unwrap()).collect::<Vec<_>>(), whole);
            assert_eq!(
                inner_tokens(text.as_bytes()).map(|t| std::str::from_utf8(t).unwrap()).collect::<Vec<_>>(),
                inner
            );
        }
    }

    #[test]
    fn escapes_are_resolved_too() {
        let filter = filter(&[br#"{"m":"one\ntwo \u0041bc \ud83d\ude00x a\/b"}"#]);
        for token in ["one", "ntwo", "two", "Abc", "😀x", "a", "b", "m"] {
            assert!(filter.may_have(token.as_bytes()), "{token}");
        }
    }

    #[test]
    fn hashes_and_filters_never_change() {
        let hashes = ["", "a", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghijklmnopq"].map(|t| hash(t.as_bytes()));
        insta::assert_debug_snapshot!(hashes, @"
        [
            7423383483382639721,
            6003925026481920661,
            2427340538347873742,
            7733663801312633860,
            784278126098612596,
            14403915719933711366,
            13707300241971478901,
        ]
        ");
        let mut set = TokenSet::new();
        set.add(b"one two three");
        insta::assert_snapshot!(format!("{:02x?}", set.build().unwrap()), @"[c1, 5c, 02, 89, ec, 2d, 0a, 91, 08, 00, 00, 00, 08, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, f3, 00, 00, 00, 00, e4, 00, 00, 00, 00, a9, 00]");
    }

    #[test]
    fn absent_words_are_mostly_known_to_be_absent() {
        let text: Vec<String> = (0..20_000).map(|n| format!("word{n}")).collect();
        let words = filter(&[text.join(" ").as_bytes()]);
        let wrong = (0..20_000).filter(|n| words.may_have(format!("other{n}").as_bytes())).count();
        assert!(wrong < 160, "{wrong} of 20000 absent words seem present");
        assert!(!filter(&[]).may_have(b"any"));
    }

    proptest! {
        #[test]
        fn every_token_is_found(texts in prop::collection::vec("[ -~é]{0,40}", 0..40)) {
            let bytes: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
            let filter = filter(&bytes);
            for token in bytes.iter().flat_map(|text| tokens(text)) {
                prop_assert!(filter.may_have(token));
            }
        }

        #[test]
        fn look_up_equals_the_builders(words in prop::collection::hash_set("[a-z]{1,12}", 1..300), other in "[a-z]{1,12}") {
            let mut hashes: Vec<u64> = words.iter().map(|word| hash(word.as_bytes())).collect();
            hashes.sort_unstable();
            let built = BinaryFuse8::try_from(&hashes).unwrap();
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            prop_assert_eq!(filter(&words).may_have(other.as_bytes()), built.contains(&hash(other.as_bytes())));
        }

        #[test]
        fn any_bytes_are_a_filter_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200), token in any::<[u8; 9]>()) {
            if let Some(filter) = TokenFilter::parse(bytes.into()) {
                filter.may_have(&token);
            }
        }

        #[test]
        fn inner_tokens_survive_any_surroundings(before in "[a-z ]{0,5}", literal in "[a-z -]{0,20}", after in "[a-z ]{0,5}") {
            let text = format!("{before}{literal}{after}");
            let all: Vec<&[u8]> = tokens(text.as_bytes()).collect();
            prop_assert!(inner_tokens(literal.as_bytes()).all(|token| all.contains(&token)));
        }
    }
}
