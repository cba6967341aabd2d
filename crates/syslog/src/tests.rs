//! A receiver on sockets of its own, over a sink that keeps what it is handed.

use std::sync::Mutex;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use watchkeep_core::ports::{IfAbsent, LogEventInput, LogSinkError, Unstored};
use watchkeep_core::{AccountId, BoxFuture, Region, SystemClock};

use super::*;

/// Keeps host and text; is busy as often as it was told to, and refuses what is of the host `refused`.
#[derive(Default)]
struct Sink {
    kept: Mutex<Vec<(String, String)>>,
    busy: Mutex<u32>,
}

impl LogSink for Sink {
    fn put<'a>(
        &'a self,
        _: &'a MetricPlace,
        log_group: &'a str,
        log_stream: &'a str,
        if_absent: IfAbsent,
        events: Vec<LogEventInput>,
    ) -> BoxFuture<'a, Result<Unstored, LogSinkError>> {
        assert_eq!((log_group, if_absent), ("/syslog", IfAbsent::Create));
        let mut busy = self.busy.lock().unwrap();
        let answer = if *busy > 0 {
            *busy -= 1;
            Err(LogSinkError::Busy("full".into()))
        } else if log_stream == "refused" {
            Err(LogSinkError::Refused("no".into()))
        } else {
            self.kept.lock().unwrap().extend(events.into_iter().map(|event| (log_stream.to_owned(), event.message)));
            Ok(Unstored::default())
        };
        Box::pin(std::future::ready(answer))
    }
}

/// A certificate for `localhost`, and who trusts it.
fn certified() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

#[tokio::test]
async fn messages_come_by_datagram_and_by_connection() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (acceptor, connector) = certified();
    let config = SyslogConfig {
        udp: Some(any),
        tcp: Some(any),
        tls: Some((any, acceptor)),
        place: MetricPlace { account: AccountId::DEFAULT, region: Region::default() },
        log_group: "/syslog".into(),
    };
    let sink = Arc::new(Sink { busy: Mutex::new(1), ..Sink::default() });
    let syslog = Syslog::bind(config, sink.clone(), Arc::new(SystemClock::new())).await.unwrap();
    let [udp, tcp, tls] = syslog.addresses().map(|(_, address)| address.unwrap());
    let counters = syslog.counters();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(syslog.run(stopped));

    let socket = UdpSocket::bind(any).await.unwrap();
    socket.send_to(b"<34>1 - udp-host app - - - one", udp).await.unwrap();
    let mut connection = TcpStream::connect(tcp).await.unwrap();
    connection.write_all(b"<34>1 - tcp-host app - - - two\n30 <34>1 - tcp-host app - - - 3\nb").await.unwrap();
    connection.write_all(b"<34>1 - refused app - - - x\n<34>1 - tcp-host app - - - last").await.unwrap();
    drop(connection);
    let connection = TcpStream::connect(tls).await.unwrap();
    let mut secured = connector.connect(ServerName::try_from("localhost").unwrap(), connection).await.unwrap();
    secured.write_all(b"31 <34>1 - tls-host app - - - four").await.unwrap();
    secured.flush().await.unwrap();
    // Who speaks no TLS there is not listened to.
    let mut plain = TcpStream::connect(tls).await.unwrap();
    plain.write_all(b"<34>1 - plain-host app - - - five\n").await.unwrap();

    let clock = SystemClock::new();
    for _ in 0..500 {
        if counters.stored() + counters.dropped() == 6 {
            break;
        }
        clock.sleep(Duration::from_millis(20)).await;
    }
    stop.send_replace(true);
    running.await.unwrap();
    let mut kept = sink.kept.lock().unwrap().clone();
    kept.sort();
    let kept: Vec<_> = kept.iter().map(|(host, text)| (host.as_str(), text.rsplit("- ").next().unwrap())).collect();
    let expected =
        [("tcp-host", "3\nb"), ("tcp-host", "last"), ("tcp-host", "two"), ("tls-host", "four"), ("udp-host", "one")];
    assert_eq!(kept, expected);
    assert_eq!((counters.stored(), counters.dropped()), (5, 1));
}
