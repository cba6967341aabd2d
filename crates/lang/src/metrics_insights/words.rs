//! The words that must stand in quotes when they are names. Source: "Reserved keywords".
//!
//! The documented list has about 900 words of SQL, of which CloudWatch enforces a part. Here are the words of the grammar and
//! those that could begin or join a clause.

/// In ascending order.
const RESERVED: &[&str] = &[
    "ALL", "AND", "ANY", "AS", "ASC", "AVG", "BETWEEN", "BY", "CASE", "COUNT", "CURRENT", "DESC", "DISTINCT", "ELSE",
    "END", "EXISTS", "FALSE", "FOR", "FROM", "GROUP", "HAVING", "IN", "IS", "JOIN", "LEFT", "LIKE", "LIMIT", "MAX",
    "MIN", "NOT", "NULL", "ON", "OR", "ORDER", "OUTER", "RIGHT", "SCHEMA", "SELECT", "SET", "SUM", "TABLE", "THEN",
    "TO", "TRUE", "UNION", "USING", "WHEN", "WHERE", "WITH",
];

/// Whether a word is reserved, in whatever case.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word.to_ascii_uppercase().as_str()).is_ok()
}
