//! Asks a server on this machine: `POST /_watchkeep/<verb>`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Where the server is, unless something else is said.
const ENDPOINT: &str = "http://127.0.0.1:4566";

/// The answer to a verb with this body.
///
/// # Errors
///
/// What connecting can meet, and what the server has against it.
pub fn post(endpoint: Option<&str>, verb: &str, body: &Value) -> Result<Value> {
    let endpoint = endpoint.unwrap_or(ENDPOINT);
    let Some(address) = endpoint.strip_prefix("http://") else {
        bail!("{endpoint}: this is asked over plain http, on the server's own machine");
    };
    let address = address.trim_end_matches('/');
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    write!(
        stream,
        "POST /_watchkeep/{verb} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("reading the answer")?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    if !head.starts_with("HTTP/1.1 200") {
        bail!("{}: {}", head.lines().next().unwrap_or_default(), body.trim());
    }
    serde_json::from_str(body).context("the answer is not JSON")
}
