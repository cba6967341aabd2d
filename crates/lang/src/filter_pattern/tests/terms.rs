//! Terms, phrases and regular expressions.

use proptest::prelude::*;

use super::*;

#[test]
fn unstructured_terms() {
    for everything in ["", " ", "\t ", "\"\"", "\" \"", "  \"   \" "] {
        check(everything, &["", "anything"], &[]);
        assert!(FilterPattern::parse(everything).unwrap().matches_everything(), "{everything:?}");
    }
    check("ERROR", &["[ERROR 400] BAD REQUEST", "ERRORCODE: -1"], &["[error 400]", ""]);
    check("Exception", &["IllegalArgumentException"], &["exception"]);
    check("ERROR ARGUMENTS", &["[ERROR 419] MISSING ARGUMENTS"], &["[ERROR 401] UNAUTHORIZED REQUEST"]);
    check("?ERROR ?ARGUMENTS", &["[ERROR 401] X", "MISSING ARGUMENTS"], &["[INFO] ok"]);
    check("?ERROR ?ARGUMENTS REQUEST", &["[INFO] REQUEST FAILED"], &["[ERROR] x"]);
    check("?ERROR -REQUEST", &["[INFO] x"], &["[ERROR] REQUEST"]);
    check("\"INTERNAL SERVER ERROR\"", &["[ERROR 500] INTERNAL SERVER ERROR"], &["SERVER INTERNAL ERROR"]);
    check("\"[ERROR]\" Exception", &["x [ERROR] Unhanded exception: InvalidQueryException"], &["[ERROR] Terminating"]);
    check("ERROR -ARGUMENTS", &["[ERROR 400] BAD"], &["[ERROR 420] INVALID ARGUMENTS"]);
    check("ERROR -\"Exiting with\"", &["ERROR x"], &["Exiting with ERRORCODE: -1"]);
    check("-ERROR", &["fine", ""], &["ERROR"]);
    check(r#""say \"hi\"""#, &[r#"they say "hi""#], &["they say hi"]);
    check(r#""C:\dir""#, &[r"in C:\dir"], &["in C:dir"]);
    check("größe  日本", &["日本 größe"], &["grösse 日本"]);
}

#[test]
fn regular_expressions() {
    check("%AUTHORIZED%", &["UNAUTHORIZED REQUEST", "AUTHORIZED"], &["authorized"]);
    check("%^[hc]at%", &["hat on"], &["the hat"]);
    check("%[hc]at$%", &["a cat"], &["cat nap"]);
    check("%colou?r%", &["color", "colour"], &["colr"]);
    check("%gra|ey%", &["gray", "grey"], &["groy"]);
    check("%^starting|^initializing|^shutting down%", &["initializing x", "shutting down"], &["skipping initializing"]);
    check(r"%\[.\]%", &["[7]"], &["7"]);
    check(r"%10\.10\.0\.1%", &["10.10.0.1"], &["10010,051"]);
    check("%10.10.0.1%", &["10010,051"], &[]);
    check("%ab+c%", &["abbc"], &["ac"]);
    check("%ab*c%", &["ac"], &["adc"]);
    check(r"%\x28%", &["f(x)"], &["fx"]);
    check(r"%5\x25%", &["5%"], &["5"]);
    check("%^a{,2}$%", &["", "aa"], &["aaa"]);
    check("%a{2,}%", &["aaa"], &["a"]);
    check(r"%^[\d.-]+$%", &["1-2.3"], &["1x"]);
    check(r"%\d\s\w%", &["1 a", "1\ta"], &["1 é", "١ a"]);
    check(r"%\D\S\W%", &["ab-"], &["1 a"]);
    check("%[[a]%", &["[", "a"], &["b"]);
    check("%[]a]%", &["]", "a"], &["b"]);
    check("%[+--]%", &["+", ",", "-"], &["."]);
    check("%a.?x%", &["ax", "aéx"], &["aééx"]);
    check("-%err[0-9]% ok", &["ok err"], &["ok err7"]);
    check("?%a$% ?%b$%", &["a", "b"], &["c"]);
}

#[test]
fn what_is_refused() {
    let cases: &[(&str, &str)] = &[
        ("email@x.com", "Invalid character(s) in term 'email@x.com'"),
        ("ok -a/b", "Invalid character(s) in term '-a/b'"),
        ("- x", "Invalid character(s) in term '-'"),
        ("?", "Invalid character(s) in term '?'"),
        ("a\"b\"", "Invalid character(s) in term 'a\"b\"'"),
        ("\"a\"b", "Invalid character(s) in term '\"a\"b'"),
        ("\"open", "Invalid filter pattern: missing closing \""),
        ("\"open\\\"", "Invalid filter pattern: missing closing \""),
        ("%open", "Invalid filter pattern: missing closing %"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
        ("%a% %b% %c%", "Invalid filter pattern: more than 2 regular expressions"),
    ];
    for (pattern, expected) in cases {
        assert_eq!(FilterPattern::parse(pattern).unwrap_err().to_string(), *expected, "{pattern}");
    }
    for pattern in [
        "%(a)%",
        "%a!%",
        "%é%",
        "%%",
        r"%\b%",
        r"%\xg0%",
        r"%a\%",
        "%[a%",
        "%a{%",
        "%*%",
        "%[b-a]%",
        "%a{1000}{1000}{9}%",
    ] {
        assert!(matches!(FilterPattern::parse(pattern), Err(PatternError::Regex { .. })), "{pattern}");
    }
    assert!(FilterPattern::parse(&"é".repeat(1024)).is_ok());
    assert_eq!(FilterPattern::parse(&"a".repeat(1025)).unwrap_err(), PatternError::TooLong);
}

#[test]
fn required_words_are_those_inside_phrases() {
    let cases: &[(&str, &[&str])] = &[
        ("ERROR", &[]),
        ("\"ERROR\"", &[]),
        ("\"an inner word\"", &["inner"]),
        ("\" ERROR \"", &["ERROR"]),
        ("\"[ERROR] x_1 in é-b.\" -\" not \" ?\" ignored \"", &["ERROR", "b", "in", "x_1", "é"]),
        ("?\" a \"", &["a"]),
        ("?\" a \" ?\" b \"", &[]),
        ("% a %", &["a"]),
        ("% a | b %", &[]),
    ];
    for (pattern, expected) in cases {
        assert_eq!(FilterPattern::parse(pattern).unwrap().required_words(), *expected, "{pattern}");
    }
}

/// The words of a message, as word filters see them.
fn words(message: &str) -> Vec<&str> {
    let between = |c: char| c.is_ascii() && !(c.is_ascii_alphanumeric() || c == '_');
    message.split(between).filter(|word| !word.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_is_parsed_or_refused(text in "\\PC{0,60}", message in "\\PC{0,40}") {
        if let Ok(pattern) = FilterPattern::parse(&text) {
            pattern.matches(message.as_bytes());
        }
    }

    #[test]
    fn texts_of_the_languages_own_characters_are_parsed_or_refused(
        text in "[-?%\"\\\\\\[\\]{}^$|*+.,x0-9ad é]{0,24}", message in "[ -~é]{0,24}",
    ) {
        if let Ok(pattern) = FilterPattern::parse(&text) {
            pattern.matches(message.as_bytes());
        }
    }

    #[test]
    fn the_compiled_pattern_equals_the_naive_one(
        terms in proptest::collection::vec(("[-?]?", "[ab .é]{1,3}"), 0..4), message in "[ab .é]{0,10}",
    ) {
        let text: Vec<String> = terms.iter().map(|(sign, phrase)| format!("{sign}\"{phrase}\"")).collect();
        let of = |sign: &'static str| terms.iter().filter(move |term| term.0 == sign).map(|term| term.1.as_str());
        let blank = matches!(terms.as_slice(), [(sign, phrase)] if sign.is_empty() && phrase.trim().is_empty());
        let naive = if blank {
            true
        } else if of("").next().is_none() && of("-").next().is_none() {
            of("?").next().is_none() || of("?").any(|phrase| message.contains(phrase))
        } else {
            of("").all(|phrase| message.contains(phrase)) && !of("-").any(|phrase| message.contains(phrase))
        };
        let pattern = FilterPattern::parse(&text.join(" ")).unwrap();
        prop_assert_eq!(pattern.matches(message.as_bytes()), naive);
        if naive {
            let words = words(&message);
            prop_assert!(pattern.required_words().iter().all(|word| words.contains(&word.as_str())));
            let contains = |literal: &Vec<u8>| message.contains(std::str::from_utf8(literal).unwrap());
            prop_assert!(pattern.required_literals().iter().all(contains));
        }
    }
}
