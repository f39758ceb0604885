//! `vouchsafe bundle images`: for tools that carry images.

use vouchsafe_airgap::contents::{Images, images};

use crate::args::ImagesArgs;
use crate::exit::{Error, Outcome};
use crate::printer::{MAX_MESSAGE, Printer, note, printable};

pub(crate) fn run(args: &ImagesArgs) -> Result<Outcome, Error> {
    super::with_bundle(&args.bundle, |bundle| {
        let images = images(&bundle)?;
        for unread in &images.unread {
            let reason = printable(&unread.reason, MAX_MESSAGE);
            note(&format!(
                "{}: its role files cannot be read: {reason}",
                unread.gun
            ));
        }
        if !images.in_base.is_empty() {
            let count = images.in_base.len();
            note(&format!(
                "{count} repositories are as in the bundle that this one adds to; their images are listed there"
            ));
        }
        Printer::new(args.output.output).print(&images, text)?;
        let all = images.unread.is_empty();
        Ok(if all { Outcome::Yes } else { Outcome::No })
    })
}

fn text(images: &Images) -> String {
    let mut lines: Vec<String> = images.images.iter().map(ToString::to_string).collect();
    // Two servers may name the same one.
    lines.dedup();
    lines.into_iter().map(|line| line + "\n").collect()
}
