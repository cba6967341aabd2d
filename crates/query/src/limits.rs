//! The limits of queries, a sentence each, with AWS's quota where there is one ("CloudWatch Logs quotas").

use std::time::Duration;

/// The bytes that one query may hold, its rows, groups and sorts together, unless configured otherwise.
pub const MEMORY_BYTES_MAX: usize = 256 << 20;

/// How long a query may run. AWS: 60 minutes.
pub const TIME_MAX: Duration = Duration::from_secs(60 * 60);

/// The log groups of one table in SQL. AWS: 50 groups a query.
pub const SQL_GROUPS_MAX: usize = 50;

/// The data sources of one table in SQL. AWS: 10.
pub const SQL_DATA_SOURCES_MAX: usize = 10;

/// The tables that one query in SQL reads.
pub const SQL_TABLES_MAX: usize = 20;

/// The values that `filterIndex` compares one field with.
pub const FILTER_INDEX_VALUES_MAX: usize = 100;

/// How deep SQL may be nested: the parser follows it on the stack.
pub const SQL_DEPTH_MAX: usize = 50;

/// How deep expressions of SQL may be; `a + b + c` is two deep. DataFusion follows them on the stack.
pub const SQL_EXPRESSION_DEPTH_MAX: usize = 100;

/// The terms that one AND or OR may join: planning may line them up again.
pub const SQL_TERMS_MAX: usize = 250;

/// The queries that UNION and the like may join.
pub const SQL_UNIONS_MAX: usize = 50;

/// The stack of a thread that plans and carries out SQL: a level of an expression takes some tens of kilobytes of it where nothing is
/// optimized. What is not touched takes no memory.
pub const SQL_STACK_BYTES: usize = 64 << 20;

/// The fields that SQL may name: each is a column of each table.
pub const SQL_FIELDS_MAX: usize = 200;

/// The characters of a query in SQL. AWS: 10,000.
pub const SQL_CHARS_MAX: usize = 10_000;

/// The bytes of a table of SQL that are kept while the types of its columns are looked for, so that its events need not be read again;
/// never more than a quarter of what the query may hold.
pub const SQL_KEPT_BYTES_MAX: usize = 32 << 20;

/// The texts that messages must contain and that are pushed down to the store: more hardly rule out more.
pub const PUSHED_LITERALS_MAX: usize = 8;

/// How long a query in parentheses may run. AWS: 30 seconds.
pub const SUBQUERY_TIME_MAX: Duration = Duration::from_secs(30);

/// The least time between two reports of what a query found so far.
pub const PARTIAL_EVERY: Duration = Duration::from_secs(1);

/// The rows that are reported of a query that is not done.
pub const PARTIAL_ROWS_MAX: usize = 1_000;

/// The events that are read at least for the newest of them, as long as it is not known how many pass the filters.
pub const ROWS_READ_AT_FIRST: usize = 256;

/// The events that are read at once for the newest of them: they are sorted in memory.
pub const ROWS_READ_AT_ONCE_MAX: usize = 1 << 18;
