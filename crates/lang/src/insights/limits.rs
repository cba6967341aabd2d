//! The limits of queries, a sentence each, with AWS's where there is one.

/// The characters of a query ("StartQuery").
pub const QUERY_CHARS_MAX: usize = 10_000;

/// How deep expressions may be nested by parentheses, calls and signs: parsing recurs over all levels of precedence.
pub const NESTING_MAX: usize = 32;

/// How deep an expression may be, a sum of so many terms among others: evaluation recurs.
pub const DEPTH_MAX: usize = 128;

/// The steps of a plan, of the query and of those nested in it each.
pub const STEPS_MAX: usize = 200;

/// The rows of a result, unless a query or a request says otherwise ("StartQuery").
pub const ROWS_DEFAULT: usize = 10_000;

/// The rows of a result ("StartQuery").
pub const ROWS_MAX: usize = 100_000;

/// The fields that are discovered in an event ("Supported logs and discovered fields").
pub const FIELDS_MAX: usize = 200;

/// How deep JSON may be nested for fields to be discovered in it.
pub const JSON_DEPTH_MAX: usize = 64;

/// The commands `stats` of a query ("stats").
pub const STATS_MAX: usize = 2;

/// The beginnings of names of a `SOURCE` ("SOURCE").
pub const SOURCE_PREFIXES_MAX: usize = 5;

/// The accounts of a `SOURCE` ("SOURCE").
pub const SOURCE_ACCOUNTS_MAX: usize = 20;

/// The data sources of a `SOURCE` ("SOURCE").
pub const SOURCE_DATA_SOURCES_MAX: usize = 10;

/// The compiled size of a regular expression, in bytes: what is larger is refused.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// The bytes of a text that a function makes: what is longer is nothing.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// The patterns that `pattern` tells apart; texts of further ones are counted together.
pub const PATTERNS_MAX: usize = 2_000;

/// The words of a text that `pattern` looks at; what comes after counts as one.
pub const PATTERN_TOKENS_MAX: usize = 200;

/// The texts that are kept of each pattern as samples, and values of each of its tokens.
pub const PATTERN_SAMPLES_MAX: usize = 10;

/// The rows that an evaluation in memory holds at once; a query that needs more fails.
pub const ROWS_HELD_MAX: usize = 5_000_000;

/// The values that `take` gathers.
pub const TAKE_MAX: usize = 10_000;

/// The different values that `count_distinct` counts exactly; of more it estimates.
pub const DISTINCT_EXACT_MAX: usize = 100_000;

/// The values that `pct` has all of; of more it has a sketch.
pub const PERCENTILE_EXACT_MAX: usize = 100_000;
