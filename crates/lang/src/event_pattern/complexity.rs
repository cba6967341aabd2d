//! How hard a wildcard is: at how many places of it a text may be at once. EventBridge refuses patterns by that measure.

use std::collections::{BTreeSet, HashSet};

use super::limits::WILDCARD_STATES_MAX;

/// A piece of a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Star,
    Character(char),
}

/// The largest number of places at which a text may be at once, or more than any limit if that is not found out soon. A place is what
/// lies behind a piece; behind a star it is kept whatever follows.
pub(super) fn wildcard_measure(text: &str) -> usize {
    let pieces = pieces(text);
    let letters: BTreeSet<Option<char>> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Character(character) => Some(*character),
            // Any other character.
            Piece::Star => None,
        })
        .collect();
    // Without a star there is nothing to be at twice.
    if !pieces.contains(&Piece::Star) {
        return 1;
    }
    let start = closed(&pieces, [0].into());
    let (mut most, mut seen, mut open) = (start.len(), HashSet::from([start.clone()]), vec![start]);
    while let Some(places) = open.pop() {
        for letter in &letters {
            let mut next: BTreeSet<usize> = BTreeSet::new();
            for place in &places {
                if place.checked_sub(1).and_then(|before| pieces.get(before)) == Some(&Piece::Star) {
                    next.insert(*place);
                }
                if let (Some(Piece::Character(wanted)), Some(letter)) = (pieces.get(*place), letter)
                    && wanted == letter
                {
                    next.insert(place + 1);
                }
            }
            let next = closed(&pieces, next);
            most = most.max(next.len());
            if !next.is_empty() && seen.insert(next.clone()) {
                open.push(next);
            }
        }
        if seen.len() > WILDCARD_STATES_MAX {
            return usize::MAX;
        }
    }
    most
}

/// With the places behind stars, which may stand for nothing.
fn closed(pieces: &[Piece], mut places: BTreeSet<usize>) -> BTreeSet<usize> {
    let behind: Vec<usize> =
        places.iter().filter(|place| pieces.get(**place) == Some(&Piece::Star)).map(|place| place + 1).collect();
    places.extend(behind);
    places
}

/// The pieces of a wildcard that was parsed.
fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut characters) = (Vec::new(), text.chars());
    while let Some(character) = characters.next() {
        pieces.push(match character {
            '*' => Piece::Star,
            '\\' => Piece::Character(characters.next().unwrap_or('\\')),
            other => Piece::Character(other),
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_as_hard_as_the_engine_says() {
        let cases = [
            ("/Users/*/doc.txt", 2),
            ("arn:aws:events:us-east-1:*:event-bus/*", 3),
            ("*/lib/*", 4),
            ("*:*:*", 5),
            ("*:*:*:*", 7),
            ("*a*b*c*d*e*f*", 8),
            ("/Users/*/dir/dir/dir/dir/dir/doc.txt", 7),
            ("a*b*c*d*e*f*g*h*i*j", 10),
            ("*:*:*:*:*:event-bus/*", 11),
            ("plain", 1),
        ];
        for (wildcard, measure) in cases {
            assert_eq!(wildcard_measure(wildcard), measure, "{wildcard}");
        }
    }
}
