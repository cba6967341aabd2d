use proptest::prelude::*;

use super::*;

/// Composites as `name: child child / suppressor`.
fn graph(composites: &[&str]) -> Graph {
    let mut graph = Graph::default();
    for composite in composites {
        put(&mut graph, composite).unwrap();
    }
    graph
}

fn put(graph: &mut Graph, composite: &str) -> Result<(), TooManyParents> {
    let (name, rest) = composite.split_once(':').unwrap();
    let (children, suppressor) = rest.split_once('/').unwrap_or((rest, ""));
    let suppressor = Some(suppressor.trim()).filter(|suppressor| !suppressor.is_empty());
    graph.put(name, children.split_whitespace().map(str::to_owned), suppressor.map(str::to_owned))
}

/// Who is evaluated when an alarm changes, and so does everybody else.
fn wave(graph: &Graph, changed: &str) -> String {
    let mut wave = graph.wave(changed);
    let mut evaluated = Vec::new();
    while let Some(next) = wave.next() {
        evaluated.push(next);
        wave.changed(next);
    }
    evaluated.join(" ")
}

#[test]
fn a_change_reaches_all_who_depend_on_it_in_order() {
    let house = graph(&["p: a b", "q: p c", "r: a q", "s: r p", "x: b", "y: c / a"]);
    let cases = [("a", "p q r s"), ("c", "q r s y"), ("q", "r s"), ("s", ""), ("b", "p q r s x"), ("unheard", "")];
    for (changed, expected) in cases {
        assert_eq!(wave(&house, changed), expected, "{changed}");
    }
    // p does not change: q is not evaluated, r is for its own child's sake.
    let mut some = house.wave("a");
    assert_eq!(some.next(), Some("p"));
    assert_eq!(some.next(), Some("r"));
    some.changed("r");
    assert_eq!(some.next(), Some("s"));
    assert_eq!(some.next(), None);
}

#[test]
fn cycles_are_named_and_not_evaluated() {
    let house = graph(&["p: q a", "q: r", "r: p", "s: r a", "t: s", "own: own a"]);
    assert_eq!(house.cycle("p").unwrap(), ["p", "q", "r"]);
    assert_eq!(house.cycle("r").unwrap(), ["r", "p", "q"]);
    assert_eq!(house.cycle("own").unwrap(), ["own"]);
    assert_eq!([house.cycle("s"), house.cycle("a"), house.cycle("unheard")], [None, None, None]);
    assert_eq!(wave(&house, "a"), "s t");
    // Somebody set the state of a member by hand: those outside follow.
    assert_eq!(wave(&house, "r"), "s t");
    assert_eq!(wave(&house, "q"), "");
    let mut house = house;
    put(&mut house, "r:").unwrap();
    assert_eq!(house.cycle("p"), None);
    assert_eq!(wave(&house, "r"), "q p s t");
}

#[test]
fn who_is_referred_to_is_known() {
    let mut house = graph(&["p: a b / m", "q: a", "r: m"]);
    assert_eq!(house.children("p").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(house.parents("a").collect::<Vec<_>>(), ["p", "q"]);
    assert_eq!(house.suppressed_by("m").collect::<Vec<_>>(), ["p"]);
    assert_eq!(house.parents("m").collect::<Vec<_>>(), ["r"], "a suppressor is no child");
    let referrers = |house: &Graph| ["a", "b", "m", "p"].map(|name| house.referrer(name).map(str::to_owned));
    assert_eq!(referrers(&house), [Some("p".into()), Some("p".into()), Some("r".into()), None]);
    put(&mut house, "p: b").unwrap();
    house.remove("r");
    assert_eq!(referrers(&house), [Some("q".into()), Some("p".into()), None, None]);
    house.remove("p");
    house.remove("q");
    house.remove("q");
    assert!(house.referrers.is_empty() && house.composites.is_empty());
}

#[test]
fn an_alarm_has_at_most_150_parents() {
    let mut house = Graph::default();
    for number in 0..PARENTS_MAX {
        put(&mut house, &format!("p{number}: a b{number}")).unwrap();
    }
    put(&mut house, "p7: a x").unwrap();
    assert_eq!(put(&mut house, "more: a").unwrap_err(), TooManyParents { child: "a".into() });
    assert_eq!(house.children("more").count(), 0);
    put(&mut house, "p7: x").unwrap();
    put(&mut house, "more: a / a").unwrap();
    assert_eq!(put(&mut house, "p7: x a").unwrap_err(), TooManyParents { child: "a".into() });
    assert_eq!(house.children("p7").collect::<Vec<_>>(), ["x"], "what was refused changed nothing");
}

#[test]
fn a_long_chain_is_walked() {
    let mut house = Graph::default();
    for number in 1..=20_000 {
        house.put(&number.to_string(), [(number - 1).to_string()], None).unwrap();
    }
    assert_eq!(wave(&house, "0").split(' ').count(), 20_000);
    house.put("0", ["20000".to_owned()], None).unwrap();
    assert_eq!(wave(&house, "0"), "");
    assert_eq!(house.cycle("5").unwrap().len(), 20_001);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Against who can be reached from whom, step by step.
    #[test]
    fn waves_are_those_of_a_table(edges in prop::collection::vec((0_usize..9, 0_usize..9), 0..20), changed in 0_usize..9) {
        let name = |alarm: usize| alarm.to_string();
        let mut house = Graph::default();
        for parent in 0..9 {
            let children = edges.iter().filter(|edge| edge.0 == parent).map(|edge| name(edge.1));
            house.put(&name(parent), children, None).unwrap();
        }
        // reaches[p][c]: p depends on c.
        let mut reaches = [[false; 9]; 9];
        edges.iter().for_each(|(parent, child)| reaches[*parent][*child] = true);
        for middle in 0..9 {
            for parent in 0..9 {
                for child in 0..9 {
                    reaches[parent][child] |= reaches[parent][middle] && reaches[middle][child];
                }
            }
        }
        for (alarm, reached) in reaches.iter().enumerate() {
            let cycle = house.cycle(&name(alarm));
            prop_assert_eq!(cycle.is_some(), reached[alarm]);
            if let Some(cycle) = cycle {
                let next = cycle.iter().skip(1).chain(&cycle[..1]);
                prop_assert!(cycle.iter().zip(next).all(|(one, next)| house.children(one).any(|child| child == next)));
                prop_assert_eq!(&cycle[0], &name(alarm));
            }
        }
        // Who is evaluated: in no cycle, and the change comes to it by others that are in none.
        let mut expected = BTreeSet::new();
        let mut changes = vec![changed];
        while let Some(child) = changes.pop() {
            for (parent, _) in edges.iter().filter(|edge| edge.1 == child) {
                if !reaches[*parent][*parent] && expected.insert(*parent) {
                    changes.push(*parent);
                }
            }
        }
        let evaluated: Vec<usize> =
            wave(&house, &name(changed)).split_whitespace().map(|alarm| alarm.parse().unwrap()).collect();
        let set: BTreeSet<usize> = evaluated.iter().copied().collect();
        prop_assert_eq!(set.len(), evaluated.len(), "somebody twice");
        prop_assert_eq!(set, expected);
        for (at, alarm) in evaluated.iter().enumerate() {
            prop_assert!(evaluated[at..].iter().all(|later| !reaches[*alarm][*later]), "{alarm} too early: {evaluated:?}");
        }
    }
}
