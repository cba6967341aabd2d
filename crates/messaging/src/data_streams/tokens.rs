//! Tokens that clients hand back as they got them: iterators, and places in lists. A check sum tells ours from others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Numbers, and a text behind them, as a token.
pub(crate) fn token<const N: usize>(kind: u8, numbers: [u64; N], text: &str) -> String {
    let mut bytes = vec![kind];
    numbers.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
    bytes.extend(text.as_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    STANDARD.encode(bytes)
}

/// What a token of this kind was made of.
pub(crate) fn read<const N: usize>(kind: u8, token: &str) -> Option<([u64; N], String)> {
    let bytes = STANDARD.decode(token).ok()?;
    let (said, sum) = bytes.split_last_chunk::<4>()?;
    let (found, rest) = said.split_first()?;
    if *found != kind || crc32c::crc32c(said) != u32::from_be_bytes(*sum) {
        return None;
    }
    let (numbers, text) = rest.split_at_checked(8 * N)?;
    let mut read = [0; N];
    for (number, bytes) in read.iter_mut().zip(numbers.as_chunks::<8>().0) {
        *number = u64::from_be_bytes(*bytes);
    }
    Some((read, std::str::from_utf8(text).ok()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back_and_others_are_not() {
        let made = token(1, [7, u64::MAX], "name");
        assert_eq!(read(1, &made), Some(([7, u64::MAX], "name".to_owned())));
        assert_eq!(read::<2>(2, &made), None, "of another kind");
        for bad in ["", "x", "AAAA", &made[..20], &made.replace('A', "B")] {
            assert_eq!(read::<2>(1, bad), None, "{bad}");
        }
    }
}
