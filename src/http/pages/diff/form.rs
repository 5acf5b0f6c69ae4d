//! The form that asks for a comparison.

use maud::{Markup, html};

/// The contents of the form.
#[derive(Debug, Default)]
pub(in crate::http::pages) struct Form {
    /// The session before.
    pub(in crate::http::pages) a: String,
    /// The session after.
    pub(in crate::http::pages) b: String,
    /// Sessions that are offered, by their names.
    pub(in crate::http::pages) others: Vec<String>,
}

/// Returns the form.
pub(in crate::http::pages) fn form_of(form: &Form, root: &str) -> Markup {
    let fields = [("a", "Before (A)", &form.a), ("b", "After (B)", &form.b)];
    html! {
        form action={ (root) "sessions/diff" } {
            div.fields {
                @for (name, label, value) in fields {
                    label {
                        (label)
                        input name=(name) value=(value) list="offered" required
                            placeholder="namespace/cluster/session or namespace/name/latest~1";
                    }
                }
            }
            @if !form.others.is_empty() {
                datalist id="offered" { @for other in &form.others { option value=(other) {} } }
            }
            button { "Compare" }
        }
    }
}
