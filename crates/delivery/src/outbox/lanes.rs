//! What is still to be delivered, and what may be tried next: plain data, without time or tasks of its own.
//!
//! Each target has a lane, which may have groups of parcels that are each in order. They take turns, and each lane has a bound of tries
//! that run at once, so that one that hangs holds up no other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};

/// Something that is to be delivered to one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Parcel {
    /// What is delivered: its number, growing in the order in which it was taken on.
    pub content: u64,
    /// When it was taken on, in milliseconds since the epoch.
    pub time_ms: i64,
    /// The target.
    pub lane: u64,
    /// What is kept in order with it, in a lane whose order is strict: parcels of other groups pass it.
    pub group: u64,
}

impl Parcel {
    fn place(&self) -> Place {
        (self.lane, self.group)
    }
}

/// A group of a lane.
type Place = (u64, u64);

/// What is being done with a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// It is on its way to its target.
    Delivering,
    /// It was given up, and is on its way to where such parcels are kept.
    DeadLettering,
}

/// How far a parcel has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress {
    /// What is being done with it.
    pub stage: Stage,
    /// How many tries of this stage have failed.
    pub failed: u32,
    /// When it is to be tried, in milliseconds since the epoch.
    pub due_ms: i64,
}

/// A parcel and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pending {
    /// The parcel.
    pub parcel: Parcel,
    /// How far it has come.
    pub progress: Progress,
}

/// In which order the parcels of a lane are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneOrder {
    /// In any; one that must wait is passed by others.
    Any,
    /// Those of a group one after the other, as they came: one that must wait holds up those of its group behind it.
    Strict,
}

/// How the parcels of a lane may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneRules {
    /// In which order.
    pub order: LaneOrder,
    /// How many at once.
    pub at_once_max: usize,
    /// How long there must be between the beginnings of two tries, in milliseconds.
    pub spacing_ms: i64,
}

#[derive(Debug, Default)]
struct Lane {
    ready: VecDeque<Pending>,
    running: usize,
    not_before_ms: i64,
    is_in_turn: bool,
    /// Its last try failed: one at a time will do until one does not, so that many targets that hang leave room for others.
    is_failing: bool,
}

/// All lanes.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: HashMap<Place, Lane>,
    /// Groups that may have something to try, in the order of their turns.
    turns: VecDeque<Place>,
    /// The tries of each lane that run, of all its groups.
    busy: HashMap<u64, usize>,
    /// The groups of each lane that wait until one of its tries ends.
    parked: HashMap<u64, VecDeque<Place>>,
    /// Parcels that wait for their time, and lanes that do.
    waiting: BinaryHeap<Reverse<(i64, Waiting)>>,
    /// What is being tried. The end of a try that is not here any more, because everything was forgotten, changes nothing.
    running: HashSet<Parcel>,
    /// How many parcels there are of each hour, also those that are only announced.
    hours: BTreeMap<i64, usize>,
    pending: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Waiting {
    Parcel(Pending),
    Lane(Place),
}

/// How a try ended, for its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    InVain,
}

pub(super) const HOUR_MS: i64 = 3_600_000;

impl Lanes {
    /// How many parcels are not settled, also those that are only announced.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// How many tries run.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }

    /// The beginning of the hour of the oldest parcel that is not settled.
    pub(crate) fn oldest_hour_ms(&self) -> Option<i64> {
        self.hours.first_key_value().map(|(hour, _)| *hour)
    }

    /// Announces parcels of this time, so that they count before they are known.
    pub(crate) fn announce(&mut self, time_ms: i64, count: usize) {
        if count > 0 {
            *self.hours.entry(hour(time_ms)).or_default() += count;
            self.pending += count;
        }
    }

    /// Takes back an announcement, or counts parcels as settled.
    pub(crate) fn discount(&mut self, time_ms: i64, count: usize) {
        self.pending = self.pending.saturating_sub(count);
        if let Some(of_hour) = self.hours.get_mut(&hour(time_ms)) {
            *of_hour = of_hour.saturating_sub(count);
            if *of_hour == 0 {
                self.hours.remove(&hour(time_ms));
            }
        }
    }

    /// Takes on a parcel that was announced.
    pub(crate) fn add(&mut self, pending: Pending, now_ms: i64) {
        if pending.progress.due_ms > now_ms {
            self.waiting.push(Reverse((pending.progress.due_ms, Waiting::Parcel(pending))));
        } else {
            let lane = self.lanes.entry(pending.parcel.place()).or_default();
            lane.ready.push_back(pending);
            self.give_turn(pending.parcel.place());
        }
    }

