//! How many different values there are: exactly, as long as they are few, else by HyperLogLog.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::insights::limits::DISTINCT_EXACT_MAX;
use crate::insights::value::Value;

/// The registers of the estimate: its error is about 0.8 %.
const REGISTER_BITS: u32 = 14;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// The values so far, by their hashes.
#[derive(Debug, Clone)]
pub(super) enum Distinct {
    /// All of them: two values of one hash among so few are not to be expected.
    Exact(HashSet<u64, BuildHasherDefault<DefaultHasher>>),
    Estimate(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct::Exact(HashSet::default())
    }
}

impl Distinct {
    pub(super) fn add(&mut self, value: &Value<'_>) {
        // Fixed keys: parts that are merged must agree.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let hash = match value.as_number() {
            Some(number) => hasher.hash_one((true, (number + 0.0).to_bits())),
            None => match value.as_text() {
                Some(text) => hasher.hash_one((false, text.as_ref())),
                None => hasher.hash_one((false, value.borrowed().as_json_text())),
            },
        };
        self.add_hash(hash);
    }

    fn add_hash(&mut self, hash: u64) {
        match self {
            Distinct::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > DISTINCT_EXACT_MAX {
                    let mut registers = vec![0; REGISTERS];
                    hashes.iter().for_each(|hash| register(&mut registers, *hash));
                    *self = Distinct::Estimate(registers);
                }
            }
            Distinct::Estimate(registers) => register(registers, hash),
        }
    }

    pub(super) fn merge(&mut self, other: &Distinct) {
        match other {
            Distinct::Exact(hashes) => hashes.iter().for_each(|hash| self.add_hash(*hash)),
            Distinct::Estimate(more) => {
                if let Distinct::Exact(hashes) = self {
                    let mut registers = vec![0; REGISTERS];
                    hashes.iter().for_each(|hash| register(&mut registers, *hash));
                    *self = Distinct::Estimate(registers);
                }
                if let Distinct::Estimate(registers) = self {
                    registers.iter_mut().zip(more).for_each(|(own, other)| *own = (*own).max(*other));
                }
            }
        }
    }

    pub(super) fn count(&self) -> f64 {
        match self {
            Distinct::Exact(hashes) => hashes.len() as f64,
            Distinct::Estimate(registers) => estimate(registers),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Distinct::Exact(hashes) => hashes.capacity() * 9,
            Distinct::Estimate(registers) => registers.len(),
        }
    }
}

fn register(registers: &mut [u8], hash: u64) {
    let index = (hash >> (u64::BITS - REGISTER_BITS)) as usize;
    let rest = hash << REGISTER_BITS;
    let rank = (rest.leading_zeros() + 1).min(u64::BITS - REGISTER_BITS + 1);
    if let Some(register) = registers.get_mut(index) {
        *register = (*register).max(rank as u8);
    }
}

fn estimate(registers: &[u8]) -> f64 {
    let count = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|rank| 2_f64.powi(-i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    let corrected = if raw <= 2.5 * count && empty > 0 { count * (count / empty as f64).ln() } else { raw };
    corrected.round()
}
