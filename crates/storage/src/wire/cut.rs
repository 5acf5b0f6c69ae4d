//! Extracts a range from a whole body.

use super::Error;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use std::ops::Range;

type Body = BoxStream<'static, Result<Bytes, Error>>;

/// Returns a range of a body; the bytes after it are not read.
pub(super) fn part(body: Body, wanted: Range<u64>) -> Body {
    stream::try_unfold((body, 0), move |(mut body, mut at)| {
        let wanted = wanted.clone();
        async move {
            while at < wanted.end {
                let Some(piece) = body.next().await.transpose()? else { break };
                let (start, end) = (at, at + piece.len() as u64);
                at = end;
                let within = wanted.start.clamp(start, end) - start..wanted.end.clamp(start, end) - start;
                if !within.is_empty() {
                    return Ok(Some((piece.slice(within.start as usize..within.end as usize), (body, at))));
                }
            }
            Ok(None)
        }
    })
    .boxed()
}

/// Returns the last `count` bytes of a body; no more of it is held in memory.
pub(super) fn tail(body: Body, count: u64) -> Body {
    let read = async move {
        let (mut body, mut last) = (body, BytesMut::new());
        while let Some(piece) = body.next().await.transpose()? {
            last.extend_from_slice(&piece);
            let surplus = (last.len() as u64).saturating_sub(count) as usize;
            drop(last.split_to(surplus));
        }
        Ok(last.freeze())
    };
    stream::once(read).boxed()
}
