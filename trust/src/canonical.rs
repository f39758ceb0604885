//! Canonical JSON, byte for byte as Notary signs it.
//!
//! Three things differ from other "canonical JSON": members are ordered by their UTF-8 bytes
//! before escaping, only `"` and `\` are escaped (control bytes are written as they are), and
//! strings are not normalised.

use crate::json::Json;

/// Writes `value` in canonical form.
pub fn to_vec(value: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Null => out.extend_from_slice(b"null"),
        Json::Bool(true) => out.extend_from_slice(b"true"),
        Json::Bool(false) => out.extend_from_slice(b"false"),
        Json::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                separate(i, out);
                write(item, out);
            }
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (i, (name, item)) in members.iter().enumerate() {
                separate(i, out);
                write_string(name, out);
                out.push(b':');
                write(item, out);
            }
            out.push(b'}');
        }
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn separate(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Object;

    /// Expected forms were printed by `MarshalCanonical` of docker/go.
    #[test]
    fn agrees_with_notary() {
        let cases = [
            (r#"{"b":1,"a":"x"}"#, r#"{"a":"x","b":1}"#),
            (r#"{"a":1,"a b":2,"a!":3}"#, r#"{"a":1,"a b":2,"a!":3}"#),
            (r#"{"a\"":1,"a#":2}"#, r#"{"a\"":1,"a#":2}"#),
            (r#"{"a":"\n</>"}"#, "{\"a\":\"\n</>\"}"),
            (r#"{"a":"e\u0301"}"#, "{\"a\":\"e\u{301}\"}"),
            (
                r#"{"\uffff":1,"\ud83d\ude00":2}"#,
                "{\"\u{ffff}\":1,\"😀\":2}",
            ),
            (
                "[ true, false, null, [], {}, -7 ]",
                "[true,false,null,[],{},-7]",
            ),
        ];
        for (input, expected) in cases {
            let value = Json::parse(input.as_bytes()).unwrap();
            assert_eq!(to_vec(&value), expected.as_bytes(), "{input}");
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            (-(1_i64 << 53)..=(1 << 53)).prop_map(Json::Integer),
            "[ -~éß😀]*".prop_map(|text| Json::String(text.into())),
        ];
        leaf.prop_recursive(4, 32, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8)
                    .prop_map(|items| Json::Array(items.into())),
                prop::collection::btree_map("[a-z\"\\\\é]{0,4}", inner, 0..8).prop_map(|members| {
                    let members = members
                        .into_iter()
                        .map(|(name, value)| (name.into(), value));
                    Json::Object(Object::new(members.collect()).unwrap())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back_the_same(value in json()) {
            prop_assert_eq!(Json::parse(&to_vec(&value)).unwrap(), value);
        }
    }
}
