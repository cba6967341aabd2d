//! Texts, trees, and texts again.

use super::super::functions::find;
use super::*;

#[test]
fn canonical_texts() {
    let cases = [
        ("m1+m2*-3", "m1 + m2 * -3"),
        ("((m1))+(m2+m3)", "m1 + (m2 + m3)"),
        ("(m1+m2)+m3", "(m1 + m2) + m3"),
        ("m1&&m2||m3", "m1 AND m2 OR m3"),
        ("m1 AND (m2 OR m3)", "m1 AND (m2 OR m3)"),
        ("(-2)^-m1^2", "(-2)^-m1^2"),
        ("-2^m1", "-2^m1"),
        ("(2^3)^m1", "(2^3)^m1"),
        ("1.50e2*m1", "150 * m1"),
        ("1e-36*m1+1E+300", "1e-36 * m1 + 1e300"),
        ("SORT(METRICS ( \"a'b\" ),AVG,DESC)", "SORT(METRICS(\"a'b\"), AVG, DESC)"),
        ("SEARCH('{A,\"B c\"} \\\"x\\\"', \"Sum\")", "SEARCH('{A,\"B c\"} \\\"x\\\"', 'Sum')"),
        ("  \n[m1 ,\tm2]  ", "[m1, m2]"),
        ("METRICS()", "METRICS()"),
        ("1.m1", ""),
    ];
    for (text, canonical) in cases {
        match Expression::parse(text) {
            Ok(parsed) => {
                assert_eq!(parsed.to_string(), canonical);
                assert_eq!(Expression::parse(canonical), Ok(parsed));
            }
            Err(_) => assert_eq!(canonical, "", "{text}"),
        }
    }
}

#[test]
fn a_search_may_have_quotes_in_quotes() {
    let cases = [
        ("SEARCH(' {NS,Dim} :aws.AccountId = 'LOCAL' ', 'Sum')", " {NS,Dim} :aws.AccountId = 'LOCAL' "),
        ("SEARCH(':aws.AccountId='LOCAL'','Sum', 60)", ":aws.AccountId='LOCAL'"),
        ("SEARCH('(Host='a' OR Host='b')' , 'Sum')", "(Host='a' OR Host='b')"),
        ("SEARCH(\"Host=\"a\" x\", \"Sum\")", "Host=\"a\" x"),
        ("SUM(SEARCH('a', 'Sum')) + SUM(SEARCH('b 'c'', 'Sum'))", "a"),
    ];
    for (expression, search) in cases {
        let found = Expression::parse(expression).unwrap().externals();
        let Some(External::Search { query, statistic, .. }) = found.first() else { panic!("{expression}: {found:?}") };
        assert_eq!((query.as_str(), statistic.as_str()), (search, "Sum"), "{expression}");
    }
    for wrong in ["SEARCH('a 'b'')", "METRICS('a 'b'', 'c')", "SEARCH('a', 'b 'c'')"] {
        assert!(Expression::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn names_in_an_expression() {
    let parsed = Expression::parse("b + a + SUM(METRICS('x')) / PERIOD(b) + SUM([a, c_1])").unwrap();
    assert_eq!(parsed.references(), ["b", "a", "c_1"]);
    assert_eq!(parsed.functions(), ["SUM", "METRICS", "PERIOD"]);
}

#[test]
fn functions_document_themselves() {
    let forms = |name: &str| find(name).unwrap().forms();
    assert_eq!(forms("SLICE"), ["SLICE(TS[], S[, S]) -> TS[]"]);
    assert_eq!(forms("AVG"), ["AVG(TS) -> S", "AVG(TS[]) -> TS"]);
    assert_eq!(forms("LAMBDA"), ["LAMBDA(text[, literal ...]) -> TS[]"]);
    assert_eq!(forms("SORT"), ["SORT(TS[], AVG|MIN|MAX|SUM, ASC|DESC[, S]) -> TS[]"]);
    assert_eq!(forms("FILL")[2], "FILL(TS, REPEAT|LINEAR) -> TS");
    let names: Vec<_> = functions().map(Function::name).collect();
    assert_eq!(names.len(), names.iter().collect::<std::collections::HashSet<_>>().len(), "a name is there twice");
    for function in functions() {
        let is_sentence = function.summary().ends_with('.') && !function.summary().contains("  ");
        assert!(is_sentence, "{}", function.name());
    }
}

#[test]
fn ids_can_be_replaced_in_the_text() {
    let text = "100 * -a / FILL(b, REPEAT) + SUM([a, b^2])";
    let expression = Expression::parse(text).unwrap();
    assert_eq!(expression.text_with(&|id| format!("{id}{id}")), "100 * -aa / FILL(bb, REPEAT) + SUM([aa, bb^2])");
    assert_eq!(expression.text_with(&str::to_owned), expression.to_string());
}
