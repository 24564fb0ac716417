//! The kinds of fruit and vegetables, and their artwork.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;
use twemoji_assets::svg::SvgTwemojiAsset;
use twemoji_assets::svg::codes::{
    U_1F34A, U_1F34B, U_1F34C, U_1F34E, U_1F34F, U_1F95D, U_1F345, U_1F346, U_1F347, U_1F353, U_1F955,
    U_1F966,
};

use super::DemoError;

/// A kind of fruit or vegetable: one class of the set.
#[derive(Debug)]
pub(super) struct Kind {
    /// The label, and the name of the class folder.
    pub(super) name: &'static str,
    asset: &'static SvgTwemojiAsset,
}

/// All kinds, sorted by name. Chosen so that colour tells most of them apart, but not all: tomato, red
/// apple and strawberry share their reds and greens, carrot and tangerine an orange, grapes and eggplant
/// a purple, lemon and banana a yellow. The confusion matrix should have something to show.
pub(super) const KINDS: [Kind; 12] = [
    Kind { name: "banana", asset: &U_1F34C },
    Kind { name: "broccoli", asset: &U_1F966 },
    Kind { name: "carrot", asset: &U_1F955 },
    Kind { name: "eggplant", asset: &U_1F346 },
    Kind { name: "grapes", asset: &U_1F347 },
    Kind { name: "green-apple", asset: &U_1F34F },
    Kind { name: "kiwi", asset: &U_1F95D },
    Kind { name: "lemon", asset: &U_1F34B },
    Kind { name: "red-apple", asset: &U_1F34E },
    Kind { name: "strawberry", asset: &U_1F353 },
    Kind { name: "tangerine", asset: &U_1F34A },
    Kind { name: "tomato", asset: &U_1F345 },
];

/// The kinds that lie in baskets, by their place in [`KINDS`]: fruit alone, and hardly two of one colour, so that a
/// histogram of the whole picture can tell which are there.
pub(super) const BASKET: [usize; 6] = [0, 4, 5, 6, 9, 10];

/// The artwork of one kind, parsed, with the circle around what is visible of it.
pub(super) struct Artwork {
    kind: &'static str,
    tree: usvg::Tree,
    centre: [f32; 2],
    radius: f32,
}

impl Artwork {
    pub(super) fn parse(kind: &Kind) -> Result<Self, DemoError> {
        let problem = |problem: String| DemoError::Artwork { kind: kind.name, problem };
        let tree = usvg::Tree::from_str(kind.asset.data.0, &usvg::Options::default())
            .map_err(|error| problem(error.to_string()))?;
        let bounds = tree.root().abs_bounding_box();
        let centre = [(bounds.left() + bounds.right()) / 2.0, (bounds.top() + bounds.bottom()) / 2.0];
        let mut artwork = Self { kind: kind.name, tree, centre, radius: 1.0 };

        // Bounds are a box, but an object that is turned needs the circle it fits in: measured on a drawing
        // in which `reference`, longer than half the diagonal of the box, is half the side.
        const PROBE: u32 = 128;
        let reference = bounds.width().max(bounds.height());
        artwork.radius = reference;
        let probe = artwork.render(PROBE, PROBE as f32 / 2.0, [1.0, 0.0])?;
        let mut reach = 0.0f32;
        for (i, pixel) in probe.pixels().iter().enumerate() {
            if pixel.alpha() > 0 {
                let dx = (i as u32 % PROBE) as f32 + 0.5 - PROBE as f32 / 2.0;
                let dy = (i as u32 / PROBE) as f32 + 0.5 - PROBE as f32 / 2.0;
                reach = reach.max((dx * dx + dy * dy).sqrt());
            }
        }
        if reach == 0.0 {
            return Err(problem("nothing of it is visible".into()));
        }
        artwork.radius = reference * (reach + 0.5) / (PROBE as f32 / 2.0);
        Ok(artwork)
    }

    /// The object in the middle of a transparent square of `side` pixels, `radius` pixels from its centre to
    /// its farthest point, turned by the unit vector `turn` (cosine and sine).
    pub(super) fn render(&self, side: u32, radius: f32, turn: [f32; 2]) -> Result<Pixmap, DemoError> {
        let mut pixmap = Pixmap::new(side, side).ok_or_else(|| DemoError::Artwork {
            kind: self.kind,
            problem: format!("no drawing of {side}×{side} pixels is possible"),
        })?;
        let scale = radius / self.radius;
        let [cos, sin] = turn.map(|part| part * scale);
        let middle = side as f32 / 2.0;
        let transform = Transform::from_row(cos, sin, -sin, cos, middle, middle)
            .pre_translate(-self.centre[0], -self.centre[1]);
        resvg::render(&self.tree, transform, &mut pixmap.as_mut());
        Ok(pixmap)
    }
}
