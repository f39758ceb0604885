//! JSON as a publisher may write it, right or wrong: members keep their order and may repeat, and
//! any value may be spelled differently on the wire and in the canonical form that is signed.

/// A JSON value with the bytes it is served as and the bytes it is signed as.
#[derive(Clone, Debug)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(u64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Self>),
    /// An object; members in wire order, a repeated name being what some attacks are about.
    Object(Vec<(String, Self)>),
    /// Anything else: what is served, and what Notary makes of it in canonical form.
    Raw {
        /// The bytes on the wire.
        wire: Vec<u8>,
        /// The bytes under the signature.
        canonical: Vec<u8>,
    },
}

impl Json {
    /// An object with its members in canonical order.
    pub fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Self)>) -> Self {
        let mut members: Vec<_> = members.into_iter().map(|(n, v)| (n.into(), v)).collect();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        Self::Object(members)
    }

    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A literal that Notary signs as another one, `1.0` as `1` for example.
    pub fn raw(wire: impl Into<Vec<u8>>, canonical: impl Into<Vec<u8>>) -> Self {
        Self::Raw {
            wire: wire.into(),
            canonical: canonical.into(),
        }
    }

    /// The value under a path of member names.
    ///
    /// # Panics
    ///
    /// Where there is no such member: a case that edits what is not there would show nothing.
    pub fn at(&mut self, path: &[&str]) -> &mut Self {
        path.iter().fold(self, |value, name| {
            value
                .members()
                .iter_mut()
                .find_map(|(member, value)| (member == name).then_some(value))
                .unwrap_or_else(|| panic!("there is no member {name} of {path:?}"))
        })
    }

    /// Replaces this value.
    pub fn set(&mut self, value: Self) {
        *self = value;
    }

    /// Adds a member at the end, even where one of that name is there already.
    pub fn push(&mut self, name: &str, value: Self) {
        self.members().push((name.to_owned(), value));
    }

    /// Takes the first member of that name away.
    ///
    /// # Panics
    ///
    /// Where there is no such member.
    pub fn remove(&mut self, name: &str) {
        drop(self.take(name));
    }

    /// Takes the first member of that name away, and returns its value.
    ///
    /// # Panics
    ///
    /// Where there is no such member.
    #[must_use]
    pub fn take(&mut self, name: &str) -> Self {
        let members = self.members();
        let found = members.iter().position(|(member, _)| member == name);
        members
            .remove(found.unwrap_or_else(|| panic!("there is no member {name}")))
            .1
    }

    /// The elements of an array.
    ///
    /// # Panics
    ///
    /// Where this is not an array.
    pub fn items(&mut self) -> &mut Vec<Self> {
        let Self::Array(items) = self else {
            panic!("not an array")
        };
        items
    }

    /// The members of an object.
    ///
    /// # Panics
    ///
    /// Where this is not an object.
    pub fn members(&mut self) -> &mut Vec<(String, Self)> {
        let Self::Object(members) = self else {
            panic!("not an object")
        };
        members
    }

    /// The bytes that are served: compact, with Go's five HTML escapes.
    pub fn wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, Form::Wire);
        out
    }

    /// The bytes that are signed: members ordered by their UTF-8 bytes, the last of a repeated
    /// name alone, and only `"` and `\` escaped.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, Form::Canonical);
        out
    }

    fn write(&self, out: &mut Vec<u8>, form: Form) {
        match self {
            Self::Null => out.extend(b"null"),
            Self::Bool(value) => out.extend(value.to_string().bytes()),
            Self::Int(number) => out.extend(number.to_string().bytes()),
            Self::Text(text) => write_text(text, out, form),
            Self::Array(items) => {
                write_list(*b"[]", items, out, |item, out| item.write(out, form));
            }
            Self::Object(members) => {
                let members = match form {
                    Form::Canonical => last_of_each(members),
                    Form::Wire => members.iter().collect(),
                };
                write_list(*b"{}", members, out, |(name, value), out| {
                    write_text(name, out, form);
                    out.push(b':');
                    value.write(out, form);
                });
            }
            Self::Raw { wire, canonical } => out.extend(match form {
                Form::Canonical => canonical,
                Form::Wire => wire,
            }),
        }
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

#[derive(Clone, Copy)]
enum Form {
    Canonical,
    Wire,
}

fn last_of_each(members: &[(String, Json)]) -> Vec<&(String, Json)> {
    let last: std::collections::BTreeMap<_, _> = members.iter().map(|m| (&m.0, m)).collect();
    last.into_values().collect()
}

fn write_list<T>(
    [open, close]: [u8; 2],
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

fn write_text(text: &str, out: &mut Vec<u8>, form: Form) {
    out.push(b'"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend([b'\\', u8::try_from(char).unwrap_or_default()]),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' if form_escapes(form) => {
                out.extend(format!("\\u{:04x}", u32::from(char)).bytes());
            }
            _ => out.extend(char.to_string().bytes()),
        }
    }
    out.push(b'"');
}

const fn form_escapes(form: Form) -> bool {
    matches!(form, Form::Wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_escapes_what_the_canonical_form_writes_raw() {
        let json = Json::object([("b", Json::text("<\n\"")), ("B", Json::Int(1))]);
        assert_eq!(json.wire(), br#"{"B":1,"b":"\u003c\u000a\""}"#);
        assert_eq!(json.canonical(), b"{\"B\":1,\"b\":\"<\n\\\"\"}");
    }

    #[test]
    fn the_last_of_a_repeated_member_is_signed() {
        let mut json = Json::object([("a", Json::Int(1))]);
        json.push("a", Json::Int(2));
        assert_eq!(json.wire(), br#"{"a":1,"a":2}"#);
        assert_eq!(json.canonical(), br#"{"a":2}"#);
    }
}
