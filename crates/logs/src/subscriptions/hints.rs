//! What tells a subscription where to look for events that it has not delivered: of which group, of which times.
//!
//! Who puts events announces them before they are appended, and says under which frame of the journal once they are. So whatever a
//! scan can see was announced, and an announcement is only forgotten once everything up to its frame was delivered: no event is
//! overlooked, however calls overtake one another.

use std::collections::HashMap;

use crate::limits::SUBSCRIPTION_HINTS_MAX;

/// Events of one group, or of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The number of the group; of all groups if absent.
    pub group: Option<u64>,
    /// The time of the oldest event.
    pub first_ms: i64,
    /// The time of the newest event.
    pub last_ms: i64,
}

impl Hint {
    fn join(self, other: Hint) -> Hint {
        Hint {
            group: self.group.filter(|group| other.group == Some(*group)),
            first_ms: self.first_ms.min(other.first_ms),
            last_ms: self.last_ms.max(other.last_ms),
        }
    }
}

/// All that is announced.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    next_id: u64,
    under_way: HashMap<u64, Hint>,
    /// With the frames that they are in.
    stored: Vec<(u64, Hint)>,
    /// Those from there on came after the round that is under way began: they may be joined. Joined to earlier ones they would keep
    /// these from being forgotten, and so would whatever comes next.
    fresh: usize,
}

impl Hints {
    /// Notes events that are about to be appended.
    pub(crate) fn announce(&mut self, hint: Hint) -> u64 {
        self.next_id += 1;
        self.under_way.insert(self.next_id, hint);
        self.next_id
    }

    /// They are in this frame.
    pub(crate) fn stored(&mut self, id: u64, frame: u64) {
        if let Some(hint) = self.under_way.remove(&id) {
            self.add(frame, hint);
        }
    }

    /// They are not in the store.
    pub(crate) fn gone(&mut self, id: u64) {
        self.under_way.remove(&id);
    }

    /// Notes events that are in this frame, or in one before.
    pub(crate) fn add(&mut self, frame: u64, hint: Hint) {
        let fresh = self.fresh.min(self.stored.len());
        if let Some((of, last)) = self.stored.get_mut(fresh..).and_then(|fresh| fresh.last_mut())
            && last.group == hint.group
        {
            // Wider than need be, and forgotten later than could be: never too narrow.
            (*of, *last) = (frame.max(*of), last.join(hint));
            return;
        }
        self.stored.push((frame, hint));
        if self.stored.len() - fresh > SUBSCRIPTION_HINTS_MAX {
            let joined = self.stored.drain(fresh..).reduce(|(of, a), (frame, b)| (of.max(frame), a.join(b)));
            self.stored.extend(joined);
        }
    }

    /// A round begins: what it finds here is not joined with what comes later.
    pub(crate) fn begin_round(&mut self) {
        if self.stored.len() > SUBSCRIPTION_HINTS_MAX {
            let joined = self.stored.drain(..).reduce(|(of, a), (frame, b)| (of.max(frame), a.join(b)));
            self.stored.extend(joined);
        }
        self.fresh = self.stored.len();
    }

    /// Where events may be that are in the store.
    pub(crate) fn all(&self) -> Vec<Hint> {
        self.under_way.values().copied().chain(self.stored.iter().map(|(_, hint)| *hint)).collect()
    }

    /// Whether some are in the store.
    pub(crate) fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// Everything up to this frame was delivered.
    pub(crate) fn settle(&mut self, frame: u64) {
        self.stored.retain(|(of, _)| *of > frame);
        self.fresh = self.stored.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(group: u64, first_ms: i64, last_ms: i64) -> Hint {
        Hint { group: Some(group), first_ms, last_ms }
    }

    #[test]
    fn what_is_announced_is_looked_for_until_its_frame_is_delivered() {
        let mut hints = Hints::default();
        let (one, two) = (hints.announce(hint(1, 10, 20)), hints.announce(hint(2, 5, 6)));
        assert_eq!((hints.all().len(), hints.is_empty()), (2, true));
        hints.stored(two, 7);
        // The first was overtaken: it may be in the store before its frame is known.
        hints.settle(7);
        assert_eq!(hints.all(), [hint(1, 10, 20)]);
        hints.stored(one, 8);
        hints.settle(7);
        assert_eq!(hints.all(), [hint(1, 10, 20)]);
        hints.settle(8);
        assert!(hints.all().is_empty());
        let refused = hints.announce(hint(1, 0, 0));
        hints.gone(refused);
        assert!(hints.all().is_empty());
    }

    #[test]
    fn what_comes_during_a_round_does_not_keep_what_was_there_before() {
        let mut hints = Hints::default();
        for round in 1..100u64 {
            hints.add(2 * round, hint(1, round as i64 * 100, round as i64 * 100 + 50));
            hints.begin_round();
            hints.add(2 * round + 1, hint(1, round as i64 * 100 + 60, round as i64 * 100 + 90));
            hints.settle(2 * round);
            let first = hints.all().iter().map(|hint| hint.first_ms).min().unwrap();
            assert!(first >= round as i64 * 100, "{round}: {first}");
        }
    }

    #[test]
    fn many_hints_become_one_that_holds_them_all() {
        let mut hints = Hints::default();
        hints.add(1, hint(1, 10, 20));
        hints.add(3, hint(1, 5, 7));
        assert_eq!(hints.all(), [hint(1, 5, 20)]);
        for group in 0..SUBSCRIPTION_HINTS_MAX as u64 {
            hints.add(4 + group, hint(2 + group, 100, 200 + group as i64));
        }
        let all = hints.all();
        assert!(all.len() < SUBSCRIPTION_HINTS_MAX, "{}", all.len());
        let joined = all.into_iter().reduce(Hint::join).unwrap();
        assert_eq!((joined.group, joined.first_ms, joined.last_ms), (None, 5, 199 + SUBSCRIPTION_HINTS_MAX as i64));
        hints.settle(u64::MAX);
        assert!(hints.is_empty());
    }
}
