//! Futures side by side on one task.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// What was ready first.
pub(super) enum First<A, B> {
    /// The first; it is preferred when both are.
    One(A),
    /// The second.
    Other(B),
}

/// Waits for one of two; the other is dropped.
pub(super) async fn race<A: Future, B: Future>(one: A, other: B) -> First<A::Output, B::Output> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(out) => Poll::Ready(First::One(out)),
        Poll::Pending => other.as_mut().poll(cx).map(First::Other),
    })
    .await
}

/// Waits for both; not for the other when one fails.
pub(super) async fn both<E>(
    one: impl Future<Output = Result<(), E>>,
    other: impl Future<Output = Result<(), E>>,
) -> Result<(), E> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut is_one_done, mut is_other_done) = (false, false);
    poll_fn(|cx| {
        for (future, done) in [
            (one.as_mut() as std::pin::Pin<&mut dyn Future<Output = _>>, &mut is_one_done),
            (other.as_mut(), &mut is_other_done),
        ] {
            if !*done && let Poll::Ready(out) = future.poll(cx) {
                *done = true;
                if out.is_err() {
                    return Poll::Ready(out);
                }
            }
        }
        if is_one_done && is_other_done { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// Waits for it if it is there, else for ever.
pub(super) async fn maybe<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
