//! `/etc/hosts`: hosts(5).

use std::net::IpAddr;

/// The addresses of `host`, in the order of the file. Lines that say something else are passed over.
pub(super) fn find(file: &[u8], host: &str) -> Vec<IpAddr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut found = Vec::new();
    for line in file.split(|byte| *byte == b'\n') {
        let Ok(line) = str::from_utf8(line) else {
            continue;
        };
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
            continue;
        };
        let named = words.any(|name| {
            let name = name.strip_suffix('.').unwrap_or(name);
            name.eq_ignore_ascii_case(host)
        });
        if named && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_with_all_its_addresses() {
        let file = b"# Kubernetes-managed hosts file.\n\
            127.0.0.1\tlocalhost\n\
            ::1\tlocalhost ip6-localhost\r\n\
            10.0.0.7  notary.example.com notary # 10.0.0.8 not.this\n\
            10.0.0.7 Notary.Example.Com.\n\
            \xff\xfe notary\n\
            #10.0.0.9 notary\n\
            fe80::1%eth0 scoped\n\
            10.0.0.10\n\
            fd00::7 my_host NOTARY";
        let cases: &[(&str, &[&str])] = &[
            ("localhost", &["127.0.0.1", "::1"]),
            ("notary", &["10.0.0.7", "fd00::7"]),
            ("notary.example.com", &["10.0.0.7"]),
            ("notary.example.com.", &["10.0.0.7"]),
            ("my_host", &["fd00::7"]),
            ("not.this", &[]),
            ("example.com", &[]),
            ("scoped", &[]),
            ("10.0.0.10", &[]),
            ("", &[]),
        ];
        for (host, addresses) in cases {
            let expected: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
            assert_eq!(find(file, host), expected, "{host}");
        }
    }
}
