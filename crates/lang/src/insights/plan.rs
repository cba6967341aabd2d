//! The logical plan of a query, the same for Logs Insights QL and PPL: what an engine carries out.
//!
//! A plan is a list of [`Step`]s, in order, over the events of the log groups asked for, **newest first** unless a step sorts them;
//! an engine may deliver equal keys of a sort, and groups, in any order. Names are resolved: each [`Field`] says
//! whether it is a column that a step before it made, a member of the event's metadata, or to be discovered in the event. What an
//! engine need not know is gone from it: which names are visible where, and how often `fields` was said.
//!
//! Regular expressions are compiled once, in the plan ([`Pattern`]); an expression is evaluated row by row by
//! [`Expr::evaluate`](super::eval), or translated.

use std::sync::Arc;

use super::period::Period;
use super::value::{Value, ValueSet};

/// A query, ready to be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// In which language it was written.
    pub language: Language,
    /// Which log groups it names itself, if it does; else those of the request.
    pub source: Option<Source>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What the rows of the result show.
    pub output: Output,
    /// The queries in parentheses: [`ExprKind::InQuery`] has the index. Each is carried out first, by itself, and gives the values of the first
    /// column of its output.
    pub subqueries: Vec<Plan>,
    /// Every path that is discovered in an event, by [`Path::slot`].
    pub paths: Vec<Path>,
    /// Every column that a step makes, by [`Name::slot`].
    pub names: Vec<Name>,
}

/// The name of a column that a step makes; equal names of a plan are one column, which a later step may replace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The name.
    pub name: Arc<str>,
    /// Its number in [`Plan::names`].
    pub slot: usize,
}

/// A query language (`queryLanguage`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Logs Insights QL.
    Cwli,
    /// OpenSearch's Piped Processing Language.
    Ppl,
}

/// Where something stands in the query's text, in characters from 0; the end is not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first character.
    pub start: usize,
    /// Behind the last.
    pub end: usize,
}

/// Which log groups a query reads (`SOURCE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Groups by the beginnings of their names: those that one of the selections takes.
    Selections(Vec<Selection>),
    /// Groups by name or ARN, of a joined or a nested query, or PPL's `source = [..]`.
    Named(Vec<String>),
}

/// `logGroups(..)` or `dataSource(..)`; groups pass all that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Beginnings of names; all, if empty.
    pub name_prefixes: Vec<String>,
    /// Accounts; the caller's, if empty.
    pub accounts: Vec<String>,
    /// The class; STANDARD, if absent.
    pub class: Option<String>,
    /// Data sources, as `name.type`, or by name alone; any, if empty. Selections of groups and of data sources narrow each other.
    pub data_sources: Vec<String>,
}

/// What the rows of the result show.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The columns, in order. A row leaves out those that are nothing in it.
    pub columns: Vec<Column>,
    /// Whether rows are events, and so end with `@ptr`.
    pub has_pointer: bool,
}

/// A column of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in the answer.
    pub name: Arc<str>,
    /// Where its value is, after the last step.
    pub field: Field,
}

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// A column that a step made.
    Column(Name),
    /// Something that every event has.
    System(System),
    /// Something that is discovered in the event: a path in its JSON, a field of Lambda's, VPC's or Route 53's lines, `@entity.…`.
    Discovered(Path),
}

/// What every event has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// `@timestamp`
    Timestamp,
    /// `@ingestionTime`
    IngestionTime,
    /// `@message`
    Message,
    /// `@logStream`
    LogStream,
    /// `@log`: account and group.
    Log,
    /// `@ptr`
    Pointer,
    /// `@aws.account`
    Account,
    /// `@aws.region`
    Region,
    /// `@source.log`: the group.
    SourceLog,
    /// `@data_source_name`
    DataSourceName,
    /// `@data_source_type`
    DataSourceType,
    /// `@data_format`
    DataFormat,
}

/// The path of a discovered field: keys of objects and indexes of arrays with dots between them. A key that holds a dot reads like two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    /// As it is written without backticks: `user.id`, `items.0.id`, `@@meta`.
    pub name: Arc<str>,
    /// Its number in [`Plan::paths`].
    pub slot: usize,
}

