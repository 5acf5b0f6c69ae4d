//! Rules for the names of buckets and containers, by store: for the API server (CEL) and for files.
//!
//! Without them, an invalid name is only found when the store refuses it, with the store's message.

use kube::core::cel::Rule;
use regex_lite::Regex;

/// A bucket of Amazon S3, by the rules since 2018.
const S3: &str = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$";
/// Older buckets of us-east-1, and buckets of other stores with Amazon's protocol.
const S3_LOOSE: &str = r"^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$";
/// An access point, used instead of a bucket.
const S3_ACCESS_POINT: &str =
    r"^arn:[a-z0-9-]+:s3[a-z0-9-]*:[a-z0-9-]*:[0-9]{12}:(accesspoint|outpost)[/:][A-Za-z0-9._/:-]+$";
const LOOSE_REGION: &str = "us-east-1";
const GCS: &str = r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$";
const AZURE: &str = r"^([a-z0-9](-?[a-z0-9])*|[$](root|web|logs))$";
const OSS: &str = r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$";
const ADDRESS: &str = r"^[0-9]+([.][0-9]+){3}$";

/// The error for the name of an S3 bucket.
pub(crate) const S3_EXPECTED: &str = "must be the name of a bucket and nothing else: 3 to 63 lowercase letters, \
     digits, dots and hyphens (uppercase letters and underscores only in us-east-1 and in stores with an endpoint of \
     their own); a prefix belongs in spec.storage.rootDirs";
/// The error for the name of a Google Cloud Storage bucket.
pub(crate) const GCS_EXPECTED: &str = "must be the name of a bucket and nothing else: 3 to 222 lowercase letters, \
     digits, dots, hyphens and underscores; a prefix belongs in spec.storage.rootDirs";
/// The error for the name of an Azure container.
pub(crate) const AZURE_EXPECTED: &str = "must be the name of a container and nothing else: 3 to 63 lowercase letters, \
     digits and single hyphens; a prefix belongs in spec.storage.rootDirs";
/// The error for the name of an OSS bucket.
pub(crate) const OSS_EXPECTED: &str = "must be the name of a bucket and nothing else: 3 to 63 lowercase letters, \
     digits and hyphens; a prefix belongs in spec.storage.rootDirs";

/// Returns the rule for a whole `S3Spec`: the valid names depend on the region and the endpoint.
pub(super) fn s3() -> Rule {
    Rule::new(format!(
        "self.bucket.matches(r'{S3_ACCESS_POINT}') || (self.bucket.matches(r'{S3}') && !self.bucket.contains('..') \
         && !self.bucket.matches(r'{ADDRESS}')) || (self.bucket.matches(r'{S3_LOOSE}') && (has(self.endpoint) || \
         !has(self.region) || self.region == '{LOOSE_REGION}'))"
    ))
    .message(S3_EXPECTED)
    .field_path(".bucket")
}

/// Returns `true` if an S3 bucket can have this name.
pub(crate) fn is_s3(name: &str, region: Option<&str>, has_endpoint: bool) -> bool {
    let loose = has_endpoint || region.is_none_or(|region| region == LOOSE_REGION);
    let strict = matches(S3, name) && !name.contains("..") && !matches(ADDRESS, name);
    strict || matches(S3_ACCESS_POINT, name) || (loose && matches(S3_LOOSE, name))
}

/// Returns the rule for a Google Cloud Storage bucket.
pub(super) fn gcs() -> Rule {
    Rule::new(format!("size(self) >= 3 && size(self) <= 222 && self.matches(r'{GCS}') && !self.matches(r'{ADDRESS}')"))
        .message(GCS_EXPECTED)
}

/// Returns `true` if a Google Cloud Storage bucket can have this name.
pub(crate) fn is_gcs(name: &str) -> bool {
    (3..=222).contains(&name.len()) && matches(GCS, name) && !matches(ADDRESS, name)
}

/// Returns the rule for an Azure container.
pub(super) fn azure() -> Rule {
    Rule::new(format!("size(self) >= 3 && size(self) <= 63 && self.matches(r'{AZURE}')")).message(AZURE_EXPECTED)
}

/// Returns `true` if an Azure container can have this name.
pub(crate) fn is_azure(name: &str) -> bool {
    (3..=63).contains(&name.len()) && matches(AZURE, name)
}

/// Returns the rule for an OSS bucket.
pub(super) fn oss() -> Rule {
    Rule::new(format!("self.matches(r'{OSS}')")).message(OSS_EXPECTED)
}

/// Returns `true` if an OSS bucket can have this name.
pub(crate) fn is_oss(name: &str) -> bool {
    matches(OSS, name)
}

fn matches(form: &str, name: &str) -> bool {
    Regex::new(form).is_ok_and(|form| form.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that are invalid in every store.
    const INVALID: [&str; 14] = [
        "",
        "a",
        "ab",
        "ray bucket",
        "ray\n",
        "ray\r\nhost: x",
        "ray\0",
        "s3://ray",
        "ray/log",
        "/ray",
        "räy",
        "ray?x",
        "-ray",
        "ray%2Fx",
    ];

    #[test]
    fn refuses_names_that_no_store_can_have() {
        for name in INVALID {
            let strict = is_s3(name, Some("eu-west-1"), false);
            let found = [strict, is_s3(name, None, true), is_gcs(name), is_azure(name), is_oss(name)];
            assert_eq!(found, [false; 5], "{name:?}");
        }
        assert!(![is_gcs("Ray"), is_azure("Ray"), is_oss("Ray"), is_oss("r.ay"), is_azure("r--y")].contains(&true));
        assert!(
            ![is_gcs("10.0.0.1"), is_gcs("ray..x"), is_gcs(&"r".repeat(64)), is_oss(&"r".repeat(64))].contains(&true)
        );
    }

    #[test]
    fn accepts_names_that_a_store_can_have() {
        for (accepted, name) in [
            (is_s3("my.ray-bucket1", Some("eu-west-1"), false), "s3"),
            (is_s3("ray--use1-az4--x-s3", Some("us-east-1"), false), "a directory bucket"),
            (is_s3("arn:aws:s3:us-west-2:123456789012:accesspoint/ray", Some("us-west-2"), false), "an access point"),
            (is_s3("arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap", None, false), "several regions"),
            (is_s3("Ray_Logs", Some("us-east-1"), false), "an old one of us-east-1"),
            (is_s3("Ray_Logs", Some("test"), true), "another store's"),
            (is_gcs("ray_logs.example.com"), "gcs"),
            (is_azure("ray-logs-1") && is_azure("$web"), "azure"),
            (is_oss("ray-logs"), "oss"),
        ] {
            assert!(accepted, "{name}");
        }
        assert!(!is_s3("Ray_Logs", Some("eu-west-1"), false) && !is_s3("10.0.0.1", Some("eu-west-1"), false));
        assert!(!is_s3("ray..logs", Some("eu-west-1"), false));
    }
}
