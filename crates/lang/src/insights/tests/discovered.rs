//! Fields that are discovered.

use super::World;
use crate::insights::discover::all_fields;
use crate::insights::render;

#[test]
fn of_lines_of_services() {
    World::of(&[(0, "2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1620000000 1620000060 ACCEPT OK")])
        .check(&[
            ("fields srcAddr, dstPort, action, bytes", &["srcAddr 10.0.0.1, dstPort 49152, action ACCEPT, bytes 840"]),
            ("stats sum(bytes) as b by interfaceId", &["interfaceId eni-1, b 840"]),
        ]);
    World::of(&[(0, "1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.168.1.1 -")]).check(
        &[("fields queryName, responseCode, ednsClientSubnet", &["queryName example.com, responseCode NOERROR"])],
    );
    World::default()
        .and("/aws/lambda/f", &[(0, "START RequestId: r2 Version: $LATEST\n"), (-0, "END RequestId: r2\n")])
        .check(&[(
            "fields @type, @requestId | sort @type",
            &["@type END, @requestId r2", "@type START, @requestId r2"],
        )]);
}

#[test]
fn no_more_than_two_hundred_of_an_event() {
    let members: Vec<String> = (0..300).map(|n| format!("\"k{n}\":{n}")).collect();
    let message = format!("{{{}}}", members.join(","));
    World::of(&[(0, &message)]).check(&[("fields k0, k199, k200", &["k0 0, k199 199"])]);
}

#[test]
fn only_of_json_that_is_whole() {
    for message in [r#"{"a":1"#, r#"{"a":1} x"#, r#"x {"a":1}"#, "[1]", "", r#"{"a":nul}"#] {
        World::of(&[(0, message)]).check(&[("fields a", &[""])]);
    }
    for (message, expected) in [
        (r#" {"a":"\u00e4\"\\"} "#, "a ä\"\\"),
        (r#"{"a":null}"#, ""),
        (r#"{"a":1,"a":2}"#, "a 2"),
        (r#"{"a":1.50}"#, "a 1.50"),
        (r#"{"a":{}}"#, "a {}"),
        (r#"{"a":-1e3}"#, "a -1e3"),
    ] {
        World::of(&[(0, message)]).check(&[("fields a", &[expected])]);
    }
}

#[test]
fn a_record_has_all_fields() {
    let mut world = World::of(&[(0, r#"{"a":{"b":[1,true]},"@c":"x","n":null}"#)]);
    let event = &mut world.groups[0].1[0];
    event.entity = r#"{"keyAttributes":{"Name":"svc"},"attributes":{"Env":"p"}}"#.to_owned();
    let fields: Vec<(String, String)> =
        all_fields(&event.event()).into_iter().map(|(name, value)| (name, render(&value).unwrap())).collect();
    let expected = [
        ("@entity.KeyAttributes.Name", "svc"),
        ("@entity.Attributes.Env", "p"),
        ("a.b.0", "1"),
        ("a.b.1", "1"),
        ("@@c", "x"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    world.check(&[(
        "fields @entity.KeyAttributes.Name, @entity.Attributes.Env, @@c",
        &["@entity.KeyAttributes.Name svc, @entity.Attributes.Env p, @@c x"],
    )]);
}

#[test]
fn transformed_events_are_what_the_transformer_made() {
    let mut world = World::of(&[(0, "plain")]);
    world.groups[0].1[0].transformed = r#"{"a":{"b":7}}"#.to_owned();
    world.check(&[("fields a.b, @message", &["a.b 7, @message plain"])]);
}

#[test]
fn masks_are_lifted_by_unmask() {
    let mut world = World::of(&[(0, r#"{"card":"****","n":1}"#)]);
    world.groups[0].1[0].unmasked = Some(r#"{"card":"4111","n":1}"#.to_owned());
    world.check(&[
        ("fields card", &["card ****"]),
        ("fields unmask(card) as c", &["c 4111"]),
        ("unmask card | fields card, n", &["card 4111, n 1"]),
        ("unmask @message | fields card", &["card ****"]),
        ("fields @message | unmask", &[r#"@message {"card":"4111","n":1}"#]),
    ]);
}
