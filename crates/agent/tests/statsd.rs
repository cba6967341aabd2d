//! StatsD's packets, from the socket to the service.

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{FakeApi, START, unavailable};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use watchkeep_agent::{Agent, AgentConfig, Credentials, HostFiles, StatsdConfig, StatsdListener};
use watchkeep_core::{Clock as _, ManualClock, SeededRandom, SystemClock};
use watchkeep_model::cloudwatch::MetricDatum;

fn is_statsd(datum: &&MetricDatum) -> bool {
    datum.dimensions.iter().flatten().any(|dimension| dimension.name == "metric_type")
}

#[tokio::test]
async fn packets_become_metrics_even_after_an_outage_and_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let (api, clock) = (Arc::new(FakeApi::default()), Arc::new(ManualClock::new(START)));
    let credentials = Credentials { access_key_id: "k".into(), secret_access_key: "s".into(), session_token: None };
    let config = AgentConfig {
        log_globs: Vec::new(),
        journalctl: None,
        host: "web1".into(),
        ..AgentConfig::new(
            "http://127.0.0.1:1".parse().unwrap(),
            credentials,
            Default::default(),
            directory.path().to_owned(),
        )
    };
    let files = HostFiles::new(directory.path().to_owned(), directory.path().to_owned(), |_| {
        Err(std::io::ErrorKind::NotFound.into())
    });
    let listener = StatsdListener::bind(StatsdConfig::new("127.0.0.1:0".parse().unwrap())).await.unwrap();
    let address = listener.address().unwrap();
    let agent = Agent::with(config, api.clone(), files, clock.clone(), Arc::new(SeededRandom::new(1)));
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(agent.with_statsd(listener).run(stopped));
    let sent = || {
        let service = api.0.lock().unwrap();
        service.metrics.iter().flatten().filter(is_statsd).cloned().collect::<Vec<_>>()
    };

    api.0.lock().unwrap().outage = Some(unavailable());
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(b"api.hits:1|c\nlat:320|ms:80|ms|#env:prod\nbroken", address).await.unwrap();
    let patience = SystemClock::new();
    let mut passed = 0;
    while sent().is_empty() {
        assert!(patience.monotonic() < Duration::from_secs(30), "nothing is sent");
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(500));
        passed += 500;
        if passed == 130_000 {
            api.0.lock().unwrap().outage = None;
        }
    }
    let sent_first = sent();
    let names: Vec<&str> = sent_first.iter().map(|datum| datum.metric_name.as_str()).collect();
    assert_eq!(names, ["api_hits", "lat"]);
    assert_eq!(sent_first[1].values.as_deref(), Some(&[80.0, 320.0][..]));
    assert_eq!(sent_first[1].counts.as_deref(), Some(&[1.0, 1.0][..]));

    client.send_to(b"last:5|g", address).await.unwrap();
    stop.send_replace(true);
    running.await.unwrap();
    let all = sent();
    assert_eq!((all.len(), all[2].metric_name.as_str()), (3, "last"));
}
