//! Name servers, asked one after the other for one name after the other.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join;
use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RecordType};

use super::settings::Settings;
use super::transport::Transport;

/// What a name server knows of a full name.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Answer {
    /// At least one address, IPv6 before IPv4: whoever connects falls back to the other in a moment.
    Addresses(Vec<IpAddr>),
    /// That it has none.
    Nothing,
}

/// Why name servers gave no answer: what the last of them that was asked did.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It could not, or would not, look the name up.
    #[error("the name server {server} answers \"{code}\" for {name}")]
    Refused {
        server: IpAddr,
        name: String,
        /// The response code of RFC 1035 in words, such as `Server Failure`.
        code: &'static str,
    },
    /// It could not be asked.
    #[error("the name server {server} cannot be asked for {name}: {reason}")]
    Unreachable {
        server: IpAddr,
        name: String,
        reason: String,
    },
    /// There was none to ask.
    #[error("there is no name server")]
    Without,
}

/// The servers of one look-up.
pub(super) struct Servers {
    /// Those that failed in this look-up come last.
    order: Vec<(IpAddr, Resolver<Transport>)>,
    attempts: u32,
    timeout: Duration,
    no_aaaa: bool,
}

impl Servers {
    /// Each server is a resolver of its own: of several in one, the library would ask two at the same time, take the
    /// word of whichever is faster, and let one that refuses speak for all.
    pub(super) fn new(settings: &Settings) -> Self {
        let resolver = |server: &IpAddr| {
            let config = if settings.tcp {
                NameServerConfig::tcp(*server)
            } else {
                NameServerConfig::udp_and_tcp(*server)
            };
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![config]);
            let mut builder = Resolver::builder_with_config(config, Transport::default());
            let options = builder.options_mut();
            options.timeout = settings.timeout;
            // What does not fit into 512 bytes comes over TCP, which every server speaks.
            options.edns0 = false;
            // Asking again is for `ask`, which asks others in between.
            options.attempts = 0;
            options.cache_size = 0;
            options.use_hosts_file = ResolveHosts::Never;
            Some((*server, builder.build().ok()?))
        };
        Self {
            order: settings.servers.iter().filter_map(resolver).collect(),
            attempts: settings.attempts,
            timeout: settings.timeout,
            no_aaaa: settings.no_aaaa,
        }
    }

    /// What the first server says that gives an answer, even if the answer is that there is nothing.
    pub(super) async fn ask(&mut self, name: &Name) -> Result<Answer, Fault> {
        let mut last = Fault::Without;
        for _attempt in 0..self.attempts {
            for _server in 0..self.order.len() {
                let Some((server, resolver)) = self.order.first() else {
                    break;
                };
                match addresses(resolver, name, self.no_aaaa).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => last = self.fault(*server, name, &error),
                }
                self.order.rotate_left(1);
            }
        }
        Err(last)
    }

    fn fault(&self, server: IpAddr, name: &Name, error: &NetError) -> Fault {
        let name = name.to_ascii();
        if let NetError::Dns(DnsError::ResponseCode(code)) = error {
            let code = code.to_str();
            return Fault::Refused { server, name, code };
        }
        let reason = if let NetError::Timeout = error {
            format!("no answer within {} s", self.timeout.as_secs())
        } else if let NetError::NoConnections | NetError::Io(_) = error {
            // The library has no better word for what the kernel said.
            "it cannot be reached".to_owned()
        } else {
            error.to_string()
        };
        Fault::Unreachable {
            server,
            name,
            reason,
        }
    }
}

/// What one server says, of both kinds of addresses at the same time.
async fn addresses(
    resolver: &Resolver<Transport>,
    name: &Name,
    no_aaaa: bool,
) -> Result<Answer, NetError> {
    let v4 = resolver.lookup(name.clone(), RecordType::A);
    let v6 = async {
        if no_aaaa {
            return Ok(Vec::new());
        }
        found(resolver.lookup(name.clone(), RecordType::AAAA).await)
    };
    let (v6, v4) = join(v6, async { found(v4.await) }).await;
    match (v6, v4) {
        (Ok(v6), Ok(v4)) if v6.is_empty() && v4.is_empty() => Ok(Answer::Nothing),
        (Ok(v6), Ok(v4)) => Ok(Answer::Addresses([v6, v4].concat())),
        // Some servers fail for a kind that they do not have.
        (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.is_empty() => Ok(Answer::Addresses(some)),
        (_, Err(error)) | (Err(error), _) => Err(error),
    }
}

/// The addresses in an answer; none, where it says that there are none.
fn found(answer: Result<Lookup, NetError>) -> Result<Vec<IpAddr>, NetError> {
    match answer {
        Ok(lookup) => {
            let records = lookup.answers().iter();
            Ok(records.filter_map(|record| record.data.ip_addr()).collect())
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
