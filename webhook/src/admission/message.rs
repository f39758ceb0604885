//! What a user reads when a review is denied.

/// One line for each denied image, within what an API server passes on.
///
/// Every bad image is named, so that nobody has to mend them one by one; only a hostile or broken
/// object has more of them than fit.
pub(super) fn denial(lines: &[String]) -> String {
    if let [line] = lines {
        return line.clone();
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

const MAX_LIST_BYTES: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_image_is_one_line() {
        assert_eq!(denial(&["a".to_owned()]), "a");
    }

    #[test]
    fn every_bad_image_is_listed() {
        let lines = ["a", "b"].map(str::to_owned);
        assert_eq!(denial(&lines), "2 images are denied:\n- a\n- b");
    }

    #[test]
    fn more_than_fits_is_counted() {
        let lines = vec!["x".repeat(1000); 100];
        let message = denial(&lines);
        assert!(message.len() < 8 * 1024, "{}", message.len());
        assert!(message.ends_with("\n- and 93 more"), "{message}");
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
