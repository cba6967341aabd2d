//! Gateways of a cluster: one works, another hands on to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use watchkeep_core::SystemClock;

use super::harness::{Answer, NOW, SECRET, Sent, Server, Setup, ports, read_answer};
use super::signatures;
use crate::cluster::{PeerKey, Relay, Tenure, Whereabouts};
use crate::{AuthMode, Gateway, Ports};

const KEY: [u8; 32] = [7; 32];

/// Where the one that works is, as the test says.
#[derive(Default)]
struct Told(Mutex<Option<String>>);

impl Whereabouts for Told {
    fn works(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A gateway that hands on, at this address.
struct Waiting {
    address: SocketAddr,
    whereabouts: Arc<Told>,
    _stop: oneshot::Sender<()>,
}

async fn waiting(key: [u8; 32]) -> Waiting {
    let whereabouts = Arc::new(Told::default());
    let clock = Arc::new(watchkeep_core::ManualClock::new(NOW));
    let relay = Relay::new(whereabouts.clone(), PeerKey::new(&key), clock);
    let ports = Ports {
        services: Vec::new(),
        http_apis: Vec::new(),
        relay: Some(Arc::new(relay)),
        ..ports(Arc::default(), Arc::default(), None)
    };
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Gateway::bind_on(vec![socket], Setup::new(AuthMode::Enforced).config, ports).await.unwrap();
    let address = gateway.addresses()[0];
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(gateway.run(async move { drop(stopped.await) }));
    Waiting { address, whereabouts, _stop: stop }
}

/// One that works, and where it takes what is handed on.
async fn working() -> (Server, String) {
    let peers: SocketAddr = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let mut setup = Setup::new(AuthMode::Enforced);
    setup.config.peers = Some((peers, PeerKey::new(&KEY)));
    setup.s3 = true;
    (setup.start().await, peers.to_string())
}

fn signed(call: Sent) -> Sent {
    signatures::signed(call, SECRET, "logs", 0)
}

async fn send(address: SocketAddr, sent: &Sent) -> Answer {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(&sent.bytes()).await.unwrap();
    read_answer(&mut stream).await.unwrap()
}

#[tokio::test]
async fn a_call_is_answered_as_by_the_one_that_works() {
    let (server, peers) = working().await;
    let other = waiting(KEY).await;
    *other.whereabouts.0.lock().unwrap() = Some(peers);
    let calls = [
        Sent::logs("DescribeLogGroups", "{}"),
        Sent::logs("DescribeLogGroups", r#"{"logGroupNamePrefix":"missing"}"#),
        Sent::logs("NoSuchOperation", "{}"),
    ];
    for call in calls.map(signed) {
        let (here, there) = (server.send(&call).await, send(other.address, &call).await);
        assert_eq!((here.status, here.text()), (there.status, there.text()));
        assert!(!there.header("x-amzn-requestid").is_empty());
    }
    // A signature that does not fit is as wrong there as here.
    let mut forged = signed(Sent::logs("DescribeLogGroups", "{}"));
    forged.body = b"{ }".to_vec();
    assert_eq!(send(other.address, &forged).await.status, server.send(&forged).await.status);
    // The record names the client and its host.
    let records = server.audit.take();
    assert!(records.iter().all(|record| record.caller.source_address.is_loopback()));
    assert!(records.iter().all(|record| record.host.as_deref() == Some("localhost:4566")));
    server.done().await;
}

#[tokio::test]
async fn what_is_asked_of_a_server_itself_is_not_handed_on() {
    let (server, peers) = working().await;
    let other = waiting(KEY).await;
    let health = Sent::new("GET", "/health", "");
    assert_eq!(send(other.address, &health).await.status, 503);
    *other.whereabouts.0.lock().unwrap() = Some(peers.clone());
    assert_eq!(send(other.address, &health).await.status, 200);
    let admin = send(other.address, &Sent::new("POST", "/_watchkeep/echo", "x")).await;
    assert_eq!(admin.status, 421);
    assert!(admin.text().contains(&peers));
    server.done().await;
}

#[tokio::test]
async fn a_request_waits_for_the_one_that_works_next() {
    let other = waiting(KEY).await;
    let call = signed(Sent::logs("DescribeLogGroups", "{}"));
    let asked = {
        let (address, call) = (other.address, call.clone());
        tokio::spawn(async move { send(address, &call).await })
    };
    let (server, peers) = working().await;
    // First somebody who is gone.
    *other.whereabouts.0.lock().unwrap() = Some("127.0.0.1:1".to_owned());
    watchkeep_core::Clock::sleep(&SystemClock::new(), std::time::Duration::from_millis(50)).await;
    assert!(!asked.is_finished());
    *other.whereabouts.0.lock().unwrap() = Some(peers);
    assert_eq!(asked.await.unwrap().status, 200);
    server.done().await;
}

#[tokio::test]
async fn only_gateways_with_the_clusters_key_hand_on() {
    let (server, peers) = working().await;
    let stranger = waiting([8; 32]).await;
    *stranger.whereabouts.0.lock().unwrap() = Some(peers.clone());
    let call = signed(Sent::logs("DescribeLogGroups", "{}"));
    assert_eq!(send(stranger.address, &call).await.status, 403);
    assert_eq!(send(peers.parse().unwrap(), &call).await.status, 403);
    assert!(server.audit.take().is_empty());
    server.done().await;
}

/// Is over.
struct Over;

impl Tenure for Over {
    fn lasts(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn who_may_not_work_any_more_answers_nothing() {
    let ports = Ports { tenure: Arc::new(Over), ..ports(Arc::default(), Arc::default(), None) };
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Gateway::bind_on(vec![socket], Setup::new(AuthMode::Open).config, ports).await.unwrap();
    let address = gateway.addresses()[0];
    let (_stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(gateway.run(async move { drop(stopped.await) }));
    let answer = send(address, &Sent::logs("DescribeLogGroups", "{}")).await;
    assert_eq!((answer.status, answer.header("retry-after"), answer.body.len()), (503, "1", 0));
}
