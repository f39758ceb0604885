//! Certificates around keys, as far as Notary looks at them (notary-protocol: leaf certificates).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::der::{self, Element};
use super::key::PublicKey;
use super::time;

/// What a certificate says.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) key: PublicKey,
    /// The subject's common name, if it has exactly one.
    pub(super) common_name: Option<String>,
    pub(super) not_before: i128,
    pub(super) not_after: i128,
    pub(super) is_authority: bool,
    /// Whether neither its signature nor its key is too weak.
    pub(super) is_strong: bool,
}

impl Certificate {
    fn from_der(bytes: &[u8]) -> Option<Self> {
        let parts = Element::only(bytes)?.within(der::SEQUENCE)?;
        let [signed, algorithm, _signature] = parts.as_slice() else {
            return None;
        };
        let algorithm = algorithm.within(der::SEQUENCE)?.first()?.held(der::OID)?;
        let mut fields = signed.within(der::SEQUENCE)?.into_iter().peekable();
        fields.next_if(|field| field.tag == VERSION);
        let (_serial, _algorithm, _issuer) = (fields.next()?, fields.next()?, fields.next()?);
        let validity = fields.next()?.within(der::SEQUENCE)?;
        let [not_before, not_after] = validity.as_slice() else {
            return None;
        };
        let subject = fields.next()?;
        let key = PublicKey::from_spki(fields.next()?.whole)?;
        let extensions = fields.find(|field| field.tag == EXTENSIONS);
        Some(Self {
            common_name: common_name(&subject),
            not_before: date(not_before)?,
            not_after: date(not_after)?,
            is_authority: extensions.is_some_and(|extensions| is_authority(&extensions)),
            is_strong: key.is_strong() && !WEAK.contains(&algorithm),
            key,
        })
    }

    /// Reads one leaf and the intermediates after it. What is wrong with one of these is wrong with the
    /// leaf: Notary leaves it out, and then the key ID no longer fits.
    pub(super) fn from_pem(text: &str) -> Option<Self> {
        let mut certificates = blocks(text)?.into_iter().map(|der| Self::from_der(&der));
        let mut leaf = certificates.next()??;
        for authority in certificates {
            let authority = authority?;
            leaf.not_after = leaf.not_after.min(authority.not_after);
            leaf.is_strong &= authority.is_strong;
            leaf.is_authority |= !authority.is_authority;
        }
        Some(leaf).filter(|leaf| !leaf.is_authority)
    }

    /// Whether it speaks for `gun`.
    pub(super) fn names(&self, gun: &str) -> bool {
        self.common_name.as_deref().is_some_and(|name| {
            let prefix = name.strip_suffix('*');
            name == gun || prefix.is_some_and(|prefix| gun.starts_with(prefix))
        })
    }

    /// Whether it is valid at `now`; it may begin a day later.
    pub(super) const fn is_valid_at(&self, now: i128) -> bool {
        const DAY: i128 = 24 * 3600 * 1_000_000_000;
        self.not_before <= self.not_after && now <= self.not_after && self.not_before <= now + DAY
    }
}

/// The contents of PEM blocks in the layout of Go's encoder, all of certificates.
fn blocks(text: &str) -> Option<Vec<Vec<u8>>> {
    let (begin, end) = (
        "-----BEGIN CERTIFICATE-----\n",
        "-----END CERTIFICATE-----\n",
    );
    let (mut blocks, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (body, after) = rest.strip_prefix(begin)?.split_once(end)?;
        let contents = STANDARD.decode(body.replace('\n', "")).ok()?;
        let encoded = STANDARD.encode(&contents);
        let lines: Vec<String> = encoded
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned() + "\n")
            .collect();
        if lines.concat() != body {
            return None;
        }
        blocks.push(contents);
        rest = after;
    }
    Some(blocks)
}

/// The common name: nothing if there is none, or more than one.
fn common_name(subject: &Element<'_>) -> Option<String> {
    let mut names = Vec::new();
    for set in subject.within(der::SEQUENCE)? {
        for attribute in set.within(der::SET)? {
            let parts = attribute.within(der::SEQUENCE)?;
            let [kind, value] = parts.as_slice() else {
                return None;
            };
            if kind.held(der::OID)? == COMMON_NAME {
                let is_text = matches!(
                    value.tag,
                    der::UTF8_STRING
                        | der::PRINTABLE_STRING
                        | der::TELETEX_STRING
                        | der::IA5_STRING
                );
                let text = String::from_utf8(value.contents.to_vec()).ok();
                names.push(text.filter(|_| is_text));
            }
        }
    }
    match names.as_mut_slice() {
        [name] => name.take(),
        _ => None,
    }
}

fn date(time: &Element<'_>) -> Option<i128> {
    let digits = match time.tag {
        der::UTC_TIME => 2,
        der::GENERALIZED_TIME => 4,
        _ => return None,
    };
    time::certificate(digits, time.contents)
}

/// Whether the basic constraints say so; also where they cannot be read.
fn is_authority(extensions: &Element<'_>) -> bool {
    let read = || {
        let list = Element::only(extensions.contents)?.within(der::SEQUENCE)?;
        for extension in list {
            let parts = extension.within(der::SEQUENCE)?;
            if parts.first()?.held(der::OID)? == BASIC_CONSTRAINTS {
                let value = Element::only(parts.last()?.held(der::OCTET_STRING)?)?;
                let constraints = value.within(der::SEQUENCE)?;
                let first = constraints
                    .first()
                    .and_then(|first| first.held(der::BOOLEAN));
                return Some(first.is_some_and(|authority| authority != [0]));
            }
        }
        Some(false)
    };
    read().unwrap_or(true)
}

const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 29, 19];
/// Signatures over MD2, MD5 and SHA-1, by RSA, DSA and ECDSA.
const WEAK: [&[u8]; 5] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 2],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5],
    &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1],
];
