//! `/etc/resolv.conf`: resolv.conf(5).

use std::net::IpAddr;
use std::time::Duration;

use resolv_conf::Config;

/// Which name servers are asked, and for what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Settings {
    /// The name servers, in the order in which they are asked: never empty.
    pub(super) servers: Vec<IpAddr>,
    /// What is appended to short names.
    search: Vec<String>,
    /// From so many dots on, a name is tried as it is before anything is appended.
    ndots: usize,
    /// A name without a dot is never tried as it is.
    no_tld_query: bool,
    /// How long a server may take.
    pub(super) timeout: Duration,
    /// How often each server is asked.
    pub(super) attempts: u32,
    /// Whether servers are asked over TCP only.
    pub(super) tcp: bool,
    /// Whether IPv4 addresses are enough.
    pub(super) no_aaaa: bool,
}

impl Settings {
    /// What the file says. What of it cannot be understood is passed over, as glibc does, and an empty file means a
    /// name server on this machine.
    pub(super) fn parse(file: &[u8]) -> Self {
        let (mut config, _errors) = Config::parse_with_errors(file);
        config.nameservers.truncate(MAX_SERVERS);
        let mut search: Vec<String> = config.get_last_search_or_domain().cloned().collect();
        if search.is_empty() {
            search.extend(config.get_system_domain());
        }
        let servers = config.get_nameservers_or_local();
        Self {
            servers: servers.iter().map(IpAddr::from).collect(),
            search,
            ndots: usize::try_from(config.ndots.min(MAX_NDOTS)).unwrap_or_default(),
            no_tld_query: config.no_tld_query,
            timeout: Duration::from_secs(config.timeout.clamp(1, MAX_TIMEOUT).into()),
            attempts: config.attempts.clamp(1, MAX_ATTEMPTS),
            tcp: config.use_vc,
            no_aaaa: config.no_aaaa,
        }
    }

    /// The full names that `host` may stand for, the likeliest first.
    pub(super) fn candidates(&self, host: &str) -> Vec<String> {
        if host.ends_with('.') {
            return vec![host.to_owned()];
        }
        let dots = host.matches('.').count();
        let bare = (dots > 0 || !self.no_tld_query).then(|| format!("{host}."));
        let searched = self.search.iter().filter_map(|domain| {
            let domain = domain.trim_matches('.');
            // The root as a domain is the name as it is.
            (!domain.is_empty()).then(|| format!("{host}.{domain}."))
        });
        if dots >= self.ndots {
            bare.into_iter().chain(searched).collect()
        } else {
            searched.chain(bare).collect()
        }
    }

    /// The name servers as an operator reads them: `the name server 10.96.0.10`.
    pub(super) fn servers_in_words(&self) -> String {
        let servers: Vec<String> = self.servers.iter().map(ToString::to_string).collect();
        let noun = if servers.len() == 1 {
            "the name server"
        } else {
            "the name servers"
        };
        format!("{noun} {}", servers.join(", "))
    }
}

/// As many as glibc knows (`MAXNS`), and the bounds that it puts on options (`RES_MAXNDOTS`, `RES_MAXRETRANS`, `RES_MAXRETRY`).
const MAX_SERVERS: usize = 3;
const MAX_NDOTS: u32 = 15;
const MAX_TIMEOUT: u32 = 30;
const MAX_ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_searched_for_as_a_pod_is_told_to() {
        let settings = Settings::parse(
            b"search shop.svc.cluster.local svc.cluster.local cluster.local\n\
              nameserver 10.96.0.10\noptions ndots:5\n",
        );
        assert_eq!(
            settings.candidates("notary.trust"),
            [
                "notary.trust.shop.svc.cluster.local.",
                "notary.trust.svc.cluster.local.",
                "notary.trust.cluster.local.",
                "notary.trust.",
            ]
        );
        assert_eq!(
            settings.candidates("a.b.c.d.e.f").first().unwrap(),
            "a.b.c.d.e.f."
        );
        assert_eq!(
            settings.candidates("notary.example.com."),
            ["notary.example.com."]
        );
    }

    #[test]
    fn options_count_within_the_bounds_of_glibc() {
        let file = "nameserver 10.0.0.1\nnameserver fd00::2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n\
            domain ignored.example\nsearch . example.com.\nnonsense\n\
            options ndots:0 timeout:99 attempts:0 use-vc edns0 no-aaaa no-tld-query unheard-of trust-ad\n";
        let settings = Settings::parse(file.as_bytes());
        assert_eq!(
            settings,
            Settings {
                servers: ["10.0.0.1", "fd00::2", "10.0.0.3"]
                    .map(|ip| ip.parse().unwrap())
                    .to_vec(),
                search: vec![".".to_owned(), "example.com.".to_owned()],
                ndots: 0,
                no_tld_query: true,
                timeout: Duration::from_secs(30),
                attempts: 1,
                tcp: true,
                no_aaaa: true,
            }
        );
        assert_eq!(settings.candidates("a"), ["a.example.com."]);
        assert_eq!(settings.candidates("a.b"), ["a.b.", "a.b.example.com."]);
    }

    #[test]
    fn without_a_file_this_machine_is_asked() {
        let settings = Settings::parse(b"");
        let loopback: Vec<IpAddr> = ["127.0.0.1", "::1"].map(|ip| ip.parse().unwrap()).to_vec();
        assert_eq!(settings.servers, loopback);
        assert_eq!(
            (settings.timeout, settings.attempts),
            (Duration::from_secs(5), 2)
        );
        assert_eq!(
            settings.servers_in_words(),
            "the name servers 127.0.0.1, ::1"
        );
    }
}
