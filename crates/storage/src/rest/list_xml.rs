//! Parses pages of listings of Azure and OSS. Pure.
//!
//! White space is kept, because a key may begin with a space. Unknown elements are ignored.

use super::super::{ListPage, ObjectMeta, PageToken, wire};
use super::time;
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// The element being read.
#[derive(Default)]
enum Item {
    #[default]
    None,
    Object(ObjectMeta),
    Prefix(String),
}

/// Reads a page.
pub(in super::super) fn read(bytes: &[u8]) -> Result<ListPage, String> {
    let (mut page, mut item, mut escaped) = (ListPage::default(), Item::None, false);
    let (mut seen_root, mut truncated) = (false, false);
    walk(bytes, |step| {
        match step {
            Step::Open(name, encoded) => {
                seen_root |= matches!(name, "ListBucketResult" | "EnumerationResults");
                match name {
                    "Contents" | "Blob" => {
                        item = Item::Object(ObjectMeta { key: String::new(), size: 0, etag: None, modified: None });
                    }
                    "CommonPrefixes" | "BlobPrefix" => item = Item::Prefix(String::new()),
                    _ => {}
                }
                escaped |= encoded;
            }
            Step::Close(name, text) => match (name, &mut item) {
                ("Contents" | "Blob", Item::Object(_)) => {
                    if let Item::Object(object) = std::mem::take(&mut item) {
                        page.objects.push(object);
                    }
                }
                ("CommonPrefixes" | "BlobPrefix", Item::Prefix(_)) => {
                    if let Item::Prefix(prefix) = std::mem::take(&mut item) {
                        page.prefixes.push(prefix);
                    }
                }
                ("Key" | "Name", Item::Object(object)) => object.key = decoded(text, &mut escaped),
                ("Prefix" | "Name", Item::Prefix(prefix)) => *prefix = decoded(text, &mut escaped),
                ("Size" | "Content-Length", Item::Object(object)) => {
                    object.size = text.parse().map_err(|_| "a size is not a number".to_owned())?;
                }
                ("ETag" | "Etag", Item::Object(object)) => object.etag = wire::etag(text),
                ("LastModified" | "Last-Modified", Item::Object(object)) => object.modified = time(text),
                ("IsTruncated", Item::None) => truncated = text == "true",
                ("NextContinuationToken" | "NextMarker", Item::None) if !text.is_empty() => {
                    page.next = Some(PageToken(text.to_owned()));
                }
                _ => {}
            },
        }
        Ok(())
    })?;
    if !seen_root {
        return Err("it is not a listing".to_owned());
    }
    if truncated && page.next.is_none() {
        return Err("it is truncated, but has no token for the next page".to_owned());
    }
    if is_url_encoded(bytes)? {
        decode_all(&mut page);
    }
    Ok(page)
}

/// Decodes a name that Azure marks because XML cannot contain it. OSS escapes all names if requested.
fn decoded(text: &str, escaped: &mut bool) -> String {
    if std::mem::take(escaped) { plain(text) } else { text.to_owned() }
}