    /// The next parcel to try, if there is one now. `rules` are asked for each lane whose turn it is.
    pub(crate) fn start(&mut self, now_ms: i64, rules: &mut dyn FnMut(u64) -> LaneRules) -> Option<Pending> {
        self.wake(now_ms);
        while let Some(id) = self.turns.pop_front() {
            let Some(lane) = self.lanes.get_mut(&id) else { continue };
            lane.is_in_turn = false;
            let rules = rules(id.0);
            let is_single = rules.order == LaneOrder::Strict || lane.is_failing;
            let at_once_max = if is_single { 1 } else { rules.at_once_max.max(1) };
            if lane.running >= at_once_max {
                // It gets a turn when one of its tries ends.
                continue;
            }
            if lane.not_before_ms > now_ms {
                self.waiting.push(Reverse((lane.not_before_ms, Waiting::Lane(id))));
                continue;
            }
            let busy = self.busy.get(&id.0).copied().unwrap_or_default();
            if busy >= rules.at_once_max.max(1) && !lane.ready.is_empty() {
                // It gets a turn when a try of the lane ends.
                lane.is_in_turn = true;
                self.parked.entry(id.0).or_default().push_back(id);
                continue;
            }
            let Some(pending) = lane.ready.pop_front() else {
                if lane.running == 0 && !lane.is_failing {
                    self.lanes.remove(&id);
                }
                continue;
            };
            lane.running += 1;
            *self.busy.entry(id.0).or_default() += 1;
            lane.not_before_ms = now_ms.saturating_add(rules.spacing_ms);
            self.running.insert(pending.parcel);
            self.give_turn(id);
            return Some(pending);
        }
        None
    }

    /// A try ended, and the parcel is settled.
    pub(crate) fn settle(&mut self, parcel: Parcel) {
        if self.end(parcel, Ended::Well) {
            self.discount(parcel.time_ms, 1);
        }
    }

    /// A try ended, and the parcel is to be tried again.
    pub(crate) fn postpone(&mut self, pending: Pending, order: LaneOrder, now_ms: i64) {
        if !self.end(pending.parcel, Ended::InVain) {
            return;
        }
        match order {
            LaneOrder::Any => self.add(pending, now_ms),
            LaneOrder::Strict => {
                let lane = self.lanes.entry(pending.parcel.place()).or_default();
                lane.ready.push_front(pending);
                lane.not_before_ms = pending.progress.due_ms;
                self.give_turn(pending.parcel.place());
            }
        }
    }

    /// When something that waits is due.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.waiting.peek().map(|Reverse((due_ms, _))| *due_ms)
    }

    /// Whether the try was known.
    fn end(&mut self, parcel: Parcel, ended: Ended) -> bool {
        let was_running = self.running.remove(&parcel);
        if !was_running {
            return false;
        }
        if let Some(lane) = self.lanes.get_mut(&parcel.place()) {
            lane.running = lane.running.saturating_sub(1);
            lane.is_failing = ended == Ended::InVain;
            self.give_turn(parcel.place());
        }
        if let Some(busy) = self.busy.get_mut(&parcel.lane) {
            *busy = busy.saturating_sub(1);
            if *busy == 0 {
                self.busy.remove(&parcel.lane);
            }
        }
        if let Some(parked) = self.parked.get_mut(&parcel.lane) {
            self.turns.extend(parked.pop_front());
            if parked.is_empty() {
                self.parked.remove(&parcel.lane);
            }
        }
        true
    }

    fn wake(&mut self, now_ms: i64) {
        while let Some(Reverse((due_ms, _))) = self.waiting.peek()
            && *due_ms <= now_ms
            && let Some(Reverse((_, woken))) = self.waiting.pop()
        {
            match woken {
                Waiting::Parcel(pending) => self.add(pending, now_ms),
                Waiting::Lane(lane) => self.give_turn(lane),
            }
        }
    }

    fn give_turn(&mut self, id: Place) {
        if let Some(lane) = self.lanes.get_mut(&id)
            && !lane.is_in_turn
        {
            lane.is_in_turn = true;
            self.turns.push_back(id);
        }
    }
}

