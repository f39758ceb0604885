//! A real Notary server with many repositories, to profile against or to try things out:
//! `lab [REPOSITORIES [TAGS [memory|mariadb]]]`; the last says where the server keeps them.
//!
//! Prints the address and the file of a configuration for it, and serves until its input ends.

#![expect(clippy::print_stdout, reason = "says where everything is")]

use std::io::Read as _;

use vouchsafe_tests::harness::{
    Certificates, Configuration, Generator, HarnessError, NotaryServer, TempDir,
};

fn main() -> Result<(), HarnessError> {
    let given: Vec<_> = std::env::args().skip(1).collect();
    let number = |at: usize, or: usize| given.get(at).map_or(Ok(or), |it| it.parse());
    let repositories = number(0, 1_000).map_err(HarnessError::unexpected(USAGE))?;
    let tags = number(1, 10).map_err(HarnessError::unexpected(USAGE))?;
    let certificates = Certificates::new()?;
    let server = match given.get(2).map(String::as_str) {
        None | Some("memory") => NotaryServer::tls(&certificates),
        Some("mariadb") => NotaryServer::with_mariadb(&certificates),
        Some(other) => Err(HarnessError::unexpected(USAGE)(other)),
    }?;
    Generator::new(&server, Some(&certificates), tags)?.publish(repositories, 1)?;
    let configuration = Configuration::new()
        .notary(
            &server.url(),
            Some(certificates.authority_pem()),
            &Generator::root_key_pem(),
        )
        .rule("registry.example.com/*:*");
    let directory = TempDir::new("lab")?;
    let file = directory.write("config.yaml", configuration.to_string())?;
    println!("{} {}", server.url(), file.display());
    let mut rest = Vec::new();
    drop(std::io::stdin().read_to_end(&mut rest));
    Ok(())
}

const USAGE: &str = "usage: lab [REPOSITORIES [TAGS [memory|mariadb]]]";
