//! Tests of the names of buckets and containers.

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
    assert!(![is_gcs("10.0.0.1"), is_gcs("ray..x"), is_gcs(&"r".repeat(64)), is_oss(&"r".repeat(64))].contains(&true));
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
