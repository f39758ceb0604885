//! Just enough DER to write a self-signed certificate whose every byte is chosen here.

/// What a certificate says besides its signature.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    pub(super) common_name: &'a str,
    /// RFC 3339, UTC, whole seconds.
    pub(super) not_before: &'a str,
    /// RFC 3339, UTC, whole seconds.
    pub(super) not_after: &'a str,
    pub(super) serial: &'a [u8],
    /// DER `SubjectPublicKeyInfo`.
    pub(super) public_key: &'a [u8],
    /// DER `AlgorithmIdentifier` of the signature.
    pub(super) algorithm: &'a [u8],
    pub(super) is_authority: bool,
}

impl Certificate<'_> {
    /// The part that is signed, with the extensions that Notary's own certificates have.
    pub(super) fn to_be_signed(&self) -> Vec<u8> {
        let name = sequence(&[set(&[sequence(&[
            oid(COMMON_NAME),
            utf8(self.common_name),
        ])])]);
        let validity = sequence(&[time(self.not_before), time(self.not_after)]);
        let critical = tagged(0x01, &[0xff]);
        let basic = if self.is_authority {
            tagged(0x01, &[0xff])
        } else {
            Vec::new()
        };
        let extensions = sequence(&[
            // digitalSignature, keyEncipherment
            sequence(&[
                oid(KEY_USAGE),
                critical.clone(),
                octets(&tagged(0x03, &[5, 0xa0])),
            ]),
            sequence(&[
                oid(EXTENDED_KEY_USAGE),
                octets(&sequence(&[oid(CODE_SIGNING)])),
            ]),
            sequence(&[
                oid(BASIC_CONSTRAINTS),
                critical,
                octets(&sequence(&[basic])),
            ]),
        ]);
        sequence(&[
            tagged(0xa0, &integer(&[2])),
            integer(self.serial),
            self.algorithm.to_vec(),
            name.clone(),
            validity,
            name,
            self.public_key.to_vec(),
            tagged(0xa3, &extensions),
        ])
    }

    /// The whole certificate.
    pub(super) fn signed(&self, to_be_signed: Vec<u8>, signature: &[u8]) -> Vec<u8> {
        sequence(&[to_be_signed, self.algorithm.to_vec(), bits(signature)])
    }
}

/// The PEM that Go writes: 64 columns, LF, final newline.
pub(super) fn pem(label: &str, base64: &str) -> String {
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

/// A non-negative big-endian number in its shortest form.
pub(super) fn integer(number: &[u8]) -> Vec<u8> {
    let start = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    let number = &number[start..];
    let sign = number.first().is_none_or(|byte| *byte >= 0x80);
    tagged(0x02, &[if sign { &[0][..] } else { &[] }, number].concat())
}

pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    tagged(0x03, &[&[0], bytes].concat())
}

pub(super) fn oid(encoded: &[u8]) -> Vec<u8> {
    tagged(0x06, encoded)
}

pub(super) fn null() -> Vec<u8> {
    tagged(0x05, &[])
}

fn set(parts: &[Vec<u8>]) -> Vec<u8> {
    tagged(0x31, &parts.concat())
}

pub(super) fn octets(bytes: &[u8]) -> Vec<u8> {
    tagged(0x04, bytes)
}

fn utf8(text: &str) -> Vec<u8> {
    tagged(0x0c, text.as_bytes())
}

/// RFC 5280 4.1.2.5: `UTCTime` until 2049, `GeneralizedTime` from 2050.
fn time(rfc3339: &str) -> Vec<u8> {
    let digits: String = rfc3339.chars().filter(char::is_ascii_digit).collect();
    if rfc3339 < "2050" {
        let short: String = digits.chars().skip(2).collect();
        tagged(0x17, format!("{short}Z").as_bytes())
    } else {
        tagged(0x18, format!("{digits}Z").as_bytes())
    }
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = &length[length
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(length.len())..];
    let mut out = vec![tag];
    match *length {
        [] => out.push(0),
        [short @ ..0x80] => out.push(short),
        _ => {
            out.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            out.extend(length);
        }
    }
    out.extend(content);
    out
}

const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
pub(super) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(super) const ECDSA_WITH_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
pub(super) const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(super) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(super) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
pub(super) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
pub(super) const RSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