fn hour(time_ms: i64) -> i64 {
    time_ms - time_ms.rem_euclid(HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: LaneRules = LaneRules { order: LaneOrder::Any, at_once_max: 2, spacing_ms: 0 };

    fn pending(content: u64, lane: u64, due_ms: i64) -> Pending {
        let progress = Progress { stage: Stage::Delivering, failed: 0, due_ms };
        Pending { parcel: Parcel { content, time_ms: 0, lane, group: 0 }, progress }
    }

    fn lanes(parcels: &[(u64, u64)]) -> Lanes {
        let mut lanes = Lanes::default();
        lanes.announce(0, parcels.len());
        parcels.iter().for_each(|(content, lane)| lanes.add(pending(*content, *lane, 0), 0));
        lanes
    }

    fn started(lanes: &mut Lanes, now_ms: i64, rules: LaneRules) -> Vec<u64> {
        std::iter::from_fn(|| lanes.start(now_ms, &mut |_| rules)).map(|pending| pending.parcel.content).collect()
    }

    #[test]
    fn lanes_take_turns_and_are_bounded() {
        let mut lanes = lanes(&[(1, 7), (2, 7), (3, 7), (4, 8), (5, 9)]);
        assert_eq!(started(&mut lanes, 0, ANY), [1, 4, 5, 2]);
        assert_eq!(lanes.running(), 4);
        lanes.settle(Parcel { content: 1, time_ms: 0, lane: 7, group: 0 });
        assert_eq!(started(&mut lanes, 0, ANY), [3]);
        for (content, lane) in [(2, 7), (3, 7), (4, 8), (5, 9)] {
            lanes.settle(Parcel { content, time_ms: 0, lane, group: 0 });
        }
        assert!(started(&mut lanes, 0, ANY).is_empty());
        assert_eq!((lanes.pending(), lanes.running(), lanes.oldest_hour_ms()), (0, 0, None));
        assert!(lanes.lanes.is_empty(), "what is done is forgotten");
    }

    #[test]
    fn what_waits_is_passed_by_others_unless_order_is_strict() {
        for (order, expected) in [(LaneOrder::Any, vec![2, 1]), (LaneOrder::Strict, vec![1, 2])] {
            let rules = LaneRules { order, at_once_max: 1, spacing_ms: 0 };
            let mut lanes = lanes(&[(1, 7), (2, 7)]);
            let first = lanes.start(0, &mut |_| rules).unwrap();
            lanes.postpone(pending(first.parcel.content, 7, 1000), order, 0);
            let mut seen = Vec::new();
            for now_ms in [0, 999, 1000, 1001] {
                for content in started(&mut lanes, now_ms, rules) {
                    lanes.settle(Parcel { content, time_ms: 0, lane: 7, group: 0 });
                    seen.push(content);
                }
            }
            assert_eq!(seen, expected, "{order:?}");
            assert_eq!(lanes.pending(), 0);
        }
    }

    #[test]
    fn groups_are_in_order_each_for_itself_and_share_the_bound_of_their_lane() {
        let rules = LaneRules { order: LaneOrder::Strict, at_once_max: 2, spacing_ms: 0 };
        let mut lanes = Lanes::default();
        lanes.announce(0, 6);
        let of = |content: u64, group: u64, due_ms: i64| {
            let Pending { parcel, progress } = pending(content, 7, due_ms);
            Pending { parcel: Parcel { group, ..parcel }, progress }
        };
        for (content, group) in [(1, 10), (2, 10), (3, 11), (4, 12), (5, 11), (6, 10)] {
            lanes.add(of(content, group, 0), 0);
        }
        assert_eq!(started(&mut lanes, 0, rules), [1, 3], "two at once, one of each group");
        // The first of a group must wait: its group does, the others do not.
        lanes.postpone(of(1, 10, 1000), LaneOrder::Strict, 0);
        assert_eq!(started(&mut lanes, 0, rules), [4]);
        lanes.settle(of(3, 11, 0).parcel);
        assert_eq!(started(&mut lanes, 0, rules), [5]);
        lanes.settle(of(4, 12, 0).parcel);
        assert!(started(&mut lanes, 999, rules).is_empty());
        assert_eq!(started(&mut lanes, 1000, rules), [1]);
        lanes.settle(of(5, 11, 0).parcel);
        for content in [1, 2, 6] {
            lanes.settle(of(content, 10, 0).parcel);
            let expected = if content == 1 {
                vec![2]
            } else if content == 2 {
                vec![6]
            } else {
                Vec::new()
            };
            assert_eq!(started(&mut lanes, 1001, rules), expected);
        }
        assert_eq!((lanes.pending(), lanes.running()), (0, 0));
        assert!(lanes.lanes.is_empty() && lanes.busy.is_empty() && lanes.parked.is_empty());
    }

    #[test]
    fn a_lane_that_fails_has_one_try_at_a_time() {
        let mut lanes = lanes(&[(1, 7), (2, 7), (3, 7), (4, 7)]);
        assert_eq!(started(&mut lanes, 0, ANY), [1, 2]);
        lanes.postpone(pending(1, 7, 1000), LaneOrder::Any, 0);
        assert!(started(&mut lanes, 0, ANY).is_empty(), "one is running");
        lanes.postpone(pending(2, 7, 1000), LaneOrder::Any, 0);
        assert_eq!(started(&mut lanes, 0, ANY), [3]);
        lanes.settle(Parcel { content: 3, time_ms: 0, lane: 7, group: 0 });
        assert_eq!(started(&mut lanes, 1000, ANY), [4, 1]);
    }

    #[test]
    fn tries_are_spaced() {
        let rules = LaneRules { order: LaneOrder::Any, at_once_max: 9, spacing_ms: 500 };
        let mut lanes = lanes(&[(1, 7), (2, 7), (3, 7)]);
        assert_eq!(started(&mut lanes, 0, rules), [1]);
        assert_eq!(lanes.next_due_ms(), Some(500));
        assert!(started(&mut lanes, 499, rules).is_empty());
        assert_eq!(started(&mut lanes, 500, rules), [2]);
        assert_eq!(started(&mut lanes, 1200, rules), [3]);
    }

    #[test]
    fn the_oldest_hour_is_that_of_what_is_not_settled() {
        let mut lanes = Lanes::default();
        lanes.announce(10, 2);
        lanes.announce(3 * HOUR_MS + 5, 1);
        assert_eq!(lanes.oldest_hour_ms(), Some(0));
        lanes.discount(20, 2);
        assert_eq!(lanes.oldest_hour_ms(), Some(3 * HOUR_MS));
        assert_eq!(lanes.pending(), 1);
    }
}
