//! What a trace is, whatever the order in which its documents came.

use proptest::prelude::*;

use super::*;
use crate::assemble::{Assembled, assemble};
use crate::entity::Entity;

fn assembled(documents: &[Value]) -> Assembled {
    let documents: Vec<Entity> = documents.iter().map(|document| document.as_object().unwrap().clone()).collect();
    assemble(TRACE.parse().unwrap(), &documents)
}

/// The ids of segments, each with those below it in brackets.
fn shape(assembled: &Assembled) -> String {
    fn of(entity: &Entity) -> String {
        let id = entity["id"].as_str().unwrap().trim_start_matches('0');
        let below: Vec<String> = crate::entity::subsegments(entity).map(of).collect();
        if below.is_empty() { id.to_owned() } else { format!("{id}[{}]", below.join(" ")) }
    }
    let is_inferred = |entity: &Entity| entity.contains_key("inferred");
    let segments = assembled.segments.iter().map(|(_, segment)| segment);
    segments
        .map(|segment| if is_inferred(segment) { "~".to_owned() } else { of(segment) })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_finished_document_wins_over_one_in_progress() {
    let begun = segment(1, json!({"end_time": null, "in_progress": true}));
    let done = segment(1, json!({"user": "first"}));
    let again = segment(1, json!({"user": "second"}));
    let user = |documents: &[&Value]| {
        let documents: Vec<Value> = documents.iter().map(|&document| document.clone()).collect();
        let assembled = assembled(&documents);
        assert_eq!(assembled.segments.len(), 1);
        assembled.segments[0].1.get("user").and_then(Value::as_str).unwrap_or("none").to_owned()
    };
    assert_eq!(user(&[&begun]), "none");
    assert_eq!(user(&[&begun, &done]), "first");
    assert_eq!(user(&[&done, &begun]), "first");
    assert_eq!(user(&[&done, &again]), "second");
}

#[test]
fn subsegments_go_below_their_parents() {
    let cases = [
        (vec![subsegment(2, 1, json!({}))], ""),
        (vec![subsegment(2, 1, json!({})), segment(1, json!({}))], "1[2]"),
        (vec![segment(1, json!({})), subsegment(3, 2, json!({})), subsegment(2, 1, json!({}))], "1[2[3]]"),
        // Sent on its own after it was embedded in progress: it is there once.
        (
            vec![
                segment(
                    1,
                    json!({"subsegments": [segment(2, json!({"end_time": null, "in_progress": true, "subsegments": [segment(4, json!({}))]}))]}),
                ),
                subsegment(2, 1, json!({})),
            ],
            "1[2[4]]",
        ),
        // Two that call each other parent belong nowhere.
        (vec![segment(1, json!({})), subsegment(2, 3, json!({})), subsegment(3, 2, json!({}))], "1"),
        (vec![segment(1, json!({})), segment(5, json!({"parent_id": "0000000000000001"}))], "1 5"),
    ];
    for (documents, expected) in cases {
        assert_eq!(shape(&assembled(&documents)), expected, "{documents:?}");
    }
    assert_eq!(assembled(&[subsegment(2, 1, json!({}))]), Assembled::default());
}

#[test]
fn callees_that_sent_nothing_are_inferred() {
    let call = |changes: Value| {
        let call = segment(2, changes);
        assembled(&[segment(1, json!({"subsegments": [call]}))])
    };
    let origins = [
        (json!({"name": "DynamoDB", "namespace": "aws", "aws": {"table_name": "t"}}), Some("AWS::DynamoDB::Table")),
        (
            json!({"name": "DynamoDB", "namespace": "aws", "aws": {"resource_names": ["t"]}}),
            Some("AWS::DynamoDB::Table"),
        ),
        (json!({"name": "DynamoDB", "namespace": "aws", "aws": {"resource_names": ["t", "u"]}}), Some("AWS::DynamoDB")),
        (json!({"name": "dynamodb", "namespace": "aws"}), Some("AWS::DynamoDB")),
        (json!({"name": "SQS", "namespace": "aws", "aws": {"queue_url": "q"}}), Some("AWS::SQS::Queue")),
        (json!({"name": "SNS", "namespace": "aws"}), Some("AWS::SNS")),
        (json!({"name": "Kinesis", "namespace": "aws"}), Some("AWS::Kinesis")),
        (json!({"name": "db@host", "namespace": "remote", "sql": {"url": "x"}}), Some("Database::SQL")),
        (json!({"name": "api.example", "namespace": "remote"}), None),
    ];
    for (changes, origin) in origins {
        let assembled = call(changes.clone());
        assert_eq!(shape(&assembled), "1[2] ~", "{changes}");
        let inferred = &assembled.segments[1].1;
        assert_eq!(inferred.get("origin").and_then(Value::as_str), origin, "{changes}");
        assert_eq!(
            (inferred["parent_id"].as_str(), inferred["name"].as_str()),
            (Some("0000000000000002"), changes["name"].as_str())
        );
        assert_eq!(call(changes), assembled, "it has the same id at every reading");
    }
    assert_eq!(shape(&call(json!({"namespace": "local"}))), "1[2]");
    let callee = segment(3, json!({"parent_id": "0000000000000002"}));
    let caller = segment(1, json!({"subsegments": [segment(2, json!({"namespace": "remote"}))]}));
    assert_eq!(shape(&assembled(&[caller, callee])), "1[2] 3");
}

#[test]
fn a_chain_that_is_too_deep_ends() {
    let mut documents = vec![segment(1, json!({}))];
    documents.extend((2..5000).map(|id| subsegment(id, id - 1, json!({}))));
    let shape = shape(&assembled(&documents));
    assert_eq!(shape.matches('[').count(), crate::limits::DEPTH_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_arrival_does_not_matter(
        parents in prop::collection::vec(1_u64..12, 11),
        independent in prop::collection::vec(any::<bool>(), 11),
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut documents = vec![segment(1, json!({}))];
        for (index, (&parent, &independent)) in parents.iter().zip(&independent).enumerate() {
            let id = index as u64 + 2;
            let changes = if id.is_multiple_of(3) { json!({"namespace": "remote"}) } else { json!({}) };
            documents.push(if independent { subsegment(id, parent, changes) } else { segment(id, changes) });
        }
        let shuffled: Vec<Value> = order.iter().map(|&index| documents[index].clone()).collect();
        prop_assert_eq!(assembled(&shuffled), assembled(&documents));
    }
}
