//! Reading DER, element by element (X.690).

/// One element: its tag, and what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    /// With tag and length.
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The one element that `bytes` are.
    pub(super) fn only(bytes: &'a [u8]) -> Option<Self> {
        let (element, rest) = Self::first(bytes)?;
        rest.is_empty().then_some(element)
    }

    fn first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let [tag, length, rest @ ..] = bytes else {
            return None;
        };
        let (length, rest) = if *length < 0x80 {
            (usize::from(*length), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(*length & 0x7f))?;
            if digits.len() > 4 {
                return None;
            }
            let length = digits
                .iter()
                .fold(0, |sum, digit| sum * 256 + usize::from(*digit));
            let shortest = length >= 0x80 && digits.first() != Some(&0);
            (Some(length).filter(|_| shortest)?, rest)
        };
        let (contents, after) = rest.split_at_checked(length)?;
        let whole = bytes.get(..bytes.len() - after.len())?;
        let tag = *tag;
        Some((
            Self {
                tag,
                contents,
                whole,
            },
            after,
        ))
    }

    /// The elements within, if this one has the tag `tag`.
    pub(super) fn within(&self, tag: u8) -> Option<Vec<Self>> {
        if self.tag != tag {
            return None;
        }
        let (mut elements, mut rest) = (Vec::new(), self.contents);
        while !rest.is_empty() {
            let (element, after) = Self::first(rest)?;
            elements.push(element);
            rest = after;
        }
        Some(elements)
    }

    /// What it holds, if it has the tag `tag`.
    pub(super) fn held(&self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.contents)
    }

    /// The whole bytes of a bit string.
    pub(super) fn bits(&self) -> Option<&'a [u8]> {
        match self.held(BIT_STRING)? {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0c;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const TELETEX_STRING: u8 = 0x14;
pub(super) const IA5_STRING: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
