//! Tests of deletions with stores that answer as they are told.

use super::*;
use crate::{If, Put, StorageWrite};
use async_trait::async_trait;
use bytes::Bytes;
use ray_history_storage::ErrorKind;
use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The wait that a store asks for if it is asked for too much.
const WAIT: Duration = Duration::from_secs(7);

/// A store that deletes singly, counts what is asked, and fails for some keys.
#[derive(Debug, Default)]
struct Single {
    errors: HashMap<String, ErrorKind>,
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Single {
    fn failing(errors: &[(&str, ErrorKind)]) -> Self {
        let errors = errors.iter().map(|(key, kind)| ((*key).to_owned(), *kind)).collect();
        Self { errors, ..Self::default() }
    }
}

#[async_trait]
impl StorageWrite for Single {
    async fn put(&self, _: &str, _: Bytes, _: If<'_>) -> Result<Put, Error> {
        unreachable!()
    }

    async fn put_file(&self, _: &str, _: &File, _: u64) -> Result<(), Error> {
        unreachable!()
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(now, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        let wait = |kind| (kind == ErrorKind::Throttled).then_some(WAIT);
        self.errors.get(key).map_or(Ok(()), |kind| Err(Error::new(*kind, key).with_retry_after(wait(*kind))))
    }
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("k/{n}")).collect()
}

/// Returns the kinds of errors, `None` where there is none. Each error must be about its key.
fn kinds(keys: &[String], results: &Results) -> Vec<Option<ErrorKind>> {
    assert_eq!(keys.len(), results.len());
    let kind = |(key, result): (&String, &Result<(), Error>)| {
        let error = result.as_ref().err()?;
        assert_eq!(error.key(), key);
        Some(error.kind())
    };
    keys.iter().zip(results).map(kind).collect()
}

#[tokio::test(start_paused = true)]
async fn objects_are_deleted_singly_several_at_once() {
    let (store, keys) = (Single::failing(&[("k/3", ErrorKind::PermissionDenied)]), keys(100));
    let results = store.delete_many(&keys).await;
    let expected: Vec<_> = (0..100).map(|n| (n == 3).then_some(ErrorKind::PermissionDenied)).collect();
    assert_eq!(kinds(&keys, &results), expected);
    assert_eq!(store.asked.load(Ordering::Relaxed), 100);
    assert_eq!(store.most_at_once.load(Ordering::Relaxed), AT_ONCE);
    assert!(store.delete_many(&[]).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_store_ends_the_requests() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::NoBucket] {
        let (store, keys) = (Single::failing(&[("k/40", kind)]), keys(1000));
        let found = kinds(&keys, &store.delete_many(&keys).await);
        assert!(found[..40].iter().all(Option::is_none));
        assert!(found[40 + AT_ONCE..].iter().all(|found| *found == Some(kind)), "{found:?}");
        let asked = store.asked.load(Ordering::Relaxed);
        assert!((41..=40 + AT_ONCE).contains(&asked), "{kind:?}: {asked}");
    }
}

#[cfg(any(feature = "s3", feature = "oss"))]
mod in_batches {
    use super::super::batches::{Asked, Batches, Refusals, delete};
    use super::*;

    type Answer = Box<dyn Fn(&[&str]) -> Asked + Send + Sync>;

    /// A store that answers batches by a function.
    struct Batching {
        answer: Answer,
        single: Single,
        refusals: Refusals,
        batches: Mutex<Vec<usize>>,
    }

    impl Batching {
        fn by(single: Single, answer: impl Fn(&[&str]) -> Asked + Send + Sync + 'static) -> Self {
            let (answer, batches): (Answer, _) = (Box::new(answer), Mutex::default());
            Self { answer, single, refusals: Refusals::default(), batches }
        }

        fn asked(&self) -> (Vec<usize>, usize) {
            (self.batches.lock().drain(..).collect(), self.single.asked.swap(0, Ordering::Relaxed))
        }
    }

    impl std::fmt::Debug for Batching {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Batching")
        }
    }

    #[async_trait]
    impl StorageWrite for Batching {
        async fn put(&self, _: &str, _: Bytes, _: If<'_>) -> Result<Put, Error> {
            unreachable!()
        }

        async fn put_file(&self, _: &str, _: &File, _: u64) -> Result<(), Error> {
            unreachable!()
        }

        async fn delete(&self, key: &str) -> Result<(), Error> {
            self.single.delete(key).await
        }
    }

    #[async_trait]
    impl Batches for Batching {
        async fn ask(&self, keys: &[&str]) -> Asked {
            self.batches.lock().push(keys.len());
            (self.answer)(keys)
        }

        fn refusals(&self) -> &Refusals {
            &self.refusals
        }
    }

    fn told(keys: &[&str]) -> Asked {
        Asked::Told(keys.iter().map(|key| ((*key).to_owned(), Ok(()))).collect())
    }

