//! Host names are found as the system is set up to find them: by a real name server, in a network of its own, on machines
//! whose `/etc` is what each case says.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};

use vouchsafe_tests::harness::name_server::NameServer;
use vouchsafe_tests::harness::process::Finished;
use vouchsafe_tests::harness::{
    Certificates, Namespace, NotaryClient, NotaryServer, TempDir, Vouchsafe,
};

/// A network with a Notary server on 127.0.0.1 and three name servers: one that knows it, one that knows nothing and says
/// so, and one that never says anything.
struct Network {
    namespace: Namespace,
    server: NotaryServer,
    certificates: Certificates,
    silent: UdpSocket,
    _name_servers: [NameServer; 2],
}

impl Network {
    fn new() -> Self {
        let namespace = Namespace::new().unwrap();
        let start = || {
            let many: Vec<String> = (2..=60)
                .map(|last| format!("--host-record=many.example.com,127.0.0.{last}"))
                .chain(["--host-record=many.example.com,127.0.0.1".to_owned()])
                .collect();
            let mut records = vec![
                "--host-record=notary.trust.svc.cluster.local,127.0.0.1",
                "--host-record=notary.example.com,127.0.0.1",
                "--host-record=dual.example.com,127.0.0.1,::1",
                "--host-record=listed.example.com,127.9.9.9",
                "--cname=alias.example.com,notary.example.com",
                "--local=/local/",
                "--local=/example.com/",
            ];
            records.extend(many.iter().map(String::as_str));
            let server = NotaryServer::plain().unwrap();
            let publisher = NotaryClient::publisher(&server.url(), None).unwrap();
            publisher.init(GUN).unwrap();
            let silent = UdpSocket::bind((SILENT, 53)).unwrap();
            silent.set_nonblocking(true).unwrap();
            let knowing = NameServer::start(KNOWING.into(), &records).unwrap();
            let refusing = NameServer::start(REFUSING.into(), &[]).unwrap();
            (server, silent, [knowing, refusing])
        };
        let (server, silent, name_servers) = namespace.inside(start);
        Self {
            namespace,
            server,
            certificates: Certificates::new().unwrap(),
            silent,
            _name_servers: name_servers,
        }
    }

    /// What `vouchsafe root-key` says about the Notary server under this name, where `/etc` holds these files and no
    /// other.
    fn fetch(&self, host: &str, files: &[(&str, &str)]) -> Finished {
        let etc = TempDir::new("etc").unwrap();
        for (name, content) in files {
            etc.write(name, content).unwrap();
        }
        let script = r#"mount --bind "$0" /etc && exec "$@""#;
        let folder = etc.path().to_str().unwrap();
        let wrapper = ["unshare", "--mount", "sh", "-c", script, folder];
        let vouchsafe = Vouchsafe::new("").unwrap().under(&wrapper);
        let url = format!("http://{host}:{}", self.server.address().port());
        let authority = self.certificates.authority_file();
        let environment = [
            ("SSL_CERT_FILE", authority.to_str().unwrap()),
            ("SSL_CERT_DIR", folder),
            ("NO_PROXY", "*"),
        ];
        let arguments = ["root-key", GUN, "--server", &url];
        self.namespace
            .inside(|| vouchsafe.run_with(&environment, &arguments))
            .unwrap()
    }

    fn was_the_silent_one_asked(&self) -> bool {
        let mut asked = false;
        loop {
            match self.silent.recv_from(&mut [0; 512]) {
                Ok(_) => asked = true,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return asked;
                }
            }
        }
    }
}

fn resolv_conf(servers: &[Ipv4Addr], rest: &str) -> String {
    let lines: Vec<String> = servers
        .iter()
        .map(|server| format!("nameserver {server}\n"))
        .collect();
    lines.concat() + rest
}

