//! A receiver on sockets of its own, over a sink that keeps what it is handed.

use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use watchkeep_core::ports::{
    IfAbsent, LogEventInput, LogSink, LogSinkError, MetricPlace, Samples, SyslogRoute, Unstored,
};
use watchkeep_core::{AccountId, BoxFuture, Region, SystemClock, TimestampMs};

use super::*;

/// Keeps host and text, behind the group if that is not of the settings; is busy as often as it was told to, and refuses what is of the
/// host `refused`, and what is for the group that is not there.
#[derive(Default)]
struct Sink {
    kept: Mutex<Vec<(String, String)>>,
    busy: Mutex<u32>,
    route: Mutex<Option<SyslogRoute>>,
    /// What the route becomes once something was refused.
    route_then: Mutex<Option<SyslogRoute>>,
}

impl Sink {
    fn set_route(&self, route: SyslogRoute) {
        *self.route.lock().unwrap() = Some(route);
    }

    fn kept(&self) -> Vec<(String, String)> {
        let mut kept = self.kept.lock().unwrap().clone();
        kept.sort();
        kept
    }
}

impl SyslogRoutes for Sink {
    fn route(&self, endpoint: &SyslogEndpoint) -> SyslogRoute {
        assert_eq!(endpoint.id, "vpce-1");
        self.route.lock().unwrap().clone().unwrap_or(SyslogRoute::Unset)
    }
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
        let (host, expected) = match log_group {
            "/syslog" => (log_stream.to_owned(), IfAbsent::Create),
            _ => (format!("{log_group}:{log_stream}"), IfAbsent::CreateStream),
        };
        assert_eq!(if_absent, expected);
        let mut busy = self.busy.lock().unwrap();
        let answer = if *busy > 0 {
            *busy -= 1;
            Err(LogSinkError::Busy("full".into()))
        } else if log_stream == "refused" || log_group == "/gone" {
            if let Some(route) = self.route_then.lock().unwrap().take() {
                self.set_route(route);
            }
            Err(LogSinkError::Refused("no".into()))
        } else {
            self.kept.lock().unwrap().extend(events.into_iter().map(|event| (host.clone(), event.message)));
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

fn config() -> SyslogConfig {
    let place = MetricPlace { account: AccountId::DEFAULT, region: Region::default() };
    let endpoint = SyslogEndpoint { place, id: "vpce-1".into() };
    SyslogConfig { udp: None, tcp: None, tls: None, endpoint, log_group: "/syslog".into() }
}

fn ports(sink: &Arc<Sink>) -> SyslogPorts {
    SyslogPorts { sink: sink.clone(), routes: sink.clone(), meter: Arc::default() }
}

/// Waits until so many messages were stored or dropped.
async fn counted(counters: &Counters, count: u64) {
    let clock = SystemClock::new();
    for _ in 0..500 {
        if counters.stored() + counters.dropped() == count {
            return;
        }
        clock.sleep(Duration::from_millis(20)).await;
    }
    panic!("{count} messages are waited for: {counters:?}");
}

#[tokio::test]
async fn messages_come_by_datagram_and_by_connection() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (acceptor, connector) = certified();
    let config = SyslogConfig { udp: Some(any), tcp: Some(any), tls: Some((any, acceptor)), ..config() };
    let sink = Arc::new(Sink { busy: Mutex::new(1), ..Sink::default() });
    let syslog = Syslog::bind(config, ports(&sink), Arc::new(SystemClock::new())).await.unwrap();
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

    counted(&counters, 6).await;
    stop.send_replace(true);
    running.await.unwrap();
    let kept = sink.kept();
    let kept: Vec<_> = kept.iter().map(|(host, text)| (host.as_str(), text.rsplit("- ").next().unwrap())).collect();
    let expected =
        [("tcp-host", "3\nb"), ("tcp-host", "last"), ("tcp-host", "two"), ("tls-host", "four"), ("udp-host", "one")];
    assert_eq!(kept, expected);
    assert_eq!((counters.stored(), counters.dropped()), (5, 1));
}

#[tokio::test]
async fn messages_go_where_the_configuration_of_the_moment_says() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let sink = Arc::new(Sink::default());
    let config = SyslogConfig { tcp: Some(any), ..config() };
    let ports = ports(&sink);
    let meter = ports.meter.clone();
    let syslog = Syslog::bind(config, ports, Arc::new(SystemClock::new())).await.unwrap();
    let tcp = syslog.addresses()[1].1.unwrap();
    let counters = syslog.counters();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(syslog.run(stopped));

    let mut connection = TcpStream::connect(tcp).await.unwrap();
    connection.write_all(b"<34>1 - host app - - - one\n").await.unwrap();
    counted(&counters, 1).await;
    sink.set_route(SyslogRoute::To("/a".into()));
    connection.write_all(b"<34>1 - host app - - - two\n").await.unwrap();
    counted(&counters, 2).await;
    // The group is deleted while a message is under way to it, and another takes its place.
    sink.set_route(SyslogRoute::To("/gone".into()));
    *sink.route_then.lock().unwrap() = Some(SyslogRoute::To("/b".into()));
    connection.write_all(b"<34>1 - host app - - - three\n").await.unwrap();
    counted(&counters, 3).await;

    // Without the group a connection is reset, an old one with its next message and a new one at once.
    sink.set_route(SyslogRoute::Missing("/gone".into()));
    connection.write_all(b"<34>1 - host app - - - four\n").await.unwrap();
    let old = connection.read_u8().await;
    // The reset may come before the connection is seen to be there.
    let new = async { TcpStream::connect(tcp).await?.read_u8().await }.await;
    for ended in [old, new] {
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
    sink.set_route(SyslogRoute::Unset);
    let mut connection = TcpStream::connect(tcp).await.unwrap();
    connection.write_all(b"<34>1 - host app - - - five\n").await.unwrap();
    counted(&counters, 5).await;
    stop.send_replace(true);
    running.await.unwrap();
    let kept = sink.kept();
    let kept: Vec<_> = kept.iter().map(|(host, text)| (host.as_str(), text.rsplit("- ").next().unwrap())).collect();
    assert_eq!(kept, [("/a:host", "two"), ("/b:host", "three"), ("host", "five"), ("host", "one")]);
    assert_eq!((counters.stored(), counters.dropped()), (4, 1));

    let measured = meter.take(TimestampMs(0)).into_iter().map(|(_, measurement)| {
        let Samples::Summary(reading) = measurement.samples else { panic!("{measurement:?}") };
        let dimensions: Vec<_> = measurement.metric.dimensions.iter().map(|(_, value)| &**value).collect();
        (measurement.metric.name.to_string(), dimensions.join(" "), reading.sum)
    });
    let mut measured: Vec<_> = measured.collect();
    measured.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let expected = [
        ("SyslogMessagesDropped", "/gone ResourceNotFound", 1.0),
        ("SyslogMessagesReceived", "/a", 1.0),
        ("SyslogMessagesReceived", "/b", 1.0),
        ("SyslogMessagesReceived", "/syslog", 2.0),
    ];
    assert_eq!(measured, expected.map(|(name, dimensions, sum)| (name.to_owned(), dimensions.to_owned(), sum)));
}
