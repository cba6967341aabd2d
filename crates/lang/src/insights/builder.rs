//! A plan in the making: which columns there are so far, what the result shows, and what may still follow.

use std::sync::Arc;

use super::cursor::Cursor;
use super::error::QueryError;
use super::limits::{STATS_MAX, STEPS_MAX};
use super::plan::{
    Column, Expr, ExprKind, Field, JoinSide, Language, Name, Output, Path, Plan, Source, Span, Step, System,
};

/// A plan in the making.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) language: Language,
    pub(super) source: Option<Source>,
    pub(super) steps: Vec<Step>,
    pub(super) subqueries: Vec<Plan>,
    pub(super) is_nested: bool,
    paths: Vec<Path>,
    names: Vec<Name>,
    pub(super) scope: Scope,
    pub(super) join: Option<JoinScope>,
    pub(super) shown: Shown,
    /// What was said that forbids some of what may follow.
    pub(super) said: Said,
    /// The names of expressions as they are written need the text.
    text: Cursor,
}

/// Which names mean what.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// The columns that steps made.
    pub(super) columns: Vec<Name>,
    /// Whether rows are still events, with all that is discovered in them.
    pub(super) has_event: bool,
}

/// The sides of a join that was said, whose fields become columns as they are used.
#[derive(Debug)]
pub(super) struct JoinScope {
    /// Its index among the steps.
    pub(super) step: usize,
    pub(super) left: (String, Scope),
    pub(super) right: (String, Box<Builder>),
    /// What the left would show without a join.
    pub(super) left_shown: Vec<Arc<str>>,
    /// Whether its fields can still be used.
    pub(super) is_open: bool,
}

/// What the result shows.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) columns: Vec<Column>,
    pub(super) by: ShownBy,
}

/// Who said what the result shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShownBy {
    /// Nobody yet.
    Nobody,
    /// A step that leaves nothing else; what is asked for takes its place.
    Step,
    /// `fields`: further ones add to it.
    Fields,
    /// `display`: it stays.
    Display,
}

/// What was said before.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) stats: usize,
    pub(super) sort_or_limit: Option<&'static str>,
    pub(super) sort: bool,
    pub(super) dedup: bool,
}

impl Builder {
    pub(super) fn new(cursor: &Cursor, is_nested: bool) -> Builder {
        Builder {
            language: cursor.language,
            source: None,
            steps: Vec::new(),
            subqueries: Vec::new(),
            is_nested,
            paths: Vec::new(),
            names: Vec::new(),
            scope: Scope { columns: Vec::new(), has_event: true },
            join: None,
            shown: Shown { columns: Vec::new(), by: ShownBy::Nobody },
            said: Said::default(),
            text: cursor.clone(),
        }
    }

    /// What is written there.
    pub(super) fn text(&self, span: Span) -> String {
        self.text.text(span)
    }

    /// Adds a step.
    pub(super) fn step(&mut self, step: Step, span: Span) -> Result<(), QueryError> {
        if self.steps.len() >= STEPS_MAX {
            return Err(QueryError::new(span, format!("a query has at most {STEPS_MAX} commands")));
        }
        self.steps.push(step);
        Ok(())
    }

    /// The column of a name, made by a step that is about to be added.
    pub(super) fn intern(&mut self, name: &str) -> Name {
        if let Some(known) = self.names.iter().find(|known| known.name.as_ref() == name) {
            return known.clone();
        }
        let name = Name { name: name.into(), slot: self.names.len() };
        self.names.push(name.clone());
        name
    }

    /// Makes a column known to what follows.
    pub(super) fn define(&mut self, name: &Name) {
        if !self.scope.columns.contains(name) {
            self.scope.columns.push(name.clone());
        }
    }

    /// What a name means here, as an expression.
    pub(super) fn resolve_name(&mut self, name: &str, span: Span) -> Result<Expr, QueryError> {
        let scope = self.scope.clone();
        self.resolve_in(&scope, name, span)
    }

