//! Pictures from files into batches, within the memory there is.

use crate::backend::Pictures;
use crate::dataset::{Decoder, Found, Opened, PictureError};
use crate::features::{Bytes, Held, PictureMemory};

/// What one core reads pictures with.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    decoder: Decoder,
    memory: &'a PictureMemory,
    /// For the pixels of a picture that fills a batch by itself, until the batch is done.
    held: Option<Held<'a>>,
}

impl<'a> Reading<'a> {
    /// Decodes at 1/`scale`.
    pub(super) fn new(memory: &'a PictureMemory, scale: u32) -> Self {
        let decoder = Decoder::default().scaled(scale).keeping(memory.kept_to_read());
        Self { decoder, memory, held: None }
    }

    /// Reads the picture that was `found` to the end of `pictures`, and shows `seen` the content of its file.
    ///
    /// # Errors
    /// Why it is left out.
    pub(super) fn read(
        &mut self,
        found: Result<Found, PictureError>,
        pictures: &mut Pictures,
        seen: impl FnOnce(&[u8]),
    ) -> Result<(), String> {
        self.begin(pictures);
        let Self { decoder, memory, held } = self;
        let found = found.map_err(|e| e.to_string())?;
        let file = memory.file(found.bytes()).map_err(|budget| too_large(found.bytes(), budget))?;
        let opened = decoder.open(found).map_err(|e| e.to_string())?;
        let result = push(opened, memory, held, pictures);
        seen(decoder.content());
        decoder.tidy();
        drop(file);
        result
    }

    /// What was held for the last batch is given back once that is done.
    fn begin(&mut self, pictures: &mut Pictures) {
        if pictures.is_empty() {
            self.held = None;
            pictures.keep(self.memory.kept());
        }
    }
}

/// Decodes to where the batch wants its next pixels.
fn push<'a>(
    opened: Opened<'_>,
    memory: &'a PictureMemory,
    held: &mut Option<Held<'a>>,
    pictures: &mut Pictures,
) -> Result<(), String> {
    let (pixels, scratch) = (opened.pixels(), opened.scratch());
    let bytes = 3 * pixels;
    let mut taken = memory.pixels(bytes, scratch).map_err(|budget| too_large(bytes + scratch, budget))?;
    let pixels = usize::try_from(pixels).map_err(|_| PictureError::Memory(bytes).to_string())?;
    pictures.push_with(pixels, |room| opened.decode_into(room).map_err(|e| e.to_string()))?;
    if memory.fills_a_batch(bytes) {
        taken.iter_mut().for_each(|taken| taken.shrink(bytes));
        *held = taken;
    }
    Ok(())
}

fn too_large(needed: u64, budget: Bytes) -> String {
    PictureError::Budget { needed: Bytes(needed), budget }.to_string()
}
