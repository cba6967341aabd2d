//! Rows: events as they are read, and what is held of them for later steps.

use watchkeep_lang::insights::eval::Row;
use watchkeep_lang::insights::event::EventRow;
use watchkeep_lang::insights::plan::{Field, Name, System};
use watchkeep_lang::insights::value::Value;

use super::needs::Needs;
use crate::answer::Pointer;
use crate::events::EventBatch;

/// What `unmask` shows from a step on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lifted {
    all: bool,
    fields: Vec<Field>,
}

impl Lifted {
    /// Shows a field, or all.
    pub(super) fn lift(&mut self, field: Option<&Field>) {
        match field {
            Some(field) => self.fields.push(field.clone()),
            None => self.all = true,
        }
    }

    fn shows(&self, field: &Field) -> bool {
        self.all || self.fields.contains(field)
    }
}

/// An event as it is read, with the columns that steps made.
pub(super) struct Live<'e> {
    batch: &'e EventBatch<'e>,
    at: usize,
    event: EventRow<'e>,
    lifted: &'e Lifted,
    columns: Vec<Value<'static>>,
}

impl<'e> Live<'e> {
    /// An event of a batch, of a plan with so many names.
    pub(super) fn new(
        batch: &'e EventBatch<'e>,
        at: usize,
        event: EventRow<'e>,
        names: usize,
        lifted: &'e Lifted,
    ) -> Live<'e> {
        Live { batch, at, event, lifted, columns: vec![Value::Null; names] }
    }

    /// The time of the event, in milliseconds since the epoch.
    pub(super) fn time_ms(&self) -> i64 {
        self.event.event().time_ms
    }

    /// Where the event is.
    pub(super) fn pointer(&self) -> Pointer {
        self.batch.pointer(self.at)
    }

    /// The event.
    pub(super) fn event(&self) -> (&'e EventBatch<'e>, usize) {
        (self.batch, self.at)
    }

    /// What is shown from now on.
    pub(super) fn show(&mut self, lifted: &'e Lifted) {
        self.lifted = lifted;
    }

    /// Gives a column a value.
    pub(super) fn set(&mut self, name: &Name, value: Value<'static>) {
        set(&mut self.columns, name, value);
    }

    /// The columns so far.
    pub(super) fn columns(&self) -> &[Value<'static>] {
        &self.columns
    }

    /// The same row with these columns.
    pub(super) fn restore(&mut self, columns: &[Value<'static>]) {
        columns.clone_into(&mut self.columns);
    }

    /// What later steps need of it.
    pub(super) fn hold(&self, layout: &Layout) -> Held {
        let keep = |unmasked: bool| -> Vec<Value<'static>> {
            let value = |field: &Field| if unmasked { self.unmasked(field) } else { self.masked(field) };
            layout.fields.iter().map(|field| value(field).into_owned()).collect()
        };
        Held {
            columns: self.columns.clone(),
            kept: keep(false),
            unmasked: if layout.has_unmasked { keep(true) } else { Vec::new() },
            pointer: Some(self.pointer()),
        }
    }

    fn masked(&self, field: &Field) -> Value<'_> {
        match field {
            Field::Column(name) => self.columns.get(name.slot).map_or(Value::Null, Value::borrowed),
            Field::System(System::Pointer) => Value::text(self.pointer().to_string()),
            Field::System(_) => self.event.field(field),
            Field::Discovered(path) => match self.batch.column(path) {
                Some(column) => column.value(self.at),
                None => self.event.field(field),
            },
        }
    }
}

impl Row for Live<'_> {
    fn field(&self, field: &Field) -> Value<'_> {
        if self.lifted.shows(field) { self.unmasked(field) } else { self.masked(field) }
    }

    fn unmasked(&self, field: &Field) -> Value<'_> {
        if self.event.event().unmasked.is_none() { self.masked(field) } else { self.event.unmasked(field) }
    }
}

/// Which fields of events are held.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    fields: Vec<Field>,
    /// Where a discovered field is, by its slot.
    paths: Vec<Option<usize>>,
    has_unmasked: bool,
}

