//! What tests see of the machine: `.cargo/config.toml` has cargo start them by `scripts/test-env`, so nothing of the
//! user's reaches them or the programs that they start.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What a user's environment may hold that would change what tests see.
const HOSTILE: [(&str, &str); 12] = [
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "nobody"),
    ("AWS_PROFILE", "nope"),
    ("AZURE_CLIENT_ID", "nobody"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/none.json"),
    ("HTTP_PROXY", "http://127.0.0.1:1"),
    ("KUBECONFIG", "/none"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("OSS_ENDPOINT", "http://127.0.0.1:1"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
    ("RAY_AUTH_MODE", "token"),
    ("RAY_HISTORY_LISTEN", "127.0.0.1:1"),
    ("S3_BUCKET", "none"),
];

/// The variables that `scripts/test-env` lets a program see, in an environment of these.
fn seen(flags: &[&str], program: &Path, environment: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut command = Command::new(Path::new(ROOT).join("scripts/test-env"));
    command.args(flags).arg(program).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    let output = command.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect()
}

fn value<'a>(variables: &'a [(String, String)], name: &str) -> &'a str {
    variables.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// Where `env` lies.
fn env() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join("env")).find(|file| file.exists()).unwrap()
}

#[test]
fn tests_see_nothing_of_the_users() {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let how = "run tests by cargo, which starts them by scripts/test-env";
    assert!(home.parent().unwrap().ends_with("target/test-homes"), "{}: {how}", home.display());
    let foreign: Vec<_> = HOSTILE.iter().filter(|(name, _)| std::env::var_os(name).is_some()).collect();
    assert!(foreign.is_empty(), "{foreign:?}: {how}");
    assert_eq!(std::env::var("TZ").unwrap(), "UTC");
}

#[test]
fn a_hostile_environment_ends_at_the_script() {
    let own = [("HOME", "/home/somebody"), ("TZ", "Asia/Kathmandu"), ("RUST_BACKTRACE", "1")];
    let variables = seen(&[], &env(), &[&HOSTILE[..], &own].concat());
    let mut names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["CARGO_HOME", "HOME", "LANG", "PATH", "RUSTUP_HOME", "RUST_BACKTRACE", "TZ"]);
    assert_eq!((value(&variables, "TZ"), value(&variables, "LANG")), ("UTC", "C.UTF-8"));
    assert_eq!(value(&variables, "CARGO_HOME"), "/home/somebody/.cargo");
    let home = Path::new(value(&variables, "HOME"));
    assert!(home.starts_with(Path::new(ROOT).join("target/test-homes")), "{}", home.display());
    assert_eq!(home.read_dir().unwrap().count(), 0);
}

#[test]
fn cargo_run_keeps_the_users_environment_and_a_test_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let deps = folder.path().join("deps");
    std::fs::create_dir(&deps).unwrap();
    for (place, kept) in [(folder.path(), true), (deps.as_path(), false)] {
        let program = place.join("program");
        std::os::unix::fs::symlink(env(), &program).unwrap();
        let variables = seen(&["--cargo"], &program, &[("AWS_PROFILE", "mine"), ("HOME", "/home/somebody")]);
        assert_eq!(value(&variables, "AWS_PROFILE") == "mine", kept, "{}", program.display());
        assert_eq!(value(&variables, "HOME") == "/home/somebody", kept, "{}", program.display());
    }
}

#[test]
fn homes_of_programs_that_are_gone_are_removed() {
    let homes = Path::new(ROOT).join("target/test-homes");
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let home = |process: u32, minutes: u64| {
        let home = tempfile::Builder::new().prefix(&format!("{process}.")).tempdir_in(&homes).unwrap();
        let at = SystemTime::now() - Duration::from_secs(60 * minutes);
        std::fs::File::open(home.path()).unwrap().set_modified(at).unwrap();
        home
    };
    let [old, young, living] = [home(gone.id(), 60), home(gone.id(), 1), home(std::process::id(), 60)];
    seen(&[], &env(), &[]);
    assert_eq!([&old, &young, &living].map(|home| home.path().exists()), [false, true, true]);
}
