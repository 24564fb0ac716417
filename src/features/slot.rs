//! Room for some rows on a device, filled again and again.

use std::sync::Arc;

use crate::backend::{Backend, DeviceError, Lend};

/// Rows that a reader has read, for a device that computes where they are.
#[derive(Debug)]
pub(super) struct Block(pub(super) Vec<f32>);

impl Lend for Block {
    fn numbers(&self) -> &[f32] {
        &self.0
    }
}

/// Room for some rows.
#[derive(Debug)]
pub(super) struct Slot<B: Backend> {
    array: Option<Arc<B::Array<f32>>>,
    /// What the array lies in, where it is lent.
    block: Option<Arc<Block>>,
}

impl<B: Backend> Slot<B> {
    pub(super) fn empty() -> Self {
        Self { array: None, block: None }
    }

    /// The rows, where there are any.
    pub(super) fn array(&self) -> Option<Arc<B::Array<f32>>> {
        self.array.clone()
    }

    /// Puts `values` in place of what was there. On a device with a memory of its own the room is for `most` numbers, and
    /// `values` are given back, to be used again.
    pub(super) fn fill(
        &mut self,
        backend: &B,
        values: Vec<f32>,
        most: usize,
    ) -> Result<Option<Vec<f32>>, DeviceError> {
        let block = Arc::new(Block(values));
        if let Some(array) = backend.lend(block.clone()) {
            (self.array, self.block) = (Some(Arc::new(array)), Some(block));
            return Ok(None);
        }
        let values = Arc::into_inner(block).map(|block| block.0).unwrap_or_default();
        let mut array = match self.array.take() {
            Some(array) => array,
            None => Arc::new(backend.zeros(most)?),
        };
        match Arc::get_mut(&mut array) {
            Some(array) => backend.write(array, 0, &values)?,
            // Somebody still has the rows before these.
            None => {
                let mut another = backend.zeros(most)?;
                backend.write(&mut another, 0, &values)?;
                array = Arc::new(another);
            }
        }
        self.array = Some(array);
        Ok(Some(values))
    }

    /// Takes rows out that are lent, and gives back what they lay in, unless somebody still has them.
    pub(super) fn take_lent(&mut self) -> Option<Vec<f32>> {
        let block = self.block.take()?;
        self.array = None;
        Arc::into_inner(block).map(|block| block.0)
    }
}
