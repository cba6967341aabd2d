//! Bodies that operations take as they come: freed of the aws-chunked coding, compared with what was signed, piece by piece.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::Mutex;
use watchkeep_model::ServiceError;
use watchkeep_wire::aws_chunked::ChunkReader;
use watchkeep_wire::service::{BodyPiece, IncomingBody};
use watchkeep_wire::sigv4::{BodyCheck, ErrorFamily, Verified};

use crate::body::BodyError;
use crate::coding;
use crate::limits::DISCARDED_BYTES_MAX;
use crate::shared::Shared;
use crate::timer::within;

/// What of a body the operation has not taken.
pub(crate) struct Rest {
    source: Arc<Source>,
    /// The client waits to be told to send its body.
    waits: bool,
}

struct Source {
    incoming: Mutex<Incoming>,
    begun: AtomicBool,
}

impl Source {
    /// The next data; `None` at the end.
    async fn next(&self) -> Option<Result<Bytes, BodyError>> {
        self.begun.store(true, Ordering::Relaxed);
        let mut incoming = self.incoming.lock().await;
        loop {
            match incoming.frame().await?.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => return Some(Ok(data)),
                // HTTP's own trailers are of no use here.
                Ok(Err(_)) => {}
                Err(_) => return Some(Err(BodyError::Broken)),
            }
        }
    }
}

impl Rest {
    /// Reads and throws away what is left, within limits: a client that is still sending would not see the answer.
    pub(crate) async fn discard(self, shared: &Shared) {
        if self.waits && !self.source.begun.load(Ordering::Relaxed) {
            return;
        }
        let discarding = async {
            let mut left = DISCARDED_BYTES_MAX;
            while let Some(Ok(data)) = self.source.next().await {
                left = left.saturating_sub(data.len());
                if left == 0 {
                    return;
                }
            }
        };
        within(shared.patience.as_ref(), shared.config.limits.room_time, discarding).await;
    }
}

/// Makes the body for the operation of a request's.
pub(crate) fn incoming(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    incoming: Incoming,
    verified: Option<Verified>,
    family: ErrorFamily,
) -> (IncomingBody, Rest) {
    let number = |name: &str| coding::header(headers, name).and_then(|value| value.parse::<u64>().ok());
    let chunked = coding::is_chunked(headers);
    let length = number(if chunked { "x-amz-decoded-content-length" } else { CONTENT_LENGTH.as_str() });
    let promised = coding::header(headers, "x-amz-trailer").unwrap_or_default().split(',');
    let promised: Vec<String> =
        promised.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
    let body_check = verified.as_ref().and_then(|verified| verified.body_sha256.clone()).map(BodyCheck::new);
    let signed = verified.and_then(|verified| Some((verified.seed, verified.streaming?)));
    let source = Arc::new(Source { incoming: Mutex::new(incoming), begun: AtomicBool::new(false) });
    let reading = Reading {
        shared: Arc::clone(shared),
        source: Arc::clone(&source),
        chunks: chunked.then(|| ChunkReader::new(length, signed)),
        body_check,
        family,
        ready: VecDeque::new(),
        has_ended: false,
    };
    let pieces = stream::unfold(reading, |mut reading| async move {
        let piece = reading.next().await?;
        reading.has_ended |= piece.is_err();
        Some((piece, reading))
    });
    let rest = Rest { source, waits: headers.contains_key(EXPECT) };
    (IncomingBody { length, promised, pieces: pieces.boxed() }, rest)
}

/// A body that is being read.
struct Reading {
    shared: Arc<Shared>,
    source: Arc<Source>,
    chunks: Option<ChunkReader>,
    body_check: Option<BodyCheck>,
    family: ErrorFamily,
    /// Data that was read and not handed on yet.
    ready: VecDeque<Bytes>,
    has_ended: bool,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<BodyPiece, ServiceError>> {
        loop {
            if let Some(data) = self.ready.pop_front() {
                return Some(Ok(BodyPiece::Data(data)));
            }
            if self.has_ended {
                return None;
            }
            let shared = &self.shared;
            let frame = within(shared.patience.as_ref(), shared.config.limits.body_time, self.source.next()).await;
            match frame {
                None => return Some(Err(BodyError::TooSlow.into_error())),
                Some(Some(Err(error))) => return Some(Err(error.into_error())),
                Some(Some(Ok(data))) => {
                    if let Err(error) = self.take(data) {
                        return Some(Err(error));
                    }
                }
                Some(None) => {
                    self.has_ended = true;
                    return self.end().map(|trailers| trailers.map(BodyPiece::Trailers)).transpose();
                }
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<(), ServiceError> {
        if let Some(check) = &mut self.body_check {
            check.update(&data);
        }
        match &mut self.chunks {
            Some(chunks) => {
                self.ready.extend(chunks.read(data).map_err(|error| error.into_error(self.family))?);
            }
            None => self.ready.push_back(data),
        }
        Ok(())
    }

    /// Checks what can be checked at the end only; returns the trailers, if there may be some.
    fn end(&mut self) -> Result<Option<Vec<(String, String)>>, ServiceError> {
        if let Some(check) = self.body_check.take() {
            check.finish().map_err(|refusal| refusal.into_error(self.family))?;
        }
        match self.chunks.take() {
            Some(chunks) => chunks.finish().map(Some).map_err(|error| error.into_error(self.family)),
            None => Ok(None),
        }
    }
}