/// An expression, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A value as such.
    Literal(Value<'static>),
    /// A field.
    Field(Field),
    /// A part of a map or a list, by keys and indexes with dots between them: `m.a`, `m[1]`.
    Part(Box<Expr>, Arc<str>),
    /// `not`: true where the operand is not.
    Not(Box<Expr>),
    /// `-`
    Negate(Box<Expr>),
    /// `and` of all.
    And(Vec<Expr>),
    /// `or` of all.
    Or(Vec<Expr>),
    /// A comparison.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Arithmetic.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `like`, `=~`: whether a text contains what is sought. `negated` is `not like`: true also of nothing.
    Like {
        /// The text.
        operand: Box<Expr>,
        /// What is sought.
        pattern: Pattern,
        /// `not like`
        negated: bool,
    },
    /// `in [..]`: whether a value equals one of a list. Negated, it is true also of nothing.
    In {
        /// The value.
        operand: Box<Expr>,
        /// The list.
        list: Arc<ValueSet>,
        /// `not in`
        negated: bool,
    },
    /// `in (SOURCE ..)`: whether a value equals one that a nested query found.
    InQuery {
        /// The value.
        operand: Box<Expr>,
        /// Which of [`Plan::subqueries`].
        subquery: usize,
        /// `not in`
        negated: bool,
    },
    /// A function.
    Call(Function, Vec<Expr>),
    /// `bin`, `datefloor`, `dateceil`: a time, rounded to a period.
    Round {
        /// The time.
        time: Box<Expr>,
        /// To which multiples.
        period: Period,
        /// Whether up.
        up: bool,
    },
    /// The result of one of [`Stats::calls`]; in [`Stats::outputs`] only.
    Aggregate(usize),
}

/// Comparisons. None of them holds if either side is nothing, a map or a list; see [`Value::compare`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// Arithmetic on numbers; nothing, if either side is none, or the result is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `^`
    Power,
}

/// What a text is searched for.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A text, anywhere in it.
    Contains(Arc<memchr::memmem::Finder<'static>>),
    /// A regular expression, anywhere in it.
    Regex(Arc<regex::Regex>),
    /// SQL's and PPL's `like`, of the whole text: `%` is any text, `_` any character; compiled to a regular expression.
    Wildcards(Arc<str>, Arc<regex::Regex>),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Pattern::Contains(one), Pattern::Contains(other)) => one.needle() == other.needle(),
            (Pattern::Regex(one), Pattern::Regex(other)) => one.as_str() == other.as_str(),
            (Pattern::Wildcards(one, _), Pattern::Wildcards(other, _)) => one == other,
            _ => false,
        }
    }
}

impl Pattern {
    /// Whether it is found.
    pub fn is_in(&self, text: &str) -> bool {
        match self {
            Pattern::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Pattern::Regex(regex) | Pattern::Wildcards(_, regex) => regex.is_match(text),
        }
    }
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Keeps rows of which the expression is true.
    Filter(Expr),
    /// `filterIndex`: like a filter; groups without an index on the fields are passed over.
    FilterIndex {
        /// The condition, of comparisons and lists.
        condition: Expr,
        /// The fields that must be indexed; [`Field::name`] is what an index has.
        fields: Vec<Field>,
    },
    /// Adds columns, one after the other: each sees those before it. A column of the same name is replaced.
    Define(Vec<Definition>),
    /// Adds columns for the parts of a text.
    Parse(Parse),
    /// Aggregates all rows, or those of each group. Only its columns remain: keys, then outputs.
    Stats(Stats),
    /// PPL's `eventstats`: as [`Step::Stats`], but each row stays, and gets the columns of its group.
    EventStats(Stats),
    /// Sorts rows by [`Value::natural_order`]; rows without a key are first, and last if it is descending.
    Sort(Vec<SortKey>),
    /// Passes over the first rows, and keeps some after them.
    Limit {
        /// How many are passed over.
        skip: usize,
        /// How many are kept.
        rows: usize,
    },
    /// Keeps the first rows of each tuple of values.
    Dedup(Dedup),
    /// Groups texts that are alike but for some words.
    Pattern(Patterns),
    /// Shows masked text as it is: of a field, or of all.
    Unmask(Option<Field>),
    /// Makes a row for each element of a list, with the element as a column. A row without the list goes, what is no list counts as a list of one.
    Unnest {
        /// The list.
        list: Expr,
        /// The column.
        into: Name,
    },
    /// Adds columns from a lookup table.
    Lookup(Lookup),
    /// Joins rows of another query.
    Join(Box<Join>),
    /// Sums of numbers.
    AddTotals(AddTotals),
    /// PPL's `flatten`: the members of a map become columns, named like them. Fields that are discovered after it are looked for among these first.
    Flatten(Expr),
    /// PPL's `trendline`: columns of moving averages, over rows in their order.
    Trendline(Vec<Trend>),
    /// PPL's `fieldsummary`: a row for each field, with [`FIELD_SUMMARY_COLUMNS`]; only these remain.
    FieldSummary {
        /// The fields.
        fields: Vec<Column>,
        /// The columns.
        columns: Vec<Name>,
    },
}

