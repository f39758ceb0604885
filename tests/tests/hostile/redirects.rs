//! Redirects, none of which leads to a file.

use vouchsafe_tests::harness::ScriptedServer;
use vouchsafe_tests::harness::scripted_server::Reply;

use super::catalogue::Misdeed;

/// Redirects of every kind to wherever no request must go.
pub(crate) fn redirects(server: &ScriptedServer, elsewhere: &ScriptedServer) -> Vec<Misdeed> {
    let plain = server.url().replace("https:", "http:");
    let secure = elsewhere.url().replace("http:", "https:");
    let (elsewhere, host) = (elsewhere.url(), elsewhere.host());
    let with_login = elsewhere.replace("://", "://user:password@");
    let long = format!("{elsewhere}/{}", "x".repeat(10_000));
    let locations = [
        ("elsewhere", elsewhere.as_str()),
        ("elsewhere, over TLS", &secure),
        ("elsewhere, by the host alone", &format!("//{host}/")),
        (
            "elsewhere, by address",
            &elsewhere.replace("localhost", "127.0.0.1"),
        ),
        ("elsewhere, with a login", &with_login),
        ("elsewhere, with a long path", &long),
        ("to plain text", &plain),
        ("to loopback of version 6", "http://[::1]:1/"),
        (
            "to an address of the cloud",
            "http://169.254.169.254/latest/meta-data/",
        ),
        ("to a file", "file:///etc/passwd"),
        ("to data", "data:application/json,{}"),
        ("to a script", "javascript:alert(1)"),
        ("by another protocol", "gopher://localhost:70/"),
        ("to a host that is none", "https://%00/"),
        ("to nowhere", ""),
        ("in a circle", "?again"),
        ("in a circle with a fragment", "#again"),
    ];
    let all = [301, 302, 303, 307, 308].into_iter().flat_map(|status| {
        locations.map(|(where_to, location)| {
            let case = format!("redirected {where_to} ({status})");
            Misdeed::new(case, Reply::redirect(status, location), ["redirected"; 6])
        })
    });
    let twice = Reply::redirect(302, &elsewhere).with_header("Location", "?again");
    let without = [300, 304, 305, 306].map(|status| {
        let case = format!("redirected by a status that redirects nobody ({status})");
        let answer = Reply::redirect(status, &elsewhere).with_header("Connection", "close");
        Misdeed::new(case, answer, ["redirected"; 6])
    });
    let twice = Misdeed::new("redirected to two places", twice, ["redirected"; 6]);
    all.chain(without).chain([twice]).collect()
}
