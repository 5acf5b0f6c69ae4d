//! The names that buckets and containers can have, and the form of addresses.
//!
//! The forms are regular expressions, because the API server checks the same ones. Without them, an invalid name is
//! only found when the store refuses it, with the store's message.

#[cfg(test)]
mod tests;

use regex_lite::Regex;

/// The form of an address. No user, query or fragment: it is shown in logs and in the status, so it must not contain a
/// credential.
pub const ENDPOINT: &str = r"^https?://[^\s/?#@]+(/[^\s?#@]*)?$";
/// A bucket of Amazon S3, by the rules since 2018.
pub const S3: &str = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$";
/// Older buckets of us-east-1, and buckets of other stores with Amazon's protocol.
pub const S3_LOOSE: &str = r"^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$";
/// An access point of S3, used instead of a bucket.
pub const S3_ACCESS_POINT: &str =
    r"^arn:[a-z0-9-]+:s3[a-z0-9-]*:[a-z0-9-]*:[0-9]{12}:(accesspoint|outpost)[/:][A-Za-z0-9._/:-]+$";
/// The region where `S3_LOOSE` is enough.
pub const LOOSE_REGION: &str = "us-east-1";
/// A bucket of Google Cloud Storage.
pub const GCS: &str = r"^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$";
/// A container of Azure.
pub const AZURE: &str = r"^([a-z0-9](-?[a-z0-9])*|[$](root|web|logs))$";
/// A bucket of OSS.
pub const OSS: &str = r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$";
/// An IPv4 address, which is no name of a bucket.
pub const ADDRESS: &str = r"^[0-9]+([.][0-9]+){3}$";

/// The error for an address.
pub const ENDPOINT_EXPECTED: &str =
    "must be an address such as https://store.example:9000, without user name, query or fragment";
/// The error for the name of an S3 bucket.
pub const S3_EXPECTED: &str = "must be the name of a bucket and nothing else: 3 to 63 lowercase letters, \
     digits, dots and hyphens (uppercase letters and underscores only in us-east-1 and in stores with an endpoint of \
     their own); a prefix belongs in spec.storage.rootDirs";
/// The error for the name of a Google Cloud Storage bucket.
pub const GCS_EXPECTED: &str = "must be the name of a bucket and nothing else: 3 to 222 lowercase letters, \
     digits, dots, hyphens and underscores; a prefix belongs in spec.storage.rootDirs";
/// The error for the name of an Azure container.
pub const AZURE_EXPECTED: &str = "must be the name of a container and nothing else: 3 to 63 lowercase letters, \
     digits and single hyphens; a prefix belongs in spec.storage.rootDirs";
/// The error for the name of an OSS bucket.
pub const OSS_EXPECTED: &str = "must be the name of a bucket and nothing else: 3 to 63 lowercase letters, \
     digits and hyphens; a prefix belongs in spec.storage.rootDirs";

/// Returns `true` if an S3 bucket can have this name.
pub fn is_s3(name: &str, region: Option<&str>, has_endpoint: bool) -> bool {
    let loose = has_endpoint || region.is_none_or(|region| region == LOOSE_REGION);
    let strict = matches(S3, name) && !name.contains("..") && !matches(ADDRESS, name);
    strict || matches(S3_ACCESS_POINT, name) || (loose && matches(S3_LOOSE, name))
}

/// Returns `true` if a Google Cloud Storage bucket can have this name.
pub fn is_gcs(name: &str) -> bool {
    (3..=222).contains(&name.len()) && matches(GCS, name) && !matches(ADDRESS, name)
}

/// Returns `true` if an Azure container can have this name.
pub fn is_azure(name: &str) -> bool {
    (3..=63).contains(&name.len()) && matches(AZURE, name)
}

/// Returns `true` if an OSS bucket can have this name.
pub fn is_oss(name: &str) -> bool {
    matches(OSS, name)
}

/// Returns the account in the address of an Azure blob service: its first path segment if it has one (an emulator),
/// else the first label of the host.
pub fn azure_account(endpoint: &str) -> Option<String> {
    let (host, path) = endpoint.split_once("://")?.1.split_once('/').unwrap_or((endpoint.split_once("://")?.1, ""));
    let account = if path.is_empty() { host.split(['.', ':']).next()? } else { path.split('/').next()? };
    (!account.is_empty()).then(|| account.to_owned())
}

/// Returns `true` if a text has a form.
pub fn matches(form: &str, name: &str) -> bool {
    Regex::new(form).is_ok_and(|form| form.is_match(name))
}
