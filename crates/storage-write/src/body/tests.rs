//! Tests of bodies and of the watch over them, with a clock that jumps.

use super::*;
use http_body::Body as _;
use std::future::{pending, poll_fn};
use std::io::Write;

async fn pieces(mut body: Body, pause: Duration) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        all.extend_from_slice(&piece?.into_data().unwrap_or_default());
        tokio::time::sleep(pause).await;
    }
    Ok(all)
}

fn file(bytes: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

#[tokio::test]
async fn a_body_has_the_bytes_of_its_range() {
    let bytes: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
    for content in [
        Content::Bytes(bytes[5..600_000].to_vec().into()),
        Content::File(file(&bytes), 5..600_000),
        Content::Bytes(Bytes::new()),
        Content::File(file(&bytes), 9..9),
    ] {
        let expected = if content.len() == 0 { &[] } else { &bytes[5..600_000] };
        let sent = send("k", content, |body| async {
            assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
            assert_eq!(body.is_end_stream(), expected.is_empty());
            pieces(body, Duration::ZERO).await.map_err(|error| Error::failed("k", error))
        });
        assert_eq!(sent.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_file_that_ends_early_is_no_failure_of_the_store() {
    let content = Content::File(file(b"0123456789"), 5..11);
    let sent = send("k", content, |body| async {
        pieces(body, Duration::ZERO).await.map_err(|error| Error::because(ErrorKind::Unavailable, "k", error))
    });
    assert_eq!(sent.await.unwrap_err().kind(), ErrorKind::Source);
}

/// A slow body is waited for as long as it makes way; one that stands still, and an answer that does not come, are not.
#[tokio::test(start_paused = true)]
async fn only_what_stands_still_fails() {
    let content = || Content::Bytes(vec![7; 4 * PIECE as usize].into());
    let began = Instant::now();
    let slow = send("k", content(), |body| async {
        pieces(body, Duration::from_secs(29)).await.map_err(|error| Error::failed("k", error))
    });
    assert_eq!(slow.await.unwrap().len(), 4 * PIECE as usize);
    assert_eq!(began.elapsed(), Duration::from_secs(4 * 29));
    let began = Instant::now();
    let stands = send("k", content(), |mut body| async move {
        poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        pending::<Result<(), Error>>().await
    });
    assert_eq!(stands.await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(began.elapsed(), STALL);
    let began = Instant::now();
    let unanswered = send("k", content(), |body| async {
        let _ = pieces(body, Duration::ZERO).await;
        pending::<Result<(), Error>>().await
    });
    assert_eq!(unanswered.await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(began.elapsed(), ANSWER);
    let error = answer("k", pending::<Result<(), Error>>()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

/// All bodies of a writer together keep to its rate, and waiting for a turn is no stand-still.
#[tokio::test(start_paused = true)]
async fn bodies_share_a_rate() {
    use crate::{If, Paced, Put, StorageWrite};

    /// A store that takes bodies as they come.
    #[derive(Debug)]
    struct Store;

    #[async_trait::async_trait]
    impl StorageWrite for Store {
        async fn put(&self, key: &str, bytes: Bytes, _: If<'_>) -> Result<Put, Error> {
            let sent = send(key, Content::Bytes(bytes), |body| async {
                pieces(body, Duration::ZERO).await.map_err(|error| Error::failed("k", error))
            });
            sent.await.map(|_| Put::Written)
        }

        async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
            let content = Content::File(Arc::new(file.try_clone().unwrap()), 0..len);
            let sent = send(key, content, |body| async {
                pieces(body, Duration::ZERO).await.map_err(|error| Error::failed("k", error))
            });
            sent.await.map(drop)
        }

        async fn delete(&self, _: &str) -> Result<(), Error> {
            Ok(())
        }
    }

    const LEN: usize = 4 << 20;
    let paced = Paced::new(Arc::new(Store), Rate::new(1));
    let stored = file(&vec![7; LEN]);
    let began = Instant::now();
    let (bytes, same) =
        tokio::join!(paced.put("a", vec![7; LEN].into(), If::Any), paced.put_file("b", &stored, LEN as u64));
    assert_eq!((bytes.unwrap(), same.is_ok()), (Put::Written, true));
    // The last piece is sent at the end of the time of all others.
    let whole = (2 * LEN) as f64 / Rate::LEAST as f64;
    let took = began.elapsed().as_secs_f64();
    assert!(took <= whole && took >= whole - 1.0, "{took} of {whole} s");
    let began = Instant::now();
    Store.put("a", vec![7; LEN].into(), If::Any).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO, "nothing bounds others");
}
