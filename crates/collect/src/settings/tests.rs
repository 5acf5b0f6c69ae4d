use super::*;
use std::collections::HashMap;

fn read(flags: &Flags, variables: &[(&str, &str)]) -> (Settings, Vec<String>) {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Settings::read(flags, &|name| variables.get(name).map(|value| (*value).to_owned()))
}

/// The variables that KubeRay's operator gives its collector.
const OPERATOR: [(&str, &str); 9] = [
    ("POD_IP", "10.0.0.9"),
    ("RAY_CLUSTER_NAME", "train"),
    ("RAY_CLUSTER_NAMESPACE", "ml"),
    ("RAY_ROLE", "Head"),
    ("EVENTS_PORT", "8084"),
    ("FQ_RAY_IP", "train-head-svc.ml.svc"),
    ("OWNER_KIND", "RayJob"),
    ("OWNER_NAME", "nightly"),
    ("ENABLE_LOG_COLLECTOR", "true"),
];

#[test]
fn the_operators_variables_are_enough() {
    let (settings, warnings) = read(&Flags::default(), &OPERATOR);
    assert_eq!(warnings, [] as [String; 0]);
    assert_eq!(settings.role, Role::Head);
    assert_eq!(settings.cluster, Some(ClusterId { namespace: "ml".into(), name: "train".into() }));
    assert_eq!(settings.owner, Some(Owner { kind: OwnerKind::RayJob, name: "nightly".into() }));
    assert_eq!(settings.events_listen, EventsListen::Loopback(8084));
    assert_eq!(settings.control_listen, ["[::]:8085".parse().unwrap(), "0.0.0.0:8085".parse().unwrap()]);
    assert_eq!((settings.spool_max, settings.flush.as_secs(), settings.grace.as_secs()), (512 << 20, 10, 25));
    assert_eq!((settings.immutable, settings.fsync_batch, settings.gzip), (false, false, true));
    assert_eq!((settings.upload_rate, settings.kuberay_events), (None, PathBuf::from("/tmp/ray/event-data")));
    assert_eq!(settings.spool, SpoolFolder { given: None, otherwise: "/tmp/ray/ray-history-spool".into() });
    assert_eq!((settings.poll.enabled, settings.poll.auth), (true, Auth::None));
}

#[test]
fn kuberays_variables_win() {
    let text = |text: &str| Some(text.to_owned());
    let flags = Flags { role: text("worker"), cluster: text("mine"), ray_tmp: text("/ray"), ..Flags::default() };
    let flags = Flags { spool_max: text("1Gi"), seal_after: text("1m"), gzip: text("true"), ..flags };
    let (settings, _) = read(&flags, &[]);
    assert!(settings.gzip);
    assert_eq!((settings.role, settings.spool_max, settings.seal_after.as_secs()), (Role::Worker, 1 << 30, 60));
    assert_eq!(settings.spool.otherwise, PathBuf::from("/ray/ray-history-spool"));
    let more = [
        ("RAY_TMP_ROOT", "/elsewhere"),
        ("RAY_COLLECTOR_EVENT_MAX_DISK_MB", "200"),
        ("RAY_COLLECTOR_EVENT_COMPRESSION_ENABLED", "false"),
        ("RAY_COLLECTOR_EVENT_ROTATION_INTERVAL", "2m"),
        ("RAY_COLLECTOR_EVENT_DATA_DIR", "/data"),
        ("RAY_COLLECTOR_EVENT_MAX_FILE_SIZE_MB", "10"),
    ];
    let (settings, warnings) = read(&flags, &[&OPERATOR[..], &more].concat());
    assert_eq!((settings.role, settings.spool_max, settings.gzip), (Role::Head, 200 << 20, false));
    assert_eq!(settings.ray_tmp, PathBuf::from("/elsewhere"));
    assert_eq!(settings.spool.candidates()[0], PathBuf::from("/data/ray-history-spool"));
    assert_eq!(settings.kuberay_events, PathBuf::from("/data"));
    assert_eq!((settings.seal_after.as_secs(), settings.seal_bytes), (120, Some(10 << 20)));
    let names = ["--ray-tmp", "--cluster", "--role"];
    for name in names {
        assert!(warnings.iter().any(|warning| warning.starts_with(name)), "{name}: {warnings:?}");
    }
    assert_eq!(warnings.len(), names.len(), "{warnings:?}");
}

