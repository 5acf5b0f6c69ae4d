//! Writes JSON directly to bytes, without a tree or an allocation per value. Numbers are formatted as in Python.

pub mod proto_json;

pub use ray_history_core::base::stored_json::escape_into;

/// Most capacity in bytes that the buffer keeps after a piece is taken.
const MAX_CAPACITY: usize = 256 * 1024;

/// Writes one JSON document and inserts the commas.
#[derive(Debug)]
pub struct JsonWriter {
    out: Vec<u8>,
    /// `true` if the innermost open container has no member yet.
    first: bool,
}

impl JsonWriter {
    /// Creates a writer with capacity for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { out: Vec::with_capacity(capacity), first: true }
    }

    /// Returns the bytes that were written and not yet taken.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Returns the number of bytes that were written and not yet taken.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Returns `true` if no bytes are waiting to be taken.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Takes the bytes written so far, for streaming; the document continues.
    pub fn take(&mut self) -> Vec<u8> {
        // One long row must not enlarge the buffer of every later piece.
        let capacity = self.out.capacity().min(MAX_CAPACITY);
        std::mem::replace(&mut self.out, Vec::with_capacity(capacity))
    }

    /// Opens an object, as a list item or after `key`.
    pub fn begin_object(&mut self) {
        self.comma();
        self.out.push(b'{');
        self.first = true;
    }

    /// Closes the innermost object.
    pub fn end_object(&mut self) {
        self.out.push(b'}');
        self.first = false;
    }

    /// Opens a list, as a list item or after `key`.
    pub fn begin_array(&mut self) {
        self.comma();
        self.out.push(b'[');
        self.first = true;
    }

    /// Closes the innermost list.
    pub fn end_array(&mut self) {
        self.out.push(b']');
        self.first = false;
    }

    /// Writes a key that needs no escaping; its value must follow.
    pub fn key(&mut self, key: &str) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.first = true;
    }

    /// Writes a key with escapes; its value must follow.
    pub fn key_escaped(&mut self, key: &str) {
        self.string(key);
        self.out.push(b':');
        self.first = true;
    }

    /// Writes a string.
    pub fn string(&mut self, value: &str) {
        self.comma();
        self.out.push(b'"');
        escape_into(&mut self.out, value);
        self.out.push(b'"');
    }

    /// Writes an id as a string of lower-case hex digits.
    pub fn hex(&mut self, id: &[u8]) {
        self.comma();
        self.out.push(b'"');
        ray_history_core::base::id::push_hex(&mut self.out, id);
        self.out.push(b'"');
    }

    /// Writes an integer.
    pub fn int(&mut self, value: impl itoa::Integer) {
        self.comma();
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Writes an integer as a string, as protobuf does for 64-bit values.
    pub fn int_string(&mut self, value: impl itoa::Integer) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.push(b'"');
    }

    /// Writes a float with at least one fractional digit (`1.0`), or null if it is infinite or NaN.
    pub fn float(&mut self, value: f64) {
        self.comma();
        if value.is_finite() {
            self.out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
        } else {
            self.out.extend_from_slice(b"null");
        }
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.raw(b"null");
    }

    /// Writes a value that is JSON already.
    pub fn raw(&mut self, json: &[u8]) {
        self.comma();
        self.out.extend_from_slice(json);
    }

    /// Calls `write` on the output, to which it must append exactly one JSON value.
    pub fn raw_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.comma();
        write(&mut self.out);
    }

    fn comma(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_commas_and_escapes() {
        let mut w = JsonWriter::with_capacity(64);
        w.begin_object();
        w.key("a");
        w.begin_array();
        w.int(1);
        w.float(2.0);
        w.string("x\"\n\u{1}é");
        w.begin_object();
        w.end_object();
        w.end_array();
        w.key("b");
        w.null();
        w.key_escaped("c\"");
        w.bool(true);
        w.end_object();
        let text = String::from_utf8(w.into_bytes()).unwrap();
        assert_eq!(text, r#"{"a":[1,2.0,"x\"\n\u0001é",{}],"b":null,"c\"":true}"#);
    }
}