/// A column and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// Takes a text apart. If it does not match, all the columns are nothing in the row, and it stays.
#[derive(Debug, Clone, PartialEq)]
pub struct Parse {
    /// The text.
    pub input: Expr,
    /// How.
    pub by: Matcher,
    /// A column for each capture, in order.
    pub columns: Vec<Name>,
}

/// How a text is taken apart.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// `*` is a capture: what lies between the literal texts, as short as possible; the last, if it ends the pattern, takes the rest.
    Glob(Arc<super::glob::Glob>),
    /// A regular expression's groups: for each of [`Parse::columns`], the number of its group.
    Regex(Arc<regex::Regex>, Vec<usize>),
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Matcher::Glob(one), Matcher::Glob(other)) => one == other,
            (Matcher::Regex(one, groups), Matcher::Regex(other, other_groups)) => {
                one.as_str() == other.as_str() && groups == other_groups
            }
            _ => false,
        }
    }
}

/// An aggregation. A group's row has the columns of the keys, in order, then of the outputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// What rows are grouped by; a value that is nothing is a group of its own. Without keys there is one group, also of no rows.
    pub keys: Vec<Definition>,
    /// The aggregates.
    pub calls: Vec<AggregateCall>,
    /// The columns, of [`ExprKind::Aggregate`], keys and outputs before.
    pub outputs: Vec<Definition>,
}

/// An aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// What it is.
    pub function: Aggregate,
    /// Over which values; rows themselves, if absent (`count(*)`).
    pub argument: Option<Expr>,
}

/// An aggregate's function. Rows whose value is nothing do not count; of no values all but the counts are nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// How many.
    Count,
    /// How many different ones.
    CountDistinct,
    /// Their sum; of numbers.
    Sum,
    /// Their mean; of numbers.
    Avg,
    /// The least: of numbers, if there is one, else of texts by code point; times stay times.
    Min,
    /// The greatest, likewise.
    Max,
    /// The value with so many percent below it, by nearest rank; of numbers.
    Percentile(f64),
    /// The sample standard deviation (population's, if `population`); of numbers.
    Stddev {
        /// Of the population.
        population: bool,
    },
    /// The variance, likewise.
    Variance {
        /// Of the population.
        population: bool,
    },
    /// The value of the row with the lowest `@timestamp`.
    Earliest,
    /// The value of the row with the highest `@timestamp`.
    Latest,
    /// The first by [`Value::natural_order`].
    SortsFirst,
    /// The last by [`Value::natural_order`].
    SortsLast,
    /// The value of the first row, in the rows' order (PPL's `first`).
    First,
    /// The value of the last row (PPL's `last`).
    Last,
    /// The values as a JSON list, in the rows' order, so many at most (PPL's `take`).
    Take(usize),
}

/// A key of a sort.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// Its value.
    pub value: Expr,
    /// Whether the last come first. Rows without a value come first then.
    pub descending: bool,
}

/// Which rows repeat others.
#[derive(Debug, Clone, PartialEq)]
pub struct Dedup {
    /// What rows are compared by.
    pub keys: Vec<Expr>,
    /// How many rows of equal keys stay.
    pub allowed: usize,
    /// What becomes of rows in which one of the keys is nothing: all stay, or none.
    pub keeps_null: bool,
    /// Whether only rows that follow one another repeat each other.
    pub consecutive: bool,
}

