//! Which alarm depends on which, of one account and Region. Sources: "PutCompositeAlarm", "DescribeAlarms", "DeleteAlarms".
//!
//! A composite's rule makes it the **parent** of the alarms it watches, its children. When an alarm changes, its parents are to be
//! evaluated, then theirs, each after all of its children that may change ([`Graph::wave`]). Composites that depend on themselves are
//! not evaluated at all: their state stays until a put breaks the cycle. A suppressor is no child, but cannot be deleted either.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// The most composites that may watch one alarm ("PutCompositeAlarm").
pub const PARENTS_MAX: usize = 150;

/// The dependencies of all alarms.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    composites: BTreeMap<String, Composite>,
    /// Of alarms that somebody refers to.
    referrers: BTreeMap<String, Referrers>,
}

/// This alarm is watched by [`PARENTS_MAX`] composites already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooManyParents {
    /// The name of the child.
    pub child: String,
}

#[derive(Debug, Clone, Default)]
struct Composite {
    children: BTreeSet<String>,
    suppressor: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Referrers {
    parents: BTreeSet<String>,
    /// Composites whose actions it suppresses.
    suppressed: BTreeSet<String>,
}

impl Graph {
    /// Puts a composite alarm, with the names of the alarms that its rule watches and of its suppressor.
    ///
    /// # Errors
    ///
    /// [`TooManyParents`]; nothing has changed then.
    pub fn put(
        &mut self,
        name: &str,
        children: impl IntoIterator<Item = String>,
        suppressor: Option<String>,
    ) -> Result<(), TooManyParents> {
        let children: BTreeSet<String> = children.into_iter().collect();
        self.room_for(name, children.iter().map(String::as_str))?;
        self.remove(name);
        for child in &children {
            self.referrers.entry(child.clone()).or_default().parents.insert(name.to_owned());
        }
        if let Some(suppressor) = &suppressor {
            self.referrers.entry(suppressor.clone()).or_default().suppressed.insert(name.to_owned());
        }
        self.composites.insert(name.to_owned(), Composite { children, suppressor });
        Ok(())
    }

    /// Whether a composite alarm may watch these.
    ///
    /// # Errors
    ///
    /// [`TooManyParents`]
    pub fn room_for<'c>(&self, name: &str, mut children: impl Iterator<Item = &'c str>) -> Result<(), TooManyParents> {
        let is_full = |child: &&str| {
            self.referrers.get(*child).is_some_and(|of| of.parents.len() >= PARENTS_MAX && !of.parents.contains(name))
        };
        match children.find(is_full) {
            Some(child) => Err(TooManyParents { child: child.to_owned() }),
            None => Ok(()),
        }
    }

    /// Takes a composite alarm away. Who refers to it still does.
    pub fn remove(&mut self, name: &str) {
        let Some(composite) = self.composites.remove(name) else { return };
        for child in &composite.children {
            self.forget(child, |of| of.parents.remove(name));
        }
        if let Some(suppressor) = &composite.suppressor {
            self.forget(suppressor, |of| of.suppressed.remove(name));
        }
    }

    /// `ChildrenOfAlarmName`: the alarms that a composite watches, by name.
    pub fn children(&self, name: &str) -> impl Iterator<Item = &str> {
        self.composites.get(name).into_iter().flat_map(|composite| &composite.children).map(String::as_str)
    }

    /// `ParentsOfAlarmName`: the composites that watch an alarm, by name.
    pub fn parents(&self, name: &str) -> impl Iterator<Item = &str> {
        self.referrers.get(name).into_iter().flat_map(|of| &of.parents).map(String::as_str)
    }

    /// The composites whose suppressor an alarm is, by name.
    pub fn suppressed_by(&self, name: &str) -> impl Iterator<Item = &str> {
        self.referrers.get(name).into_iter().flat_map(|of| &of.suppressed).map(String::as_str)
    }

    /// Who refers to an alarm, as a parent or for its suppressor, so that it cannot be deleted.
    pub fn referrer(&self, name: &str) -> Option<&str> {
        self.parents(name).chain(self.suppressed_by(name)).next()
    }

