//! The door through which fuzzing reaches ciphertexts and key policies, which any caller may send. The targets in `fuzz/` call
//! it, and so does a test over the kept corpus.

use uuid::Uuid;
use watchkeep_core::{SecretBytes, SeededRandom};

use crate::ciphertext::{Blob, Context, seal};
use crate::policy_document::PolicyDocument;

/// Takes any bytes as a ciphertext: it is read, does not open, and the same bytes as a plaintext come back.
pub fn ciphertext(bytes: &[u8]) {
    let material = SecretBytes::from(vec![7; 32]);
    let context = Context::from([("of".to_owned(), "fuzzing".to_owned())]);
    if let Some(blob) = Blob::parse(bytes) {
        assert!(blob.open(&material, &context).is_none(), "what nobody sealed was opened");
    }
    if bytes.is_empty() {
        return;
    }
    let named = (Uuid::from_u128(1), 1);
    let sealed = seal(named, &material, &context, bytes, &SeededRandom::new(bytes.len() as u64));
    let opened = sealed.as_deref().and_then(Blob::parse).and_then(|blob| blob.open(&material, &context));
    assert!(opened.is_some_and(|opened| opened.expose() == bytes), "what was sealed does not open");
}

/// Takes any text as a key policy.
pub fn policy(bytes: &[u8]) {
    if let Ok(document) = PolicyDocument::parse(&String::from_utf8_lossy(bytes)) {
        document.lets_account_put_policies(watchkeep_core::AccountId::DEFAULT);
    }
}

#[cfg(test)]
mod tests {
    use watchkeep_core::Random;

    use super::*;

    /// The kept inputs, the same with damage, and noise.
    #[test]
    fn ciphertexts_and_policies_survive_damage_and_noise() {
        for (target, run) in [("ciphertext", ciphertext as fn(&[u8])), ("policy", policy)] {
            let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
            files.sort();
            let kept: Vec<Vec<u8>> = files.into_iter().map(|file| std::fs::read(file).unwrap()).collect();
            kept.iter().for_each(|bytes| run(bytes));
            let random = SeededRandom::new(17);
            let below = |limit: usize| usize::try_from(random.next_u64()).unwrap() % limit.max(1);
            for round in 0..1000 {
                let mut bytes = kept[round % kept.len()].clone();
                for _ in 0..=below(3) {
                    let at = below(bytes.len());
                    match below(4) {
                        0 => bytes.truncate(at),
                        1 => bytes.extend_from_within(at..),
                        2 => bytes.insert(at, below(256) as u8),
                        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
                    }
                    // Doubled again and again, it would grow without bound.
                    bytes.truncate(8192);
                }
                run(&bytes);
            }
        }
    }
}
