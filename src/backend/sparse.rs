//! Features without their zeros: a histogram of a small picture is mostly empty bins.

use super::{Backend, DeviceError};

/// Rows of a feature chunk without their zeros, as compressed sparse rows: what row i has stands at
/// `offsets[i]..offsets[i + 1]` of `columns` and `values`, by ascending column.
#[derive(Debug)]
pub struct Sparse<B: Backend + ?Sized> {
    /// Where each row begins, and the end of the last: rows + 1.
    pub offsets: B::Array<u32>,
    /// Columns of the features that are not zero.
    pub columns: B::Array<u32>,
    /// The features that are not zero.
    pub values: B::Array<f32>,
    /// D, the length of a row with its zeros.
    pub width: usize,
}

impl<B: Backend> Sparse<B> {
    /// Rows of `width` features that are on the host, as [`Sparse`] has them.
    ///
    /// # Errors
    /// The device has no memory left.
    ///
    /// # Panics
    /// The offsets do not ascend from 0 to the number of values, or a column is not below `width`.
    pub fn upload(
        backend: &B,
        width: usize,
        offsets: &[u32],
        columns: &[u32],
        values: &[f32],
    ) -> Result<Self, DeviceError> {
        assert!(offsets.first() == Some(&0) && offsets.is_sorted(), "offsets ascend from 0");
        assert_eq!(
            offsets.last().map(|&end| end as usize),
            Some(values.len()),
            "offsets end with the values"
        );
        assert_eq!(columns.len(), values.len(), "a column a value");
        assert!(columns.iter().all(|&d| (d as usize) < width), "columns below {width}");
        let (offsets, columns) = (backend.upload(offsets)?, backend.upload(columns)?);
        Ok(Self { offsets, columns, values: backend.upload(values)?, width })
    }

    /// `count` of these rows: those that `index` names from `first` on.
    pub fn rows<'a>(&'a self, index: &'a B::Array<u32>, first: usize, count: usize) -> SparseRows<'a, B> {
        let Self { offsets, columns, values, width } = self;
        SparseRows { offsets, columns, values, width: *width, index, first, count }
    }
}

/// Some rows of a [`Sparse`] chunk, in the order in which a stage is to see them.
#[derive(Debug)]
pub struct SparseRows<'a, B: Backend + ?Sized> {
    /// Where each row of the chunk begins, and the end of the last.
    pub offsets: &'a B::Array<u32>,
    /// Columns of the features that are not zero.
    pub columns: &'a B::Array<u32>,
    /// The features that are not zero.
    pub values: &'a B::Array<f32>,
    /// D, the length of a row with its zeros.
    pub width: usize,
    /// Row indices into the chunk.
    pub index: &'a B::Array<u32>,
    /// Where in `index` these rows begin.
    pub first: usize,
    /// How many there are: n.
    pub count: usize,
}
