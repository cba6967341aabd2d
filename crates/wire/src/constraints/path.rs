//! Where in an input a fault is, and the two ways AWS spells that.

/// One step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To a structure's member.
    Member(&'static str),
    /// To a list's entry, counted from 0.
    Entry(usize),
    /// To a map's value.
    Key(String),
}

/// The way from an input to a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

impl Path {
    /// Goes one step further.
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Goes one step back.
    pub fn pop(&mut self) {
        self.steps.pop();
    }

    /// Turns from an entry of a list to another one.
    pub fn turn_to(&mut self, entry: usize) {
        if let Some(last) = self.steps.last_mut() {
            *last = Step::Entry(entry);
        }
    }

    /// As in constraint failures: `metricDataQueries.3.member.id`.
    pub fn camel(&self) -> String {
        self.spell(lower_first, |entry| format!("{entry}.member"))
    }

    /// As in the names of Query parameters: `MetricData.member.1.MetricName`.
    pub fn parameter(&self) -> String {
        self.spell(str::to_owned, |entry| format!("member.{entry}"))
    }

    fn spell(&self, member: fn(&str) -> String, entry: fn(usize) -> String) -> String {
        let steps = self.steps.iter().map(|step| match step {
            Step::Member(name) => member(name),
            Step::Entry(index) => entry(index + 1),
            Step::Key(key) => format!("{key}.member"),
        });
        steps.collect::<Vec<_>>().join(".")
    }
}

/// The name with its first letter in lower case: `DBName` is `dBName`, as in CloudTrail's records and constraint failures.
pub fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}
