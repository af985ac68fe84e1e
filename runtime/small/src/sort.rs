//! Sorting by numbers of items: the algorithm is there once, a type adds how two of its items are compared and swapped.

use std::cmp::Ordering;

/// Sorts; what is equal stays in its order.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts as `compare` says; what is equal stays in its order.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let sorted = {
        let items = &*items;
        order(items.len(), &|a, b| compare(&items[a], &items[b]))
    };
    arrange(sorted, &mut |a, b| items.swap(a, b));
}

/// The numbers of the items, sorted: by a heap, in which the place of an item decides between equal ones.
fn order(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut heap: Vec<usize> = (0..len).collect();
    for root in (0..len / 2).rev() {
        sift(&mut heap, root, compare);
    }
    for end in (1..len).rev() {
        heap.swap(0, end);
        sift(&mut heap[..end], 0, compare);
    }
    heap
}

/// Lets what is at `root` sink to its place.
fn sift(heap: &mut [usize], mut root: usize, compare: &dyn Fn(usize, usize) -> Ordering) {
    let less = |a: usize, b: usize| compare(a, b).then(a.cmp(&b)).is_lt();
    loop {
        let mut child = 2 * root + 1;
        if child + 1 < heap.len() && less(heap[child], heap[child + 1]) {
            child += 1;
        }
        if child >= heap.len() || !less(heap[root], heap[child]) {
            return;
        }
        heap.swap(root, child);
        root = child;
    }
}

/// Brings to each place the item whose number is there, around each circle of such moves.
fn arrange(mut sorted: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..sorted.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut sorted[at], at);
            if from == start {
                break;
            }
            swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_library_sorts() {
        // Numbers that look like chance, many of them twice; all lengths up to a few levels of the heap.
        let mut state = 1_u32;
        for len in 0..200 {
            let mut items: Vec<(u32, u32)> = (0..len)
                .map(|at| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 26, at)
                })
                .collect();
            let mut want = items.clone();
            want.sort_by_key(|(key, _)| *key);
            sort_by(&mut items, |a, b| a.0.cmp(&b.0));
            assert_eq!(items, want);
        }
    }

    #[test]
    fn what_is_sorted_or_the_other_way_round() {
        let want: Vec<u32> = (0..1000).collect();
        let mut items: Vec<u32> = want.iter().rev().copied().collect();
        sort(&mut items);
        assert_eq!(items, want);
        sort(&mut items);
        assert_eq!(items, want);
        items.rotate_right(1);
        sort(&mut items);
        assert_eq!(items, want);
    }
}
