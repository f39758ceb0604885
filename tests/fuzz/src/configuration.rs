//! The configuration file. Its text is the operator's own; what is found is that nothing in it takes
//! the process down.

use vouchsafe_policy::Config;
use vouchsafe_trust::image::Reference;

pub(crate) fn run(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let config = match Config::parse_all(text, "config.yaml") {
        Ok(config) => config,
        Err(errors) => {
            assert!(!errors.to_string().is_empty(), "it is told");
            return false;
        }
    };
    let reference: Reference = "registry.example.com/team/app:1"
        .parse()
        .expect("a reference");
    for namespace in [None, Some("shop")] {
        let rule = config.rule(&reference, namespace);
        let explained = config.explain(&reference, namespace);
        let winner = explained.winner().map(|rule| rule.pattern().as_str());
        assert_eq!(
            winner,
            rule.map(|rule| rule.pattern().as_str()),
            "one rule wins"
        );
    }
    for server in config.notary_servers() {
        drop(config.named_repositories(&server.server));
    }
    true
}
