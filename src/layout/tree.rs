//! The trees below a root, by which it is seen that collectors wrote there, and which ones.

/// A tree of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BucketTree {
    /// Markers, `metadir/`.
    OldMarkers,
    /// Markers, `cluster-metadata/`.
    Markers,
    /// Data, `{cluster}_{namespace}/`.
    FlatData,
    /// Data, `cluster-history/`.
    HistoryData,
}

impl BucketTree {
    /// Returns the tree of a folder at the top of a root. A cluster of the flat tree cannot be told by its name alone.
    pub fn of_folder(name: &str) -> Option<Self> {
        match name {
            "metadir" => Some(Self::OldMarkers),
            "cluster-metadata" => Some(Self::Markers),
            "cluster-history" => Some(Self::HistoryData),
            _ => None,
        }
    }

    /// Returns its folder, as documentation writes it.
    pub fn folder(self) -> &'static str {
        match self {
            Self::OldMarkers => "metadir/",
            Self::Markers => "cluster-metadata/",
            Self::FlatData => "CLUSTER_NAMESPACE/",
            Self::HistoryData => "cluster-history/",
        }
    }

    /// Returns what lies there, and which collectors of KubeRay wrote it.
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
    fn every_folder_with_a_fixed_name_is_told_by_it() {
        for tree in [BucketTree::OldMarkers, BucketTree::Markers, BucketTree::HistoryData] {
            assert_eq!(BucketTree::of_folder(tree.folder().trim_end_matches('/')), Some(tree));
        }
        assert_eq!(BucketTree::of_folder("train_ray"), None);
    }
}
