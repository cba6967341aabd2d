//! Space-delimited patterns.

use proptest::prelude::*;

use super::*;

const A: &str = r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;

#[test]
fn fields_are_bound_from_both_ends() {
    let named = [
        "$ip=127.0.0.1",
        "$id=-",
        "$user=frank",
        "$timestamp=10/Oct/2000:13:25:15 -0700",
        "$request=GET /index.html HTTP/1.0",
        "$status_code=404",
        "$size=1534",
    ];
    let numbered = [
        "$1=127.0.0.1",
        "$2=-",
        "$3=frank",
        "$4=10/Oct/2000:13:25:15 -0700",
        "$5=GET /index.html HTTP/1.0",
        "$6=404",
        "$7=1534",
    ];
    let mixed = |from: usize, to: usize| {
        numbered
            .iter()
            .zip(&named)
            .enumerate()
            .map(|(i, (number, name))| if (from..to).contains(&i) { *name } else { *number })
            .collect::<Vec<_>>()
    };
    check_extracted("[ip, id, user, timestamp, request, status_code, size]", A, &named);
    check_extracted("[..., size]", A, &mixed(6, 7));
    check_extracted("[ip, ...]", A, &mixed(0, 1));
    check_extracted("[]", A, &numbered);
    check_extracted("[ ]", A, &numbered);
    check_extracted("[...]", A, &numbered);
    check_extracted("[..., request=*.html*, status_code=4*,]", A, &mixed(4, 6));
    check_extracted(
        "[,id,,,request,,]",
        A,
        &[numbered[0], named[1], numbered[2], numbered[3], named[4], numbered[5], numbered[6]],
    );
    check_extracted(
        "[ip, rest]",
        A,
        &[named[0], "$rest=- frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534"],
    );
    check_extracted("[ip, ..., size]", "a b", &["$ip=a", "$size=b"]);
}

#[test]
fn conditions_on_fields() {
    let fields = "ip, id, user, timestamp, request";
    check(&format!("[{fields}, status_code = 404 || status_code = 410, size > 1000]"), &[A], &[]);
    check(&format!("[{fields}, status_code = 404 && status_code != 410, size > 1534]"), &[], &[A]);
    check(&format!("[{fields}, status_code=4*, size]"), &[A], &[]);
    check(&format!("[{fields}, (status_code=404 || status_code=4) && status_code<400, size]"), &[], &[A]);
    check(r"[ip=%127\.0\.0\.[1-9]%, id, user, timestamp, request, status_code=2*, size]", &[], &[A]);
    check(r"[ip=%127\.0\.0\.[1-9]%, id, user, timestamp, request, status_code=4*, size]", &[A], &[]);
    check("[w1=ERROR || w1=%WARN%, w2]", &["WARNING 09/25/2014 12:00:00 GMT", "ERROR x"], &["INFO x", "WARNING", ""]);
    check("[w1!=ERROR && w1!=WARNING, w2]", &["INFO x y"], &["ERROR x y", "WARNING x"]);
    check(r#"[a = "GET /x", ...]"#, &[r#""GET /x" 1"#, "[GET /x]"], &["GET /x"]);
    check("[..., last=x]", &["x", "a b x"], &["x a", ""]);
    // The last field takes all that is left, and its conditions are about that.
    let ssh = "Feb 23 11:37:02 ip-10-0-0-1 sshd[17]: Invalid user admin from 10.0.0.9";
    check(
        "[Mon, day, timestamp, ip, id, status = Invalid*]",
        &[ssh],
        &["Feb 23 11:37:02 ip sshd[17]: Accepted key", "Feb"],
    );
    check("[Mon, day, timestamp, ip, id, status = *10.0.0.9]", &[ssh], &[]);
    check(&format!("[{fields}, status_code = 404]"), &[], &[A]);
    check("[a, last=x]", &["a x"], &["a b x", "x"]);
    check("[n >= 1e3]", &["1000", "1000.5"], &["999", "1e4 x", "inf", "text", "1000x"]);
    check("[n = 404]", &["404", "404.0", "4.04e2"], &["405", "404x"]);
    check("[]", &["", "anything at all"], &[]);
    assert!(parsed("[]").matches_everything() && parsed("[...]").matches_everything());
    assert!(!parsed("[a, ...]").matches_everything());
}

#[test]
fn what_is_refused() {
    check_refused(&[
        ("[a, ..., b, ...]", "Invalid filter pattern: more than one ellipsis"),
        ("[a b]", "Invalid filter pattern: expected an operator at 'b'"),
        ("[a=1 b]", "Invalid filter pattern: expected a comma or the closing bracket at 'b'"),
        ("[=1]", "Invalid filter pattern: expected the name of a field at '=1'"),
        ("[a=]", "Invalid filter pattern: expected a value at ''"),
        ("[a > x]", "Invalid filter pattern: <, <=, > and >= need a number"),
        ("[a = 1 || b = 2]", "Invalid filter pattern: conditions of one field name another, 'b'"),
        ("[a = \"x]", "Invalid filter pattern: missing closing \""),
        ("[a=%x%, b=%x%, c=%x%]", "Invalid filter pattern: more than 2 regular expressions"),
    ]);
}

#[test]
fn values_are_read_by_name_or_number() {
    let pattern = "[ip, ..., status = 4*, size]";
    check_read(pattern, &["$size", "$ip", "$3", "$9"], A, Some(&["1534", "127.0.0.1", "frank", "-"]));
    check_read(pattern, &["$size"], "a 500 7", None);
    check_read(pattern, &[], A, Some(&[]));
    for bad in ["size", "$other", "$.size", "$0", "$-1", ""] {
        assert!(parsed(pattern).reader(&[bad]).is_err(), "{bad}");
    }
}

#[test]
fn what_is_certain() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("[a=ERROR, ...]", &["ERROR"], &["ERROR"]),
        ("[a=\"GET /x y*\", ...]", &["GET", "x"], &["GET /x y"]),
        ("[a=*.html*, b=*end, c!=no, d=4*, e=404 && e=40*]", &[], &[".html", "end", "4", "40"]),
        ("[a=x || a=y]", &[], &[]),
        ("[a=%x%, b > 5]", &[], &["x"]),
        ("[a=%4[0-9]+ms%, b=%[a-z]%]", &[], &["ms"]),
    ];
    for (pattern, words, literals) in cases {
        let found = parsed(pattern).required_literals();
        let found: Vec<&str> = found.iter().map(|literal| std::str::from_utf8(literal).unwrap()).collect();
        assert_eq!(
            (parsed(pattern).required_words().as_slice(), found.as_slice()),
            (words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>().as_slice(), *literals),
            "{pattern}"
        );
        assert_eq!(parsed(pattern).escape(), None);
    }
}

