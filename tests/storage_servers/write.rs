//! Writers against real servers: the conformance suite, cut uploads, refusals.

pub(crate) mod deletes;
mod look_alikes;
pub(crate) mod outage;
mod unconditional;
mod versions;

use super::{Cloud, bare};
use ray_history_storage_write::conformance::{Subject, run};
use ray_history_storage_write::connect;

pub(crate) async fn conforms(cloud: &impl Cloud) -> anyhow::Result<()> {
    let (writer, reader) = (connect(&cloud.config(None)).await?, bare(cloud).await);
    let scratch = tempfile::tempdir()?;
    run(Subject {
        writer: &*writer,
        reader: &*reader,
        prefix: "written/here/",
        scratch: scratch.path(),
        holds: &|key| cloud.holds(key),
        creates_atomically: cloud.creates_atomically(),
        replaces_atomically: cloud.replaces_atomically(),
    })
    .await?;
    assert_eq!(cloud.unfinished().await, 0);
    Ok(())
}
