//! Iterative stratification (Sechidis, Tsoumakas and Vlahavas: On the Stratification of Multi-Label Data, 2011).

use std::collections::BTreeSet;

use super::Sample;

/// Takes a `share` of the samples `order` (numbers into `samples`), so that each of the `labels` labels is as frequent
/// among those taken as among those kept. Returns both, ascending.
///
/// The label with the fewest samples that are still to be placed comes first (of equal ones the first by name), since its
/// few samples leave the least choice. Its samples, in their `order`, go each to the side that lacks this label most, of
/// equal ones to the side that lacks samples most, else to those kept. Samples without labels come last. The last sample that
/// could teach a label is always kept: no label is only among those taken.
pub(super) fn take(
    samples: &[Sample],
    order: &[usize],
    labels: usize,
    share: f64,
) -> (Vec<usize>, Vec<usize>) {
    let mut of_label: Vec<Vec<usize>> = vec![Vec::new(); labels];
    for (rank, &sample) in order.iter().enumerate() {
        samples[sample].labels.iter().for_each(|&k| of_label[k as usize].push(rank));
    }
    let sides = |count: usize| [(1.0 - share) * count as f64, share * count as f64];
    let mut wanted: Vec<[f64; 2]> = of_label.iter().map(|ranks| sides(ranks.len())).collect();
    let mut wanted_in_all = sides(order.len());
    let mut left: Vec<usize> = of_label.iter().map(Vec::len).collect();
    let mut kept_of = vec![0usize; labels];
    let mut queue: BTreeSet<(usize, usize)> =
        left.iter().enumerate().filter(|(_, left)| **left > 0).map(|(k, &left)| (left, k)).collect();
    let mut found = [Vec::new(), Vec::new()];
    let mut done = vec![false; order.len()];
    while let Some(&(_, rarest)) = queue.first() {
        for rank in std::mem::take(&mut of_label[rarest]) {
            if std::mem::replace(&mut done[rank], true) {
                continue;
            }
            let own = &samples[order[rank]].labels;
            let last = own.iter().any(|&k| kept_of[k as usize] == 0 && left[k as usize] == 1);
            let [kept, taken] = wanted[rarest];
            let side = match kept.total_cmp(&taken) {
                _ if last => 0,
                std::cmp::Ordering::Equal => usize::from(wanted_in_all[1] > wanted_in_all[0]),
                order => usize::from(order.is_lt()),
            };
            wanted_in_all[side] -= 1.0;
            found[side].push(order[rank]);
            for k in own.iter().map(|&k| k as usize) {
                queue.remove(&(left[k], k));
                left[k] -= 1;
                if left[k] > 0 {
                    queue.insert((left[k], k));
                }
                wanted[k][side] -= 1.0;
                kept_of[k] += usize::from(side == 0);
            }
        }
    }
    for rank in (0..order.len()).filter(|&rank| !done[rank]) {
        let side = usize::from(wanted_in_all[1] > wanted_in_all[0]);
        wanted_in_all[side] -= 1.0;
        found[side].push(order[rank]);
    }
    let [mut kept, mut taken] = found;
    kept.sort_unstable();
    taken.sort_unstable();
    (taken, kept)
}
