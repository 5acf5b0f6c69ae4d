//! The prefix inside a bucket under which collectors write (`rootDirs`).

/// A root: empty, or a prefix that ends in `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Root {
    path: String,
    leading_slash: bool,
}

impl Root {
    /// Parses a setting such as `log`, `/log/` or `a/b`; an empty one is the bucket itself.
    pub fn new(setting: &str) -> Self {
        // The same cleaning as the collectors' `path.Join`.
        let names = setting.split('/').filter(|name| !matches!(*name, "" | "."));
        let path: String = names.flat_map(|name| [name, "/"]).collect();
        Self { leading_slash: setting.starts_with('/') && !path.is_empty(), path }
    }

    /// Returns the prefixes to list. A root with a leading `/` has two: S3 collectors dropped it, others kept it.
    pub fn spellings(&self) -> Vec<String> {
        if self.leading_slash { vec![self.path.clone(), format!("/{}", self.path)] } else { vec![self.path.clone()] }
    }
}
