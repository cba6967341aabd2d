//! Log files on their way into log groups: rotation, restarts, outages. Each line arrives, once.

mod support;

use std::fs;

use support::{Host, START, refused, unavailable};
use watchkeep_core::{Random, SeededRandom};

#[tokio::test]
async fn lines_go_to_a_group_of_their_path_and_the_hosts_stream() {
    let mut host = Host::new(&["*.log", "syslog"]);
    host.write("app.log", "one\ntwo\n");
    host.write("syslog", "2026-11-18T08:06:40.123Z kernel: three\n");
    host.write("other", "not matched\n");
    host.start().await;
    host.pass(2).await;
    host.write("app.log", "\nthree\n  at once\nfour");
    host.pass(2).await;
    host.write("app.log", "teen\n");
    host.write("late.log", "made later\n");
    host.pass(6).await;
    host.stop().await;

    let (app, syslog, late) = (host.group("app"), host.group("syslog"), host.group("late"));
    let service = host.service();
    assert_eq!(service.messages(&app), ["one", "two", "three\n  at once", "fourteen"]);
    assert_eq!(service.messages(&syslog), ["2026-11-18T08:06:40.123Z kernel: three"]);
    assert_eq!(service.messages(&late), ["made later"]);
    assert!(service.events.iter().all(|event| event.stream == "web-1"));
    let time = |message: &str| service.events.iter().find(|event| event.message.contains(message)).unwrap().time;
    assert_eq!((time("kernel"), time("one")), (1_794_989_200_123, START.0));
    // Nothing is made that the service does not miss.
    let calls: Vec<&str> = service
        .calls
        .iter()
        .filter(|call| call.ends_with("/app"))
        .map(|call| call.split(' ').next().unwrap())
        .collect();
    assert_eq!(calls[..5], ["PutLogEvents", "CreateLogStream", "CreateLogGroup", "CreateLogStream", "PutLogEvents"]);
    assert!(calls[5..].iter().all(|&call| call == "PutLogEvents"));
}

#[tokio::test]
async fn a_restart_goes_on_where_the_service_acknowledged() {
    let mut host = Host::new(&["*.log"]);
    host.write("app.log", "one\n");
    host.start().await;
    host.pass(2).await;
    host.stop().await;
    host.write("app.log", "two\n");
    // Made while nobody looked: not old, so all of it counts.
    host.write("new.log", &"x\n".repeat(100_000));
    host.start().await;
    host.pass(2).await;
    host.crash().await;
    host.write("app.log", "three\n");
    host.start().await;
    host.pass(2).await;
    host.stop().await;
    assert_eq!(host.service().messages(&host.group("app")), ["one", "two", "three"]);
    assert_eq!(host.service().messages(&host.group("new")).len(), 100_000);
}

#[tokio::test]
async fn of_old_files_the_end_is_enough() {
    let mut host = Host::new(&["*.log"]);
    host.write("big.log", &(0..100_000).map(|number| format!("line {number:06}\n")).collect::<String>());
    host.write("small.log", "all\n");
    host.write("binary.log", "wtmp\0\0\n");
    host.write("oneline.log", &"x".repeat(100_000));
    host.start().await;
    host.pass(2).await;
    host.stop().await;
    let service = host.service();
    let big = service.messages(&host.group("big"));
    assert_eq!((big.len(), big.last().copied()), (65_536 / 12, Some("line 099999")));
    assert_eq!(service.messages(&host.group("small")), ["all"]);
    assert_eq!(service.groups.len(), 2);
}

#[tokio::test]
async fn rotation_loses_nothing() {
    let mut host = Host::new(&["app.log"]);
    host.write("app.log", "one\n");
    host.start().await;
    host.pass(2).await;
    host.write("app.log", "two\n");
    fs::rename(host.log("app.log"), host.log("app.log.1")).unwrap();
    // The writer has not noticed yet, and another begins.
    host.write("app.log.1", "three\n");
    host.write("app.log", "four\n");
    host.pass(7).await;
    host.write("app.log.1", "five\nwithout an end");
    host.pass(30).await;
    host.write("app.log.1", "too late\n");
    host.pass(5).await;

    // Again, while nobody looks.
    host.stop().await;
    host.write("app.log", "six\n");
    fs::rename(host.log("app.log.1"), host.log("app.log.2")).unwrap();
    fs::rename(host.log("app.log"), host.log("app.log.1")).unwrap();
    host.write("app.log", "seven\n");
    host.start().await;
    host.pass(20).await;
    host.stop().await;
    let mut messages: Vec<String> =
        host.service().messages(&host.group("app")).iter().map(|&message| message.to_owned()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["five", "four", "one", "seven", "six", "three", "two", "without an end"]);
}