#[test]
fn a_bad_value_is_a_warning_and_the_default() {
    let text = |text: &str| Some(text.to_owned());
    let flags = Flags { flush: text("soon"), events_listen: text("8084"), fsync: text("never"), ..Flags::default() };
    let bad = [
        ("RAY_ROLE", "boss"),
        ("EVENTS_PORT", "70000"),
        ("RAY_CLUSTER_NAME", "../x"),
        ("OWNER_KIND", "RayJob"),
        ("RAY_COLLECTOR_POLL_INTERVAL", "1"),
        ("RAY_COLLECTOR_EVENT_MAX_DISK_MB", "much"),
        ("RAY_COLLECTOR_EVENT_COMPRESSION_ENABLED", "perhaps"),
        ("RAY_DASHBOARD_ADDRESS", "https://dashboard"),
        ("RAY_AUTH_MODE", "token"),
        ("LOG_BATCHING", "1000"),
        ("ENABLE_EVENT_COLLECTOR", "false"),
    ];
    let (settings, warnings) = read(&flags, &bad);
    let (default, missing) = read(&Flags::default(), &[]);
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(settings.poll.auth, Auth::Missing);
    let poll = PollSettings { auth: Auth::None, ..settings.poll.clone() };
    assert_eq!(Settings { poll, ..settings }, default);
    assert_eq!(warnings.len(), bad.len() + 3, "{warnings:#?}");
}

#[test]
fn values_beyond_all_bounds_are_survived() {
    let flags = Flags { grace: Some("9000000000h".into()), ..Flags::default() };
    let most = u64::MAX.to_string();
    let variables = [
        ("RAY_CLUSTER_NAME", "c"),
        ("RAY_COLLECTOR_EVENT_MAX_FILE_SIZE_MB", most.as_str()),
        ("RAY_COLLECTOR_EVENT_MAX_DISK_MB", most.as_str()),
    ];
    let (settings, warnings) = read(&flags, &variables);
    assert_eq!((settings.seal_bytes, settings.spool_max), (Some(u64::MAX), u64::MAX));
    assert_eq!((settings.grace.as_secs(), warnings.len()), (25, 1), "{warnings:?}");
    let (settings, _) = read(&Flags::default(), &[("RAY_COLLECTOR_EVENT_MAX_FILE_SIZE_MB", "0")]);
    assert_eq!(settings.seal_bytes, None);
}

#[test]
fn a_token_is_chosen_as_kuberay_does() {
    let auth = |variables: &[(&str, &str)]| read(&Flags::default(), variables).0.poll.auth;
    let token = ("RAY_AUTH_TOKEN", "t");
    assert_eq!(auth(&[token]), Auth::Token("t".into()));
    assert_eq!(auth(&[token, ("RAY_ENABLE_K8S_TOKEN_AUTH", "true")]), Auth::File(TOKEN_FILE.into()));
    assert_eq!(auth(&[token, ("RAY_ENABLE_K8S_TOKEN_AUTH", "false")]), Auth::Token("t".into()));
    assert_eq!(format!("{:?}", Auth::Token("secret".into())), "Token(…)");
}

#[test]
fn additional_urls_are_paths() {
    let variables = [("RAY_COLLECTOR_ADDITIONAL_ENDPOINTS", "/api/a, api/b?c=1,,/bad url"), ("RAY_CLUSTER_NAME", "c")];
    let (settings, warnings) = read(&Flags::default(), &variables);
    assert_eq!(settings.poll.additional, ["/api/a", "/api/b?c=1"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn a_spool_has_room_for_the_longest_batches_of_ray() {
    for (flag, variable, expected, warned) in [
        (Some("32Mi"), None, 32, None),
        (Some("31Mi"), None, 32, Some("--spool-max")),
        (Some("1Gi"), Some("4"), 32, Some("RAY_COLLECTOR_EVENT_MAX_DISK_MB")),
        (None, Some("40"), 40, None),
    ] {
        let flags = Flags { spool_max: flag.map(str::to_owned), ..Flags::default() };
        let kuberay = variable.map(|value| ("RAY_COLLECTOR_EVENT_MAX_DISK_MB", value));
        let variables: Vec<_> = [("RAY_CLUSTER_NAME", "c")].into_iter().chain(kuberay).collect();
        let (settings, warnings) = read(&flags, &variables);
        assert_eq!(settings.spool_max, expected << 20, "{flag:?}, {variable:?}");
        let told = warnings.iter().filter(|warning| warned.is_some_and(|name| warning.contains(name))).count();
        assert_eq!(
            (warnings.len(), told),
            (usize::from(warned.is_some()), usize::from(warned.is_some())),
            "{warnings:?}"
        );
    }
}

#[test]
fn a_rate_of_uploads_has_a_least_value() {
    for (text, expected, warned) in
        [("10Mi", Some(10 << 20), false), ("1k", Some(64 << 10), true), ("0", None, true), ("fast", None, true)]
    {
        let flags = Flags { upload_rate: Some(text.to_owned()), ..Flags::default() };
        let (settings, warnings) = read(&flags, &[("RAY_CLUSTER_NAME", "c")]);
        assert_eq!((settings.upload_rate, !warnings.is_empty()), (expected, warned), "{text}: {warnings:?}");
    }
}