#[test]
fn names_are_found_as_the_system_says() {
    let network = Network::new();
    let pod = "search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";
    let plain = resolv_conf(&[KNOWING], "");
    let in_a_pod = resolv_conf(&[KNOWING], pod);
    let through_refusal = resolv_conf(
        &[KNOWING],
        "search nobody.test example.com\noptions ndots:5\n",
    );
    let after_silence = resolv_conf(&[SILENT, KNOWING], &format!("{pod}options timeout:1\n"));
    let after_refusal = resolv_conf(&[REFUSING, KNOWING], "");
    let silence = resolv_conf(&[SILENT], pod);
    let hosts = "127.0.0.1 listed.example.com Listed\n";
    let cases: &[(&str, &str, &str)] = &[
        ("notary.example.com", &plain, ""),
        ("notary.example.com.", &in_a_pod, ""),
        ("alias.example.com", &plain, ""),
        ("dual.example.com", &plain, ""),
        ("many.example.com", &plain, ""),
        ("notary.trust", &in_a_pod, ""),
        ("notary.trust.svc", &in_a_pod, ""),
        ("notary.trust.svc.cluster.local", &in_a_pod, ""),
        ("notary", &through_refusal, ""),
        ("notary.example.com", &after_silence, ""),
        ("notary.example.com", &after_refusal, ""),
        ("listed.example.com", &plain, hosts),
        ("LISTED", &silence, hosts),
        ("localhost", &silence, ""),
        ("127.0.0.1", &silence, ""),
    ];
    for (host, resolv_conf, hosts) in cases {
        network.was_the_silent_one_asked();
        let files = [("resolv.conf", *resolv_conf), ("hosts", *hosts)];
        let finished = network.fetch(host, &files);
        assert_eq!(
            finished.code,
            Some(0),
            "{host} by {resolv_conf}: {}",
            finished.stderr
        );
        assert!(finished.stdout.contains("BEGIN PUBLIC KEY"), "{host}");
        assert_eq!(
            network.was_the_silent_one_asked(),
            *resolv_conf == after_silence,
            "{host} by {resolv_conf}"
        );
    }
}

#[test]
fn a_machine_without_settings_knows_addresses_and_itself() {
    let network = Network::new();
    for host in ["127.0.0.1", "localhost", "notary.localhost"] {
        let finished = network.fetch(host, &[]);
        assert_eq!(finished.code, Some(0), "{host}: {}", finished.stderr);
    }
    let finished = network.fetch("notary.example.com", &[]);
    assert_eq!(finished.code, Some(2));
    // resolv.conf(5): without a file, the name server on this machine is asked. There is none.
    let words = "cannot resolve notary.example.com: the name server ::1 cannot be asked for notary.example.com.: \
         it cannot be reached";
    assert!(finished.stderr.contains(words), "{}", finished.stderr);
}

#[test]
fn it_is_said_who_does_not_know_a_name() {
    let network = Network::new();
    let cases = [
        (
            "nobody.example.com",
            resolv_conf(&[KNOWING], ""),
            "nobody.example.com has no address, neither in /etc/hosts nor from the name server 127.0.0.51",
        ),
        (
            "notary.example.com",
            resolv_conf(&[REFUSING], ""),
            "cannot resolve notary.example.com: the name server 127.0.0.52 answers \"Query Refused\" for \
             notary.example.com.",
        ),
        (
            "notary.example.com",
            resolv_conf(&[SILENT], "options timeout:1 attempts:1\n"),
            "cannot resolve notary.example.com: the name server 127.0.0.53 cannot be asked for notary.example.com.: \
             no answer within 1 s",
        ),
        (
            "notary.example.com",
            resolv_conf(&[SILENT], ""),
            "cannot resolve notary.example.com: no answer within 8s from the name server 127.0.0.53",
        ),
    ];
    for (host, resolv_conf, words) in cases {
        let finished = network.fetch(host, &[("resolv.conf", &resolv_conf)]);
        assert_eq!(finished.code, Some(2));
        assert!(
            finished.stderr.contains(words),
            "{resolv_conf}: {}",
            finished.stderr
        );
    }
}

const GUN: &str = "registry.example.com/team/app";
const KNOWING: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 51);
const REFUSING: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 52);
const SILENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);
