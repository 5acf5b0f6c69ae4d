use super::*;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A node that notes what is done to it, with the time in tenths of a second.
struct Fake {
    began: Instant,
    steps: Mutex<Vec<(u64, String)>>,
    alive: AtomicBool,
    quiet_at_scrape: AtomicU32,
    scrapes: AtomicU32,
    scrape_takes: AtomicU64,
    last_event: Mutex<Option<Instant>>,
    store_is_away: AtomicBool,
    dashboard_hangs: AtomicBool,
}

impl Fake {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            steps: Mutex::default(),
            alive: AtomicBool::new(true),
            quiet_at_scrape: AtomicU32::new(1),
            scrapes: AtomicU32::new(0),
            scrape_takes: AtomicU64::new(0),
            last_event: Mutex::default(),
            store_is_away: AtomicBool::new(false),
            dashboard_hangs: AtomicBool::new(false),
        })
    }

    fn note(&self, step: impl Into<String>) {
        let tenths = self.began.elapsed().as_millis() / 100;
        self.steps.lock().push((tenths as u64, step.into()));
    }

    fn event(&self) {
        *self.last_event.lock() = Some(Instant::now());
    }

    fn steps(&self) -> Vec<String> {
        self.steps.lock().iter().map(|(_, step)| step.clone()).collect()
    }

    fn time_of(&self, step: &str) -> u64 {
        self.steps.lock().iter().rev().find(|(_, found)| found == step).unwrap_or_else(|| panic!("{step}")).0
    }

    fn count(&self, step: &str) -> usize {
        self.steps().iter().filter(|found| *found == step).count()
    }
}

