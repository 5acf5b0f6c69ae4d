//! The top-level trees below a root. They show that collectors wrote there, and of which version.

/// A top-level tree of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BucketTree {
    /// Markers until v1.6, `metadir/`.
    OldMarkers,
    /// Markers after v1.6, `cluster-metadata/`.
    Markers,
    /// Data before v1.7, `{cluster}_{namespace}/`.
    FlatData,
    /// Data since v1.7, `cluster-history/`.
    HistoryData,
}

impl BucketTree {
    /// Returns the tree of a folder at the top of a root. A cluster's folder of the flat tree has no fixed name, so it
    /// is `None`.
    pub fn of_folder(name: &str) -> Option<Self> {
        match name {
            "metadir" => Some(Self::OldMarkers),
            "cluster-metadata" => Some(Self::Markers),
            "cluster-history" => Some(Self::HistoryData),
            _ => None,
        }
    }

    /// Returns its folder, as the documentation spells it.
    pub fn folder(self) -> &'static str {
        match self {
            Self::OldMarkers => "metadir/",
            Self::Markers => "cluster-metadata/",
            Self::FlatData => "CLUSTER_NAMESPACE/",
            Self::HistoryData => "cluster-history/",
        }
    }

    /// Returns a description: its contents, and the versions of KubeRay's collectors that wrote it.
    pub fn description(self) -> &'static str {
        match self {
            Self::OldMarkers => "markers of KubeRay's collectors until v1.6",
            Self::Markers => "markers of KubeRay's collectors after v1.6",
            Self::FlatData => "events and logs of KubeRay's collectors before v1.7",
            Self::HistoryData => "events and logs of KubeRay's collectors since v1.7",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_folders_with_fixed_names() {
        for tree in [BucketTree::OldMarkers, BucketTree::Markers, BucketTree::HistoryData] {
            assert_eq!(BucketTree::of_folder(tree.folder().trim_end_matches('/')), Some(tree));
        }
        assert_eq!(BucketTree::of_folder("train_ray"), None);
    }
}
