//! The output of `ray-history check`: a document with its defaults, and a survey of its store. Text only; no I/O, no
//! clock.

mod survey;
mod units;

pub use survey::Report;

use ray_history_settings::{Document, Origin};
use std::fmt::Write;

/// Returns a valid document as YAML, with a comment and with its defaults written out.
///
/// # Errors
/// Is the document's `Problems`, all of them.
pub fn document(name: &str, document: &Document, memory_limit: Option<u64>) -> anyhow::Result<String> {
    document.settings(Origin::Kubernetes, memory_limit)?;
    let mut text = format!("# {name} can be served.");
    if let Err(problems) = document.settings(Origin::File, memory_limit) {
        text.push_str(" `ray-history serve --config` would need a change:\n");
        for problem in problems.to_string().lines() {
            let _ = writeln!(text, "#   {problem}");
        }
        text.push_str("# With its defaults it is:\n");
    } else {
        text.push_str(" With its defaults it is:\n");
    }
    text.push_str(&document.with_defaults(memory_limit)?);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(spec: &str) -> Result<String, String> {
        let text = format!(
            "apiVersion: history.ray.io/v1alpha1\nkind: RayHistory\nmetadata: {{name: main}}\nspec: {{storage: {spec}}}"
        );
        let read = Document::read(&text).map_err(|problems| problems.to_string())?;
        document("ray.yaml", &read, None).map_err(|error| error.to_string())
    }

    #[test]
    fn prints_the_document_with_comments() {
        let printed = checked("{gcs: {bucket: ray}}").unwrap();
        assert!(printed.starts_with("# ray.yaml can be served. With its defaults it is:\napiVersion: "), "{printed}");
        let spec = Document::read(&printed).unwrap().settings(Origin::File, None).unwrap();
        assert_eq!(spec.storage.url(), "gs://ray");
    }

    #[test]
    fn accepts_a_secret_for_kubernetes_and_warns_for_files() {
        let printed = checked("{s3: {bucket: ray, credentialsSecretRef: {name: keys}}}").unwrap();
        assert!(printed.contains("\n#   spec.storage.s3.credentialsSecretRef: names a Secret"), "{printed}");
        assert!(printed.contains("AWS_ACCESS_KEY_ID") && Document::read(&printed).is_ok(), "{printed}");
        assert!(checked("{s3: {bucket: r}}").unwrap_err().starts_with("spec.storage.s3.bucket: "));
    }
}