    /// A composite's way through its dependencies back to itself, itself first, if it is in a cycle: one of the shortest.
    pub fn cycle(&self, name: &str) -> Option<Vec<String>> {
        let mut came_from: HashMap<&str, &str> = HashMap::new();
        let mut next = VecDeque::from([name]);
        while let Some(alarm) = next.pop_front() {
            for child in self.children(alarm) {
                if child == name {
                    let mut way = vec![alarm.to_owned()];
                    let mut at = alarm;
                    while let Some(before) = came_from.get(at) {
                        way.push((*before).to_owned());
                        at = before;
                    }
                    way.reverse();
                    return Some(way);
                }
                if !came_from.contains_key(child) {
                    came_from.insert(child, alarm);
                    next.push_back(child);
                }
            }
        }
        None
    }

    /// Begins the evaluation that follows from the change of an alarm.
    pub fn wave(&self, changed: &str) -> Wave<'_> {
        let mut wave = Wave { graph: self, order: self.dependents(changed).into(), due: HashSet::new() };
        wave.changed(changed);
        wave
    }

    /// Begins the evaluation of all who depend on an alarm: a cycle that it was in has been broken, and they stood still in it.
    pub fn wave_of_all(&self, broken_at: &str) -> Wave<'_> {
        let mut order: VecDeque<&str> = self.dependents(broken_at).into();
        order.retain(|name| *name != broken_at);
        let due = order.iter().copied().collect();
        Wave { graph: self, order, due }
    }

    /// An alarm and all who depend on it, but for those in cycles, each after those that it depends on.
    fn dependents(&self, changed: &str) -> Vec<&str> {
        let mut order = self.children_first(changed);
        let above: HashSet<&str> = order.iter().copied().collect();
        // Kosaraju's way to cycles: gone down from the first in order, whoever is met for the first time is in a cycle with it.
        let mut group_of: HashMap<&str, &str> = HashMap::new();
        let mut in_cycle: HashSet<&str> = HashSet::new();
        for root in &order {
            let mut next = vec![*root];
            let mut members = 0;
            while let Some(alarm) = next.pop() {
                if group_of.contains_key(alarm) {
                    continue;
                }
                group_of.insert(alarm, root);
                members += 1;
                if members > 1 || self.children(alarm).any(|child| child == alarm) {
                    in_cycle.insert(root);
                }
                next.extend(
                    self.children(alarm).filter(|child| above.contains(child) && !group_of.contains_key(child)),
                );
            }
        }
        order.retain(|alarm| group_of.get(alarm).is_none_or(|group| !in_cycle.contains(group)));
        order
    }

    /// An alarm and all who depend on it, each after those that it depends on, as far as there are no cycles.
    fn children_first<'g>(&'g self, changed: &str) -> Vec<&'g str> {
        let name_of = |name: &str| self.referrers.get_key_value(name).map(|(name, _)| name.as_str());
        // Nobody refers to it.
        let Some(changed) = name_of(changed) else { return Vec::new() };
        let mut order = Vec::new();
        let mut seen = HashSet::from([changed]);
        // Depth first, without recursion: chains of composites have no limit.
        let mut path = vec![(changed, self.parents(changed).collect::<Vec<_>>())];
        while let Some((alarm, parents)) = path.last_mut() {
            match parents.pop() {
                Some(parent) if seen.insert(parent) => path.push((parent, self.parents(parent).collect())),
                Some(_) => {}
                None => {
                    order.push(*alarm);
                    path.pop();
                }
            }
        }
        order.reverse();
        order
    }

    fn forget(&mut self, name: &str, forget: impl Fn(&mut Referrers) -> bool) {
        if let Some(of) = self.referrers.get_mut(name) {
            forget(of);
            if of.parents.is_empty() && of.suppressed.is_empty() {
                self.referrers.remove(name);
            }
        }
    }
}

/// The composites to evaluate after an alarm changed: take the [`Wave::next`] one, evaluate it, and tell [`Wave::changed`] if that
/// changed its state. Nobody comes before an alarm it depends on, and nobody comes twice.
#[derive(Debug)]
pub struct Wave<'g> {
    graph: &'g Graph,
    order: VecDeque<&'g str>,
    /// Of whom a child changed.
    due: HashSet<&'g str>,
}

impl<'g> Wave<'g> {
    /// The next one to evaluate.
    #[expect(clippy::should_implement_trait, reason = "what comes next depends on what is told in between")]
    pub fn next(&mut self) -> Option<&'g str> {
        loop {
            let next = self.order.pop_front()?;
            if self.due.contains(next) {
                return Some(next);
            }
        }
    }

    /// Tells that an alarm has changed its state.
    pub fn changed(&mut self, name: &str) {
        self.due.extend(self.graph.parents(name));
    }
}

#[cfg(test)]
mod tests;
