//! Commands of this host, from the queue to what is told of them.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use support::FakeApi;
use tokio::sync::watch;
use watchkeep_agent::{Agent, AgentConfig, CommandsConfig, Credentials, HostFiles, queue_name};
use watchkeep_core::{Clock as _, SeededRandom, SystemClock};

const GROUP: &str = "/watchkeep/agent/commands";
const ALARM: &str = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:cpu";

fn order(command: &str, expires: i64) -> String {
    format!(r#"{{"version": 1, "command": "{command}", "alarm": "{ALARM}", "expires": {expires}}}"#)
}

/// What is told of these messages, one after the other.
async fn told(directory: &Path, commands: &[(&str, &[&str])], bodies: &[String]) -> (Arc<FakeApi>, Vec<String>) {
    let (api, clock) = (Arc::new(FakeApi::default()), Arc::new(SystemClock::new()));
    api.0.lock().unwrap().messages = bodies.to_vec();
    let credentials = Credentials { access_key_id: "k".into(), secret_access_key: "s".into(), session_token: None };
    let endpoint = "http://127.0.0.1:1".parse().unwrap();
    let config = AgentConfig {
        log_globs: Vec::new(),
        journalctl: None,
        host: "web-1".into(),
        ..AgentConfig::new(endpoint, credentials, Default::default(), directory.to_owned())
    };
    let files =
        HostFiles::new(directory.to_owned(), directory.to_owned(), |_| Err(std::io::ErrorKind::NotFound.into()));
    let named = |(name, words): &(&str, &[&str])| {
        ((*name).to_owned(), words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    };
    let commands: BTreeMap<_, _> = commands.iter().map(named).collect();
    let commands = CommandsConfig { instance_id: "web-1".into(), commands, time_max: Duration::from_secs(1) };
    let agent = Agent::with(config, api.clone(), files, clock, Arc::new(SeededRandom::new(1))).with_commands(commands);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(agent.run(stopped));
    let messages = || api.0.lock().unwrap().messages(GROUP).into_iter().map(str::to_owned).collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(20), async {
        while messages().len() < bodies.len() {
            SystemClock::new().sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    stop.send_replace(true);
    running.await.unwrap();
    let messages = messages();
    (api, messages)
}

#[tokio::test]
async fn a_command_that_the_host_allows_is_carried_out_with_the_host_s_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a file").display().to_string();
    let later = SystemClock::new().now().0 + 60_000;
    let (api, told) =
        told(directory.path(), &[("reboot", &["/usr/bin/touch", &file])], &[order("reboot", later)]).await;
    assert!(Path::new(&file).exists());
    assert_eq!(told, [format!("reboot for {ALARM}: exit status: 0")]);
    let service = api.0.lock().unwrap();
    assert_eq!((service.deleted.len(), service.messages.len()), (1, 0));
    assert!(service.calls.contains(&"CreateQueue watchkeep-agent-web-1".to_owned()));
}

#[tokio::test]
async fn nothing_else_is_carried_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("touched").display().to_string();
    let now = SystemClock::new().now().0;
    let bodies = [
        order("stop", now + 60_000),
        order("/bin/sh -c true", now + 60_000),
        order("reboot", now - 1),
        "reboot".to_owned(),
        order("reboot", now + 60_000).replace(": 1,", ": 2,"),
    ];
    let (_, told) = told(directory.path(), &[("reboot", &["/usr/bin/touch", &file])], &bodies).await;
    let expected = [
        format!("stop for {ALARM}: not carried out: this host does not allow it"),
        format!("/bin/sh -c true for {ALARM}: not carried out: this host does not allow it"),
        format!("reboot for {ALARM}: not carried out: it waited too long"),
        "a message that is no command: expected value at line 1 column 1".to_owned(),
        format!("reboot for {ALARM}: not carried out: another version"),
    ];
    assert_eq!(told, expected);
    assert!(!Path::new(&file).exists());
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let later = SystemClock::new().now().0 + 60_000;
    let commands: &[(&str, &[&str])] = &[("stop", &["/bin/sleep", "600"]), ("reboot", &["/does/not/exist"])];
    let bodies = [order("stop", later), order("reboot", later)];
    let (_, told) = told(directory.path(), commands, &bodies).await;
    assert_eq!(told[0], format!("stop for {ALARM}: ended after 1 seconds"));
    assert!(told[1].contains("not carried out: No such file or directory"), "{told:?}");
}

#[test]
fn names_of_queues() {
    assert_eq!(queue_name("i-0123"), "watchkeep-agent-i-0123");
    assert_eq!(queue_name("web 1.example"), "watchkeep-agent-web-1-example");
    assert_eq!(queue_name(&"x".repeat(100)).len(), 80);
}
