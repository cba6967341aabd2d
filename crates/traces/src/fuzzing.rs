//! The door through which fuzzing reaches segment documents, which anyone on the network may send. The target in `fuzz/` calls
//! it, and so does a test over the kept corpus.

use crate::document::Document;

/// Takes any bytes as a segment document. What was accepted is accepted again as it was cleaned, and not changed further.
pub fn document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(document) = Document::parse(&text) else { return };
    let again = Document::parse(&document.text);
    assert!(again.is_ok_and(|again| again.text == document.text), "a cleaned document is cleaned again");
}

#[cfg(test)]
mod tests {
    use watchkeep_core::{Random, SeededRandom};

    use super::*;

    /// The kept documents, the same with damage, and random text of JSON's characters.
    #[test]
    fn documents_survive_damage_and_noise() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/document");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let kept: Vec<Vec<u8>> = files.into_iter().map(|file| std::fs::read(file).unwrap()).collect();
        kept.iter().for_each(|bytes| document(bytes));
        let random = SeededRandom::new(17);
        let below = |limit: usize| usize::try_from(random.next_u64()).unwrap() % limit.max(1);
        for round in 0..3000 {
            let mut bytes = kept[round % kept.len()].clone();
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes.truncate(at),
                    1 => bytes.extend_from_within(at..),
                    2 => bytes.insert(at, below(256) as u8),
                    _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
                }
            }
            document(&bytes);
        }
        let characters = b"{}[]\",:\\0-1.9eE ntrufals";
        for round in 0..2000 {
            let noise: Vec<u8> = (0..round % 48).map(|_| characters[below(characters.len())]).collect();
            document(&noise);
        }
    }
}
