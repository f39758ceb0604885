//! How much of a bundle is read at most.

/// How much of a bundle is read at most, whatever it claims.
///
/// The defaults hold 10,000 repositories many times over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Entries of the archive, folders included: 1,024. A bundle has five, and one per signature.
    pub entries: u64,
    /// Bytes of all contents after decompression: 2 GiB. So much may be needed on disk.
    pub unpacked: u64,
    /// Decompressed bytes per compressed byte: 200. Looked at once there are more than 16 MiB.
    pub ratio: u64,
    /// The power of two of the memory that decompression may need: 25, which is 32 MiB.
    pub window_log: u32,
    /// Bytes of the manifest: 64 MiB. It is held in memory.
    pub manifest: u64,
    /// Bytes of `oci-layout`, of `index.json` and of the OCI image manifest: 4 MiB each, as
    /// registries have it.
    pub index: u64,
    /// Bytes of the role files of one repository: 256 MiB. They are held in memory, one repository at a time.
    pub repository: u64,
    /// Signatures: 64.
    pub signatures: u64,
    /// Bytes of a signature: 1 KiB.
    pub signature: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 1024,
            unpacked: 2 << 30,
            ratio: 200,
            window_log: 25,
            manifest: 64 << 20,
            index: 4 << 20,
            repository: 256 << 20,
            signatures: 64,
            signature: 1024,
        }
    }
}
