//! Real servers for the tests to speak with: an S3 server (moto) and PostgreSQL, started from what is installed.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use watchkeep_core::{Clock, SystemClock};

/// A process that ends with its owner.
pub struct Server {
    process: Child,
    /// `http://127.0.0.1:port`.
    pub endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Creates a bucket.
    pub fn create_bucket(&self, name: &str) {
        let address = self.endpoint.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).unwrap();
        let credential =
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        write!(
            connection,
            "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {credential}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// An S3 server: moto's, run by [`python`].
pub fn moto() -> Option<Server> {
    let Some(python) = python("moto.server") else {
        skipped("no Python that has moto's server, see WATCHKEEP_TEST_PYTHON: nothing was tested against S3");
        return None;
    };
    // The port is free when it is asked for; that another process takes it meanwhile is unlikely enough.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Command::new(python)
        .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server { process, endpoint: format!("http://127.0.0.1:{port}") };
    wait_until("moto_server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some(server)
}

/// A Python that has these modules (comma between): the one that `WATCHKEEP_TEST_PYTHON` names, else `python3`.
pub fn python(modules: &str) -> Option<PathBuf> {
    let named = std::env::var_os("WATCHKEEP_TEST_PYTHON").filter(|path| !path.is_empty()).map(PathBuf::from);
    let program = named.unwrap_or_else(|| "python3".into());
    let has = Command::new(&program)
        .args(["-c", &format!("import {modules}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    has.then_some(program)
}

/// A PostgreSQL server of its own in a temporary directory, reached by a Unix socket only.
pub struct Postgres {
    process: Child,
    directory: tempfile::TempDir,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed outright it would leave its shared memory behind: ask first, by the signal that it calls "immediate".
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-QUIT", &pid]).status();
        let _ = self.process.wait();
    }
}

impl Postgres {
    /// Starts one, if PostgreSQL is installed.
    pub fn start() -> Option<Postgres> {
        let beside: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
            .unwrap_or_default();
        let (Some(initdb), Some(postgres)) = (in_path("initdb", &beside), in_path("postgres", &beside)) else {
            skipped("no initdb and postgres in PATH nor /usr/lib/postgresql, so nothing was tested against PostgreSQL");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("watchkeep-pg").tempdir().unwrap();
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(directory.path(), Some(uid), Some(gid)).unwrap();
        }
        let as_user = |program: &Path| {
            let mut command = Command::new(program);
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command.current_dir(directory.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let data = directory.path().join("data");
        let made = as_user(&initdb)
            .args(["--no-sync", "--auth=trust", "--username=watchkeep", "--encoding=UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let process = as_user(&postgres)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50", "-k"])
            .arg(directory.path())
            .arg("-D")
            .arg(&data)
            .spawn()
            .unwrap();
        let server = Postgres { process, directory };
        wait_until("PostgreSQL listens", || {
            std::os::unix::net::UnixStream::connect(server.directory.path().join(".s.PGSQL.5432")).is_ok()
        });
        Some(server)
    }

    /// The directory of its socket.
    pub fn socket(&self) -> String {
        self.directory.path().display().to_string()
    }

    /// The URL of this database, by way of the socket.
    pub fn url(&self, database: &str) -> String {
        let socket = self.socket().replace('/', "%2F");
        format!("postgres://watchkeep@{socket}/{database}")
    }
}

/// The user that PostgreSQL runs as when the tests run as root, whom it refuses: `postgres` if there is one, else `nobody`.
fn unprivileged() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let user: Vec<&str> =
            users.lines().map(|line| line.split(':').collect()).find(|user: &Vec<&str>| user[0] == name)?;
        Some((user[2].parse().unwrap(), user[3].parse().unwrap()))
    };
    find("postgres").or_else(|| find("nobody"))
}

/// Says loudly that a test tested nothing.
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Finds a program in `PATH`, else in `beside`.
fn in_path(program: &str, beside: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(beside.iter().cloned())
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// Waits up to a minute.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let clock = SystemClock::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    while !done() {
        assert!(clock.monotonic() < Duration::from_secs(60), "waited for a minute: {what}");
        // The sleep is made inside: making it needs the runtime, too.
        runtime.block_on(async { clock.sleep(Duration::from_millis(20)).await });
    }
}

/// Tries for up to a minute, for a server that listens does not serve yet.
pub async fn patiently<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(mut attempt: impl FnMut() -> F) -> T {
    let clock = SystemClock::new();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(clock.monotonic() < Duration::from_secs(60), "waited for a minute: {error}"),
        }
        clock.sleep(Duration::from_millis(20)).await;
    }
}
