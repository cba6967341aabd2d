//! Work that goes on when whoever waited for it has gone.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use watchkeep_core::{BoxFuture, HangUp};

/// Runs `work` where it is awaited, which costs no task and no wake-up; dropped before the end, it hands the rest to a task of
/// its own, and tells it so by `hang_up`.
pub(crate) fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    hang_up: HangUp,
) -> ToTheEnd<T> {
    ToTheEnd(Some(Box::pin(work)), hang_up)
}

/// See [`to_the_end`].
pub(crate) struct ToTheEnd<T: Send + 'static>(Option<BoxFuture<'static, T>>, HangUp);

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = self.0.as_mut() else { return Poll::Pending };
        let done = ready!(work.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        // Without a runtime there is nobody left to do it.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            self.1.tell();
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};

    use watchkeep_core::HangUp;

    use super::to_the_end;

    #[tokio::test]
    async fn dropped_work_is_still_done() {
        let (go_on, (done, told)) = (Arc::new(Notify::new()), oneshot::channel());
        let waiting = go_on.clone();
        let (hang_up, gone) = HangUp::new();
        let of_work = gone.clone();
        let mut work = to_the_end(
            async move {
                waiting.notified().await;
                of_work.wait().await;
                let _ = done.send(());
            },
            hang_up,
        );
        assert!(futures_util::future::poll_immediate(&mut work).await.is_none());
        assert!(futures_util::future::poll_immediate(gone.wait()).await.is_none());
        drop(work);
        go_on.notify_one();
        told.await.expect("the rest was not done");
        let (hang_up, gone) = HangUp::new();
        assert_eq!(to_the_end(async { 7 }, hang_up).await, 7);
        assert!(futures_util::future::poll_immediate(gone.wait()).await.is_none());
    }
}