/// `pattern`, with the `diff` and `anomaly` that follow it. Only its columns remain.
#[derive(Debug, Clone, PartialEq)]
pub struct Patterns {
    /// The text.
    pub input: Expr,
    /// With which earlier time the numbers are compared: the steps before it see the events of both times, those of
    /// [`Shift::earlier`] count for the comparison only.
    pub diff: Option<Shift>,
    /// Whether patterns whose number is unusual are told.
    pub anomaly: bool,
    /// The columns: [`PATTERN_COLUMNS`], then [`DIFF_COLUMNS`] and [`ANOMALY_COLUMNS`] if they are asked for.
    pub columns: Vec<Name>,
}

/// With which earlier time `diff` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shift {
    /// As long, directly before.
    Previous,
    /// A day earlier.
    Day,
    /// A week earlier.
    Week,
    /// Thirty days earlier.
    Month,
}

impl Shift {
    /// The earlier time for a range of milliseconds; both ends are as they are there.
    pub fn earlier(self, range: std::ops::Range<i64>) -> std::ops::Range<i64> {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        let by_ms = match self {
            Shift::Previous => range.end.saturating_sub(range.start),
            Shift::Day => DAY_MS,
            Shift::Week => 7 * DAY_MS,
            Shift::Month => 30 * DAY_MS,
        };
        range.start.saturating_sub(by_ms)..range.end.saturating_sub(by_ms)
    }
}

/// A lookup table's columns for rows: those of the first row of the table whose keys all equal the fields' values.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// The table.
    pub table: String,
    /// Where the table's name stands.
    pub span: Span,
    /// Columns of the table, and what of the row they must equal.
    pub keys: Vec<(String, Expr)>,
    /// Columns of the table and the columns that they become; nothing, where no row of the table matches.
    pub outputs: Vec<(String, Name)>,
}

/// A join. Only its columns remain: fields of a side that a later step or the output uses are in its `columns`, named with the side's
/// name and a dot before them, as `a.k`.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// Inner or left.
    pub kind: JoinKind,
    /// The rows' own side: their key, and the columns that are used later, with their names after the join.
    pub left: JoinSide,
    /// The other side.
    pub right: JoinSide,
    /// What gives the other side's rows, over the same times. Its output does not matter: [`JoinSide::columns`] are of the rows after
    /// its last step.
    pub query: Plan,
}

/// A side of a join.
#[derive(Debug, Clone, PartialEq)]
pub struct JoinSide {
    /// What must be equal, in order; nothing equals nothing.
    pub keys: Vec<Field>,
    /// The columns after the join (`a.k`), and what each is of the side's row.
    pub columns: Vec<(Name, Field)>,
}

/// Which rows a join keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Those that have a partner.
    Inner,
    /// All of the left.
    Left,
}

/// Sums of numbers of rows and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct AddTotals {
    /// Which columns; those that the result would show, if it was not said.
    pub columns: Vec<Column>,
    /// The column for each row's sum; none is added, if absent.
    pub row: Option<Name>,
    /// Whether a last row has the sums of the columns: each in the column of [`AddTotals::sums`].
    pub col: bool,
    /// For each of `columns`, the column that takes its place from here on: the same in every row, the sum in the last.
    pub sums: Vec<Name>,
}

/// A column of `trendline`.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// Simple, or weighted by age.
    pub weighted: bool,
    /// Over how many rows: nothing, before there are so many.
    pub rows: usize,
    /// Of what.
    pub value: Expr,
    /// The column.
    pub name: Name,
}

/// The columns of `pattern`.
pub const PATTERN_COLUMNS: &[&str] = &[
    "@pattern",
    "@ratio",
    "@sampleCount",
    "@severityLabel",
    "@regexString",
    "@tokens",
    "@visualization",
    "@logSamples",
];

/// The columns that `diff` adds.
pub const DIFF_COLUMNS: &[&str] = &["@diffEventCount", "@diffDifference", "@diffDescription"];

/// The columns that `anomaly` adds.
pub const ANOMALY_COLUMNS: &[&str] = &["@anomalyScore", "@isAnomaly", "@anomalyDescription"];

/// The columns of `fieldsummary`.
pub const FIELD_SUMMARY_COLUMNS: &[&str] = &["Field", "Count", "Distinct", "Min", "Max", "Avg", "Typeof"];

