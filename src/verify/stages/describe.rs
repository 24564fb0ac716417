//! describe: exact for every colour, every shape of picture, every number of bins.

use ndarray::Array1;
use rayon::prelude::*;

use super::pictures::{Named, every_colour, many, mixed, noise};
use crate::backend::{Backend, Bins, DeviceError, Pictures, reference};
use crate::verify::Stage;
use crate::verify::case::{Case, Run};

/// Joint bins, and each channel alone, value by value.
const CHANNELS: [[u32; 3]; 3] = [[180, 1, 1], [1, 256, 1], [1, 1, 256]];

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    for counts in [[8, 8, 8], [26, 5, 7], [16, 16, 16], [52, 3, 2], [180, 19, 19]] {
        cases.extend(case("all-colours", counts, all_colours).map(|c| c.quick(matches!(counts[0], 8 | 26))));
    }
    for counts in CHANNELS {
        cases.extend(case("all-colours-by-channel", counts, all_colours_by_channel));
        cases.extend(case("mixed", counts, of_every_kind));
    }
    // 26 and 52 hue bins are among those that integer division gets wrong; 2 and 1 leave lanes idle.
    for counts in
        [[8, 8, 8], [26, 5, 7], [52, 3, 2], [16, 4, 1], [1, 1, 1], [2, 1, 1], [13, 11, 7], [16, 16, 16]]
    {
        cases.extend(case("mixed", counts, of_every_kind));
    }
    // The other hue bins for which x·B/180 in integers differs from OpenCV's arithmetic in f64.
    for hue in [66, 98, 104, 126, 132] {
        cases.extend(case("mixed", [hue, 2, 3], of_every_kind));
    }
    // More bins than workgroup memory holds: several windows.
    for counts in [[17, 17, 16], [180, 16, 16], [16, 64, 64], [180, 19, 19]] {
        cases.extend(case("many-bins", counts, many_bins));
    }
    cases.extend(case("no-pictures", [8, 8, 8], no_pictures));
    cases.extend(case("past-65535-workgroups", [4, 2, 2], past_65535_workgroups));
    for counts in [[8, 8, 8], [26, 5, 7]] {
        cases.extend(case("large", counts, large).map(|c| c.quick(false)));
    }
    cases.extend(case("large-of-one-colour", [8, 8, 8], large_of_one_colour));
    // On a device with the least limits that there are, windows as large as those allow.
    for counts in [[8, 8, 8], [16, 16, 16], [32, 16, 16]] {
        cases.extend(case("small-arrays", counts, past_the_binding_limit).map(Case::small));
    }
    cases
}

/// A case with these bins; every shape of this file can be made, so there is one.
fn case<B: Backend + 'static>(
    name: &str,
    counts: [u32; 3],
    body: fn(&mut Run<'_, B>, &Bins) -> Outcome,
) -> Option<Case<B>> {
    let bins = Bins::new(counts).ok()?;
    let [h, s, v] = counts;
    let run = move |run: &mut Run<'_, B>| body(run, &bins);
    Some(Case::new(Stage::Describe, format!("{name}/{h}x{s}x{v}"), run))
}

type Outcome = Result<(), DeviceError>;

fn check<B: Backend>(run: &mut Run<'_, B>, named: &Named, bins: &Bins) -> Outcome {
    let len = named.pictures.len() * bins.len();
    let mut counts = run.counts(len)?;
    run.backend.describe(&named.pictures, bins, &mut counts)?;
    let got = run.read_counts(&counts, len)?;
    judge(run, &named.pictures, bins, &got, |i| named.name(i).to_owned());
    Ok(())
}

/// Compares counts that the device of `run` made; `name` says what a picture is.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    pictures: &Pictures,
    bins: &Bins,
    got: &[u32],
    name: impl Fn(usize) -> String,
) {
    let one = |i: usize| reference_counts(pictures.rgb(i), bins).to_vec();
    let expected: Vec<u32> = (0..pictures.len()).into_par_iter().flat_map_iter(one).collect();
    let backend = run.backend;
    run.exact("counts", &expected, got, |at| {
        let (i, bin) = (at / bins.len(), at % bins.len());
        let [_, s, v] = bins.counts().map(|c| c as usize);
        let (h, s, v) = (bin / (s * v), bin / v % s, bin % v);
        let pixels = pictures.rgb(i).len() / 3;
        let colour = match wrong_colour(backend, pictures.rgb(i), bins) {
            Some(found) => format!("; {found}"),
            None => "; no part of it alone is counted wrong".into(),
        };
        format!(
            "picture {i} ({}, {pixels} pixels), bin {bin} (hue {h}, saturation {s}, value {v}){colour}",
            name(i)
        )
    });
}

