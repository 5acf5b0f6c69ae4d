//! Every cloud's store against a real server on loopback, started and stopped here: the conformance suite, the bundled
//! session, and outages.
//!
//! `make test-rust` installs the servers and Alibaba's client. What is missing fails its tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod azure;
mod certificates;
mod chain;
mod child;
#[path = "../common/mod.rs"]
mod common;
mod expired;
mod gcs;
mod keys;
mod kuberay;
mod oss;
mod oss_sdk;
mod outage;
mod payer;
mod s3;
mod session;
mod write;

use async_trait::async_trait;
use common::http;
use ray_history_storage::config::StoreConfig;
use ray_history_storage::conformance::{Fill, run};
use ray_history_storage::{Storage, connect_unguarded};
use std::sync::Arc;

/// A running server with a bucket in it.
#[async_trait]
trait Cloud: Fill {
    /// Returns the settings of the bucket, with another address if there is a proxy before the server.
    fn config(&self, address: Option<&str>) -> StoreConfig;
    /// Returns the address of the server: `127.0.0.1:PORT`.
    fn address(&self) -> String;
    /// Returns how many uploads in parts were begun and neither completed nor aborted. Azure does not tell them apart, and
    /// Google has none.
    async fn unfinished(&self) -> usize {
        0
    }
    /// Returns `false` if the server checks a condition and writes in two steps.
    fn creates_atomically(&self) -> bool {
        true
    }
    /// The same for a write on condition that the object is unchanged.
    fn replaces_atomically(&self) -> bool {
        self.creates_atomically()
    }
    /// Returns the permissions that a writer needs, in the cloud's words.
    fn needs(&self) -> &'static str;
}

async fn bare(cloud: &impl Cloud) -> Arc<dyn Storage> {
    connect_unguarded(&cloud.config(None)).await.unwrap()
}

macro_rules! clouds {
    ($($name:ident: $cloud:ty),*) => { $(mod $name {
        use super::*;

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn conforms() -> anyhow::Result<()> {
            let cloud = <$cloud>::start().await;
            run(&*bare(&cloud).await, &cloud, "some/where/").await
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn conforms_in_writing() -> anyhow::Result<()> {
            let cloud = <$cloud>::start().await;
            write::conforms(&cloud).await
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn keeps_the_old_object_when_an_upload_is_cut() {
            let cloud = <$cloud>::start().await;
            write::outage::cuts(&cloud).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn says_why_it_may_not_write() {
            let cloud = <$cloud>::start().await;
            write::outage::refuses(&cloud).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn says_which_objects_of_many_are_deleted() {
            let cloud = <$cloud>::start().await;
            write::deletes::runs(&cloud).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn keeps_keys_that_no_folder_can_hold() {
            let cloud = <$cloud>::start().await;
            keys::are_kept(&cloud).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn gives_the_same_snapshot_as_a_folder() {
            let cloud = <$cloud>::start().await;
            session::is_the_same(&cloud).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn says_what_is_wrong_and_recovers() {
            let cloud = <$cloud>::start().await;
            outage::runs(&cloud).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn says_what_is_wrong_with_a_listing_and_recovers() {
            let cloud = <$cloud>::start().await;
            outage::of_listings(&cloud).await;
        }
    })* };
}

clouds!(on_s3: s3::VersityGw, on_gcs: gcs::FakeGcs, on_azure: azure::Azurite, on_oss: oss::OssServer);
