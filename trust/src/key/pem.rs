//! PEM blocks (RFC 7468, and RFC 1421 headers as Docker's tools write them).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One PEM block: its label and what it encodes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pem {
    /// The label, for example `PUBLIC KEY`.
    pub label: String,
    /// The decoded contents, DER as a rule.
    pub contents: Vec<u8>,
}

impl Pem {
    /// Reads every block of `text`; blank lines may stand around them, nothing else.
    ///
    /// Encapsulated headers (`role: root`, from `docker trust key generate`) are skipped.
    ///
    /// # Errors
    ///
    /// [`PemError`] with the line where the text stops being PEM.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, PemError> {
        let mut blocks = Vec::new();
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()));
        while let Some((at, line)) = lines.next() {
            if line.is_empty() {
                continue;
            }
            let label = line
                .strip_prefix("-----BEGIN ")
                .and_then(|rest| rest.strip_suffix("-----"))
                .ok_or(PemError::Text { line: at })?;
            let end = format!("-----END {label}-----");
            let mut body = String::new();
            loop {
                let (_, line) = lines.next().ok_or(PemError::NoEnd { line: at })?;
                if line == end {
                    break;
                }
                if !line.contains(':') {
                    body.push_str(line);
                }
            }
            let contents = STANDARD
                .decode(body)
                .map_err(|_error| PemError::Base64 { line: at })?;
            blocks.push(Self {
                label: label.to_owned(),
                contents,
            });
        }
        Ok(blocks)
    }

    /// The block in the layout that Go's encoder writes: 64 columns, LF, final newline.
    pub fn encode(&self) -> String {
        let label = &self.label;
        let mut text = format!("-----BEGIN {label}-----\n");
        let encoded = STANDARD.encode(&self.contents);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text + "-----END " + label + "-----\n"
    }
}

/// Why a text is not PEM.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The block's contents are not base64.
    #[error("the PEM block at line {line} is not base64")]
    Base64 {
        /// Line of the block's first line, from 1.
        line: usize,
    },
    /// A block without its last line.
    #[error("the PEM block at line {line} has no end")]
    NoEnd {
        /// Line of the block's first line, from 1.
        line: usize,
    },
    /// Something that is no PEM block.
    #[error("line {line} is not part of a PEM block")]
    Text {
        /// The line, from 1.
        line: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_skipped_and_the_layout_is_gos() {
        let bytes = vec![7; 60];
        let pem = Pem {
            label: "PUBLIC KEY".to_owned(),
            contents: bytes,
        };
        let text = pem.encode();
        assert!(text.lines().all(|line| line.len() <= 64));
        let with_headers = text.replacen("-----\n", "-----\nrole: root\n\n", 1);
        assert_eq!(Pem::parse_all(&with_headers), Ok(vec![pem]));
        assert_eq!(
            Pem::parse_all(&(text.clone() + "\n" + &text))
                .unwrap()
                .len(),
            2
        );
        assert_eq!(
            Pem::parse_all(&("x\n".to_owned() + &text)),
            Err(PemError::Text { line: 1 })
        );
        assert_eq!(
            Pem::parse_all(text.trim_end().trim_end_matches('-')),
            Err(PemError::NoEnd { line: 1 })
        );
    }
}
