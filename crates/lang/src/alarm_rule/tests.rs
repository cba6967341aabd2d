use proptest::prelude::*;

use super::*;

const A: &str = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:A";

/// `A` is in ALARM, `B` OK, `C` INSUFFICIENT_DATA; others do not exist.
fn state_of(alarm: &str) -> Option<State> {
    match alarm {
        "A" => Some(State::Alarm),
        "B" => Some(State::Ok),
        "C" => Some(State::InsufficientData),
        _ => None,
    }
}

fn check(rule: &str, expected: bool) {
    let compiled = AlarmRule::parse(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
    assert_eq!(compiled.is_met(state_of), expected, "{rule}");
    let text = compiled.to_string();
    assert_eq!(AlarmRule::parse(&text).as_ref(), Ok(&compiled), "{rule} as {text}");
}

#[test]
fn rules_are_met_by_states() {
    let cases = [
        ("ALARM(A) AND NOT ALARM(B)", true),
        ("ALARM(B) OR ALARM(C)", false),
        ("AT_LEAST(2, NOT ALARM, (A, B, C))", true),
        ("AT_LEAST(51%, OK, (A, B))", false),
        ("AT_LEAST(33%, ALARM, (A,B,C))", true),
        ("AT_LEAST(34%, ALARM, (A,B,C))", false),
        ("NOT (ALARM(A) AND OK(B))", false),
        ("TRUE", true),
        ("FALSE", false),
        ("False", false),
        ("true", true),
        ("OK(B)", true),
        ("INSUFFICIENT_DATA(C)", true),
        ("INSUFFICIENT_DATA(A)", false),
        ("ALARM(\"A\")", true),
        ("  ALARM \n(\t\"A\" )\r\n", true),
        ("(((ALARM(A))))", true),
        ("NOT NOT ALARM(A)", true),
        ("NOT NOT NOT ALARM(A)", false),
        // AND before OR, NOT before both.
        ("TRUE OR FALSE AND FALSE", true),
        ("(TRUE OR FALSE) AND FALSE", false),
        ("FALSE AND FALSE OR TRUE", true),
        ("NOT FALSE AND FALSE", false),
        ("NOT (FALSE AND FALSE)", true),
        ("(ALARM(A)OR OK(A))AND(OK(B))", true),
        // AT_LEAST counts each mention.
        ("AT_LEAST(2, ALARM, (A, A))", true),
        ("AT_LEAST(0, ALARM, (B))", true),
        ("AT_LEAST(0%, ALARM, (B))", true),
        ("AT_LEAST(1%, ALARM, (B, A))", true),
        ("AT_LEAST(50%, ALARM, (B, A))", true),
        ("AT_LEAST(100%, ALARM, (A))", true),
        ("AT_LEAST(100%, ALARM, (A, B))", false),
        ("AT_LEAST(4, NOT OK, (A, B, C))", false),
        ("AT_LEAST ( 1 , NOT INSUFFICIENT_DATA , ( \"A\" , C ) )", true),
        ("AT_LEAST(\"50%\", OK, (A, B))", true),
        ("AT_LEAST(50 %, OK, (A, B))", true),
        ("AT_LEAST(1, ALARM, (A)) AND NOT OK(A)", true),
        // An alarm that does not exist is in no state.
        ("ALARM(Z) OR OK(Z) OR INSUFFICIENT_DATA(Z)", false),
        ("AT_LEAST(1, NOT ALARM, (Z))", true),
        // Words are names where names stand.
        ("ALARM(OK) OR ALARM(AND) OR ALARM(TRUE)", false),
    ];
    for (rule, expected) in cases {
        check(rule, expected);
    }
    check(&format!("ALARM({A})"), true);
    check(&format!("OK(\"{A}\")"), false);
}

#[test]
fn the_documented_examples_compile() {
    let cases: [(&str, &[&str]); 8] = [
        (
            "ALARM(CPUUtilizationTooHigh) AND ALARM(DiskReadOpsTooHigh)",
            &["CPUUtilizationTooHigh", "DiskReadOpsTooHigh"],
        ),
        (
            "ALARM(CPUUtilizationTooHigh) AND NOT ALARM(DeploymentInProgress)",
            &["CPUUtilizationTooHigh", "DeploymentInProgress"],
        ),
        (
            "(ALARM(CPUUtilizationTooHigh) OR ALARM(DiskReadOpsTooHigh)) AND OK(NetworkOutTooHigh)",
            &["CPUUtilizationTooHigh", "DiskReadOpsTooHigh", "NetworkOutTooHigh"],
        ),
        (
            "AT_LEAST(2, ALARM, (WebServer1CPU, WebServer2CPU, WebServer3CPU, WebServer4CPU))",
            &["WebServer1CPU", "WebServer2CPU", "WebServer3CPU", "WebServer4CPU"],
        ),
        (
            "AT_LEAST(50%, OK, (DatabaseConnection1, DatabaseConnection2, DatabaseConnection3, DatabaseConnection4))",
            &["DatabaseConnection1", "DatabaseConnection2", "DatabaseConnection3", "DatabaseConnection4"],
        ),
        (
            "AT_LEAST(2, ALARM, (AZ1Health, AZ2Health, AZ3Health)) AND NOT ALARM(MaintenanceWindow)",
            &["AZ1Health", "AZ2Health", "AZ3Health", "MaintenanceWindow"],
        ),
        ("FALSE", &[]),
        // As the CDK writes them.
        (
            "(((ALARM(\"a\") OR OK(\"b\")) AND (NOT (INSUFFICIENT_DATA(\"c\"))) AND AT_LEAST(60%, NOT OK, (\"a\", \"b\"))) OR FALSE)",
            &["a", "b", "c"],
        ),
    ];
    for (rule, children) in cases {
        let compiled = AlarmRule::parse(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
        assert_eq!(compiled.children().iter().map(AlarmReference::name).collect::<Vec<_>>(), children, "{rule}");
    }
}

#[test]
fn alarms_are_named_or_given_by_arn() {
    let cases = [
        ("A", "A", None),
        (A, "A", Some(("eu-west-1", "123456789012"))),
        ("arn:aws-cn:cloudwatch:cn-north-1:1:alarm:a:b c", "a:b c", Some(("cn-north-1", "1"))),
        ("arn:aws:cloudwatch:r:1:alarm:", "arn:aws:cloudwatch:r:1:alarm:", None),
        ("arn:aws:sns:r:1:alarm:x", "arn:aws:sns:r:1:alarm:x", None),
        ("arn:aws:cloudwatch:r:1:dashboard/x", "arn:aws:cloudwatch:r:1:dashboard/x", None),
        ("arn:aws:cloudwatch", "arn:aws:cloudwatch", None),
        ("", "", None),
    ];
    for (text, name, place) in cases {
        let reference = AlarmReference::new(text);
        assert_eq!((reference.name(), reference.region_and_account()), (name, place), "{text}");
        assert_eq!(reference.to_string(), text);
    }
    let rule = AlarmRule::parse(&format!("ALARM(A) OR OK(\"{A}\") OR ALARM(\"a \\\"b\\\" \\\\ (c), \\d\")")).unwrap();
    let children: Vec<&str> = rule.children().iter().map(AlarmReference::as_str).collect();
    assert_eq!(children, ["A", r#"a "b" \ (c), \d"#], "the name and its ARN are one alarm");
    assert_eq!(AlarmRule::parse(&rule.to_string()), Ok(rule));
}

#[test]
fn errors_say_what_and_where() {
    let cases = [
        ("", "a condition is missing at position 1"),
        ("   ", "a condition is missing at position 4"),
        ("ALARM(a", "'(' is not closed at position 6"),
        ("ALARM(\"a)", "'\"' is not closed at position 7"),
        ("ALARM()", "the name or ARN of an alarm expected instead of ')' at position 7"),
        ("ALARM(\"\")", "the name or ARN of an alarm expected instead of '\"\"' at position 7"),
        ("ALARM", "'(' is missing at position 6"),
        ("ALARM a", "'(' expected instead of 'a' at position 7"),
        ("ALARM(a b)", "')' expected instead of 'b' at position 9"),
        ("ALARM(a) ALARM(b)", "AND, OR or the end of the rule expected instead of 'ALARM' at position 10"),
        ("ALARM(a) AND", "a condition is missing at position 13"),
        ("ALARM(a) AND OR OK(a)", "a condition expected instead of 'OR' at position 14"),
        ("ALARM(a) and ALARM(b)", "AND, OR or the end of the rule expected instead of 'and' at position 10"),
        ("alarm(a)", "a condition expected instead of 'alarm' at position 1"),
        ("ÄLARM(a)", "a condition expected instead of 'ÄLARM' at position 1"),
        ("(ALARM(a)", "'(' is not closed at position 1"),
        ("(ALARM(a) ALARM(b))", "AND, OR or ')' expected instead of 'ALARM' at position 11"),
        ("ALARM(a))", "AND, OR or the end of the rule expected instead of ')' at position 9"),
        ("NOT", "a condition is missing at position 4"),
        ("\"a\"", "a condition expected instead of '\"a\"' at position 1"),
        ("AT_LEAST(2, ALARM, a, b)", "'(' expected instead of 'a' at position 20"),
        ("AT_LEAST(2, ALARM(a), ALARM(b))", "',' expected instead of '(' at position 18"),
        ("AT_LEAST(2, MAYBE, (a))", "ALARM, OK or INSUFFICIENT_DATA expected instead of 'MAYBE' at position 13"),
        ("AT_LEAST(2, ALARM, ())", "the name or ARN of an alarm expected instead of ')' at position 21"),
        ("AT_LEAST(2, ALARM, (a b))", "',' or ')' expected instead of 'b' at position 23"),
        ("AT_LEAST(2, ALARM, (a,))", "the name or ARN of an alarm expected instead of ')' at position 23"),
        ("AT_LEAST(2, ALARM, (a)", "'(' is not closed at position 9"),
        (
            "AT_LEAST(101%, ALARM, (a))",
            "'101%' is neither a number of alarms nor a percentage from 0% to 100% at position 10",
        ),
        (
            "AT_LEAST(-1, ALARM, (a))",
            "'-1' is neither a number of alarms nor a percentage from 0% to 100% at position 10",
        ),
        (
            "AT_LEAST(1.5, ALARM, (a))",
            "'1.5' is neither a number of alarms nor a percentage from 0% to 100% at position 10",
        ),
        (
            "AT_LEAST(%, ALARM, (a))",
            "'%' is neither a number of alarms nor a percentage from 0% to 100% at position 10",
        ),
        (
            "AT_LEAST(99999999999, ALARM, (a))",
            "'99999999999' is neither a number of alarms nor a percentage from 0% to 100% at position 10",
        ),
        ("AT_LEAST(, ALARM, (a))", "a number or a percentage expected instead of ',' at position 10"),
    ];
    for (rule, expected) in cases {
        assert_eq!(AlarmRule::parse(rule).unwrap_err().to_string(), expected, "{rule}");
    }
}

#[test]
fn limits_hold() {
    let alarms = |count: usize| (0..count).map(|n| format!("a{n}")).collect::<Vec<_>>().join(",");
    let nested = |depth: usize| format!("{}TRUE{}", "(".repeat(depth), ")".repeat(depth));
    let cases = [
        (format!("AT_LEAST(1, ALARM, ({}))", alarms(100)), None),
        (format!("AT_LEAST(1, ALARM, ({}))", alarms(101)), Some(Problem::TooManyChildren)),
        (vec!["ALARM(a)"; 500].join(" OR "), None),
        (vec!["ALARM(a)"; 501].join(" OR "), Some(Problem::TooManyElements)),
        (vec!["(TRUE)"; 250].join(" AND "), None),
        (vec!["(TRUE)"; 251].join(" AND "), Some(Problem::TooManyElements)),
        (nested(128), None),
        (nested(129), Some(Problem::TooDeep)),
        (format!("{}TRUE", "NOT ".repeat(128)), None),
        (format!("{}TRUE", "NOT ".repeat(129)), Some(Problem::TooDeep)),
        (format!("{}TRUE", " ".repeat(10_236)), None),
        (format!("{}TRUE", " ".repeat(10_237)), Some(Problem::TooLong)),
        (format!("OK({})", "ü".repeat(10_236)), None),
    ];
    for (rule, expected) in cases {
        assert_eq!(AlarmRule::parse(&rule).err().map(|error| error.problem), expected, "{rule:.60}");
    }
}

/// A rule as its author thinks of it.
#[derive(Debug, Clone)]
enum Tree {
    Is(State, String),
    Constant(bool),
    AtLeast(u32, bool, bool, State, Vec<String>),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    Group(Box<Tree>),
}

fn states() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::Ok, State::Alarm, State::InsufficientData])
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[A-E]", prop::sample::select(vec!["OR", "x \"y\" \\", "a(b),c", A]).prop_map(str::to_owned)]
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        4 => (states(), names()).prop_map(|(state, name)| Tree::Is(state, name)),
        1 => any::<bool>().prop_map(Tree::Constant),
        2 => (0u32..=100, any::<bool>(), any::<bool>(), states(), prop::collection::vec(names(), 1..6)).prop_map(
            |(number, is_percent, is_not, state, names)| {
                Tree::AtLeast(if is_percent { number } else { number % 7 }, is_percent, is_not, state, names)
            }
        ),
    ];
    leaf.prop_recursive(6, 48, 2, |inner| {
        let pair = || (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            inner.clone().prop_map(|tree| Tree::Group(Box::new(tree))),
            pair().prop_map(|(left, right)| Tree::And(left, right)),
            pair().prop_map(|(left, right)| Tree::Or(left, right)),
        ]
    })
}

