//! A connection whose peer takes nothing any more: what is written to it waits for a while, and then fails. Without this, a
//! client that asks and never reads the answer would hold the answer's memory for ever.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use watchkeep_core::{Clock, Sleep};

/// A stream whose writes do not wait for longer than a time limit.
pub(crate) struct Impatient<S> {
    stream: S,
    clock: Arc<dyn Clock>,
    time: Duration,
    /// Running while a write waits.
    waiting: Option<Sleep>,
}

impl<S: Unpin> Impatient<S> {
    pub(crate) fn new(stream: S, clock: Arc<dyn Clock>, time: Duration) -> Self {
        Impatient { stream, clock, time, waiting: None }
    }

    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = written(Pin::new(&mut self.stream), context) {
            self.waiting = None;
            return Poll::Ready(result);
        }
        let (clock, time) = (&self.clock, self.time);
        let waiting = self.waiting.get_or_insert_with(|| clock.sleep(time));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.bounded(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.bounded(context, |stream, context| stream.poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bounded(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.bounded(context, |stream, context| stream.poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use watchkeep_core::{ManualClock, TimestampMs};

    #[tokio::test]
    async fn writes_wait_only_so_long() {
        let clock = Arc::new(ManualClock::new(TimestampMs(0)));
        let (near, mut far) = tokio::io::duplex(4);
        let mut stream = Impatient::new(near, clock.clone(), Duration::from_secs(30));
        stream.write_all(b"abcd").await.unwrap();
        let reader = async {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(29));
            far.read_exact(&mut [0; 4]).await.unwrap();
        };
        let (written, ()) = tokio::join!(stream.write_all(b"efgh"), reader);
        written.unwrap();
        let later = async {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(30));
        };
        let (written, ()) = tokio::join!(stream.write_all(b"i"), later);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
