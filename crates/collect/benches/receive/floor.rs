//! The least that a receiver can do: takes a body, appends it to a file and a line to another, and answers.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

/// Serves for ever.
pub(crate) fn serve(dir: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let open = |name| OpenOptions::new().append(true).create(true).open(dir.join(name)).unwrap();
    let (mut records, mut journal) = (open("records"), open("journal"));
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        let mut reader = BufReader::new(&stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        records.write_all(&body).unwrap();
        journal.write_all(&[b'x'; 150]).unwrap();
        (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    }
}

/// Returns how long the disk takes for a short write.
pub(crate) fn sync(dir: &Path) -> Duration {
    let mut file = OpenOptions::new().append(true).create(true).open(dir.join("synced")).unwrap();
    file.write_all(&[b'x'; 4096]).unwrap();
    let begun = Instant::now();
    file.sync_data().unwrap();
    begun.elapsed()
}