impl Tree {
    /// As text, with the blank that is given wherever one may stand.
    fn text(&self, blank: &str) -> String {
        let quoted = |name: &String| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        match self {
            Tree::Is(state, name) => format!("{}{blank}({blank}{}{blank})", state.as_str(), quoted(name)),
            Tree::Constant(true) => "TRUE".to_owned(),
            Tree::Constant(false) => "FALSE".to_owned(),
            Tree::AtLeast(number, is_percent, is_not, state, names) => {
                let percent = if *is_percent { "%" } else { "" };
                let not = if *is_not { "NOT " } else { "" };
                let names = names.iter().map(quoted).collect::<Vec<_>>().join(",");
                format!("AT_LEAST({blank}{number}{percent},{not}{},{blank}({names}){blank})", state.as_str())
            }
            Tree::Not(tree) => match **tree {
                Tree::And(..) | Tree::Or(..) => format!("NOT{blank}({})", tree.text(blank)),
                _ => format!("NOT {}", tree.text(blank)),
            },
            Tree::And(left, right) => {
                let side = |side: &Tree| match side {
                    Tree::Or(..) => format!("({})", side.text(blank)),
                    _ => side.text(blank),
                };
                format!("{} AND {blank}{}", side(left), side(right))
            }
            Tree::Or(left, right) => format!("{} {blank}OR {}", left.text(blank), right.text(blank)),
            Tree::Group(tree) => format!("({})", tree.text(blank)),
        }
    }

