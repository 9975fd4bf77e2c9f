//! Reading a request body without trusting its length.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// There is more than the limit.
    TooLarge,
    /// The other side went away or broke the framing.
    Broken,
}

/// How many bytes beyond the limit are taken in and forgotten, so that the refusal is read: a connection that is closed while the other
/// side still writes loses the answer. Who sends more than that loses it.
const OVERRUN: usize = 1 << 20;

/// How long the overrun may take.
const OVERRUN_TIME: Duration = Duration::from_secs(5);

/// Reads the whole of `body` if it has at most `limit` bytes.
///
/// # Errors
/// [`BodyError::TooLarge`] when the announced or the real length passes `limit`, after a bounded part of the rest was discarded;
/// [`BodyError::Broken`] when the connection fails in between.
pub async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let announced = http_body::Body::size_hint(&body).lower();
    if announced <= u64::try_from(limit).unwrap_or(u64::MAX) {
        match Limited::new(&mut body, limit).collect().await {
            Ok(collected) => return Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {}
            Err(_) => return Err(BodyError::Broken),
        }
    }
    let rest = discard_body(body, limit.saturating_add(OVERRUN));
    let _ = tokio::time::timeout(OVERRUN_TIME, rest).await;
    Err(BodyError::TooLarge)
}

/// Takes in up to `limit` bytes of `body` and forgets them, for an answer that does not depend on it: one that comes before a small
/// body has been taken gets lost, because HTTP/2 resets the stream and HTTP/1.1 the connection.
pub async fn discard_body(body: Body, limit: usize) {
    let mut body = Limited::new(body, limit);
    while let Some(Ok(_)) = body.frame().await {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_and_one_byte_more_is_not() {
        assert_eq!(read_body(Body::from("12345"), 5).await, Ok(Bytes::from_static(b"12345")));
        assert_eq!(read_body(Body::from("123456"), 5).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_stream_of_unknown_length_is_cut_at_the_limit() {
        let endless =
            futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"xxxx")));
        assert_eq!(read_body(Body::from_stream(endless), 1000).await, Err(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn what_is_a_little_too_large_is_taken_in_before_the_refusal() {
        let left = Arc::new(AtomicUsize::new(20));
        let frames = Arc::clone(&left);
        let body = futures_util::stream::iter(0..20).map(move |_| {
            frames.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from_static(b"xxxx"))
        });
        assert_eq!(read_body(Body::from_stream(body), 10).await, Err(BodyError::TooLarge));
        assert_eq!(left.load(Ordering::SeqCst), 0, "the other side was left writing");
    }

    #[tokio::test]
    async fn an_endless_body_is_discarded_up_to_the_limit() {
        let endless =
            futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"xxxx")));
        discard_body(Body::from_stream(endless), 1000).await;
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_not_an_empty_body() {
        let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
        assert_eq!(read_body(Body::from_stream(broken), 1000).await, Err(BodyError::Broken));
    }
}
