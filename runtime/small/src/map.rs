//! A map with its entries in a vector, sorted by their keys.

use std::borrow::Borrow;

/// Values by keys, in the order of the keys. Finding one takes as many comparisons as a tree would; adding and removing
/// move what is behind the place, so a map that holds tens of thousands and changes often is better a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Map<K, V> {
        Map::new()
    }
}

impl<K, V> Map<K, V> {
    /// Nothing in it yet.
    pub const fn new() -> Map<K, V> {
        Map { entries: Vec::new() }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The entries in the order of their keys, their values to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> + ExactSizeIterator {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
        self.entries.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> + ExactSizeIterator {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// The values in the order of their keys, taken out.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> + ExactSizeIterator {
        self.entries.into_iter().map(|(_, value)| value)
    }

    /// Takes the first entry out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        match self.entries.is_empty() {
            true => None,
            false => Some(self.entries.remove(0)),
        }
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

impl<K: Ord, V> Map<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.entries.binary_search_by(|(own, _)| own.borrow().cmp(key))
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.entries.get(place).map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// Whether `key` has a value.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives `key` a value; the one that it had before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.entries[place].1, value)),
            Err(place) => {
                self.entries.insert(place, (key, value));
                None
            }
        }
    }

    /// The value of `key`, made when it has none.
    pub fn get_or(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.find(&key) {
            Ok(place) => place,
            Err(place) => {
                self.entries.insert(place, (key, make()));
                place
            }
        };
        &mut self.entries[place].1
    }

    /// Takes the entries out whose keys are from `first` to `last`, both included.
    pub fn take_range(&mut self, first: &K, last: &K) -> Vec<(K, V)> {
        let begin = self.entries.partition_point(|(key, _)| key < first);
        let end = self.entries.partition_point(|(key, _)| key <= last);
        match begin < end {
            true => self.entries.drain(begin..end).collect(),
            false => Vec::new(),
        }
    }

    /// Takes the value of `key` out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.entries.remove(place).1)
    }
}

impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Map<K, V> {
        let mut map = Map::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for Map<K, V> {
    fn from(entries: [(K, V); N]) -> Map<K, V> {
        entries.into_iter().collect()
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_and_the_last_value_of_a_key_counts() {
        let mut map: Map<String, u32> = [("b", 1), ("c", 2), ("a", 3), ("b", 4)]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let all: Vec<_> = map.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(all, [("a", 3), ("b", 4), ("c", 2)]);
        assert_eq!(map.insert("a".to_owned(), 5), Some(3));
        assert_eq!((map.get("a"), map.get("d")), (Some(&5), None));
        assert_eq!((map.remove("b"), map.remove("b")), (Some(4), None));
        assert_eq!((map.len(), map.contains_key("b")), (2, false));
    }

    #[test]
    fn a_range_is_taken_with_both_ends() {
        let mut map: Map<u32, ()> = (0..10).map(|key| (key * 2, ())).collect();
        let keys = |entries: Vec<(u32, ())>| entries.into_iter().map(|(key, ())| key).collect::<Vec<_>>();
        assert_eq!(keys(map.take_range(&4, &9)), [4, 6, 8]);
        assert_eq!(keys(map.take_range(&9, &4)), []);
        assert_eq!(keys(map.take_range(&18, &99)), [18]);
        assert_eq!((map.len(), map.pop_first()), (6, Some((0, ()))));
    }

    #[test]
    fn what_is_missing_is_made_once() {
        let mut map = Map::new();
        *map.get_or(2, || 10) += 1;
        *map.get_or(2, || 20) += 1;
        *map.get_or(1, || 30) += 1;
        assert_eq!(map, Map::from([(1, 31), (2, 12)]));
        map.retain(|key, _| *key == 1);
        assert_eq!(map.into_values().collect::<Vec<_>>(), [31]);
    }
}