    fn resolve_in(&mut self, scope: &Scope, name: &str, span: Span) -> Result<Expr, QueryError> {
        let expr = |kind| Expr { span, kind };
        let column = |name: &str| scope.columns.iter().find(|column| column.name.as_ref() == name).cloned();
        if let Some(column) = column(name) {
            return Ok(expr(ExprKind::Field(Field::Column(column))));
        }
        // A part of a column, the longest whose name it begins with.
        for (at, _) in name.rmatch_indices('.') {
            let (Some(head), Some(part)) = (name.get(..at), name.get(at + 1..)) else { continue };
            if let Some(column) = column(head) {
                let whole = Box::new(expr(ExprKind::Field(Field::Column(column))));
                return Ok(expr(ExprKind::Part(whole, part.into())));
            }
        }
        if let Some(side) = self.join_side(name) {
            return self.resolve_side(side, name, span);
        }
        if scope.has_event {
            return Ok(expr(ExprKind::Field(self.event_field(name))));
        }
        Err(QueryError::new(span, format!("Unknown symbols found in or after stats: {name}")))
    }

    /// A field of the event.
    pub(super) fn event_field(&mut self, name: &str) -> Field {
        if let Some(system) = system(name) {
            return Field::System(system);
        }
        if let Some(known) = self.paths.iter().find(|known| known.name.as_ref() == name) {
            return Field::Discovered(known.clone());
        }
        let path = Path { name: name.into(), slot: self.paths.len() };
        self.paths.push(path.clone());
        Field::Discovered(path)
    }

    /// The side of an open join that a name begins with; the left, if it begins with neither.
    fn join_side(&self, name: &str) -> Option<Side> {
        let join = self.join.as_ref().filter(|join| join.is_open)?;
        let of = |id: &str| name.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
        if of(&join.left.0) {
            Some(Side::Left)
        } else if of(&join.right.0) {
            Some(Side::Right)
        } else {
            Some(Side::Unnamed)
        }
    }

    /// A field of a side, which becomes a column of the join.
    fn resolve_side(&mut self, side: Side, name: &str, span: Span) -> Result<Expr, QueryError> {
        let Some(mut join) = self.join.take() else { return Err(QueryError::new(span, "no join")) };
        let prefix = match side {
            Side::Left => Some(join.left.0.clone()),
            Side::Right => Some(join.right.0.clone()),
            Side::Unnamed => None,
        };
        let own = prefix.as_ref().and_then(|prefix| name.get(prefix.len() + 1..)).unwrap_or(name).to_owned();
        let resolved = match side {
            Side::Right => join.right.1.resolve_name(&own, span),
            Side::Left | Side::Unnamed => {
                let scope = join.left.1.clone();
                self.resolve_in(&scope, &own, span)
            }
        };
        let step = join.step;
        self.join = Some(join);
        let (field, part) = match resolved?.kind {
            ExprKind::Field(field) => (field, None),
            ExprKind::Part(whole, part) => match whole.kind {
                ExprKind::Field(field) => (field, Some(part)),
                _ => return Err(QueryError::new(span, format!("Unknown field: {name}"))),
            },
            _ => return Err(QueryError::new(span, format!("Unknown field: {name}"))),
        };
        let column = match &prefix {
            Some(prefix) => self.intern(&format!("{prefix}.{}", field.name())),
            None => self.intern(field.name()),
        };
        if let Some(Step::Join(join)) = self.steps.get_mut(step) {
            let of: &mut JoinSide = if side == Side::Right { &mut join.right } else { &mut join.left };
            if !of.columns.iter().any(|(known, _)| *known == column) {
                of.columns.push((column.clone(), field));
            }
        }
        let whole = Expr { span, kind: ExprKind::Field(Field::Column(column)) };
        Ok(match part {
            None => whole,
            Some(part) => Expr { span, kind: ExprKind::Part(Box::new(whole), part) },
        })
    }

    /// From here on only these columns exist.
    pub(super) fn replace_scope(&mut self, columns: Vec<Name>) {
        self.shown = Shown { columns: columns.iter().map(Column::of).collect(), by: ShownBy::Step };
        self.scope = Scope { columns, has_event: false };
        if let Some(join) = &mut self.join {
            join.is_open = false;
        }
    }

