use super::*;

#[test]
fn dropping_releases_bytes() {
    let budget = MemoryBudget::new(100);
    let first = budget.try_reserve(60, 0).unwrap();
    assert!(budget.try_reserve(41, 0).is_none());
    assert!(budget.try_reserve(30, 11).is_none(), "11 bytes must stay free");
    assert_eq!(budget.shortfall(41, 0), 1);
    let mut second = budget.try_reserve(40, 0).unwrap();
    assert!(!second.try_grow(41, 0));
    drop(first);
    assert!(second.try_grow(100, 0));
    second.settle(7);
    assert_eq!((budget.used(), second.bytes()), (7, 7));
}

#[test]
fn budget_can_shrink_below_use() {
    let budget = MemoryBudget::new(100);
    let held = budget.try_reserve(80, 0).unwrap();
    budget.resize(50);
    assert!(budget.try_reserve(0, 0).is_none());
    assert_eq!(budget.shortfall(10, 0), 40);
    drop(held);
    assert!(budget.try_reserve(50, 0).is_some());
}

#[tokio::test]
async fn file_of_any_size_gets_a_slot() {
    let slots = FetchSlots::default();
    let _one = slots.acquire(u64::MAX).await;
    assert!((MAX_FILE_BYTES..MAX_FILE_BYTES + 8192).contains(&slots.used_bytes()));
}
