//! Partner event sources.

use super::*;
use crate::partner;
use watchkeep_model::events::{
    ActivateEventSourceRequest, CreatePartnerEventSourceRequest, DeactivateEventSourceRequest, DeleteEventBusRequest,
    DeletePartnerEventSourceRequest, DescribeEventSourceRequest, PutPartnerEventsRequest, PutPartnerEventsRequestEntry,
};

const SOURCE: &str = "aws.partner/example.com/shop/orders";
const CUSTOMER: &str = "111122223333";

async fn put(fixture: &Fixture) -> Option<String> {
    let entry = PutPartnerEventsRequestEntry {
        source: Some(SOURCE.into()),
        detail_type: Some("t".into()),
        detail: Some("{}".into()),
        ..Default::default()
    };
    let input = PutPartnerEventsRequest { entries: vec![entry] };
    let answer = partner::put_partner_events(&fixture.events, &fixture.caller, input).await.unwrap();
    answer.entries.unwrap().remove(0).error_code
}

async fn state(fixture: &Fixture) -> String {
    let input = DescribeEventSourceRequest { name: SOURCE.into() };
    match partner::describe_event_source(&fixture.events, &of_account(CUSTOMER), input).await {
        Ok(source) => source.state.unwrap(),
        Err(error) => error.code.to_string(),
    }
}

#[tokio::test]
async fn a_source_lives_as_the_page_says() {
    let mut fixture = Fixture::new().await;
    let customer = of_account(CUSTOMER);
    assert_eq!(put(&fixture).await.as_deref(), Some("InvalidArgument"), "there is no such source");
    let create = || CreatePartnerEventSourceRequest { name: SOURCE.into(), account: CUSTOMER.into() };
    partner::create_partner_event_source(&fixture.events, &fixture.caller, create()).await.unwrap();
    let again = partner::create_partner_event_source(&fixture.events, &fixture.caller, create()).await.unwrap_err();
    assert_eq!(again.code, "ResourceAlreadyExistsException");
    assert_eq!(state(&fixture).await, "PENDING");
    assert_eq!(put(&fixture).await, None, "nobody gets it");
    let bus =
        CreateEventBusRequest { name: SOURCE.into(), event_source_name: Some(SOURCE.into()), ..Default::default() };
    bus_calls::create_event_bus(&fixture.events, &customer, bus).await.unwrap();
    assert_eq!(state(&fixture).await, "ACTIVE");
    let rule = PutRuleRequest {
        name: "r".into(),
        event_bus_name: Some(SOURCE.into()),
        event_pattern: Some(of_source(SOURCE)),
        ..Default::default()
    };
    let arn = rule_calls::put_rule(&fixture.events, &customer, rule).await.unwrap().rule_arn.unwrap();
    assert_eq!(arn, format!("arn:aws:events:us-east-1:{CUSTOMER}:rule/{SOURCE}/r"));
    let input = PutTargetsRequest {
        rule: "r".into(),
        event_bus_name: Some(SOURCE.into()),
        targets: vec![target("q", &queue("q"))],
    };
    targets::put_targets(&fixture.events, &customer, input).await.unwrap();
    assert_eq!(put(&fixture).await, None);
    let event = json_of(&fixture.next_sent().await.text);
    assert_eq!((event["source"].as_str(), event["account"].as_str()), (Some(SOURCE), Some(CUSTOMER)));
    let name = SOURCE.to_owned();
    partner::deactivate_event_source(&fixture.events, &customer, DeactivateEventSourceRequest { name: name.clone() })
        .await
        .unwrap();
    assert_eq!(state(&fixture).await, "PENDING");
    assert_eq!(put(&fixture).await, None);
    fixture.all_settled().await;
    assert!(fixture.sent_so_far().is_empty(), "it is not active");
    partner::activate_event_source(&fixture.events, &customer, ActivateEventSourceRequest { name: name.clone() })
        .await
        .unwrap();
    assert_eq!(put(&fixture).await, None);
    fixture.next_sent().await;
    let input = DeletePartnerEventSourceRequest { name: name.clone(), account: CUSTOMER.into() };
    partner::delete_partner_event_source(&fixture.events, &fixture.caller, input).await.unwrap();
    assert_eq!(state(&fixture).await, "DELETED");
    let wrong =
        partner::activate_event_source(&fixture.events, &customer, ActivateEventSourceRequest { name: name.clone() });
    assert_eq!(wrong.await.map(drop).unwrap_err().code, "InvalidStateException");
    let refused = bus_calls::delete_event_bus(&fixture.events, &customer, DeleteEventBusRequest { name }).await;
    assert_eq!(refused.map(drop).unwrap_err().code, "ValidationException", "it has rules");
    let measured = fixture.measured();
    assert_eq!(measured.get(&format!("Events EventSourceName={SOURCE}")), Some(&2.0), "{measured:?}");
    assert_eq!(measured.get(&format!("MatchedEvents EventSourceName={SOURCE}")), Some(&2.0));
}

#[tokio::test]
async fn a_source_that_waits_two_weeks_is_forgotten() {
    let fixture = Fixture::new().await;
    let input = CreatePartnerEventSourceRequest { name: SOURCE.into(), account: CUSTOMER.into() };
    partner::create_partner_event_source(&fixture.events, &fixture.caller, input).await.unwrap();
    fixture.clock.advance(Duration::from_secs(14 * 86_400 - 1));
    assert_eq!(state(&fixture).await, "PENDING");
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(state(&fixture).await, "ResourceNotFoundException");
}
