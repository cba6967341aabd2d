//! How texts are cut, and that all who cluster them cut them alike.

use super::{Kind, Sort, Token};
use crate::{insights, log_pattern};

#[test]
fn texts_are_cut_alike_for_detectors_and_for_queries() {
    use Kind::{Between, Dynamic, Word};
    use Sort::{Address, Id, Number, Time, Token as Digits, Uuid};
    let cases: &[(&str, &[(&str, Kind)])] = &[
        ("", &[]),
        ("user=ann", &[("user", Word), ("=", Between), ("ann", Word)]),
        (
            "[INFO] took 3.5 ms",
            &[
                ("[", Between),
                ("INFO", Word),
                ("] ", Between),
                ("took", Word),
                (" ", Between),
                ("3.5", Dynamic(Number)),
                (" ", Between),
                ("ms", Word),
            ],
        ),
        ("2024-01-02T03:04:05.678Z", &[("2024-01-02T03:04:05.678Z", Dynamic(Time))]),
        (
            "2024-01-02 at 03:04:05",
            &[("2024-01-02", Dynamic(Time)), (" ", Between), ("at", Word), (" ", Between), ("03:04:05", Dynamic(Time))],
        ),
        ("6f1c9b1e-3b1a-4c50-9d7e-2b1f0c9b8a7d", &[("6f1c9b1e-3b1a-4c50-9d7e-2b1f0c9b8a7d", Dynamic(Uuid))]),
        ("10.0.0.1:80", &[("10.0.0.1", Dynamic(Address)), (":", Between), ("80", Dynamic(Number))]),
        (
            "v2 deadbeef deadbee7 i-0abc1234",
            &[
                ("v2", Word),
                (" ", Between),
                ("deadbeef", Word),
                (" ", Between),
                ("deadbee7", Dynamic(Id)),
                (" ", Between),
                ("i", Word),
                ("-", Between),
                ("0abc1234", Dynamic(Id)),
            ],
        ),
        ("x123 a_long_name_1234", &[("x123", Dynamic(Digits)), (" ", Between), ("a_long_name_1234", Dynamic(Id))]),
        ("größe: 日本", &[("größe", Word), (": ", Between), ("日本", Word)]),
    ];
    for (text, expected) in cases {
        let expected: Vec<Token<'_>> = expected.iter().map(|&(text, kind)| Token { text, kind }).collect();
        assert_eq!(log_pattern::tokens(text), expected, "of detectors: {text}");
        assert_eq!(insights::patterns::tokens(text), expected, "of queries: {text}");
    }
}

#[test]
fn what_is_too_much_is_one_token_more() {
    let tokens = super::tokens("a b c d", 4);
    assert_eq!(tokens.len(), 5);
    assert_eq!(tokens[4], Token { text: "c d", kind: Kind::Dynamic(Sort::Rest) });
}

#[test]
fn what_lies_between_words_tells_texts_apart() {
    let mut model = log_pattern::Model::default();
    // A control character that stands for words in skeletons is no word.
    for text in ["took 5\u{1}", "took 5 6", "took 5", "took  5", "took 56"] {
        model.observe(text);
    }
    assert_eq!(model.len(), 4, "only the last is like another");
}
