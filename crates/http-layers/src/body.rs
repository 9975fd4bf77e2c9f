//! Reading a request body without trusting its length.

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

/// Reads the whole of `body` if it has at most `limit` bytes.
///
/// # Errors
/// [`BodyError::TooLarge`] as soon as the announced or the real length passes `limit`; [`BodyError::Broken`] when the
/// connection fails in between.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let announced = http_body::Body::size_hint(&body).lower();
    if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

/// Takes in up to `limit` bytes of `body` and forgets them, for an answer that does not depend on it: one that comes before a small
/// body has been taken gets lost, because HTTP/2 resets the stream and HTTP/1.1 the connection.
pub async fn discard_body(body: Body, limit: usize) {
    let mut body = Limited::new(body, limit);
    while let Some(Ok(_)) = body.frame().await {}
}

#[cfg(test)]
mod tests {
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
