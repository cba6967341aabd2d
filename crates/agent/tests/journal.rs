//! The journal, as a program in the place of `journalctl` tells it.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::{Host, START, unavailable};

/// Says what is in the file `next`, and what it was asked in the file `asked`; then ends if there is a file `end`, as
/// journalctl does when its journal is taken away, or waits for more.
const JOURNALCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >> asked
cat next
test -e end || exec tail -f /dev/null
"#;

fn host() -> (Host, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("journalctl");
    std::fs::write(&program, JOURNALCTL).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut host = Host::new(&[]);
    host.journalctl = Some(program);
    (host, directory)
}

/// Entries of these numbers, a millisecond apart.
fn entries(numbers: std::ops::Range<i64>) -> String {
    let one = |number| {
        let time_us = (START.0 + number) * 1000;
        format!(
            "{{\"__CURSOR\":\"c{number}\",\"__REALTIME_TIMESTAMP\":\"{time_us}\",\"MESSAGE\":\"{number}\",\"_COMM\":\"app\"}}\n"
        )
    };
    numbers.map(one).collect()
}

fn write(directory: &Path, file: &str, text: &str) {
    std::fs::write(directory.join(file), text).unwrap();
}

#[tokio::test]
async fn entries_are_handed_in_and_a_restart_goes_on_behind_them() {
    let (mut host, directory) = host();
    let old = "{\"__CURSOR\":\"old\",\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":\"1970\"}\n";
    write(directory.path(), "next", &format!("{old}no entry\n{}", entries(0..25_000)));
    host.start().await;
    host.until(|service| service.events.len() == 25_000).await;
    host.stop().await;
    write(directory.path(), "next", &entries(25_000..25_003));
    host.start().await;
    host.until(|service| service.events.len() == 25_003).await;
    host.stop().await;

    let service = host.service();
    for (number, event) in service.events.iter().enumerate() {
        assert_eq!((&*event.group, &*event.stream), ("/var/log/journal", "web-1"));
        assert_eq!((event.time, &event.message), (START.0 + number as i64, &format!("app: {number}")));
    }
    let asked = std::fs::read_to_string(directory.path().join("asked")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].ends_with("--lines=500") && !asked[0].contains("cursor"), "{asked:?}");
    assert!(asked[1].contains("--after-cursor=c24999 --lines=all"), "{asked:?}");
}

#[tokio::test]
async fn an_outage_and_an_end_of_the_program_lose_nothing() {
    let (mut host, directory) = host();
    write(directory.path(), "next", &entries(0..10));
    write(directory.path(), "end", "");
    host.service().outage = Some(unavailable());
    host.start().await;
    host.until(|service| service.calls.iter().filter(|call| call.starts_with("PutLogEvents")).count() == 3).await;
    write(directory.path(), "next", &entries(10..20));
    host.service().outage = None;
    host.until(|service| service.events.len() >= 20).await;
    host.stop().await;
    let service = host.service();
    let messages = service.messages("/var/log/journal");
    assert_eq!(messages[..20], (0..20).map(|number| format!("app: {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_host_without_a_journal_is_left_in_peace() {
    let mut host = Host::new(&[]);
    host.journalctl = Some("/nowhere/journalctl".into());
    host.start().await;
    host.pass(5).await;
    host.stop().await;
    assert!(host.service().calls.iter().all(|call| call == "PutMetricData"));
}
