//! What becomes of features on the device beside those in a store.

use super::*;
use crate::backend::Cpu;
use crate::demo::{DrawOptions, draw};
use crate::features::Histogram;
use crate::pipeline::described::Place;
use crate::pipeline::{Input, Origin};
use crate::progress::Quiet;

/// What is transformed is read on the host, where the store is there to be read.
#[test]
fn features_that_are_transformed_do_not_stay_on_the_device() {
    let at = tempfile::tempdir().unwrap();
    let pictures = at.path().join("pictures");
    draw(&pictures, &DrawOptions { per_class: 1, ..DrawOptions::default() }, &Quiet).unwrap();
    let dataset = Dataset::open(&pictures, &crate::dataset::LabelOptions::default()).unwrap();
    let all: Vec<usize> = (0..dataset.samples.len()).collect();
    for transformed in [false, true] {
        let store = at.path().join(format!("store-{transformed}"));
        let folder = Arc::new(move || Ok(store.clone()));
        let origin = Origin::Kept(Cache { folder, options: StoreOptions::default() });
        let input = Input { origin, ..Input::from(&dataset) };
        let how = (Histogram::default().into(), transformed);
        let described = input.describe(&Cpu::new(), &all, how, &Quiet).unwrap();
        assert_eq!(matches!(described.rows, Place::Host(_)), transformed);
    }
}
