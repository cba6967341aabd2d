//! An HTTP server that stands for a subscriber's endpoint.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::sync::mpsc;

/// What came in.
#[derive(Debug)]
pub(super) struct Received {
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The server.
pub(super) struct Receiver {
    pub url: String,
    /// The next statuses; 200 when there are none.
    pub statuses: Arc<Mutex<VecDeque<u16>>>,
    pub received: mpsc::UnboundedReceiver<Received>,
}

impl Receiver {
    pub(super) async fn listen() -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let statuses: Arc<Mutex<VecDeque<u16>>> = Arc::default();
        let (sender, received) = mpsc::unbounded_channel();
        let next = statuses.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, next) = (sender.clone(), next.clone());
                let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let (sender, next) = (sender.clone(), next.clone());
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
                        let status = next.lock().unwrap().pop_front().unwrap_or(200);
                        // A test that is over does not mind.
                        let _ = sender.send(Received { headers: parts.headers, body });
                        Ok::<_, Infallible>(
                            http::Response::builder().status(status).body(Full::<Bytes>::default()).unwrap(),
                        )
                    }
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                tokio::spawn(async move { server.serve_connection(TokioIo::new(stream), answer).await.map_err(drop) });
            }
        });
        Receiver { url, statuses, received }
    }

    pub(super) async fn next(&mut self) -> Received {
        self.received.recv().await.unwrap()
    }

    pub(super) fn answer(&self, statuses: &[u16]) {
        self.statuses.lock().unwrap().extend(statuses);
    }
}
