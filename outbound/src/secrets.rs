//! What is secret stays so, even where a server sends back what it was sent.

use secrecy::ExposeSecret as _;

use super::Cause;
use super::credentials::Login;

/// What a server was shown, and so could have written down by saying it.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn add(&mut self, secret: &str) {
        // What is shorter would be found in any text.
        if secret.len() >= LEAST {
            self.0.push(secret.to_owned());
        }
    }

    pub(super) fn add_login(&mut self, login: &Login) {
        match login {
            Login::IdentityToken(token) => self.add(token.expose_secret()),
            Login::Password { password, .. } => self.add(password.expose_secret()),
        }
        if let Some(basic) = login.basic() {
            self.add(&basic);
        }
    }

    /// The same cause, with no secret in what it quotes.
    pub(super) fn hidden(&self, cause: Cause) -> Cause {
        let hide = |text: String| self.hide(text);
        match cause {
            Cause::Connect { reason } => Cause::Connect {
                reason: hide(reason),
            },
            Cause::Interrupted { received, reason } => Cause::Interrupted {
                received,
                reason: hide(reason),
            },
            Cause::Realm { realm, reason } => Cause::Realm {
                realm: hide(realm),
                reason,
            },
            Cause::Redirected { location } => Cause::Redirected {
                location: hide(location),
            },
            Cause::Status {
                status,
                code,
                retry_after,
            } => Cause::Status {
                status,
                code: code.map(hide),
                retry_after,
            },
            Cause::TokenService { realm, cause } => Cause::TokenService {
                realm: hide(realm),
                cause: Box::new(self.hidden(*cause)),
            },
            other @ (Cause::Credentials(_)
            | Cause::Timeout { .. }
            | Cause::TokenUnreadable { .. }
            | Cause::TooLarge { .. }
            | Cause::TooSlow { .. }
            | Cause::Unauthorized { .. }) => other,
        }
    }

    fn hide(&self, mut text: String) -> String {
        for secret in &self.0 {
            text = text.replace(secret.as_str(), HIDDEN);
            // Quotations are cut, and the cut may be in the middle of it.
            let Some(whole) = text.strip_suffix('…') else {
                continue;
            };
            let mut parts = secret.char_indices().map(|(at, _)| at).rev();
            let begun = parts.find_map(|at| {
                let part = secret.get(..at).filter(|part| part.len() >= LEAST)?;
                whole.strip_suffix(part)
            });
            if let Some(before) = begun {
                text = format!("{before}{HIDDEN}…");
            }
        }
        text
    }
}

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// Bytes of a secret that is looked for.
const LEAST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut;

    #[test]
    fn no_secret_is_quoted_whole_or_in_part() {
        let mut secrets = Secrets::default();
        secrets.add("correct-horse");
        secrets.add("abc");
        let cases = [
            (
                "https://example.com/correct-horse/x",
                "https://example.com/***/x",
            ),
            ("correct-horsecorrect-horse", "******"),
            ("abc and correct", "abc and correct"),
        ];
        for (text, shown) in cases {
            assert_eq!(secrets.hide(text.to_owned()), shown);
        }
        for length in 190..205 {
            let shown = secrets.hide(cut(&format!("{}correct-horse!", "x".repeat(length))));
            assert!(!shown.contains("corr"), "{shown}");
        }
    }

    #[test]
    fn every_cause_that_quotes_is_looked_at() {
        let mut secrets = Secrets::default();
        secrets.add("correct-horse");
        let secret = || "correct-horse".to_owned();
        let causes = [
            Cause::Connect { reason: secret() },
            Cause::Interrupted {
                received: 1,
                reason: secret(),
            },
            Cause::Realm {
                realm: secret(),
                reason: "x",
            },
            Cause::Redirected { location: secret() },
            Cause::Status {
                status: 500,
                code: Some(secret()),
                retry_after: None,
            },
            Cause::TokenService {
                realm: secret(),
                cause: Box::new(Cause::Connect { reason: secret() }),
            },
        ];
        for cause in causes {
            let shown = secrets.hidden(cause).to_string();
            assert!(
                shown.contains(HIDDEN) && !shown.contains("correct"),
                "{shown}"
            );
        }
    }
}
