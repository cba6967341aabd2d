//! Which fields are cut, and where.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::limits::DATA_SOURCE_FIELD_DEPTH_MAX as DEPTH_MAX;

/// The places that are tried for a cut: each takes a search of the whole text.
const PLACES_TRIED_MAX: usize = 8;

/// How far apart they are: words tell of what is near.
const STEP_BYTES: usize = 256;

/// A step to a value in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// A text in an event.
#[derive(Debug)]
struct Leaf {
    path: Vec<Step>,
    /// How many bytes it takes as JSON.
    written: usize,
}

/// Cuts the longest texts of an event, `fields_max` at most, until it has no more than `bytes_max` bytes; the pieces that were cut off,
/// in the order in which `pointer` was asked for what names them. `place` moves a cut of a text, which a key leads to, towards its
/// start, or forbids it. `None` if the event is no object, or too large still.
pub(super) fn cut(
    message: &str,
    bytes_max: usize,
    fields_max: usize,
    mut place: impl FnMut(&str, &str, usize) -> Option<usize>,
    mut pointer: impl FnMut() -> String,
) -> Option<(String, Vec<String>)> {
    let mut event: Map<String, Value> = serde_json::from_str(message).ok()?;
    let mut leaves = Vec::new();
    for (key, value) in &event {
        find(value, &mut vec![Step::Key(key.clone())], &mut leaves);
    }
    leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.written));
    let mut total = written(&Value::Object(event.clone()));
    let (mut pieces, mut pointers) = (Vec::new(), Vec::new());
    for leaf in leaves.iter().take(fields_max) {
        if total <= bytes_max {
            break;
        }
        let Some(Value::String(text)) = at(&mut event, &leaf.path) else { continue };
        let name = format!("@ptr.{}", shown(&leaf.path));
        let key = leaf.path.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        let pointed = Value::from(pointer());
        // With its quotes, colon and comma.
        total += written(&Value::from(name.as_str())) + written(&pointed) + 2;
        pointers.push((name, pointed));
        let wanted = start_of_last(text, total.saturating_sub(bytes_max));
        let kept = text.floor_char_boundary(place(key.unwrap_or_default(), text, wanted)?);
        let piece = text.split_off(kept);
        total -= written_text(&piece);
        pieces.push(piece);
    }
    if total > bytes_max {
        return None;
    }
    event.extend(pointers);
    Some((Value::Object(event).to_string(), pieces))
}

/// Where a text is cut, at `wanted` or before, so that its two parts show what is sensitive in them as the whole does: no part has half
/// of it, nor lacks the words that tell of it. `None` if there is no such place near.
pub(super) fn place(
    key: &str,
    text: &str,
    wanted: usize,
    sensitive: &mut dyn FnMut(&str) -> Vec<Range<usize>>,
) -> Option<usize> {
    // The key may be such a word.
    let lead = format!("{key}: ");
    let whole = sensitive(&(lead.clone() + text));
    let mut place = text.floor_char_boundary(wanted) + lead.len();
    for _ in 0..PLACES_TRIED_MAX {
        place = whole.iter().find(|range| range.start < place && place < range.end).map_or(place, |range| range.start);
        let kept = text.get(..place.checked_sub(lead.len())?)?;
        let before: Vec<Range<usize>> = whole.iter().filter(|range| range.end <= place).cloned().collect();
        let behind = whole.iter().filter(|range| range.start >= place);
        let behind: Vec<Range<usize>> = behind.map(|range| range.start - place..range.end - place).collect();
        if sensitive(&(lead.clone() + kept)) == before && sensitive(&text[kept.len()..]) == behind {
            return Some(kept.len());
        }
        if kept.is_empty() {
            return None;
        }
        let nearer = before.last().map_or(place, |range| range.start).min(place.saturating_sub(STEP_BYTES));
        place = lead.len() + text.floor_char_boundary(nearer.saturating_sub(lead.len()));
    }
    None
}

fn find(value: &Value, path: &mut Vec<Step>, leaves: &mut Vec<Leaf>) {
    if path.len() > DEPTH_MAX {
        return;
    }
    let mut below = |step: Step, value: &Value| {
        path.push(step);
        find(value, path, leaves);
        path.pop();
    };
    match value {
        Value::String(text) => leaves.push(Leaf { path: path.clone(), written: written_text(text) }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| below(Step::Index(index), item)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(Step::Key(key.clone()), value)),
        _ => {}
    }
}

fn at<'e>(event: &'e mut Map<String, Value>, path: &[Step]) -> Option<&'e mut Value> {
    let (first, rest) = path.split_first()?;
    let Step::Key(key) = first else { return None };
    rest.iter().try_fold(event.get_mut(key)?, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(*index),
    })
}

/// `$['a']['b']`
fn shown(path: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Key(key) => format!("['{}']", key.replace('\\', r"\\").replace('\'', r"\'")),
        Step::Index(index) => format!("[{index}]"),
    };
    path.iter().map(step).fold("$".to_owned(), |path, step| path + &step)
}

