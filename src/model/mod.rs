//! Labels, descriptor and weights: file format and prediction.

/// A model file that is not one, or does not fit the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Not a huemax model.
    #[error("{0}")]
    NotAModel(String),
}
