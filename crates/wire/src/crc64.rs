//! CRC-64/NVME, the checksum that S3's newest clients send: polynomial `ad93d23594c93659`, reflected.

/// The polynomial, its bits reversed.
pub const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// How many bytes are taken at a time.
const STEP: usize = 8;

/// `TABLES[n][b]`: the remainder of byte `b` with `n` zero bytes behind it.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of range")]
static TABLES: [[u64; 256]; STEP] = {
    let mut tables = [[0; 256]; STEP];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        tables[0][byte] = value;
        byte += 1;
    }
    let mut row = 1;
    while row < STEP {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[row - 1][byte];
            tables[row][byte] = tables[0][(before & 0xff) as usize] ^ (before >> 8);
            byte += 1;
        }
        row += 1;
    }
    tables
};

fn entry(row: usize, byte: u8) -> u64 {
    TABLES.get(row).and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
}

/// The checksum of data.
pub fn crc64_nvme(data: &[u8]) -> u64 {
    crc64_nvme_append(0, data)
}

/// The checksum of what `crc` is that of, with `data` behind it; that of nothing is 0.
pub fn crc64_nvme_append(crc: u64, data: &[u8]) -> u64 {
    let mut state = !crc;
    let mut steps = data.chunks_exact(STEP);
    for step in steps.by_ref() {
        let bytes: [u8; STEP] = step.try_into().unwrap_or_default();
        let mixed = (state ^ u64::from_le_bytes(bytes)).to_le_bytes();
        state = mixed.iter().enumerate().fold(0, |sum, (at, byte)| sum ^ entry(STEP - 1 - at, *byte));
    }
    for byte in steps.remainder() {
        state = entry(0, state as u8 ^ byte) ^ (state >> 8);
    }
    !state
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_check_value() {
        assert_eq!(crc64_nvme(b"123456789"), 0xae8b_1486_0a79_9888);
        assert_eq!(crc64_nvme(b""), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

        #[test]
        fn pieces_make_the_whole(data: Vec<u8>, at: usize) {
            let (first, second) = data.split_at(at % (data.len() + 1));
            prop_assert_eq!(crc64_nvme_append(crc64_nvme(first), second), crc64_nvme(&data));
            let bytewise = !data.iter().fold(u64::MAX, |state, byte| entry(0, state as u8 ^ byte) ^ (state >> 8));
            prop_assert_eq!(crc64_nvme(&data), bytewise);
        }
    }
}
