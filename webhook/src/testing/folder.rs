//! Folders as a kubelet mounts them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A mounted `Secret` or `ConfigMap`: each file is a link into `..data`, which is a link to the
/// folder of the version in force. Gone when dropped.
#[derive(Debug)]
pub(crate) struct Mount {
    root: PathBuf,
    version: AtomicU32,
}

impl Mount {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vouchsafe-webhook-{}-{number}", std::process::id());
        let mount = Self {
            root: std::env::temp_dir().join(name),
            version: AtomicU32::new(0),
        };
        fs::create_dir_all(&mount.root).unwrap();
        mount.replace(files);
        for (name, _) in files {
            symlink(Path::new("..data").join(name), mount.path(name)).unwrap();
        }
        mount
    }

    /// Puts another version in force, all its files at once.
    pub(crate) fn replace(&self, files: &[(&str, &str)]) {
        let version = format!("..version-{}", self.version.fetch_add(1, Ordering::Relaxed));
        fs::create_dir(self.path(&version)).unwrap();
        for (name, contents) in files {
            fs::write(self.path(&version).join(name), contents).unwrap();
        }
        symlink(&version, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.root).unwrap();
    }
}
