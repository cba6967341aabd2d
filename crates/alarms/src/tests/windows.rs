//! Windows that keep to the clock on the wall.

use super::*;

fn wall_clock(timezone: Option<&str>) -> Option<EvaluationWindow> {
    let timezone = timezone.map(str::to_owned);
    Some(EvaluationWindow { wall_clock_window: Some(WallClockWindow { timezone }), sliding_window: None })
}

fn hourly(evaluation_window: Option<EvaluationWindow>) -> PutMetricAlarmInput {
    let treat_missing_data = Some("notBreaching".to_owned());
    PutMetricAlarmInput { period: Some(3600), treat_missing_data, evaluation_window, ..above_80(1) }
}

#[tokio::test]
async fn a_datapoint_counts_when_its_hour_is_over() {
    // It is 14:00. The hot minute is 14:10; a sliding window of an hour sees it at 14:11, one of clock hours at 15:00.
    for (window, minute) in [(None, 11), (wall_clock(None), 60), (wall_clock(Some("Asia/Kolkata")), 30)] {
        let world = World::new().await;
        world.alarm(hourly(window.clone())).await.unwrap();
        world.put(10, 95.0);
        world.pass(minute * MINUTE).await;
        // Up to a minute later, each alarm in its second.
        assert_eq!(world.state().await, "OK", "{window:?}");
        world.pass(2 * MINUTE).await;
        assert_eq!(world.state().await, "ALARM", "{window:?}");
        assert_eq!(world.cpu().await.evaluation_window, window);
    }
}

#[tokio::test]
async fn the_data_of_a_reason_begin_at_the_boundary() {
    let world = World::new().await;
    world.alarm(hourly(wall_clock(Some("+05:30")))).await.unwrap();
    world.put(10, 95.0);
    world.pass(32 * MINUTE).await;
    let data: serde_json::Value = serde_json::from_str(&world.cpu().await.state_reason_data.unwrap()).unwrap();
    assert_eq!(data["startDate"], "2024-03-22T13:30:00.000+0000");
}

#[tokio::test]
async fn checks() {
    let world = World::new().await;
    let periods = "A WallClockWindow can be used only with a period of 60, 300, 3600, 86400 or 604800 seconds.";
    let cases = [
        (PutMetricAlarmInput { period: Some(120), ..hourly(wall_clock(None)) }, periods),
        (PutMetricAlarmInput { period: Some(30), ..hourly(wall_clock(None)) }, periods),
        (
            hourly(wall_clock(Some("+01:03"))),
            "The time zone +01:03 is not valid: it must be an IANA time zone or an offset from UTC that is a multiple of five minutes.",
        ),
        (
            hourly(Some(EvaluationWindow::default())),
            "EvaluationWindow must specify exactly one of WallClockWindow and SlidingWindow.",
        ),
    ];
    for (input, message) in cases {
        assert_eq!(world.alarm(input).await.unwrap_err().message, message);
    }
    let sliding = EvaluationWindow { sliding_window: Some(SlidingWindow {}), wall_clock_window: None };
    world.alarm(hourly(Some(sliding))).await.unwrap();
    assert!(world.cpu().await.evaluation_window.unwrap().sliding_window.is_some());
    let week = PutMetricAlarmInput { period: Some(604_800), ..hourly(wall_clock(Some("Europe/Berlin"))) };
    world.alarm(week).await.unwrap();
}