fn written(value: &Value) -> usize {
    value.to_string().len()
}

/// The bytes of a text in JSON, without its quotes.
fn written_text(text: &str) -> usize {
    text.chars().map(written_char).sum()
}

fn written_char(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

/// Where the end of a text begins that takes at least so many bytes in JSON.
fn start_of_last(text: &str, bytes: usize) -> usize {
    let mut left = bytes;
    for (at, character) in text.char_indices().rev() {
        left = left.saturating_sub(written_char(character));
        if left == 0 {
            return at;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn numbered() -> impl FnMut() -> String {
        let mut next = 0;
        move || {
            next += 1;
            format!("p{next}")
        }
    }

    fn anywhere(_: &str, _: &str, wanted: usize) -> Option<usize> {
        Some(wanted)
    }

    #[test]
    fn the_longest_texts_are_cut_and_pointed_at() {
        let event = json!({"a": {"b": ["x".repeat(300), "short"]}, "c": "y".repeat(200), "n": 1});
        let (message, pieces) = cut(&event.to_string(), 120, 10, anywhere, numbered()).unwrap();
        let found: Value = serde_json::from_str(&message).unwrap();
        assert!(message.len() <= 120, "{}", message.len());
        assert_eq!((found["n"].clone(), found["a"]["b"][1].clone()), (json!(1), json!("short")));
        assert_eq!(found["@ptr.$['a']['b'][0]"], json!("p1"));
        assert_eq!(found["@ptr.$['c']"], json!("p2"));
        let whole = |kept: &Value, piece: &String| kept.as_str().unwrap().to_owned() + piece;
        assert_eq!(whole(&found["a"]["b"][0], &pieces[0]), "x".repeat(300));
        assert_eq!(whole(&found["c"], &pieces[1]), "y".repeat(200));
    }

    #[test]
    fn what_cannot_be_cut_stays_too_large() {
        let many = Value::Object((0..20).map(|n| (format!("k{n}"), "x".repeat(50).into())).collect()).to_string();
        assert_eq!(cut(&many, 300, 10, anywhere, numbered()), None, "ten fields are not enough");
        assert_eq!(cut("no JSON", 3, 10, anywhere, numbered()), None);
        assert_eq!(cut(r#"["a long text"]"#, 3, 10, anywhere, numbered()), None);
        let one = json!({"a": "x".repeat(300)}).to_string();
        assert_eq!(cut(&one, 100, 10, |_, _, _| None, numbered()), None);
    }

    /// Digits are sensitive, but only behind `card `.
    fn cards(text: &str) -> Vec<Range<usize>> {
        let behind = text.match_indices("card ").map(|(at, word)| at + word.len());
        let range = |start: usize| {
            let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
            start..start + digits
        };
        behind.map(range).filter(|range| !range.is_empty()).collect()
    }

    #[test]
    fn a_cut_parts_nothing_that_is_sensitive() {
        let cases = [
            ("k", "nothing here", 5, Some(5)),
            ("k", "my card 1234 here", 14, Some(14)),
            // Not within the number, nor between it and the word.
            ("k", "my card 1234 here", 10, Some(0)),
            ("k", "card 11 my card 1234 here", 18, Some(0)),
            ("k", "card 11 my card 1234 card 5678 here", 28, Some(0)),
            ("card", "1234 here", 6, Some(6)),
        ];
        for (key, text, wanted, expected) in cases {
            assert_eq!(place(key, text, wanted, &mut cards), expected, "{key}: {text}, {wanted}");
        }
        let emails = |text: &str| text.match_indices('@').map(|(at, _)| at..at + 1).collect::<Vec<_>>();
        assert_eq!(place("k", "@@@@", 2, &mut |text| emails(text)), Some(2));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(texts in proptest::collection::vec("[a\"\\\\\n\u{1}é]{0,80}", 1..6), bytes_max in 20_usize..400) {
            let event: Map<String, Value> =
                texts.iter().enumerate().map(|(n, text)| (format!("k{n}"), text.clone().into())).collect();
            let message = Value::Object(event).to_string();
            if let Some((cut, pieces)) = cut(&message, bytes_max, 10, anywhere, numbered()) {
                prop_assert!(cut.len() <= bytes_max);
                let found: Map<String, Value> = serde_json::from_str(&cut).unwrap();
                for (n, text) in texts.iter().enumerate() {
                    let kept = found[&format!("k{n}")].as_str().unwrap().to_owned();
                    let pointer = found.get(&format!("@ptr.$['k{n}']")).and_then(Value::as_str);
                    let piece = pointer.map_or("", |pointer| &pieces[pointer[1..].parse::<usize>().unwrap() - 1]);
                    prop_assert_eq!(&(kept + piece), text);
                }
            }
        }
    }
}