    fn is_true(&self, state_of: &dyn Fn(&str) -> Option<State>) -> bool {
        match self {
            Tree::Is(state, name) => state_of(name) == Some(*state),
            Tree::Constant(value) => *value,
            Tree::AtLeast(number, is_percent, is_not, state, names) => {
                let mut count = 0_u32;
                for name in names {
                    if (state_of(name) == Some(*state)) != *is_not {
                        count += 1;
                    }
                }
                if *is_percent { count * 100 >= number * names.len() as u32 } else { count >= *number }
            }
            Tree::Not(tree) => !tree.is_true(state_of),
            Tree::And(left, right) => left.is_true(state_of) & right.is_true(state_of),
            Tree::Or(left, right) => left.is_true(state_of) | right.is_true(state_of),
            Tree::Group(tree) => tree.is_true(state_of),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_rule_is_met_as_its_tree_is_true(
        tree in trees(),
        blank in prop::sample::select(vec!["", " ", "\n\t "]),
        states in prop::collection::vec(prop::option::of(states()), 5),
    ) {
        let by_name = |name: &str| {
            let known = matches!(name, "A" | "B" | "C" | "D" | "E");
            let at = name.bytes().next().unwrap_or_default().wrapping_sub(b'A') as usize;
            known.then(|| states[at]).flatten()
        };
        // The rule asks by names, the tree by what is written.
        let by_text = |text: &str| by_name(if text == A { "A" } else { text });
        let text = tree.text(blank);
        let rule = AlarmRule::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(rule.is_met(by_name), tree.is_true(&by_text), "{}", text);
        prop_assert_eq!(AlarmRule::parse(&rule.to_string()), Ok(rule), "{}", text);
    }

    #[test]
    fn any_text_is_parsed_without_panic(text in "(ALARM|OK|NOT|AND|OR|AT_LEAST|TRUE|[(),\"\\\\ %a1]){0,30}") {
        if let Ok(rule) = AlarmRule::parse(&text) {
            prop_assert_eq!(AlarmRule::parse(&rule.to_string()), Ok(rule));
        }
    }
}
