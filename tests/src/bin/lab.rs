//! A real Notary server with many repositories, to profile against or to try things out: `lab REPOSITORIES [TAGS]`.
//!
//! Prints the address and the file of a configuration for it, and serves until its input ends.

#![expect(clippy::print_stdout, reason = "says where everything is")]

use std::io::Read as _;

use vouchsafe_tests::harness::{
    Certificates, Configuration, Generator, HarnessError, NotaryServer, TempDir,
};

fn main() -> Result<(), HarnessError> {
    let mut given = std::env::args().skip(1).map(|it| it.parse::<usize>());
    let mut number = |or: usize| {
        given
            .next()
            .transpose()
            .map_err(HarnessError::unexpected("usage: lab REPOSITORIES [TAGS]"))
            .map(|given| given.unwrap_or(or))
    };
    let (repositories, tags) = (number(1_000)?, number(10)?);
    let certificates = Certificates::new()?;
    let server = NotaryServer::tls(&certificates)?;
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