pub(super) fn plain(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

pub(super) fn is_url_encoded(bytes: &[u8]) -> Result<bool, String> {
    let mut url = false;
    walk(bytes, |step| {
        url |= matches!(step, Step::Close("EncodingType", "url"));
        Ok(())
    })?;
    Ok(url)
}

fn decode_all(page: &mut ListPage) {
    for object in &mut page.objects {
        object.key = plain(&object.key);
    }
    for prefix in &mut page.prefixes {
        *prefix = plain(prefix);
    }
    if let Some(token) = &mut page.next {
        token.0 = plain(&token.0);
    }
}

/// Returns the `<Code>` of an error document.
pub(in super::super) fn code(bytes: &[u8]) -> Option<String> {
    text_of(bytes, "Code")
}

/// Returns the text of the first element of a name.
pub fn text_of(bytes: &[u8], element: &str) -> Option<String> {
    let mut found = None;
    let _ = walk(bytes, |step| {
        if let Step::Close(name, text) = step
            && name == element
        {
            found.get_or_insert_with(|| text.to_owned());
        }
        Ok(())
    });
    found
}

pub(super) enum Step<'a> {
    /// An element begins; `true` if it has the attribute `Encoded="true"`.
    Open(&'a str, bool),
    /// An element ends, with the text since the last tag.
    Close(&'a str, &'a str),
}

pub(super) fn walk(bytes: &[u8], mut take: impl FnMut(Step<'_>) -> Result<(), String>) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| format!("damaged XML ({error})");
    let text = std::str::from_utf8(bytes).map_err(|error| broken(&error))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut content = String::new();
    // Set at the end of the root; `quick_xml` itself refuses unmatched end tags.
    let (mut depth, mut ended) = (0_u32, false);
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(tag) => {
                depth += 1;
                content.clear();
                let encoded = tag
                    .attributes()
                    .flatten()
                    .any(|attribute| attribute.key.as_ref() == b"Encoded" && attribute.value.as_ref() == b"true");
                take(Step::Open(std::str::from_utf8(tag.local_name().as_ref()).unwrap_or_default(), encoded))?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                ended |= depth == 0;
                take(Step::Close(std::str::from_utf8(tag.local_name().as_ref()).unwrap_or_default(), &content))?;
                content.clear();
            }
            Event::Empty(_) => ended |= depth == 0,
            Event::Text(text) => content.push_str(&text.decode().map_err(|error| broken(&error))?),
            Event::CData(text) => content.push_str(&text.decode().map_err(|error| broken(&error))?),
            Event::GeneralRef(reference) => {
                if let Some(c) = reference.resolve_char_ref().map_err(|error| broken(&error))? {
                    content.push(c);
                } else {
                    let name = reference.decode().map_err(|error| broken(&error))?;
                    content.push_str(resolve_predefined_entity(&name).ok_or_else(|| broken(&"an unknown entity"))?);
                }
            }
            // A page that was cut off is valid up to here.
            Event::Eof if !ended => return Err(broken(&"it ends before its root element does")),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AZURE: &str = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Prefix>no</Prefix>\
        <Blobs><Blob><Name> a &amp; b&#x20;</Name><Properties><Last-Modified>Wed, 09 Sep 2009 09:20:02 GMT\
        </Last-Modified><Etag>0x8CBFF45D8A29A19</Etag><Content-Length>7</Content-Length></Properties></Blob>\
        <Blob><Name Encoded=\"true\">%01x</Name><Properties/></Blob><Blob><Name>100%25</Name></Blob>\
        <BlobPrefix><Name>p//</Name></BlobPrefix></Blobs><NextMarker>2!x==</NextMarker></EnumerationResults>";
    const OSS: &str = "<ListBucketResult><Prefix>no</Prefix><EncodingType>url</EncodingType><Contents>\
        <Key>a%2Fb%20c%2B</Key><LastModified>2012-02-24T08:43:07.000Z</LastModified><ETag>\"5B3C\"</ETag>\
        <Size>344606</Size></Contents><CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes>\
        <NextContinuationToken>CgJiYw--</NextContinuationToken></ListBucketResult>";

    #[test]
    fn reads_a_page_of_azure() {
        let page = read(AZURE.as_bytes()).unwrap();
        let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, [" a & b ", "\u{1}x", "100%25"]);
        assert_eq!((page.objects[0].size, page.objects[0].modified), (7, Some(1_252_488_002_000_000_000)));
        assert_eq!((page.prefixes, page.next), (vec!["p//".to_owned()], Some(PageToken("2!x==".into()))));
    }

    #[test]
    fn reads_a_page_of_oss() {
        let page = read(OSS.as_bytes()).unwrap();
        assert_eq!(page.objects[0].key, "a/b c+");
        assert_eq!((page.objects[0].etag.as_deref(), page.objects[0].size), (Some("5B3C"), 344_606));
        assert_eq!(page.objects[0].modified, Some(1_330_072_987_000_000_000));
        assert_eq!((page.prefixes, page.next), (vec!["p/".to_owned()], Some(PageToken("CgJiYw--".into()))));
    }

    #[test]
    fn other_documents_are_errors() {
        for text in ["", "<html>", "<Error><Code>X</Code></Error>", "<ListBucketResult>", "<ListBucketResult>&nope;"] {
            let whole = read(text.as_bytes()).is_ok_and(|page| !page.is_empty());
            assert!(!whole, "{text}");
        }
        assert_eq!(code(b"<Error><Code>NoSuchKey</Code></Error>").as_deref(), Some("NoSuchKey"));
    }
}
