//! What a user reads when a review is denied.

/// One line for each denied image, within what an API server passes on.
///
/// Every bad image is named, so that nobody has to mend them one by one; only a hostile or broken
/// object has more of them than fit.
pub(super) fn denial(lines: &[&str]) -> String {
    if let [line] = lines {
        return (*line).to_owned();
    }
    let mut message = format!("{} images are denied:", lines.len());
    for (shown, line) in lines.iter().enumerate() {
        if message.len().saturating_add(line.len()) > MAX_BYTES {
            let more = lines.len().saturating_sub(shown);
            message.extend(["\n- and ", &more.to_string(), " more"]);
            break;
        }
        message.push_str("\n- ");
        message.push_str(line);
    }
    message
}

/// As many warnings as an API server passes on; how many there are beyond, as the last of them.
pub(super) fn warnings(mut warnings: Vec<String>) -> Vec<String> {
    let mut bytes = 0_usize;
    let shown = warnings.iter().take_while(|warning| {
        bytes = bytes.saturating_add(warning.len());
        bytes <= MAX_WARNING_BYTES
    });
    // One that is too long by itself is cut by the API server.
    let shown = shown.count().max(1);
    if let Some(more) = warnings.len().checked_sub(shown).filter(|more| *more > 0) {
        warnings.truncate(shown);
        warnings.push(format!("and {more} more images"));
    }
    warnings
}

/// Short items in one annotation or log field, within reason.
pub(super) fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut list = String::new();
    for item in items {
        let item = item.as_ref();
        if list.len().saturating_add(item.len()) > MAX_LIST_BYTES {
            list.push_str(", …");
            break;
        }
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(item);
    }
    list
}

/// An API server takes more, but what it is shown in (events, conditions) does not.
const MAX_BYTES: usize = 7 * 1024;

/// An API server drops or cuts warnings that are longer in all.
const MAX_WARNING_BYTES: usize = 4 * 1024 - 64;

const MAX_LIST_BYTES: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_image_is_one_line() {
        assert_eq!(denial(&["a"]), "a");
    }

    #[test]
    fn every_bad_image_is_listed() {
        assert_eq!(denial(&["a", "b"]), "2 images are denied:\n- a\n- b");
    }

    #[test]
    fn more_than_fits_is_counted() {
        let line = "x".repeat(1000);
        let message = denial(&[line.as_str(); 100]);
        assert!(message.len() < 8 * 1024, "{}", message.len());
        assert!(message.ends_with("\n- and 93 more"), "{message}");
    }

    #[test]
    fn warnings_are_bounded_and_the_rest_is_counted() {
        let many = warnings(vec!["x".repeat(1000); 100]);
        assert_eq!(many.len(), 5);
        assert_eq!(many.last().unwrap(), "and 96 more images");
        let few = vec!["x".repeat(9000), "y".to_owned()];
        assert_eq!(warnings(few.clone()).first(), few.first());
        assert_eq!(warnings(vec!["a".to_owned(), "b".to_owned()]), ["a", "b"]);
        assert!(warnings(Vec::new()).is_empty());
    }

    #[test]
    fn a_list_is_bounded() {
        assert_eq!(list(["a", "b"]), "a, b");
        let long = "x".repeat(1500);
        assert_eq!(
            list([long.as_str(), long.as_str()]).len(),
            1500 + ", …".len()
        );
    }
}
