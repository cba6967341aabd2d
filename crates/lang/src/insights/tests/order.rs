//! `sort`, and how values compare.

use crate::insights::Value;
use crate::insights::value::natural_order;

#[test]
fn the_documented_order() {
    let ordered: Vec<&str> = [
        "!",
        "#",
        "*%04",
        "0#",
        "5A",
        "111A",
        "2345_",
        "@",
        "@_",
        "A",
        "A9876fghj",
        "a12345hfh",
        "0",
        "01",
        "1",
        "2",
        "3",
    ]
    .to_vec();
    let values: Vec<Value<'_>> = ordered.iter().map(|text| Value::Text((*text).into())).collect();
    for (index, pair) in values.windows(2).enumerate() {
        let order = pair[0].natural_order(&pair[1]);
        // "0" and "01" are the numbers 0 and 1; "01" and "1" are equal.
        assert!(order.is_le(), "{:?} is not before {:?}", ordered[index], ordered[index + 1]);
    }
    assert!(natural_order("a2", "a10").is_lt() && natural_order("a02", "a2").is_gt());
    assert!(Value::Null.natural_order(&values[0]).is_lt(), "nothing is first");
}

#[test]
fn numbers_are_numbers_however_they_are_written() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let text = |text: &'static str| Value::Text(text.into());
    let cases = [
        (text("200"), Value::Number(200.0), Some(Equal)),
        (text("200"), text("200.0"), Some(Equal)),
        (text("9"), text("10"), Some(Less)),
        (text("9a"), text("10a"), Some(Greater)),
        (text("1e3"), Value::Number(1000.0), Some(Equal)),
        (text("inf"), Value::Number(1.0), Some(Greater)),
        (text("12345678901234567890"), text("12345678901234567891"), Some(Less)),
        (text("-0"), Value::Number(0.0), Some(Equal)),
        (text("a"), text("B"), Some(Greater)),
        (text(""), text("a"), Some(Less)),
        (Value::Bool(true), Value::Number(1.0), Some(Equal)),
        (Value::Bool(true), text("true"), Some(Equal)),
        (Value::Bool(false), text("TRUE"), Some(Less)),
        (Value::Time(0), text("1970-01-01"), Some(Equal)),
        (Value::Time(1), Value::Number(0.0), Some(Greater)),
        (Value::Null, Value::Null, None),
        (Value::Null, text(""), None),
        (Value::of_json(&serde_json::json!([1])), text("[1]"), None),
    ];
    for (one, other, expected) in cases {
        assert_eq!(one.compare(&other), expected, "{one:?} {other:?}");
        assert_eq!(other.compare(&one), expected.map(std::cmp::Ordering::reverse), "{other:?} {one:?}");
        let set: crate::insights::ValueSet = [other.clone().into_owned()].into_iter().collect();
        assert_eq!(set.has(&one), expected == Some(Equal), "{one:?} in [{other:?}]");
    }
}
