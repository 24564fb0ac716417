//! Pictures made smaller by the means over blocks.

/// `width`×`height` pixels, R G B, as the means over blocks of `scale`×`scale` of them, rounded to the nearest; at the right and lower
/// edge over what there is of a block. `to` has room for as many pixels as there are blocks.
pub(super) fn means(rgb: &[u8], (width, height): (usize, usize), scale: usize, to: &mut [u8]) {
    let columns = width.div_ceil(scale);
    for (row, to) in to.chunks_exact_mut(3 * columns).enumerate() {
        let rows = row * scale..height.min((row + 1) * scale);
        for (column, to) in to.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let from = column * scale..width.min((column + 1) * scale);
            let mut sums = [0u32; 3];
            for y in rows.clone() {
                let line = &rgb[3 * (y * width + from.start)..3 * (y * width + from.end)];
                for pixel in line.as_chunks::<3>().0 {
                    sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += u32::from(value));
                }
            }
            let count = (rows.len() * from.len()) as u32;
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to = ((sum + count / 2) / count) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::means;

    #[test]
    fn means_are_rounded_and_edges_count_what_is_there() {
        // 3×3 pixels; the red ones are 0…8, green is 7 everywhere, blue 255 in the last row.
        let rgb: Vec<u8> = (0..9).flat_map(|i| [i, 7, if i < 6 { 0 } else { 255 }]).collect();
        let mut to = [0xAA; 12];
        means(&rgb, (3, 3), 2, &mut to);
        // (0+1+3+4)/4 = 2; (2+5)/2 = 3.5 is 4; (6+7)/2 = 6.5 is 7; 8.
        assert_eq!(to, [2, 7, 0, 4, 7, 0, 7, 7, 255, 8, 7, 255]);
        let mut to = [0; 3];
        means(&rgb, (3, 3), 8, &mut to);
        assert_eq!(to, [4, 7, 85]);
    }
}
