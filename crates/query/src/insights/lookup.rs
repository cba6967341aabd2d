//! `lookup`: columns of a table that is kept beside the logs.

use std::sync::Arc;

use hashbrown::HashMap;
use watchkeep_core::BoxFuture;
use watchkeep_lang::insights::eval::{Context, Row};
use watchkeep_lang::insights::plan::{Lookup, Name, Plan, Step};
use watchkeep_lang::insights::value::Value;

use crate::error::QueryError;
use crate::request::{LookupTable, Surroundings};

/// The tables that a plan looks up in, and those nested in it.
#[derive(Debug, Default)]
pub(super) struct Tables {
    by_name: HashMap<String, Indexed>,
}

/// A table, and its rows by the values of some columns.
#[derive(Debug)]
struct Indexed {
    table: Arc<LookupTable>,
    /// For each list of columns that is asked for: the first row of each list of values.
    rows: HashMap<Vec<String>, HashMap<Vec<String>, usize>>,
}

impl Tables {
    /// Fetches all tables of a plan.
    pub(super) fn load<'a>(
        &'a mut self,
        plan: &'a Plan,
        surroundings: &'a dyn Surroundings,
    ) -> BoxFuture<'a, Result<(), QueryError>> {
        Box::pin(async move {
            for step in &plan.steps {
                match step {
                    Step::Lookup(lookup) => self.load_one(lookup, surroundings).await?,
                    Step::Join(join) => self.load(&join.query, surroundings).await?,
                    _ => {}
                }
            }
            for nested in &plan.subqueries {
                self.load(nested, surroundings).await?;
            }
            Ok(())
        })
    }

    async fn load_one(&mut self, lookup: &Lookup, surroundings: &dyn Surroundings) -> Result<(), QueryError> {
        let at =
            |message: String| QueryError::Malformed { message, location: Some((lookup.span.start, lookup.span.end)) };
        if !self.by_name.contains_key(&lookup.table) {
            let table = surroundings.lookup_table(&lookup.table).await.map_err(|error| match error {
                QueryError::Malformed { message, location: None } => at(message),
                error => error,
            })?;
            self.by_name.insert(lookup.table.clone(), Indexed { table, rows: HashMap::new() });
        }
        let Some(indexed) = self.by_name.get_mut(&lookup.table) else { return Ok(()) };
        let place = |name: &String| {
            let place = indexed.table.columns.iter().position(|column| column == name);
            place.ok_or_else(|| at(format!("The lookup table {} has no column {name}", lookup.table)))
        };
        let keys: Vec<usize> = lookup.keys.iter().map(|(name, _)| place(name)).collect::<Result<_, _>>()?;
        for (name, _) in &lookup.outputs {
            place(name)?;
        }
        let names: Vec<String> = lookup.keys.iter().map(|(name, _)| name.clone()).collect();
        let mut rows = HashMap::new();
        for (number, row) in indexed.table.rows.iter().enumerate() {
            let values = keys.iter().map(|&key| row.get(key).cloned().unwrap_or_default()).collect();
            rows.entry(values).or_insert(number);
        }
        indexed.rows.insert(names, rows);
        Ok(())
    }

    /// A table that was fetched.
    pub(super) fn table(&self, name: &str) -> Option<Arc<LookupTable>> {
        self.by_name.get(name).map(|indexed| indexed.table.clone())
    }

    /// The columns for a row: nothing, where no row of the table matches.
    pub(super) fn found<'l>(
        &self,
        lookup: &'l Lookup,
        row: &dyn Row,
        context: &Context,
    ) -> Result<Vec<(&'l Name, Value<'static>)>, QueryError> {
        let missing = || QueryError::Failed(format!("the lookup table {} was not fetched", lookup.table));
        let indexed = self.by_name.get(&lookup.table).ok_or_else(missing)?;
        let names: Vec<String> = lookup.keys.iter().map(|(name, _)| name.clone()).collect();
        let rows = indexed.rows.get(&names).ok_or_else(missing)?;
        let values: Option<Vec<String>> = lookup
            .keys
            .iter()
            .map(|(_, key)| key.evaluate(row, context).as_text().map(std::borrow::Cow::into_owned))
            .collect();
        let found = values.and_then(|values| rows.get(&values)).and_then(|&number| indexed.table.rows.get(number));
        let value = |column: &String| {
            let place = indexed.table.columns.iter().position(|name| name == column)?;
            found?.get(place).map(|text| Value::text(text.clone()))
        };
        Ok(lookup.outputs.iter().map(|(column, name)| (name, value(column).unwrap_or_default())).collect())
    }
}