#[async_trait]
impl Node for Fake {
    async fn poll(&self) {
        self.note("poll");
        if self.dashboard_hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    async fn scrape(&self) {
        self.scrapes.fetch_add(1, Ordering::Relaxed);
        self.note("scrape");
        sleep(Duration::from_millis(self.scrape_takes.load(Ordering::Relaxed))).await;
    }

    fn is_quiet(&self) -> bool {
        self.scrapes.load(Ordering::Relaxed) >= self.quiet_at_scrape.load(Ordering::Relaxed)
    }

    fn last_event_at(&self) -> Option<Instant> {
        *self.last_event.lock()
    }

    fn raylet_is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    async fn flush(&self) {
        if self.store_is_away.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.note("flush");
    }

    async fn seal(&self) {
        self.note("seal");
    }

    async fn put_manifests(&self, state: State) {
        self.note(format!("{state:?}"));
    }

    async fn settle(&self, deadline: Instant) {
        self.note(format!("settle until {}", (deadline - self.began).as_secs()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_hook_waits_until_nothing_is_on_its_way() {
    let node = Fake::new();
    node.quiet_at_scrape.store(2, Ordering::Relaxed);
    let drain = Drain::new(node.clone());
    node.event();
    sleep(Duration::from_millis(500)).await;
    drain.drain().await;
    assert_eq!(node.steps()[..5], ["poll", "scrape", "scrape", "flush", "Draining"]);
    // 1.2 s after the event, and 1.2 s after the first scrape.
    let first = node.steps.lock()[1].0;
    assert_eq!((first, node.time_of("Draining")), (12, 24));
}

#[tokio::test(start_paused = true)]
async fn the_hook_ends_although_events_go_on_and_the_dashboard_hangs() {
    for (hangs, end) in [(true, 50), (false, 40)] {
        let node = Fake::new();
        node.dashboard_hangs.store(hangs, Ordering::Relaxed);
        node.quiet_at_scrape.store(9, Ordering::Relaxed);
        let busy = tokio::spawn({
            let node = node.clone();
            async move {
                loop {
                    node.event();
                    sleep(Duration::from_millis(100)).await;
                }
            }
        });
        node.event();
        Drain::new(node.clone()).drain().await;
        busy.abort();
        // In its last second, and once: the proof reaches to there.
        assert_eq!((node.count("scrape"), node.time_of("scrape"), node.time_of("Draining")), (1, 40, end));
    }
}

/// The last look at Ray's counters is the time to which the verdict holds.
#[tokio::test(start_paused = true)]
async fn while_events_go_on_after_the_hook_they_are_scraped_often() {
    for (took, scrapes) in [(0, 18..=21), (200, 9..=11)] {
        let node = Fake::new();
        let drain = Drain::new(node.clone());
        drain.drain().await;
        node.steps.lock().clear();
        node.scrape_takes.store(took, Ordering::Relaxed);
        for _ in 0..200 {
            node.event();
            sleep(Duration::from_millis(100)).await;
        }
        assert!(scrapes.contains(&node.count("scrape")), "{took} ms each: {}", node.count("scrape"));
        let last = node.began.elapsed().as_millis() as u64 / 100 - node.time_of("scrape");
        assert!(last <= if took == 0 { 11 } else { 21 }, "{took} ms each: {last}");
        // They end with the events.
        sleep(Duration::from_secs(20)).await;
        assert!(node.count("scrape") <= scrapes.end() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_hook_answers_although_the_store_is_away() {
    let node = Fake::new();
    node.store_is_away.store(true, Ordering::Relaxed);
    Drain::new(node.clone()).drain().await;
    assert_eq!((node.began.elapsed().as_secs(), node.count("Draining")), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn callers_share_one_drain_and_nobody_drains_all_the_time() {
    let node = Fake::new();
    let drain = Arc::new(Drain::new(node.clone()));
    tokio::join!(drain.drain(), drain.drain(), drain.drain());
    sleep(Duration::from_secs(29)).await;
    drain.drain().await;
    assert_eq!(node.count("Draining"), 1);
    sleep(Duration::from_secs(2)).await;
    drain.drain().await;
    assert_eq!(node.count("Draining"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_goes_on_is_open_again() {
    let node = Fake::new();
    let drain = Drain::new(node.clone());
    drain.drain().await;
    sleep(Duration::from_secs(59)).await;
    assert_eq!(node.count("Open"), 0);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(node.count("Open"), 1);
    // Called again meanwhile: only the last one counts.
    drain.drain().await;
    sleep(Duration::from_secs(40)).await;
    drain.drain().await;
    sleep(Duration::from_secs(50)).await;
    assert_eq!(node.count("Open"), 1);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(node.count("Open"), 2);
}

#[tokio::test(start_paused = true)]
async fn events_between_the_hook_and_the_end_are_scraped_and_flushed() {
    let node = Fake::new();
    let drain = Drain::new(node.clone());
    drain.drain().await;
    node.steps.lock().clear();
    sleep(Duration::from_secs(1)).await;
    node.event();
    sleep(Duration::from_secs(3)).await;
    assert_eq!(node.count("scrape"), 1);
    assert!(node.count("flush") >= 2, "{:?}", node.steps());
    // SIGTERM: Ray is gone already, as it is for a native sidecar.
    node.alive.store(false, Ordering::Relaxed);
    drain.end(Duration::from_secs(25)).await;
    let steps = node.steps();
    assert_eq!(steps[steps.len() - 4..], ["seal", "Draining", "settle until 29", "Closed"]);
    assert_eq!((node.count("poll"), node.count("Open")), (0, 0), "the hook has asked the dashboard");
    assert_eq!(node.time_of("Closed"), 55);
}

#[tokio::test(start_paused = true)]
async fn without_a_hook_events_are_received_until_ray_is_gone() {
    let node = Fake::new();
    let drain = Drain::new(node.clone());
    tokio::spawn({
        let node = node.clone();
        async move {
            sleep(Duration::from_secs(7)).await;
            node.event();
            sleep(Duration::from_secs(2)).await;
            node.alive.store(false, Ordering::Relaxed);
        }
    });
    drain.end(Duration::from_secs(25)).await;
    let steps = node.steps();
    assert_eq!(steps[steps.len() - 5..], ["seal", "poll", "Draining", "settle until 25", "Closed"]);
    assert!(node.time_of("seal") >= 105 && node.time_of("seal") <= 107, "{}", node.time_of("seal"));
    assert!((5..=6).contains(&node.count("flush")), "{steps:?}");
    assert_eq!(node.count("scrape"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_hook_events_since_the_last_scrape_are_counted() {
    let node = Fake::new();
    node.event();
    sleep(Duration::from_secs(5)).await;
    tokio::spawn({
        let node = node.clone();
        async move {
            sleep(Duration::from_millis(500)).await;
            node.alive.store(false, Ordering::Relaxed);
        }
    });
    Drain::new(node.clone()).end(Duration::from_secs(25)).await;
    assert_eq!((node.count("scrape"), node.time_of("scrape")), (1, 50));
}

#[tokio::test(start_paused = true)]
async fn a_ray_that_ignores_sigterm_does_not_take_the_time_for_closing() {
    let node = Fake::new();
    node.store_is_away.store(true, Ordering::Relaxed);
    Drain::new(node.clone()).end(Duration::from_secs(25)).await;
    assert!((200..=201).contains(&node.time_of("seal")), "{}", node.time_of("seal"));
    let node = Fake::new();
    Drain::new(node.clone()).end(Duration::from_secs(3)).await;
    assert_eq!(node.time_of("seal"), 0);
}
