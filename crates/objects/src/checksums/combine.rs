//! The CRC of data from those of its two halves, without the data: appending bytes multiplies the CRC before them by a matrix, which
//! is squared from one zero bit to as many as there are.

use super::Algorithm;

/// Columns of a matrix over bits; CRCs of 32 bits use the first half.
type Matrix = [u64; 64];

/// The CRC of data whose first half has `first` and whose second half of `second_bytes` has `second`. Of algorithms that are no
/// CRC it says nothing.
pub(super) fn combine(algorithm: Algorithm, first: u64, second: u64, second_bytes: u64) -> u64 {
    let (polynomial, width) = match algorithm {
        Algorithm::Crc32 => (0xedb8_8320, 32),
        Algorithm::Crc32c => (0x82f6_3b78, 32),
        Algorithm::Crc64Nvme => (watchkeep_wire::crc64::POLYNOMIAL, 64),
        Algorithm::Sha1 | Algorithm::Sha256 => return 0,
    };
    // What one zero bit does: shifts, and folds back what is shifted out.
    let mut zeros: Matrix = [0; 64];
    for (index, column) in zeros.iter_mut().take(width).enumerate() {
        *column = if index == 0 { polynomial } else { 1 << (index - 1) };
    }
    // From one bit to a byte.
    for _ in 0..3 {
        zeros = square(&zeros);
    }
    let mut crc = first;
    let mut left = second_bytes;
    while left > 0 {
        if left & 1 == 1 {
            crc = times(&zeros, crc);
        }
        zeros = square(&zeros);
        left >>= 1;
    }
    crc ^ second
}

fn times(matrix: &Matrix, vector: u64) -> u64 {
    matrix.iter().enumerate().fold(0, |sum, (bit, column)| if vector >> bit & 1 == 1 { sum ^ column } else { sum })
}

fn square(matrix: &Matrix) -> Matrix {
    matrix.map(|column| times(matrix, column))
}
