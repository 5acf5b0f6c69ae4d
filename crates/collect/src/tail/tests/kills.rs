//! Kills at any instant: the next collector goes on from the state files, and a reader sees each byte once.

use super::day::{Dice, Model};
use super::world::{World, session};
use crate::tail::Settings;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The store takes up to three seconds before a write takes effect and again until it answers, so most kills hit one of
/// these.
#[tokio::test(start_paused = true)]
async fn a_kill_at_any_instant_loses_and_mixes_nothing() {
    for seed in 1..=8 {
        let settings = Settings { system_flush: Duration::from_secs(20), ..Settings::default() };
        let (world, mut dice, mut model) = (World::new(settings), Dice(seed * 7919), Model::default());
        for _ in 0..60 {
            world.store.slow_ms.store(dice.roll(3_000), Ordering::Relaxed);
            let tail = world.tail();
            let life = Duration::from_millis(dice.roll(90_000));
            let work = async {
                loop {
                    // Files are only appended to and renamed, so that nothing may be lost.
                    let path = format!("worker-{}.out", dice.roll(5));
                    if dice.roll(12) == 0 && model.written() > 0 {
                        model.rotate_without_loss(&world, &path);
                    } else {
                        model.append(&world, &path, 1 + dice.roll(500));
                    }
                    tokio::time::sleep(Duration::from_millis(dice.roll(8_000))).await;
                }
            };
            let _ = timeout(life, async { tokio::join!(tail.run(), work) }).await;
            drop(tail);
            // What runs on other threads would be gone with the process; here it ends by itself.
            std::thread::sleep(Duration::from_millis(5));
        }
        world.store.slow_ms.store(0, Ordering::Relaxed);
        let tail = world.tail();
        tail.flush_now().await.unwrap();
        // Nothing that is written now is stored before the settling.
        let before = world.stored("ab").await;
        let logs = tail.manifest_part(&session()).unwrap();
        assert_eq!(logs.lost, []);
        model.check(&before, &logs);
        tail.scan().await;
        let left = tail.settle(Instant::now() + Duration::from_secs(60)).await;
        assert_eq!(left.files, 0);
        let logs = tail.manifest_part(&session()).unwrap();
        let stored = world.stored("ab").await;
        model.check(&stored, &logs);
        assert_eq!(logs.bytes, model.written(), "{logs:?}");
        assert_eq!(stored.settled.values().map(|bytes| bytes.len() as u64).sum::<u64>(), model.written());
    }
}
