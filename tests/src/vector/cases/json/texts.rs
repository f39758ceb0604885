//! Strings that are no text, and nesting.

use super::super::super::case::{Case, plain};
use super::super::super::json::Json;

pub(super) fn cases() -> Vec<Case> {
    let custom = |json: Json| {
        plain().edit("targets", move |signed| {
            signed
                .at(&["targets", "signed"])
                .push("custom", json.clone());
        })
    };
    let deep = |levels: usize| {
        let text = "[".repeat(levels) + &"]".repeat(levels);
        custom(Json::raw(text.clone(), text))
    };
    let replacement = "\"\u{fffd}\"";
    let lenient = "it reads what is no character as U+FFFD";
    vec![
        Case::new("invalid-utf-8", "a byte that is not UTF-8 in a string")
            .refused(
                custom(Json::raw(*b"\"\xff\"", replacement)),
                "targets",
                "malformed_json",
            )
            .client_differs(lenient),
        Case::new("invalid-utf-8-overlong", "a slash in two bytes")
            .refused(
                custom(Json::raw(*b"\"\xc0\xaf\"", "\"\u{fffd}\u{fffd}\"")),
                "targets",
                "malformed_json",
            )
            .client_differs(lenient),
        Case::new("lone-surrogate", "half of a surrogate pair")
            .refused(
                custom(Json::raw(r#""\ud83d""#, replacement)),
                "targets",
                "malformed_json",
            )
            .client_differs(lenient),
        Case::new(
            "raw-control-character",
            "a newline in a string, not escaped",
        )
        .refused(
            custom(Json::raw("\"\n\"", "\"\n\"")),
            "targets",
            "malformed_json",
        ),
        Case::new("nested-1000-levels", "arrays in arrays, a thousand deep")
            .refused(deep(1000), "targets", "too_deep")
            .client_differs("it has no limit on `custom`"),
        Case::new(
            "nested-20000-levels",
            "arrays in arrays, twenty thousand deep",
        )
        .refused(deep(20_000), "targets", "too_deep")
        .client_differs("it has no limit on `custom`"),
    ]
}
