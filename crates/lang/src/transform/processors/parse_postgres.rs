//! `parsePostgres`: logs of RDS for PostgreSQL, whose lines begin with `%t:%r:%u@%d:[%p]:`.

use regex::Regex;
use serde_json::Value;

use super::vended;
use crate::transform::event::{Event, Failure, Process};

/// Its name in the API.
pub(super) const NAME: &str = "parsePostgres";

/// The fields of a line, each a group of [`LINE`].
const FIELDS: &[&str] = &["logTime", "srcIp", "userName", "dbName", "processId", "logLevel"];

const LINE: &str = r"(?x)\A
    (?<logTime>[0-9]{4}-[0-9]{2}-[0-9]{2}\ [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?\ [A-Za-z0-9+/_-]+)
    :(?<srcIp>[^\ @]*?) :(?<userName>[^:@]*) @(?<dbName>[^:]*) :\[(?<processId>[0-9]+)\] :(?<logLevel>[A-Z0-9]+) :";

struct ParsePostgres(Regex);

/// Compiles `{}`.
pub(super) fn compile(options: Value) -> Result<Box<dyn Process>, String> {
    vended::check(options)?;
    Regex::new(LINE).map(|line| Box::new(ParsePostgres(line)) as Box<dyn Process>).map_err(|error| error.to_string())
}

impl Process for ParsePostgres {
    fn name(&self) -> &'static str {
        NAME
    }

    fn run(&self, event: &mut Event<'_>) -> Result<(), Failure> {
        let Some(captures) = self.0.captures(event.source.message) else {
            return Err(Failure("the line is not in the format of RDS for PostgreSQL".into()));
        };
        for field in FIELDS {
            let value = captures.name(field).map_or("", |value| value.as_str());
            event.fields.insert((*field).to_owned(), value.into());
        }
        Ok(())
    }
}