    /// What the result shows as things stand.
    pub(super) fn shown_columns(&mut self) -> Result<Vec<Column>, QueryError> {
        if self.shown.by != ShownBy::Nobody {
            return Ok(self.shown.columns.clone());
        }
        if let Some(join) = self.join.as_mut().filter(|join| join.is_open) {
            let (left, right) = (join.left.0.clone(), join.right.0.clone());
            let mut names: Vec<String> = join.left_shown.iter().map(|name| format!("{left}.{name}")).collect();
            for column in join.right.1.shown_columns()? {
                names.push(format!("{right}.{}", column.name));
            }
            let mut columns = Vec::new();
            for name in names {
                if let ExprKind::Field(field) = self.resolve_name(&name, Span::default())?.kind {
                    columns.push(Column { name: name.into(), field });
                }
            }
            return Ok(columns);
        }
        if !self.scope.has_event {
            return Ok(self.scope.columns.iter().map(Column::of).collect());
        }
        let mut columns =
            vec![Column::of_system("@timestamp", System::Timestamp), Column::of_system("@message", System::Message)];
        if self.language == Language::Ppl {
            columns.extend(self.scope.columns.iter().map(Column::of));
        }
        Ok(columns)
    }

    /// Refuses what may not follow what was said.
    pub(super) fn check_order(&self, command: &str, span: Span) -> Result<(), QueryError> {
        let refuse = |message: String| Err(QueryError::new(span, message));
        if self.language == Language::Ppl {
            return Ok(());
        }
        if self.said.dedup && !["limit", "head", "tail"].contains(&command) {
            return refuse(format!("{command} is not allowed after dedup: only limit is"));
        }
        match command {
            "stats" if self.said.stats >= STATS_MAX => {
                refuse(format!("a query can have at most {STATS_MAX} stats commands"))
            }
            "stats" if self.said.stats > 0 && self.said.sort_or_limit.is_some() => {
                let said = self.said.sort_or_limit.unwrap_or_default();
                refuse(format!("{said} is not allowed before a second stats command"))
            }
            "pattern" | "diff" if self.said.sort => refuse(format!("{command} is not allowed after sort")),
            _ => Ok(()),
        }
    }

    /// The plan.
    pub(super) fn finish(mut self) -> Result<Plan, QueryError> {
        let columns = self.shown_columns()?;
        let has_pointer = self.scope.has_event && self.join.is_none();
        if let Some(join) = self.join.take()
            && let Some(Step::Join(step)) = self.steps.get_mut(join.step)
        {
            step.query = join.right.1.finish()?;
        }
        Ok(Plan {
            language: self.language,
            source: self.source,
            steps: self.steps,
            output: Output { columns, has_pointer },
            subqueries: self.subqueries,
            paths: self.paths,
            names: self.names,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Unnamed,
}

impl Field {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Field::Column(name) => &name.name,
            Field::System(system) => system.name(),
            Field::Discovered(path) => &path.name,
        }
    }
}

impl Column {
    /// A column that a step made, shown by its name.
    pub(super) fn of(name: &Name) -> Column {
        Column { name: name.name.clone(), field: Field::Column(name.clone()) }
    }

    fn of_system(name: &str, system: System) -> Column {
        Column { name: Arc::from(name), field: Field::System(system) }
    }
}

const SYSTEM: &[(&str, System)] = &[
    ("@timestamp", System::Timestamp),
    ("@ingestionTime", System::IngestionTime),
    ("@message", System::Message),
    ("@logStream", System::LogStream),
    ("@log", System::Log),
    ("@ptr", System::Pointer),
    ("@aws.account", System::Account),
    ("@aws.region", System::Region),
    ("@source.log", System::SourceLog),
    ("@data_source_name", System::DataSourceName),
    ("@data_source_type", System::DataSourceType),
    ("@data_format", System::DataFormat),
];

fn system(name: &str) -> Option<System> {
    SYSTEM.iter().find(|(known, _)| *known == name).map(|(_, system)| *system)
}

impl System {
    /// Its name.
    pub fn name(self) -> &'static str {
        SYSTEM.iter().find(|(_, system)| *system == self).map_or("", |(name, _)| name)
    }
}
