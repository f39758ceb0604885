//! Network namespaces: machines without a network between them, on one machine.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::HarnessError;
use super::process::run;

/// A network of its own: nothing but loopback, no route, and no way in or out.
///
/// What [`Namespace::inside`] runs is in it, with every process that it starts. When the value is dropped,
/// whatever still runs in it is killed, and it is gone.
#[derive(Debug)]
pub struct Namespace {
    /// What keeps it: a process that ends as soon as nobody holds the other end of its standard input, so that
    /// nothing is left behind even by a test that is killed.
    keeper: Child,
}

/// How often something left a [`Namespace`], or tried to: the kernel's counts, of every process in it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Departures {
    /// TCP connections that somebody began to open.
    pub connects: u64,
    /// TCP connections that somebody accepted.
    pub accepts: u64,
    /// UDP datagrams that were sent.
    pub datagrams: u64,
    /// Other packets (ICMP) that were sent.
    pub others: u64,
}

impl Namespace {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it may not be made here, which takes root (`CAP_SYS_ADMIN`).
    pub fn new() -> Result<Self, HarnessError> {
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]);
        let keeper = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| HarnessError::Start {
                program: "unshare".to_owned(),
                source,
            })?;
        let mut namespace = Self { keeper };
        namespace.wait_until_apart()?;
        namespace.inside(|| run(Command::new("ip").args(["link", "set", "lo", "up"])))?;
        Ok(namespace)
    }

    /// Runs something in the namespace, on a thread of its own. Sockets that it opens and processes that it
    /// starts stay there.
    ///
    /// # Panics
    ///
    /// If that does, or the namespace cannot be entered.
    #[expect(
        clippy::panic,
        reason = "a test that is not where it means to be proves nothing"
    )]
    pub fn inside<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            let path = self.path();
            let link = File::open(&path).map_err(HarnessError::file(path))?;
            move_into_link_name_space(link.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|error| HarnessError::socket("enter a network namespace")(error.into()))
        };
        let result = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter().unwrap_or_else(|error| panic!("{error}"));
                what()
            });
            thread.join()
        });
        result.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    /// Lays a cable to another one: this end gets the first address and that one the second, of a network of four.
    /// Everything that neither end knows is sent over it, so that nothing fails for want of a route.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if `ip` fails.
    pub fn connect(&self, other: &Self, (here, there): (&str, &str)) -> Result<(), HarnessError> {
        let ip = |arguments: &str| run(Command::new("ip").args(arguments.split(' '))).map(drop);
        let there_id = other.keeper.id();
        self.inside(|| {
            ip(&format!(
                "link add cable type veth peer name cable netns {there_id}"
            ))
        })?;
        for (namespace, own, gateway) in [(self, here, there), (other, there, here)] {
            namespace.inside(|| {
                ip(&format!("address add {own}/30 dev cable"))?;
                ip("link set cable up")?;
                ip(&format!("route add default via {gateway}"))
            })?;
        }
        Ok(())
    }

    /// What its processes did so far to reach others.
    ///
    /// # Errors
    ///
    /// [`HarnessError::File`] if the kernel does not say.
    pub fn departures(&self) -> Result<Departures, HarnessError> {
        // `/proc/net` is that of the process's first thread.
        let path = Path::new("/proc/thread-self/net/snmp");
        let (text, text6) = self.inside(|| {
            let text = fs::read_to_string(path).map_err(HarnessError::file(path))?;
            // Not there where the kernel has no IPv6.
            let text6 = fs::read_to_string(path.with_file_name("snmp6")).unwrap_or_default();
            Ok::<_, HarnessError>((text, text6))
        })?;
        let datagrams6 = text6.lines().find_map(|line| {
            let value = line.strip_prefix("Udp6OutDatagrams")?;
            value.trim().parse::<u64>().ok()
        });
        let count = |group: &str, name: &str| {
            counted(&text, group, name)
                .ok_or_else(|| HarnessError::unexpected("snmp")(format!("no {name} of {group}")))
        };
        Ok(Departures {
            connects: count("Tcp", "ActiveOpens")?,
            accepts: count("Tcp", "PassiveOpens")?,
            datagrams: count("Udp", "OutDatagrams")? + datagrams6.unwrap_or_default(),
            others: count("Icmp", "OutMsgs")?,
        })
    }

    /// Its links and routes as `ip` shows them, one a line.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if `ip` fails.
    pub fn links_and_routes(&self) -> Result<(String, String), HarnessError> {
        let ip = |arguments: &[&str]| run(Command::new("ip").args(arguments));
        self.inside(|| {
            let links = ip(&["-brief", "link"])?;
            let routes = ip(&["route", "show", "table", "main"])?;
            Ok((links, routes))
        })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.keeper.id()))
    }

    /// The keeper starts in the namespace of this process, and leaves it.
    fn wait_until_apart(&mut self) -> Result<(), HarnessError> {
        let own = Path::new("/proc/self/ns/net");
        let own = fs::metadata(own).map_err(HarnessError::file(own))?.ino();
        let started = Instant::now();
        loop {
            let ended = !matches!(self.keeper.try_wait(), Ok(None));
            if ended || started.elapsed() > PATIENCE {
                let mut said = String::new();
                drop(self.keeper.kill());
                if let Some(stderr) = &mut self.keeper.stderr {
                    drop(stderr.read_to_string(&mut said));
                }
                return Err(HarnessError::Command {
                    command: "unshare --net".to_owned(),
                    status: "a network namespace cannot be made here, and this test proves nothing without one: \
                             run it as root, in a container with CAP_SYS_ADMIN"
                        .to_owned(),
                    output: said,
                });
            }
            if fs::metadata(self.path()).is_ok_and(|theirs| theirs.ino() != own)
                && fs::read_to_string(format!("/proc/{}/comm", self.keeper.id()))
                    .is_ok_and(|name| name == "cat\n")
            {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }

    /// The processes in it, its keeper last.
    fn processes(&self) -> io::Result<Vec<String>> {
        let own = fs::metadata(self.path())?.ino();
        let keeper = self.keeper.id().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let entry = entry?;
            let id = entry.file_name().to_string_lossy().into_owned();
            let is_process = id.bytes().all(|byte| byte.is_ascii_digit()) && id != keeper;
            let theirs = entry.path().join("ns/net");
            if is_process && fs::metadata(theirs).is_ok_and(|theirs| theirs.ino() == own) {
                found.push(id);
            }
        }
        Ok(found)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        for id in self.processes().unwrap_or_default() {
            drop(run(Command::new("/bin/kill").args(["-KILL", &id])));
        }
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}

/// A value of `/proc/net/snmp`, which names the values of a group in one line and gives them in the next.
fn counted(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let mut names = lines.next()?.split_whitespace();
    let mut values = lines.next()?.split_whitespace();
    values.nth(names.position(|it| it == name)?)?.parse().ok()
}

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_by_their_names() {
        let text = "Ip: Forwarding InReceives\nIp: 1 2\nTcp: A ActiveOpens B\nTcp: -1 7 9\nUdp: A\nUdp: 3\n";
        assert_eq!(counted(text, "Tcp", "ActiveOpens"), Some(7));
        assert_eq!(counted(text, "Udp", "A"), Some(3));
        assert_eq!(counted(text, "Udp", "B"), None);
        assert_eq!(counted(text, "Icmp", "A"), None);
    }
}