    #[tokio::test]
    async fn any_number_of_keys_goes_in_batches() {
        let store = Batching::by(Single::default(), told);
        for (count, expected) in [
            (0, (vec![], 0)),
            (1, (vec![], 1)),
            (1000, (vec![1000], 0)),
            (1001, (vec![1000], 1)),
            (2500, (vec![1000, 1000, 500], 0)),
        ] {
            let keys = keys(count);
            let results = delete(&store, &keys).await;
            assert!(kinds(&keys, &results).iter().all(Option::is_none));
            assert_eq!(store.asked(), expected, "{count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn odd_keys_and_those_not_told_of_go_singly() {
        let single = Single::failing(&[("k/1", ErrorKind::Archived), ("odd\n", ErrorKind::PermissionDenied)]);
        let store = Batching::by(single, |keys| {
            let Asked::Told(mut told) = told(keys) else { unreachable!() };
            told.retain(|key, _| key != "k/1" && key != "k/2");
            told.insert("k/3".to_owned(), Err(Error::new(ErrorKind::PermissionDenied, "k/3")));
            told.insert("another".to_owned(), Ok(()));
            Asked::Told(told)
        });
        let mut keys = keys(5);
        keys.insert(2, "odd\n".to_owned());
        let results = delete(&store, &keys).await;
        let denied = Some(ErrorKind::PermissionDenied);
        assert_eq!(kinds(&keys, &results), [None, Some(ErrorKind::Archived), denied, None, denied, None]);
        assert_eq!(store.asked(), (vec![5], 3));
        assert!(delete(&store, &keys).await[0].is_ok());
        assert_eq!(store.asked(), (vec![5], 3), "batches go on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_without_batches_is_asked_once_for_one() {
        let silent: fn(&[&str]) -> Asked = |_| Asked::Told(HashMap::new());
        for answer in [|_: &[&str]| Asked::Refused { lasting: true }, silent] {
            let (store, keys) = (Batching::by(Single::default(), answer), keys(1100));
            for batches in [vec![1000], vec![]] {
                let results = delete(&store, &keys).await;
                assert!(kinds(&keys, &results).iter().all(Option::is_none));
                assert_eq!(store.asked(), (batches, 1100));
            }
        }
        let store = Batching::by(Single::default(), |_| Asked::Refused { lasting: false });
        for _ in 0..2 {
            delete(&store, &keys(2)).await;
            assert_eq!(store.asked(), (vec![2], 2), "other keys may be understood");
        }
    }

    /// A refusal that has nothing to do with batches is not taken for one.
    #[tokio::test(start_paused = true)]
    async fn what_fails_singly_does_not_end_batches() {
        let store =
            Batching::by(Single::failing(&[("k/0", ErrorKind::Unavailable)]), |_| Asked::Refused { lasting: true });
        for _ in 0..2 {
            let keys = vec!["k/0".to_owned(); 1100];
            assert!(delete(&store, &keys).await.iter().all(Result::is_err));
            assert_eq!(store.asked(), (vec![1000], 1));
        }
        let silent: fn(&[&str]) -> Asked = |_| Asked::Told(HashMap::new());
        let lasting: fn(&[&str]) -> Asked = |_| Asked::Refused { lasting: true };
        for answer in [|_: &[&str]| Asked::Refused { lasting: false }, lasting, silent] {
            for kind in [ErrorKind::PermissionDenied, ErrorKind::Throttled, ErrorKind::Failed] {
                let store = Batching::by(Single::failing(&[("k/0", kind)]), answer);
                let mut keys = keys(3000);
                keys.push("odd\n".to_owned());
                let results = delete(&store, &keys).await;
                assert!(kinds(&keys, &results).iter().all(|found| *found == Some(kind)), "{kind:?}");
                let last = results[3000].as_ref().unwrap_err();
                assert_eq!(last.retry_after(), (kind == ErrorKind::Throttled).then_some(WAIT));
                assert_eq!(store.asked(), (vec![1000], 1), "one key shows that it is no matter of batches");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_is_the_last() {
        for kind in [ErrorKind::Throttled, ErrorKind::PermissionDenied, ErrorKind::Failed] {
            let store = Batching::by(Single::default(), move |keys| match keys.first() {
                Some(&"k/1000") => Asked::Failed(Error::because(kind, "", "why").with_retry_after(Some(WAIT))),
                _ => told(keys),
            });
            let keys = keys(3500);
            let results = delete(&store, &keys).await;
            let found = kinds(&keys, &results);
            assert!(found[..1000].iter().all(Option::is_none));
            assert!(found[1000..].iter().all(|found| *found == Some(kind)));
            let last = results[3499].as_ref().unwrap_err();
            assert!(last.to_string().contains("why"), "{last}");
            assert_eq!(last.retry_after(), Some(WAIT));
            assert_eq!(store.asked(), (vec![1000, 1000], 0));
        }
        let store = Batching::by(Single::default(), |keys| {
            let Asked::Told(mut told) = told(keys) else { unreachable!() };
            told.insert("k/7".to_owned(), Err(Error::new(ErrorKind::Throttled, "k/7")));
            Asked::Told(told)
        });
        let keys = keys(2000);
        let found = kinds(&keys, &delete(&store, &keys).await);
        let failed: Vec<usize> = (0..2000).filter(|n| found[*n].is_some()).collect();
        assert_eq!(failed, [7].into_iter().chain(1000..2000).collect::<Vec<_>>());
        assert_eq!(store.asked().0, [1000], "one key of a batch shows that the store is not well");
    }
}
