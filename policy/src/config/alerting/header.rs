//! A header of the requests to a receiver, whose value is a secret.

use secrecy::{ExposeSecret as _, SecretString};

/// A header that may be added to a request. The value's `Debug` is redacted.
#[derive(Clone, Debug)]
pub struct Header {
    name: String,
    value: SecretString,
}

impl Header {
    /// Reads `Name: value`; blanks around either do not count.
    ///
    /// # Errors
    ///
    /// [`HeaderError`], which never repeats the value.
    pub fn parse(line: &str) -> Result<Self, HeaderError> {
        let (name, value) = line.split_once(':').ok_or(HeaderError::NoColon)?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(HeaderError::Name);
        }
        let name = name.to_ascii_lowercase();
        if let Some(reserved) = RESERVED.into_iter().find(|reserved| *reserved == name) {
            return Err(HeaderError::Reserved { name: reserved });
        }
        if !value.bytes().all(is_value) {
            return Err(HeaderError::Value);
        }
        Ok(Self {
            name,
            value: value.into(),
        })
    }

    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub const fn value(&self) -> &SecretString {
        &self.value
    }
}

impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value.expose_secret() == other.value.expose_secret()
    }
}

impl Eq for Header {}

/// Why a line is not a header that can be added. Never carries the value, nor what may be one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// What stands before the colon is not a header's name.
    #[error("what stands before the `:` is not the name of a header")]
    Name,
    /// No colon, so no name.
    #[error("a header is written as `Name: value`")]
    NoColon,
    /// A header that HTTP itself needs.
    #[error("the header `{name}` is set by what is sent")]
    Reserved {
        /// The header's name.
        name: &'static str,
    },
    /// A control character in the value.
    #[error("the header's value has a control character")]
    Value,
}

/// RFC 9110, 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// RFC 9110, 5.5.
const fn is_value(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// Where a request ends, and how it travels, is not for a configuration to say.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        for (line, name, value) in [
            (
                "Authorization: GenieKey abc",
                "authorization",
                "GenieKey abc",
            ),
            ("x-a:b", "x-a", "b"),
            ("X-Time : 12:30 ", "x-time", "12:30"),
            ("X-Empty:", "x-empty", ""),
        ] {
            let header = Header::parse(line).unwrap();
            assert_eq!(
                (header.name(), header.value().expose_secret()),
                (name, value)
            );
            assert!(value.is_empty() || !format!("{header:?}").contains(value));
        }
    }

    #[test]
    fn what_could_break_out_of_a_header_is_refused() {
        for (line, expected) in [
            ("Authorization GenieKey", HeaderError::NoColon),
            (": x", HeaderError::Name),
            ("a b: x", HeaderError::Name),
            ("ä: x", HeaderError::Name),
            ("a\r\nb: x", HeaderError::Name),
            ("a: x\r\nb: y", HeaderError::Value),
            ("a: \0", HeaderError::Value),
            (
                "Content-Length: 3",
                HeaderError::Reserved {
                    name: "content-length",
                },
            ),
            (
                "transfer-encoding: chunked",
                HeaderError::Reserved {
                    name: "transfer-encoding",
                },
            ),
        ] {
            assert_eq!(Header::parse(line), Err(expected), "{line:?}");
        }
    }
}
