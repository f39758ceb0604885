//! What the object of a repository is called.

use vouchsafe_trust::{Gun, Server, Sha256};

/// The name of the object of `gun` as `server` has it: readable, unique, and fit for Kubernetes (RFC 1123 subdomain).
///
/// A repository has one name, so there is one object of it, and no two that contradict each other.
pub fn object_name(server: &Server, gun: &Gun) -> String {
    let identity = format!("{}\n{}", server.as_str(), gun.as_str());
    let digest = Sha256::of(identity.as_bytes()).to_string();
    let readable: String = gun
        .as_str()
        .chars()
        .map(|c| match c {
            'a'..='z' | '0'..='9' => c,
            'A'..='Z' => c.to_ascii_lowercase(),
            _ => '-',
        })
        .take(MAX_READABLE)
        .collect();
    let suffix: String = digest.chars().take(SUFFIX).collect();
    format!("{}-{suffix}", readable.trim_matches('-'))
        .trim_start_matches('-')
        .to_owned()
}

/// With the suffix, well below the 253 characters that a name may have.
const MAX_READABLE: usize = 180;
/// 128 bits of the digest.
const SUFFIX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(server: &str, gun: &str) -> String {
        object_name(&server.parse().unwrap(), &gun.parse().unwrap())
    }

    #[test]
    fn a_name_is_readable_and_of_one_repository_of_one_server() {
        let server = "https://notary.example.com";
        let nginx = name(server, "docker.io/library/nginx");
        assert!(nginx.starts_with("docker-io-library-nginx-"), "{nginx}");
        assert_eq!(nginx.len(), "docker-io-library-nginx-".len() + SUFFIX);
        assert_eq!(nginx, name(server, "docker.io/library/nginx"));
        assert_ne!(
            nginx,
            name("https://other.example.com", "docker.io/library/nginx")
        );
        // What looks alike is told apart.
        let (dots, dashes) = (name(server, "a.b/c.d"), name(server, "a.b/c-d"));
        assert_eq!(dots.split_at(8).0, dashes.split_at(8).0);
        assert_ne!(dots, dashes);
    }

    #[test]
    fn the_longest_repository_has_a_name_that_kubernetes_takes() {
        let gun = format!("registry.example.com:5000/{}", "a_b/".repeat(50));
        let name = name("https://notary.example.com", gun.trim_end_matches('/'));
        assert!(name.len() <= 253, "{}", name.len());
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(fits) && !name.starts_with('-'), "{name}");
    }
}