impl Layout {
    /// Those that are needed.
    pub(super) fn new(needs: &Needs) -> Layout {
        let system = needs.system.iter().map(|what| Field::System(*what));
        let paths = needs.paths.iter().map(|(path, _)| Field::Discovered(path.clone()));
        let fields: Vec<Field> = system.chain(paths).collect();
        let mut by_slot = Vec::new();
        for (at, field) in fields.iter().enumerate() {
            if let Field::Discovered(path) = field {
                if by_slot.len() <= path.slot {
                    by_slot.resize(path.slot + 1, None);
                }
                if let Some(place) = by_slot.get_mut(path.slot) {
                    *place = Some(at);
                }
            }
        }
        Layout { fields, paths: by_slot, has_unmasked: needs.unmasked }
    }

    fn place(&self, field: &Field) -> Option<usize> {
        match field {
            Field::Column(_) => None,
            Field::System(_) => self.fields.iter().position(|held| held == field),
            Field::Discovered(path) => self.paths.get(path.slot).copied().flatten(),
        }
    }
}

/// A row that is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    /// Columns that steps made, by slot.
    pub columns: Vec<Value<'static>>,
    /// Fields of the event, by the layout's places.
    kept: Vec<Value<'static>>,
    /// The same as they were before they were masked, where that is asked for.
    unmasked: Vec<Value<'static>>,
    /// The event that it is; none after an aggregation.
    pub pointer: Option<Pointer>,
}

/// What a value weighs beside its own text.
const VALUE_BYTES: usize = size_of::<Value<'static>>();

impl Held {
    /// A row of columns only.
    pub(super) fn of_columns(columns: Vec<Value<'static>>) -> Held {
        Held { columns, ..Held::default() }
    }

    /// Gives a column a value.
    pub(super) fn set(&mut self, name: &Name, value: Value<'static>) {
        set(&mut self.columns, name, value);
    }

    /// About how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        let values = self.columns.iter().chain(&self.kept).chain(&self.unmasked);
        size_of::<Held>() + values.map(value_bytes).sum::<usize>()
    }

    /// It as a row for expressions.
    pub(super) fn row<'h>(&'h self, layout: &'h Layout, lifted: &'h Lifted) -> HeldRow<'h> {
        HeldRow { held: self, layout, lifted, aggregates: &[] }
    }
}

/// About how many bytes a value holds, itself included.
pub(super) fn value_bytes(value: &Value<'_>) -> usize {
    let own = match value {
        Value::Text(text) => text.len(),
        Value::Json(json) => json.to_string().len() * 2,
        _ => 0,
    };
    VALUE_BYTES + own
}

fn set(columns: &mut Vec<Value<'static>>, name: &Name, value: Value<'static>) {
    if columns.len() <= name.slot {
        columns.resize(name.slot + 1, Value::Null);
    }
    if let Some(place) = columns.get_mut(name.slot) {
        *place = value;
    }
}

/// A held row, as expressions see it.
#[derive(Clone, Copy)]
pub(super) struct HeldRow<'h> {
    held: &'h Held,
    layout: &'h Layout,
    lifted: &'h Lifted,
    aggregates: &'h [Value<'static>],
}

impl<'h> HeldRow<'h> {
    /// The same with the results of aggregates.
    pub(super) fn with_aggregates(self, aggregates: &'h [Value<'static>]) -> HeldRow<'h> {
        HeldRow { aggregates, ..self }
    }

    fn masked(&self, field: &Field) -> Value<'h> {
        match field {
            Field::Column(name) => self.held.columns.get(name.slot).map_or(Value::Null, Value::borrowed),
            Field::System(System::Pointer) => {
                self.held.pointer.map_or(Value::Null, |pointer| Value::text(pointer.to_string()))
            }
            Field::System(_) | Field::Discovered(_) => self.kept(&self.held.kept, field),
        }
    }

    fn kept(&self, kept: &'h [Value<'static>], field: &Field) -> Value<'h> {
        self.layout.place(field).and_then(|place| kept.get(place)).map_or(Value::Null, Value::borrowed)
    }
}

impl Row for HeldRow<'_> {
    fn field(&self, field: &Field) -> Value<'_> {
        if self.lifted.shows(field) { self.unmasked(field) } else { self.masked(field) }
    }

    fn unmasked(&self, field: &Field) -> Value<'_> {
        let is_of_event = !matches!(field, Field::Column(_) | Field::System(System::Pointer));
        if is_of_event && !self.held.unmasked.is_empty() {
            self.kept(&self.held.unmasked, field)
        } else {
            self.masked(field)
        }
    }

    fn aggregate(&self, index: usize) -> Value<'_> {
        self.aggregates.get(index).map_or(Value::Null, Value::borrowed)
    }
}
