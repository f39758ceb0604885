//! Addresses of host names, found without the C library.
//!
//! `getaddrinfo` loads modules at run time, which a static binary cannot. What it reads is read here: `/etc/hosts`
//! first, then the name servers, search list and options of `/etc/resolv.conf`. As there, nothing is cached, and a
//! file that changed counts from the next connection on.

mod hosts;
mod servers;
mod settings;
mod transport;

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use hickory_resolver::proto::rr::Name;
use reqwest::dns::{Addrs, Resolve, Resolving};
use tokio::time::timeout;

use self::servers::{Answer, Fault, Servers};
use self::settings::Settings;

/// Finds the addresses that connections of an HTTP client go to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemNames {
    /// How long that may take in all, whatever the system's settings say.
    pub(crate) patience: Duration,
}

/// Why a host name led to no address.
#[derive(Debug, thiserror::Error)]
enum NameError {
    /// A file that says where to look cannot be read.
    #[error("cannot resolve {host}: {path} cannot be read: {source}")]
    File {
        host: String,
        path: &'static str,
        source: io::Error,
    },
    /// The name servers took too long, one with the other.
    #[error("cannot resolve {host}: no answer within {after:?} from {servers}")]
    Late {
        host: String,
        servers: String,
        after: Duration,
    },
    /// Nobody could be asked, or gave a usable answer.
    #[error("cannot resolve {host}: {fault}")]
    Server { host: String, fault: Fault },
    /// It cannot be asked for.
    #[error("{host} cannot be the name of a host")]
    Unaskable { host: String },
    /// There is no such host.
    #[error("{host} has no address, neither in {HOSTS} nor from {servers}")]
    Unknown { host: String, servers: String },
}

impl Resolve for SystemNames {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let patience = self.patience;
        Box::pin(async move {
            let found = addresses(name.as_str(), patience).await?;
            // Whoever connects puts in the port of the URL.
            let sockets = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok::<Addrs, _>(Box::new(sockets))
        })
    }
}

/// The addresses of a host, those to be tried first in front.
async fn addresses(host: &str, patience: Duration) -> Result<Vec<IpAddr>, NameError> {
    let read = |path| {
        read(Path::new(path)).map_err(|source| NameError::File {
            host: host.to_owned(),
            path,
            source,
        })
    };
    let listed = hosts::find(&read(HOSTS)?, host);
    if !listed.is_empty() {
        return Ok(listed);
    }
    if is_localhost(host) {
        return Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
    }
    let settings = Settings::parse(&read(RESOLV_CONF)?);
    let asked = timeout(patience, ask(&settings, host)).await;
    asked.unwrap_or_else(|_elapsed| {
        Err(NameError::Late {
            host: host.to_owned(),
            servers: settings.servers_in_words(),
            after: patience,
        })
    })
}

/// Asks the name servers for each of the names that the search list makes of `host`, until one has an address.
///
/// As in glibc, a name that a server refuses to look up does not keep the next one from being asked for, but servers
/// that cannot be reached do: what is behind them might have been the right one.
async fn ask(settings: &Settings, host: &str) -> Result<Vec<IpAddr>, NameError> {
    let mut servers = Servers::new(settings);
    let mut refused = None;
    let mut asked = false;
    for candidate in settings.candidates(host) {
        // A suffix can make a name too long; that one names nobody.
        let Ok(mut name) = Name::from_str_relaxed(&candidate) else {
            continue;
        };
        name.set_fqdn(true);
        asked = true;
        match servers.ask(&name).await {
            Ok(Answer::Addresses(found)) => return Ok(found),
            Ok(Answer::Nothing) => {}
            Err(fault @ Fault::Refused { .. }) => refused = refused.or(Some(fault)),
            Err(fault @ (Fault::Unreachable { .. } | Fault::Without)) => {
                let host = host.to_owned();
                return Err(NameError::Server { host, fault });
            }
        }
    }
    let host = host.to_owned();
    Err(match refused {
        Some(fault) => NameError::Server { host, fault },
        None if asked => NameError::Unknown {
            host,
            servers: settings.servers_in_words(),
        },
        None => NameError::Unaskable { host },
    })
}

/// RFC 6761, section 6.3: such names are loopback, whatever name servers say.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next();
    last.is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
}

/// What a file holds; one that is not there, as on a machine without a network, holds nothing.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_FILE).read_to_end(&mut content)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(content)
}

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Lists of hosts to block are the longest that are in use, of some MiB.
const MAX_FILE: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_a_whole_label() {
        for host in ["localhost", "LOCALHOST.", "a.localhost", "a.b.localhost."] {
            assert!(is_localhost(host), "{host}");
        }
        for host in ["localhost.example.com", "notlocalhost", "", "."] {
            assert!(!is_localhost(host), "{host}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_holds_nothing() {
        assert!(read(Path::new("/nowhere/resolv.conf")).unwrap().is_empty());
        assert!(read(Path::new("/proc")).is_err());
    }
}
