//! The shards of a stream, and how one becomes two and two become one: pure, on the stream's document.

use std::collections::BTreeMap;

use super::hash_key::HashKey;
use super::limits::HOUR_MS;
use super::resources::{ShardDocument, StreamDocument};

/// A change of shards under way: new shards get their numbers from `numbers`, which were taken from the catalog before.
pub(crate) struct Resharding<'d> {
    document: &'d mut StreamDocument,
    numbers: std::vec::IntoIter<u64>,
    /// The last moment of the shards that are closed; their children begin a millisecond later.
    now: i64,
}

/// A change that cannot be made: a shard is closed already, or there are not enough numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CannotReshard;

impl<'d> Resharding<'d> {
    /// Changes the shards of this document at `now`, which is not before the stream's last record.
    pub fn new(document: &'d mut StreamDocument, numbers: Vec<u64>, now: i64) -> Resharding<'d> {
        Resharding { document, numbers: numbers.into_iter(), now }
    }

    /// Splits an open shard: the second half begins at `at`. Returns the indexes of both halves.
    pub fn split(&mut self, index: u32, at: HashKey) -> Result<(u32, u32), CannotReshard> {
        let (first, last) = self.close(index)?;
        let before = HashKey(at.0.saturating_sub(1));
        let one = self.open(first, before, Some(index), None)?;
        let two = self.open(at, last, Some(index), None)?;
        Ok((one, two))
    }

    /// Merges two open shards that lie side by side.
    pub fn merge(&mut self, index: u32, adjacent: u32) -> Result<u32, CannotReshard> {
        let (one, two) = (self.close(index)?, self.close(adjacent)?);
        self.open(one.0.min(two.0), one.1.max(two.1), Some(index), Some(adjacent))
    }

    /// Makes them so many of the same size, by splitting at the borders of the new ranges and merging what lies within one.
    pub fn scale(&mut self, count: usize) -> Result<(), CannotReshard> {
        let ranges = even_ranges(count);
        // There may be ten thousand: none is looked for among all of them.
        let mut open: BTreeMap<HashKey, u32> =
            open_shards(self.document).map(|shard| (shard.first, shard.index)).collect();
        for (border, _) in &ranges {
            let (&first, &index) = open.range(..=*border).next_back().ok_or(CannotReshard)?;
            if first < *border {
                let (one, two) = self.split(index, *border)?;
                open.extend([(first, one), (*border, two)]);
            }
        }
        for (first, last) in ranges {
            let mut within = open.range(first..=last).map(|(_, index)| *index);
            let Some(mut merged) = within.next() else { continue };
            for next in within {
                merged = self.merge(merged, next)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, index: u32) -> Result<(HashKey, HashKey), CannotReshard> {
        let now = self.now;
        let place = self.document.shards.binary_search_by_key(&index, |shard| shard.index);
        let shard = place.ok().and_then(|place| self.document.shards.get_mut(place)).filter(|shard| shard.is_open());
        let shard = shard.ok_or(CannotReshard)?;
        // One that was opened in this very change never takes a record.
        shard.closed = Some(now.max(shard.opened));
        Ok((shard.first, shard.last))
    }

    fn open(
        &mut self,
        first: HashKey,
        last: HashKey,
        parent: Option<u32>,
        adjacent_parent: Option<u32>,
    ) -> Result<u32, CannotReshard> {
        let number = self.numbers.next().ok_or(CannotReshard)?;
        let index = self.document.next_index;
        self.document.next_index += 1;
        let opened = parent.map_or(self.now, |_| self.now + 1);
        self.document.shards.push(ShardDocument {
            number,
            index,
            first,
            last,
            parent,
            adjacent_parent,
            opened,
            closed: None,
        });
        Ok(index)
    }

    /// The shards of a new stream.
    pub fn begin(&mut self, count: usize) -> Result<(), CannotReshard> {
        even_ranges(count).into_iter().try_for_each(|(first, last)| self.open(first, last, None, None).map(drop))
    }
}

/// The shards that take records.
pub(crate) fn open_shards(document: &StreamDocument) -> impl Iterator<Item = &ShardDocument> {
    document.shards.iter().filter(|shard| shard.is_open())
}

/// Since when records are readable at `now`.
pub(crate) fn trim_horizon(document: &StreamDocument, now: i64) -> i64 {
    let kept_since = now.saturating_sub(i64::from(document.retention_hours) * HOUR_MS);
    document.trimmed.map_or(kept_since, |trimmed| trimmed.max(kept_since))
}

/// Whether a shard is there for readers at `now`: it takes records, or may have some.
pub(crate) fn is_readable(document: &StreamDocument, shard: &ShardDocument, now: i64) -> bool {
    shard.closed.is_none_or(|closed| closed >= trim_horizon(document, now))
}

/// Forgets the shards that have nothing any more.
pub(crate) fn prune(document: &mut StreamDocument, now: i64) {
    let horizon = trim_horizon(document, now);
    document.shards.retain(|shard| shard.closed.is_none_or(|closed| closed >= horizon));
}

/// How many numbers [`Resharding::scale`] takes.
pub(crate) fn numbers_to_scale(document: &StreamDocument, count: usize) -> usize {
    // Each border splits one shard into two, and each piece but one of a range is merged.
    let most = 2 * count + open_shards(document).count() + count;
    let mut tried = document.clone();
    match Resharding::new(&mut tried, vec![0; most], 0).scale(count) {
        Ok(()) => tried.shards.len() - document.shards.len(),
        Err(CannotReshard) => most,
    }
}

/// All hash keys in so many ranges of the same size, but for the last.
fn even_ranges(count: usize) -> Vec<(HashKey, HashKey)> {
    let count = count.max(1) as u128;
    // 2^128 / count, which for one range would be too large, and is not looked at.
    let size = u128::MAX / count + u128::from(count > 1 && u128::MAX % count == count - 1);
    let first = |index: u128| HashKey(index * size);
    let last = |index: u128| if index + 1 == count { HashKey::MAX } else { HashKey((index + 1) * size - 1) };
    (0..count).map(|index| (first(index), last(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_streams::resources::Mode;

    fn stream(count: usize) -> StreamDocument {
        let mut document = StreamDocument {
            created: 0,
            mode: Mode::Provisioned,
            retention_hours: 24,
            trimmed: None,
            shards: Vec::new(),
            next_index: 0,
            kms_key: None,
            earlier_keys: Vec::new(),
            monitored: Default::default(),
            record_kib_max: 1024,
            tags: Default::default(),
        };
        Resharding::new(&mut document, (0..count as u64).collect(), 0).begin(count).unwrap();
        document
    }

    /// Whether the open shards have every hash key once.
    fn is_whole(document: &StreamDocument) -> bool {
        let mut ranges: Vec<_> = open_shards(document).map(|shard| (shard.first, shard.last)).collect();
        ranges.sort_unstable();
        let joined = ranges.windows(2).all(|pair| pair[0].1.0.checked_add(1) == Some(pair[1].0.0));
        joined && ranges[0].0 == HashKey(0) && ranges[ranges.len() - 1].1 == HashKey::MAX
    }

    #[test]
    fn new_streams_have_even_ranges() {
        assert_eq!(even_ranges(2)[1].0.to_string(), "170141183460469231731687303715884105728");
        assert_eq!(even_ranges(4)[1].0.to_string(), "85070591730234615865843651857942052864");
        for count in [1, 2, 3, 4, 5, 7, 16, 100] {
            let document = stream(count);
            assert_eq!(open_shards(&document).count(), count);
            assert!(is_whole(&document), "{count}");
        }
    }

    #[test]
    fn split_and_merged_shards_know_their_parents() {
        let mut document = stream(2);
        let mut change = Resharding::new(&mut document, vec![10, 11, 12], 5);
        change.split(0, HashKey(1000)).unwrap();
        assert_eq!(change.merge(3, 1), Ok(4));
        assert_eq!(change.split(4, HashKey(7)), Err(CannotReshard));
        let told: Vec<_> = document.shards.iter().take(5).map(|s| (s.index, s.parent, s.adjacent_parent)).collect();
        let expected =
            [(0, None, None), (1, None, None), (2, Some(0), None), (3, Some(0), None), (4, Some(3), Some(1))];
        assert_eq!(told, expected);
        assert_eq!((document.shards[2].first, document.shards[2].last), (HashKey(0), HashKey(999)));
        assert_eq!((document.shards[0].closed, document.shards[2].opened), (Some(5), 6));
    }

    #[test]
    fn scaling_leaves_so_many_even_shards() {
        for (from, to) in
            [(1, 2), (2, 4), (4, 2), (2, 3), (3, 2), (3, 5), (5, 3), (8, 4), (7, 13), (4, 4), (10_000, 9_999)]
        {
            let mut document = stream(from);
            let numbers = (100..).take(numbers_to_scale(&document, to)).collect();
            Resharding::new(&mut document, numbers, 9).scale(to).unwrap();
            assert_eq!(open_shards(&document).count(), to, "{from} to {to}");
            assert!(is_whole(&document), "{from} to {to}");
            let mut ranges: Vec<_> = open_shards(&document).map(|shard| (shard.first, shard.last)).collect();
            ranges.sort_unstable();
            assert_eq!(ranges, even_ranges(to), "{from} to {to}");
        }
    }

    #[test]
    fn scaling_takes_the_shards_in_the_order_of_their_hash_keys() {
        let mut document = stream(3);
        let numbers = (100..).take(numbers_to_scale(&document, 2)).collect();
        Resharding::new(&mut document, numbers, 9).scale(2).unwrap();
        let told: Vec<_> = document.shards.iter().skip(3).map(|s| (s.index, s.parent, s.adjacent_parent)).collect();
        assert_eq!(
            told,
            [(3, Some(1), None), (4, Some(1), None), (5, Some(0), Some(3)), (6, Some(4), Some(2))],
            "the one in the middle is split, and each half merged with its neighbour"
        );
    }

    #[test]
    fn closed_shards_are_forgotten_when_their_records_are() {
        let mut document = stream(1);
        Resharding::new(&mut document, vec![1, 2], 1000).split(0, HashKey(9)).unwrap();
        let end = 1000 + 24 * HOUR_MS;
        assert!(is_readable(&document, &document.shards[0], end));
        prune(&mut document, end);
        assert_eq!(document.shards.len(), 3);
        prune(&mut document, end + 1);
        assert_eq!(document.shards.len(), 2);
    }
}
