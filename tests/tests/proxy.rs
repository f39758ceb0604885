//! The proxy variables that every HTTP client knows.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use vouchsafe_tests::harness::configuration::Configuration;
use vouchsafe_tests::harness::{ScriptedServer, Vouchsafe};
use vouchsafe_tests::vector::load_all;

/// The requests that a proxy gets while a server is synced that only it could reach.
fn requests(environment: &[(&str, &str)], proxy: &ScriptedServer) -> Vec<String> {
    let vector = load_all()
        .unwrap()
        .into_iter()
        .find(|vector| vector.name == "plain")
        .unwrap();
    let key = vector.trust_root_pems().unwrap().remove(0);
    let configuration = Configuration::new()
        .notary("http://notary.invalid", None, &key)
        .rule("registry.example.com/team/app:*");
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    proxy.forget_requests();
    let finished = vouchsafe.run_with(environment, &["sync"]).unwrap();
    assert_ne!(finished.code, Some(0), "there is no such server");
    proxy
        .requests()
        .into_iter()
        .map(|logged| logged.request.target)
        .collect()
}

#[test]
fn a_proxy_is_used_unless_the_host_is_exempt() {
    let proxy = ScriptedServer::plain().unwrap();
    let url = proxy.url();
    let base = [("HTTP_PROXY", url.as_str()), ("http_proxy", url.as_str())];
    let through = requests(
        &[&base[..], &[("NO_PROXY", ""), ("no_proxy", "")]].concat(),
        &proxy,
    );
    assert!(
        through
            .iter()
            .any(|target| target.starts_with("http://notary.invalid/v2/")),
        "{through:?}"
    );
    let exempt = [
        ("NO_PROXY", "notary.invalid"),
        ("no_proxy", "notary.invalid"),
    ];
    assert_eq!(
        requests(&[&base[..], &exempt].concat(), &proxy),
        Vec::<String>::new()
    );
}
