//! Starts the program on a free port over the bundled session, and asks it over plain sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(crate) const SESSION: &str = "/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";

/// A running program; it is killed with the value.
pub(crate) struct Server {
    process: Program,
    pub(crate) address: String,
}

/// A program whose standard error is read all the time; it is killed with the value.
pub(crate) struct Program {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Writes the log until nothing has the program's standard error open.
    reader: Option<JoinHandle<()>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (log, lines) = (Arc::default(), BufReader::new(child.stderr.take().unwrap()).lines());
        let reader = std::thread::spawn({
            let log = Arc::<Mutex<String>>::clone(&log);
            move || {
                for line in lines.map_while(Result::ok) {
                    log.lock().unwrap().push_str(&(line + "\n"));
                }
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    /// Waits until all is in the log that a program wrote which has ended.
    fn read_to_end(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until its log has these words, and returns the log.
    pub(crate) fn says(&mut self, words: &str, within: Duration) -> String {
        let end = Instant::now() + within;
        loop {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() {
                self.read_to_end();
            }
            let log = self.log();
            if log.contains(words) {
                return log;
            }
            assert!(ended.is_none(), "the program ended before it said {words:?}: {ended:?}\n{log}");
            assert!(Instant::now() < end, "not within {within:?}: {words:?}\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            self.read_to_end();
            eprintln!("the program's log:\n{}", self.log());
        }
    }
}

/// The bundled session, unpacked once.
pub(crate) fn bundled() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    static STORAGE: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| crate::fixture::unpacked("service"));
    STORAGE.get_or_init(|| folder.path().join("storage"))
}

impl Server {
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::over(bundled(), flags, &[])
    }

    pub(crate) fn over(folder: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ray-history"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--local-dir", folder.to_str().unwrap()])
            .args(flags)
            .env_remove("NO_COLOR")
            .envs(environment.iter().copied());
        let mut process = Program::start(&mut command);
        let said = process.says("serving http://", Duration::from_secs(60));
        let address = said.split("serving http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        Self { process, address }
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        connection
    }

    /// One request on a connection of its own: status line and headers, and body.
    pub(crate) fn get(&self, path: &str) -> (String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
    }

    pub(crate) fn ask(&self, request: &str) -> (String, String) {
        let mut connection = self.connect();
        connection.write_all(request.as_bytes()).unwrap();
        answer(connection)
    }

    /// The value of a metric; zero while there is no sample.
    pub(crate) fn metric(&self, sample: &str) -> u64 {
        let (_, body) = self.get("/metrics");
        let line = body.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned));
        line.map_or(0, |value| value.parse().unwrap())
    }

    pub(crate) fn resident(&self) -> u64 {
        self.metric("process_resident_memory_bytes")
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// How it ended, if it does within a time.
    pub(crate) fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + within;
        while Instant::now() < end {
            if let Some(status) = self.process.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

/// Head and body of an answer that ends with its connection.
pub(crate) fn answer(mut connection: TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    // A connection that the program resets has still said what it had to say.
    let _ = connection.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_lowercase(), body.to_owned())
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, within: Duration, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + within;
    while !so() {
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How long a connection stays open while `each` is done to it now and then; None when it outlives the bound.
pub(crate) fn closed_after(
    mut connection: TcpStream,
    bound: Duration,
    mut each: impl FnMut(&mut TcpStream) -> std::io::Result<()>,
) -> Option<Duration> {
    let began = Instant::now();
    connection.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    while began.elapsed() < bound {
        if each(&mut connection).is_err() {
            return Some(began.elapsed());
        }
        match connection.read(&mut [0; 1024]) {
            Ok(0) => return Some(began.elapsed()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return Some(began.elapsed()),
        }
    }
    None
}
