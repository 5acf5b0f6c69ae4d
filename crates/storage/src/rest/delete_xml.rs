//! Parses what OSS says of the keys of a batch that was deleted. Pure.

use super::list_xml::{Step, is_url_encoded, plain, walk};

/// Returns the keys of an answer, each with the code of its error if it was not deleted. Keys may be missing in it.
pub fn deletions(bytes: &[u8]) -> Result<Vec<(String, Option<String>)>, String> {
    let (mut told, mut seen_root) = (Vec::new(), false);
    let (mut key, mut code) = (None, None);
    walk(bytes, |step| {
        match step {
            Step::Open(name, _) => seen_root |= name == "DeleteResult",
            Step::Close("Key", text) => key = Some(text.to_owned()),
            Step::Close("Code", text) => code = Some(text.to_owned()),
            Step::Close("Deleted", _) => told.extend(key.take().map(|key| (key, None))),
            Step::Close("Error", _) => {
                let code = code.take().unwrap_or_default();
                told.extend(key.take().map(|key| (key, Some(code))));
            }
            Step::Close(..) => {}
        }
        Ok(())
    })?;
    if !seen_root {
        return Err("it is not the result of a deletion".to_owned());
    }
    if is_url_encoded(bytes)? {
        for (key, _) in &mut told {
            *key = plain(key);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_key_and_its_error() {
        let text = "<?xml version=\"1.0\"?><DeleteResult><EncodingType>url</EncodingType><Deleted><Key>a%2Fb%20%2B</Key>\
             <DeleteMarker>true</DeleteMarker></Deleted><Error><Key>c</Key><Code>AccessDenied</Code></Error>\
             <Error><Code>InternalError</Code></Error><Error><Key>d</Key></Error></DeleteResult>";
        let denied = Some("AccessDenied".to_owned());
        let expected = [("a/b +".to_owned(), None), ("c".to_owned(), denied), ("d".to_owned(), Some(String::new()))];
        assert_eq!(deletions(text.as_bytes()).unwrap(), expected);
        let text = "<DeleteResult><Deleted><Key>100%25 &amp;&#x3c;</Key></Deleted></DeleteResult>";
        assert_eq!(deletions(text.as_bytes()).unwrap(), [("100%25 &<".to_owned(), None)]);
        assert_eq!(deletions(b"<DeleteResult></DeleteResult>").unwrap(), []);
        for bad in ["", "<ListBucketResult></ListBucketResult>", "<DeleteResult><Deleted><Key>a</Key></Deleted>"] {
            assert!(deletions(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