#[tokio::test]
async fn a_rotated_file_that_still_matches_is_not_read_twice() {
    let mut host = Host::new(&["*.log"]);
    host.write("app.log", "one\n");
    host.start().await;
    host.pass(2).await;
    fs::rename(host.log("app.log"), host.log("app-20261124.log")).unwrap();
    host.write("app.log", "two\n");
    host.pass(30).await;
    host.write("app-20261124.log", "three\n");
    host.pass(5).await;
    host.stop().await;
    host.start().await;
    host.pass(20).await;
    host.stop().await;
    assert_eq!(host.service().messages(&host.group("app")), ["one", "two", "three"]);
    assert_eq!(host.service().groups.len(), 1);
}

#[tokio::test]
async fn a_truncated_file_is_read_from_its_start() {
    let mut host = Host::new(&["*.log"]);
    host.write("app.log", "one\ntwo\n");
    host.start().await;
    host.pass(2).await;
    fs::write(host.log("app.log"), "").unwrap();
    host.pass(2).await;
    host.write("app.log", "three\n");
    host.pass(2).await;
    host.stop().await;
    // While nobody looked, too.
    fs::write(host.log("app.log"), "4\n").unwrap();
    host.start().await;
    host.pass(2).await;
    host.stop().await;
    assert_eq!(host.service().messages(&host.group("app")), ["one", "two", "three", "4"]);
}

#[tokio::test]
async fn an_outage_delays_and_loses_nothing() {
    let mut host = Host::new(&["*.log"]);
    host.service().outage = Some(unavailable());
    host.write("a.log", "one\n");
    host.write("b.log", "one\n");
    host.start().await;
    for number in 0..60 {
        host.write("a.log", &format!("{number}\n"));
        host.pass(10).await;
    }
    // Ten minutes of pauses that double up to one.
    let tries = host.service().calls.iter().filter(|call| call.starts_with("PutLogEvents")).count();
    assert!((15..40).contains(&tries), "{tries}");
    assert!(host.state().contains("\"offset\": 0") && !host.state().contains("\"offset\": 4"));
    host.service().outage = None;
    host.pass(61).await;
    host.stop().await;
    let service = host.service();
    assert_eq!(service.messages(&host.group("a")).len(), 61);
    assert_eq!(service.messages(&host.group("b")), ["one"]);
}

#[tokio::test]
async fn a_refusal_concerns_one_file_only() {
    let mut host = Host::new(&["*.log"]);
    host.service().refusal = Some(("denied", refused("AccessDeniedException")));
    host.write("denied.log", "kept\n");
    host.write("fine.log", "one\n");
    host.start().await;
    host.pass(5).await;
    host.write("fine.log", "two\n");
    host.pass(5).await;
    assert_eq!(host.service().messages(&host.group("fine")), ["one", "two"]);
    host.service().refusal = Some(("hopeless", refused("InvalidParameterException")));
    host.write("hopeless.log", "given up\n");
    host.pass(70).await;
    host.service().refusal = None;
    host.write("hopeless.log", "next\n");
    host.pass(5).await;
    host.stop().await;
    let service = host.service();
    assert_eq!(service.messages(&host.group("denied")), ["kept"]);
    assert_eq!(service.messages(&host.group("hopeless")), ["next"]);
}

/// Whatever happens to files, agent and service, in the end each line is there once, and those of a file in their order.
#[tokio::test]
async fn every_line_arrives_once() {
    for seed in 0..20 {
        let random = SeededRandom::new(seed);
        let below = |limit: u64| random.next_u64() % limit;
        let mut host = Host::new(&["*.log"]);
        host.start().await;
        let mut written = 0;
        let mut rotated = 0;
        for _ in 0..60 {
            match below(12) {
                0..=4 => {
                    let lines = below(4);
                    host.write(
                        "app.log",
                        &(0..lines).map(|line| format!("{:06}\n", written + line)).collect::<String>(),
                    );
                    written += lines;
                }
                5 => {
                    // A line in two pieces.
                    let line = format!("{written:06}\n");
                    let middle = below(7) as usize;
                    host.write("app.log", &line[..middle]);
                    host.pass(below(3) as u32).await;
                    host.write("app.log", &line[middle..]);
                    written += 1;
                }
                6 if host.log("app.log").exists() => {
                    // A file that is rotated away before anybody saw it is lost, to any tailer.
                    host.pass(6).await;
                    rotated += 1;
                    fs::rename(host.log("app.log"), host.log(&format!("app.log.{rotated}"))).unwrap();
                }
                7 => {
                    host.stop().await;
                    host.start().await;
                }
                8 => {
                    let outage = (below(2) == 0).then(unavailable);
                    host.service().outage = outage;
                }
                _ => host.pass(below(15) as u32).await,
            }
        }
        host.service().outage = None;
        host.pass(120).await;
        host.stop().await;
        let service = host.service();
        let mut numbers: Vec<u64> =
            service.messages(&host.group("app")).iter().map(|message| message.parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..written).collect::<Vec<_>>(), "seed {seed}");
    }
}