/// A function of a row's values. Of nothing it is nothing, unless said otherwise; [`super::eval`] has what each does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `abs(n)`
    Abs,
    /// `ceil(n)`
    Ceil,
    /// `floor(n)`
    Floor,
    /// `sqrt(n)`
    Sqrt,
    /// `log(n)`, the natural one.
    Log,
    /// PPL's `log(base, n)`.
    LogBase,
    /// PPL's `exp(n)`.
    Exp,
    /// PPL's `round(n[, places])`.
    Round,
    /// PPL's `sign(n)`: -1, 0 or 1.
    Sign,
    /// `greatest(n, ..)`
    Greatest,
    /// `least(n, ..)`
    Least,
    /// `isempty(s)`: 1 of nothing.
    IsEmpty,
    /// `isblank(s)`: 1 of nothing.
    IsBlank,
    /// `concat(s, ..)`: nothing is the empty text.
    Concat,
    /// `ltrim(s[, chars])`
    Ltrim,
    /// `rtrim(s[, chars])`
    Rtrim,
    /// `trim(s[, chars])`
    Trim,
    /// `strlen(s)`, in characters.
    Strlen,
    /// `toupper(s)`
    ToUpper,
    /// `tolower(s)`
    ToLower,
    /// `substr(s, start[, length])`, from 0.
    Substr,
    /// PPL's `substring(s, start[, length])`, from 1.
    Substring,
    /// `replace(s, find, with)`
    Replace,
    /// `strcontains(s, find)`
    StrContains,
    /// PPL's `position(find, s)`, from 1; 0 if it is not there.
    Position,
    /// PPL's `reverse(s)`.
    Reverse,
    /// PPL's `left(s, n)`.
    Left,
    /// PPL's `right(s, n)`.
    Right,
    /// `ispresent(f)`, of anything.
    IsPresent,
    /// `coalesce(a, ..)`
    Coalesce,
    /// `if(condition, a, b)`
    If,
    /// PPL's `nullif(a, b)`.
    NullIf,
    /// PPL's `case(condition, value, .. [else value])`: pairs, then what else.
    Case,
    /// `jsonParse(s)`
    JsonParse,
    /// `jsonStringify(v)`
    JsonStringify,
    /// PPL's `json_extract(s, path)`.
    JsonExtract,
    /// PPL's `json_valid(s)`.
    JsonValid,
    /// PPL's `array_length(v)`, `json_array_length(s)`.
    ArrayLength,
    /// `fromMillis(n)`
    FromMillis,
    /// `toMillis(t)`
    ToMillis,
    /// `now()`: when the query was started, in seconds.
    Now,
    /// PPL's `now()`: the same as a time.
    NowTime,
    /// A part of a time, as a number.
    TimePart(TimePart),
    /// PPL's `timestamp(s)`, `date(s)`: a text as a time.
    Timestamp,
    /// PPL's `date_format(t, format)`.
    DateFormat,
    /// `isValidIp(s)`
    IsValidIp,
    /// `isValidIpV4(s)`
    IsValidIpV4,
    /// `isValidIpV6(s)`
    IsValidIpV6,
    /// `isIpInSubnet(s, cidr)`
    IsIpInSubnet,
    /// `isIpv4InSubnet(s, cidr)`
    IsIpV4InSubnet,
    /// `isIpv6InSubnet(s, cidr)`
    IsIpV6InSubnet,
    /// `unmask(f)`: of a field only.
    Unmask,
    /// PPL's `md5(s)`, `sha1(s)`, `sha2(s, bits)`, in hexadecimal digits.
    Digest(Digest),
    /// PPL's `cast(v as type)`.
    Cast(Type),
    /// PPL's `typeof(v)`.
    TypeOf,
}

/// A part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// The year.
    Year,
    /// The quarter, from 1.
    Quarter,
    /// The month, from 1.
    Month,
    /// The day of the month, from 1.
    Day,
    /// The day of the week: Sunday is 1.
    DayOfWeek,
    /// The day of the year, from 1.
    DayOfYear,
    /// The hour.
    Hour,
    /// The minute.
    Minute,
    /// The second.
    Second,
    /// Seconds since the epoch.
    UnixSeconds,
}

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-2 of 256 bits.
    Sha256,
}

/// A type of PPL's `cast`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// A text.
    Text,
    /// A condition.
    Boolean,
    /// A time.
    Timestamp,
}
