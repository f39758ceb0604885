//! What reads the answers of registries, for those who fuzz it and for nobody else.

/// Whether a registry's manifest or index is one of a bundle.
pub fn registry_manifest(body: &[u8]) -> bool {
    crate::registry::artifact::Document::parse(body).is_ok()
}