/// The words of a message, as word filters see them.
fn words(message: &str) -> Vec<&str> {
    let between = |c: char| c.is_ascii() && !(c.is_ascii_alphanumeric() || c == '_');
    message.split(between).filter(|word| !word.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Plain words as fields: what is bound is what stands there.
    #[test]
    fn fields_are_those_of_the_line(
        line in proptest::collection::vec("[ab]{1,2}", 0..6), head in proptest::collection::vec("(=a|=b\\*|=\\*b|)", 0..4),
        tail in proptest::option::of(proptest::collection::vec("(=a|=b\\*|=\\*b|)", 0..3)),
    ) {
        let takes = |condition: &str, word: &str| match condition {
            "=a" => word == "a",
            "=b*" => word.starts_with('b'),
            "=*b" => word.ends_with('b'),
            _ => true,
        };
        prop_assume!(tail.is_some() || !head.is_empty());
        let mut fields: Vec<String> = head.iter().map(|condition| format!("x{condition}")).collect();
        if let Some(tail) = &tail {
            fields.push("...".to_owned());
            fields.extend(tail.iter().map(|condition| format!("x{condition}")));
        }
        let behind = tail.clone().unwrap_or_default();
        let fits = match &tail {
            Some(_) => line.len() >= head.len() + behind.len(),
            None => line.len() >= head.len(),
        };
        let mut bound = line.clone();
        if tail.is_none() && fits {
            let rest = bound.split_off(head.len() - 1).join(" ");
            bound.push(rest);
        }
        let expected = fits
            && head.iter().zip(&bound).all(|(condition, word)| takes(condition, word))
            && behind.iter().rev().zip(line.iter().rev()).all(|(condition, word)| takes(condition, word));
        let pattern = parsed(&format!("[{}]", fields.join(", ")));
        let message = line.join(" ");
        prop_assert_eq!(pattern.matches(message.as_bytes()), expected, "[{}] on {}", fields.join(","), message);
        prop_assert_eq!(pattern.extract(message.as_bytes()).is_some(), expected);
        if expected {
            let found = words(&message);
            prop_assert!(pattern.required_words().iter().all(|word| found.contains(&word.as_str())));
            prop_assert!(pattern.required_literals().iter().all(|literal| message.contains(std::str::from_utf8(literal).unwrap())));
        }
    }

    #[test]
    fn texts_of_the_languages_own_characters_are_parsed_or_refused(text in "\\[[ab1, .=!<>%*\"&|()]{0,20}\\]", message in "[ab \"\\[\\]\\\\]{0,20}") {
        if let Ok(pattern) = FilterPattern::parse(&text) {
            let matches = pattern.matches(message.as_bytes());
            prop_assert_eq!(pattern.extract(message.as_bytes()).is_some(), matches);
        }
    }
}
