//! Rules that fire by the clock.

use super::*;

async fn scheduled(fixture: &Fixture, schedule: &str) -> String {
    let input =
        PutRuleRequest { name: "tick".into(), schedule_expression: Some(schedule.into()), ..Default::default() };
    let arn = fixture.try_rule(input).await.unwrap();
    fixture.targets("tick", None, vec![target("q", &queue("q"))]).await;
    arn
}

/// The times of the events that were sent, in minutes since the rule was put.
fn minutes(sent: Vec<Sent>) -> Vec<i64> {
    sent.into_iter()
        .map(|sent| {
            let time: jiff::Timestamp = json_of(&sent.text)["time"].as_str().unwrap().parse().unwrap();
            (time.as_millisecond() - NOW).div_euclid(60_000)
        })
        .collect()
}

#[tokio::test]
async fn a_rule_fires_once_for_each_planned_time() {
    let mut fixture = Fixture::new().await;
    let arn = scheduled(&fixture, "rate(5 minutes)").await;
    fixture.clock.advance(Duration::from_secs(299));
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(fixture.sent_so_far().is_empty(), "it is not time yet");
    fixture.clock.advance(Duration::from_secs(1));
    let sent = fixture.next_sent().await;
    let event = json_of(&sent.text);
    assert_eq!(event["time"], "2023-11-14T22:18:20Z", "the planned time");
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.events"), &json!("Scheduled Event")));
    assert_eq!((&event["resources"], &event["detail"]), (&json!([arn]), &json!({})));
    // The clock jumps: every planned time has its event.
    fixture.clock.advance(Duration::from_secs(1000));
    let mut times = Vec::new();
    while times.len() < 3 {
        times.extend(minutes(vec![fixture.next_sent().await]));
    }
    times.sort_unstable();
    assert_eq!(times, [10, 15, 20]);
    fixture.all_settled().await;
    let measured = fixture.measured();
    assert_eq!(measured.get("TriggeredRules RuleName=tick"), Some(&4.0), "{measured:?}");
    assert_eq!(measured.get("MatchedEvents RuleName=tick"), None, "it does not pass the bus");
}

#[tokio::test]
async fn restarts_neither_repeat_nor_forget() {
    let mut fixture = Fixture::new().await;
    scheduled(&fixture, "rate(5 minutes)").await;
    fixture.clock.advance(Duration::from_secs(301));
    assert_eq!(minutes(vec![fixture.next_sent().await]), [5]);
    fixture.all_settled().await;
    let mut fixture = fixture.reopen(2).await;
    fixture.events.start();
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(minutes(fixture.sent_so_far()), [] as [i64; 0], "it has fired for that time");
    // Down for an hour: the last time that was missed fires at the start.
    fixture.events.close().await;
    fixture.clock.advance(Duration::from_secs(3600));
    let mut fixture = fixture.reopen(3).await;
    fixture.events.start();
    assert_eq!(minutes(vec![fixture.next_sent().await]), [65]);
    fixture.clock.advance(Duration::from_secs(300));
    assert_eq!(minutes(vec![fixture.next_sent().await]), [70]);
}

#[tokio::test]
async fn a_disabled_rule_does_not_fire_and_begins_anew() {
    let mut fixture = Fixture::new().await;
    scheduled(&fixture, "rate(5 minutes)").await;
    let disable = watchkeep_model::events::DisableRuleRequest { name: "tick".into(), event_bus_name: None };
    rule_calls::disable_rule(&fixture.events, &fixture.caller, disable).await.unwrap();
    for _ in 0..20 {
        fixture.clock.advance(Duration::from_secs(60));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    assert!(fixture.sent_so_far().is_empty());
    let enable = watchkeep_model::events::EnableRuleRequest { name: "tick".into(), event_bus_name: None };
    rule_calls::enable_rule(&fixture.events, &fixture.caller, enable).await.unwrap();
    fixture.clock.advance(Duration::from_secs(300));
    assert_eq!(minutes(vec![fixture.next_sent().await]), [25], "five minutes after it was enabled");
}
