//! Log events, as queries see them.

use std::cell::OnceCell;
use std::sync::Arc;

use super::discover::Discoverer;
use super::eval::Row;
use super::plan::{Field, Path, System};
use super::value::Value;

/// A log group, as its events show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventGroup {
    /// The account's digits.
    pub account: Arc<str>,
    /// The Region.
    pub region: Arc<str>,
    /// The name.
    pub name: Arc<str>,
    /// `@log`: account and name.
    pub log: Arc<str>,
    /// Who makes its events.
    pub data_source: DataSource,
}

/// Who makes the events of a group, and of which kind they are. Source: "Data source discovery and management".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSource {
    /// `@data_source_name`
    pub name: Arc<str>,
    /// `@data_source_type`: of the kinds of log that it makes, this one.
    pub kind: Arc<str>,
    /// `@data_format`
    pub format: Arc<str>,
}

/// The name or the type of a data source that nobody told.
pub const UNKNOWN: &str = "Unknown";

impl Default for DataSource {
    /// The data source of which nothing is known.
    fn default() -> DataSource {
        DataSource { name: UNKNOWN.into(), kind: UNKNOWN.into(), format: "Default".into() }
    }
}

impl EventGroup {
    /// The group of an account and Region with this name.
    pub fn new(account: &str, region: &str, name: &str) -> EventGroup {
        EventGroup {
            account: account.into(),
            region: region.into(),
            name: name.into(),
            log: format!("{account}:{name}").into(),
            data_source: DataSource::default(),
        }
    }

    /// It with events of this data source.
    pub fn of_data_source(self, data_source: DataSource) -> EventGroup {
        EventGroup { data_source, ..self }
    }

    /// Whether its events are those of Lambda functions.
    pub fn is_lambda(&self) -> bool {
        self.name.starts_with("/aws/lambda/")
    }
}

/// A log event.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// Its group.
    pub group: &'e EventGroup,
    /// The name of its stream.
    pub log_stream: &'e str,
    /// Its time, in milliseconds since the epoch.
    pub time_ms: i64,
    /// When it was received, in milliseconds since the epoch.
    pub ingested_ms: i64,
    /// Its message as it is shown: masked, if it is.
    pub message: &'e str,
    /// Its message as it was before it was masked; absent if it was not.
    pub unmasked: Option<&'e str>,
    /// What a transformer made of it, as JSON; empty if there is none.
    pub transformed: &'e str,
    /// The entity that it came from, as JSON; empty if there is none.
    pub entity: &'e str,
    /// Its `@ptr`; empty, where nobody asks for it.
    pub pointer: &'e str,
}

impl<'e> Event<'e> {
    /// The value of what every event has.
    pub fn system(&self, field: System) -> Value<'e> {
        let text = |text: &'e str| if text.is_empty() { Value::Null } else { Value::Text(text.into()) };
        match field {
            System::Timestamp => Value::Time(self.time_ms),
            System::IngestionTime => Value::Time(self.ingested_ms),
            System::Message => Value::Text(self.message.into()),
            System::LogStream => text(self.log_stream),
            System::Log => text(&self.group.log),
            System::Pointer => text(self.pointer),
            System::Account => text(&self.group.account),
            System::Region => text(&self.group.region),
            System::SourceLog => text(&self.group.name),
            System::DataSourceName => text(&self.group.data_source.name),
            System::DataSourceType => text(&self.group.data_source.kind),
            System::DataFormat => text(&self.group.data_source.format),
        }
    }

    /// It with its message as it was before it was masked.
    pub fn without_mask(self) -> Event<'e> {
        Event { message: self.unmasked.unwrap_or(self.message), ..self }
    }
}

/// An event as a row: what is discovered in it is looked for once, when the first such field is asked for.
#[derive(Debug)]
pub struct EventRow<'e> {
    event: Event<'e>,
    discoverer: &'e Discoverer,
    discovered: OnceCell<Vec<Value<'e>>>,
    discovered_unmasked: OnceCell<Vec<Value<'e>>>,
}

impl<'e> EventRow<'e> {
    /// The row of an event; the discoverer is of the plan whose fields will be asked for.
    pub fn new(event: Event<'e>, discoverer: &'e Discoverer) -> EventRow<'e> {
        EventRow { event, discoverer, discovered: OnceCell::new(), discovered_unmasked: OnceCell::new() }
    }

    /// The event.
    pub fn event(&self) -> &Event<'e> {
        &self.event
    }

    /// The value of a field that is discovered.
    pub fn discovered(&self, path: &Path) -> Value<'_> {
        let all = self.discovered.get_or_init(|| self.discoverer.discover(&self.event));
        all.get(path.slot).map_or(Value::Null, Value::borrowed)
    }
}

impl Row for EventRow<'_> {
    fn field(&self, field: &Field) -> Value<'_> {
        match field {
            Field::System(system) => self.event.system(*system),
            Field::Discovered(path) => self.discovered(path),
            Field::Column(_) => Value::Null,
        }
    }

    fn unmasked(&self, field: &Field) -> Value<'_> {
        if self.event.unmasked.is_none() {
            return self.field(field);
        }
        let event = self.event.without_mask();
        match field {
            Field::System(system) => event.system(*system),
            Field::Discovered(path) => {
                let all = self.discovered_unmasked.get_or_init(|| self.discoverer.discover(&event));
                all.get(path.slot).map_or(Value::Null, Value::borrowed)
            }
            Field::Column(_) => Value::Null,
        }
    }
}
