//! The digest of a model file: the last field of its JSON, over the JSON before it and over the tensors. What was changed on the way, be it
//! by one bit, is found out; files without one are those of older versions.

use crate::features::store::Hash;

/// What stands between the JSON and its digest, and what ends it.
const SEAL: (&str, &str) = (",\"xxh3\":\"", "\"}");
/// The field, as other JSON has it.
const FIELD: &str = "xxh3";
/// Digits of a digest.
const DIGITS: usize = 32;

/// A tensor by its name, and its bytes.
pub(super) type Tensor<'a> = (&'a str, &'a [u8]);

/// The JSON object `text` with the digest of it and of `tensors`, which are sorted by name.
pub(super) fn sealed(text: &str, tensors: &[Tensor<'_>]) -> String {
    let text = text.strip_suffix('}').unwrap_or(text);
    format!("{text}{}{}{}", SEAL.0, digest(text, tensors), SEAL.1)
}

/// Whether `json` has a digest.
pub(super) fn is_in(json: &serde_json::Value) -> bool {
    json.get(FIELD).is_some()
}

/// Whether the digest of the JSON `text` is that of it and of `tensors`, which are sorted by name.
pub(super) fn holds(text: &str, tensors: &[Tensor<'_>]) -> bool {
    unsealed(text).is_some_and(|(text, said)| digest(text, tensors).to_string() == said)
}

/// The JSON that was digested, without its last brace, and the digest that stands behind it.
fn unsealed(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix(SEAL.1)?;
    let (text, digest) = text.split_at_checked(text.len().checked_sub(DIGITS)?)?;
    Some((text.strip_suffix(SEAL.0)?, digest))
}

/// XXH3-128 over the JSON and over names, lengths and bytes of the tensors.
fn digest(text: &str, tensors: &[Tensor<'_>]) -> Hash {
    let parts = tensors.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes]);
    Hash::of_parts(std::iter::once(text.as_bytes()).chain(parts))
}
