//! Batches of OSS: `DeleteMultipleObjects`.

use super::super::body::{Content, send};
use super::super::many::batches::{Asked, Batches, Refusals, content_md5};
use super::{OssWriter, TO_DELETE};
use async_trait::async_trait;
use http::Method;
use ray_history_storage::connection::{deletions, document_of, refused_key};
use ray_history_storage::{Error, ErrorKind};

/// The keys of the answer are escaped, because XML cannot hold all.
const PATH: &str = "?delete&encoding-type=url";

#[async_trait]
impl Batches for OssWriter {
    async fn ask(&self, keys: &[&str]) -> Asked {
        let first = keys.first().copied().unwrap_or_default();
        let document = document(keys);
        let headers =
            [("content-length", document.len().to_string()), ("content-md5", content_md5(document.as_bytes()))];
        let sent = send(first, Content::Bytes(document.into()), |body| async move {
            let mut request = self.connection.request(first, Method::POST, PATH, &headers).await?;
            *request.body_mut() = Some(reqwest::Body::wrap(body));
            document_of(first, self.connection.send(first, TO_DELETE, request).await?).await
        });
        match sent.await {
            Ok(answer) => told_of(&answer),
            Err(error) => match error.kind() {
                // Of a single object, too; and a bucket is not a key.
                ErrorKind::NotFound => Asked::Failed(Error::because(ErrorKind::NoBucket, first, "check its name")),
                ErrorKind::PermissionDenied => Asked::Refused { lasting: true },
                ErrorKind::Failed => Asked::Refused { lasting: false },
                _ => Asked::Failed(error),
            },
        }
    }

    fn refusals(&self) -> &Refusals {
        &self.refusals
    }
}

fn document(keys: &[&str]) -> String {
    let mut text = "<Delete><Quiet>false</Quiet>".to_owned();
    for key in keys {
        text.push_str("<Object><Key>");
        for c in key.chars() {
            match c {
                '&' => text.push_str("&amp;"),
                '<' => text.push_str("&lt;"),
                '>' => text.push_str("&gt;"),
                c => text.push(c),
            }
        }
        text.push_str("</Key></Object>");
    }
    text + "</Delete>"
}

fn told_of(answer: &[u8]) -> Asked {
    let Ok(told) = deletions(answer) else { return Asked::Refused { lasting: false } };
    let (deleted, refused): (Vec<_>, Vec<_>) = told.into_iter().partition(|(_, code)| code.is_none());
    // If both are said of a key, it was not deleted.
    let results = deleted.into_iter().chain(refused).map(|(key, code)| {
        let refused = code.map(|code| refused_key(&key, &code, TO_DELETE));
        let result = match refused {
            Some(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        (key, result)
    });
    Asked::Told(results.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_escaped() {
        let expected = "<Delete><Quiet>false</Quiet><Object><Key>a&amp;lt;&lt;&gt;]]&gt;'\"+%2F</Key></Object>\
             <Object><Key>b</Key></Object></Delete>";
        assert_eq!(document(&["a&lt;<>]]>'\"+%2F", "b"]), expected);
    }
}
