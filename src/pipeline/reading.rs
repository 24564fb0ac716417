//! Pictures from files into batches, within the memory there is.

use crate::backend::Pictures;
use crate::names::shown;
use crate::sync::lock;
use std::sync::{Mutex, PoisonError};

use crate::dataset::{Decoder, Extent, Found, Opened, PictureError};
use crate::features::{Bytes, Held, PictureMemory, PictureRules};

/// What one core reads pictures with.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    decoder: Decoder,
    memory: &'a PictureMemory,
    /// For the pixels of a picture that fills a batch by itself, until the batch is done.
    held: Option<Held<'a>>,
}

impl<'a> Reading<'a> {
    /// Decodes at 1/`scale` what `rules` say.
    pub(super) fn new(memory: &'a PictureMemory, scale: u32, rules: PictureRules) -> Self {
        let decoder = Decoder::default().with_rules(rules).scaled(scale).keeping(memory.kept_to_read());
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
    ) -> Result<Extent, String> {
        self.begin(pictures);
        let Self { decoder, memory, held } = self;
        let found = found.map_err(|e| e.to_string())?;
        decoder.check_file(found.bytes()).map_err(|e| e.to_string())?;
        let file = memory.file(found.bytes()).map_err(|budget| too_large(found.bytes(), budget))?;
        let opened = decoder.open(found).map_err(|e| e.to_string())?;
        let result = push(opened, memory, held, pictures);
        seen(decoder.content());
        decoder.tidy();
        drop(file);
        result
    }

    /// Whether the picture that was `found` declares more pixels than are decoded; one that cannot be read does not.
    pub(super) fn is_too_large(&mut self, found: Result<Found, PictureError>) -> bool {
        let Ok(found) = found else { return false };
        if self.decoder.check_file(found.bytes()).is_err() {
            return true;
        }
        let Ok(_file) = self.memory.file(found.bytes()) else { return false };
        matches!(self.decoder.open(found), Err(PictureError::TooLarge { .. }))
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
) -> Result<Extent, String> {
    let (pixels, scratch) = (opened.pixels(), opened.scratch());
    let bytes = 3 * pixels;
    let mut taken = memory.pixels(bytes, scratch).map_err(|budget| too_large(bytes + scratch, budget))?;
    let pixels = usize::try_from(pixels).map_err(|_| PictureError::Memory(bytes).to_string())?;
    let mut extent = Extent::Whole;
    pictures.push_with(pixels, |room| {
        extent = opened.decode_into(room).map_err(|e| e.to_string())?;
        Ok::<(), String>(())
    })?;
    if memory.fills_a_batch(bytes) {
        taken.iter_mut().for_each(|taken| taken.shrink(bytes));
        *held = taken;
    }
    Ok(extent)
}

/// Pictures that are used though their files are cut off, as many cores find them.
#[derive(Debug, Default)]
pub(super) struct CutOff(Mutex<Vec<usize>>);

impl CutOff {
    /// The `i`-th picture was read.
    pub(super) fn seen(&self, i: usize, extent: Extent) {
        if extent == Extent::CutOff {
            lock(&self.0).push(i);
        }
    }

    /// Their numbers, ascending.
    pub(super) fn all(self) -> Vec<usize> {
        let mut all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.sort_unstable();
        all
    }
}

/// What is said of pictures of these names, if there are any: `note: 3 pictures are cut off; what there is of them was used: a.jpg, …`
#[must_use]
pub fn cut_off_note(names: &[String]) -> Option<String> {
    const SHOWN: usize = 10;
    let count = names.len();
    let (are, them) = if count == 1 { ("picture is", "it") } else { ("pictures are", "them") };
    let first: Vec<String> = names.iter().take(SHOWN).map(|name| shown(name).into_owned()).collect();
    let more = if count > SHOWN { ", …" } else { "" };
    (count > 0).then(|| {
        format!("note: {count} {are} cut off; what there is of {them} was used: {}{more}", first.join(", "))
    })
}

fn too_large(needed: u64, budget: Bytes) -> String {
    PictureError::Budget { needed: Bytes(needed), budget }.to_string()
}