/// The reference on parts of a large picture at a time: counts add up.
fn reference_counts(rgb: &[u8], bins: &Bins) -> Array1<u32> {
    const PART: usize = 3 << 18;
    if rgb.len() <= PART {
        return reference::describe(rgb, bins);
    }
    let parts = rgb.par_chunks(PART).map(|part| reference::describe(part, bins));
    parts.reduce(|| Array1::zeros(bins.len()), |a, b| a + b)
}

/// Halves a picture that is counted wrong until one pixel is left: its colour, where it belongs and where it went.
/// `None` where the halves are right although the whole is not, or the device fails.
fn wrong_colour<B: Backend>(backend: &B, rgb: &[u8], bins: &Bins) -> Option<String> {
    let count = |rgb: &[u8]| -> Option<Vec<u32>> {
        let mut pictures = Pictures::new();
        pictures.push(rgb);
        let mut counts = backend.zeros(bins.len()).ok()?;
        backend.describe(&pictures, bins, &mut counts).ok()?;
        backend.download(&counts, bins.len()).ok()
    };
    let mut rgb = rgb;
    while rgb.len() > 3 {
        let (a, b) = rgb.split_at(rgb.len() / 6 * 3);
        let wrong = |part: &[u8]| Some(count(part)? != reference_counts(part, bins).to_vec());
        rgb = if wrong(a)? {
            a
        } else if wrong(b)? {
            b
        } else {
            return None;
        };
    }
    let &[r, g, b] = rgb else { return None };
    let bin = reference::describe(rgb, bins).iter().position(|&c| c > 0)?;
    let counted: Vec<String> = (count(rgb)?.iter().enumerate())
        .filter(|(_, c)| **c > 0)
        .map(|(bin, c)| format!("{c} in bin {bin}"))
        .collect();
    let [h, s, v] = reference::hsv([r, g, b]);
    let counted = if counted.is_empty() { "nowhere".into() } else { counted.join(", ") };
    Some(format!(
        "the colour R {r}, G {g}, B {b} (H {h}, S {s}, V {v}) belongs to bin {bin} and is counted {counted}"
    ))
}

fn all_colours<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let mut named = Named::default();
    named.push("all 2²⁴ colours", &every_colour());
    check(run, &named, bins)
}

/// 4,096 pictures of 4,096 colours each, a channel at a time: a wrong colour hides only behind the opposite mistake in
/// the same picture.
fn all_colours_by_channel<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let cube = every_colour();
    for (part, colours) in cube.chunks(cube.len() / 8).enumerate() {
        let mut named = Named::default();
        for (i, colours) in colours.chunks_exact(3 * 4096).enumerate() {
            let i = part * 512 + i;
            named.push(
                format!("red {}, green {} to {}, any blue", i / 16, i % 16 * 16, i % 16 * 16 + 15),
                colours,
            );
        }
        check(run, &named, bins)?;
    }
    Ok(())
}

fn many_bins<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let mut named = Named::default();
    named.push_noise(&mut run.random, 50_021, 1);
    named.push("one pixel", &[9, 9, 9]);
    check(run, &named, bins)
}

fn no_pictures<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let mut counts = run.counts(0)?;
    run.backend.describe(&Pictures::new(), bins, &mut counts)?;
    run.read_counts(&counts, 0)?;
    let mut named = Named::default();
    named.push("nothing", &[]);
    check(run, &named, bins)
}

pub(super) fn of_every_kind<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let named = mixed(&mut run.random);
    check(run, &named, bins)
}

fn past_65535_workgroups<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let named = many(&mut run.random);
    check(run, &named, bins)
}

fn large<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let mut named = Named::default();
    named.push("one pixel before it", &[1, 2, 3]);
    named.push("noise of 6007×4001", &noise(&mut run.random, 6007 * 4001));
    named.push("one pixel after it", &[3, 2, 1]);
    check(run, &named, bins)
}

/// Every pixel into the same bin: the most that counters can stand in each other's way.
fn large_of_one_colour<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let mut named = Named::default();
    named.push("2 million pixels of one colour", &[17, 200, 90].repeat(2_000_003));
    check(run, &named, bins)
}

/// A picture of 3 MB is uploaded and counted in several pieces.
fn past_the_binding_limit<B: Backend>(run: &mut Run<'_, B>, bins: &Bins) -> Outcome {
    let mut named = Named::default();
    named.push_noise(&mut run.random, 1_000_003, 1);
    named.push_noise(&mut run.random, 77, 1);
    named.push_noise(&mut run.random, 1, 400_000);
    check(run, &named, bins)
}
