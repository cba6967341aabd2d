//! From the SQL that users write, in Spark's dialect, to what DataFusion carries out; and what the query names on the way.
//!
//! Functions of Spark that DataFusion calls otherwise are rows of [`TEMPLATES`]. `a.b` is the field `a.b` unless `a` is a table. A cast that
//! cannot be done gives nothing, and `/` divides without rounding, as in Spark. Where a number is meant (arithmetic, sums, comparisons with a
//! number), a text that is none is nothing: fields have the type that all their values have, and one odd value must fail no query.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, UnaryOperator,
    Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::SparkSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::functions::AS_NUMBER;
use crate::error::QueryError;
use crate::limits::{SQL_DEPTH_MAX, SQL_FIELDS_MAX};

/// A function, how many arguments it has, and what it is written as; `$1` is the first.
const TEMPLATES: &[(&str, usize, &str)] = &[
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("iff", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("explode", 1, "unnest(json_items($1))"),
    ("explode_outer", 1, "unnest_outer(json_items($1))"),
    ("percentile", 2, "percentile_cont($2) WITHIN GROUP (ORDER BY as_number($1))"),
    ("percentile_approx", 2, "approx_percentile_cont($2) WITHIN GROUP (ORDER BY as_number($1))"),
    ("percentile_approx", 3, "approx_percentile_cont($2) WITHIN GROUP (ORDER BY as_number($1))"),
    ("approx_percentile", 2, "approx_percentile_cont($2) WITHIN GROUP (ORDER BY as_number($1))"),
    ("approx_percentile", 3, "approx_percentile_cont($2) WITHIN GROUP (ORDER BY as_number($1))"),
    ("approx_count_distinct", 1, "approx_distinct($1)"),
    ("count_if", 1, "count(CASE WHEN $1 THEN 1 END)"),
    ("collect_list", 1, "array_agg($1) FILTER (WHERE $1 IS NOT NULL)"),
    ("collect_set", 1, "array_agg(DISTINCT $1) FILTER (WHERE $1 IS NOT NULL)"),
    ("first", 1, "first_value($1)"),
    ("last", 1, "last_value($1)"),
    ("any", 1, "bool_or($1)"),
    ("some", 1, "bool_or($1)"),
    ("every", 1, "bool_and($1)"),
    ("variance", 1, "var_samp($1)"),
    ("std", 1, "stddev($1)"),
    ("ucase", 1, "upper($1)"),
    ("lcase", 1, "lower($1)"),
    ("len", 1, "character_length($1)"),
    ("split", 2, "string_to_array($1, $2)"),
    ("regexp_extract", 2, "coalesce(array_element(regexp_match($1, $2), 1), '')"),
    ("regexp_extract", 3, "coalesce(array_element(regexp_match($1, $2), $3), '')"),
    ("regexp", 2, "regexp_like($1, $2)"),
    ("log", 1, "ln($1)"),
    // A text that is no time is nothing.
    ("to_timestamp", 1, "to_timestamp(as_time($1))"),
    ("to_date", 1, "TRY_CAST(as_time($1) AS DATE)"),
    ("unix_timestamp", 1, "date_part('epoch', $1)"),
    ("year", 1, "date_part('year', $1)"),
    ("quarter", 1, "date_part('quarter', $1)"),
    ("month", 1, "date_part('month', $1)"),
    ("weekofyear", 1, "date_part('week', $1)"),
    ("day", 1, "date_part('day', $1)"),
    ("dayofmonth", 1, "date_part('day', $1)"),
    ("dayofyear", 1, "date_part('doy', $1)"),
    ("dayofweek", 1, "date_part('dow', $1) + 1"),
    ("hour", 1, "date_part('hour', $1)"),
    ("minute", 1, "date_part('minute', $1)"),
    ("second", 1, "floor(date_part('second', $1))"),
];

/// Java's letters for times, which Spark's `date_format` takes, and what DataFusion's takes.
const TIME_LETTERS: &[(&str, &str)] = &[
    ("yyyy", "%Y"),
    ("yy", "%y"),
    ("MMMM", "%B"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("EEEE", "%A"),
    ("EEE", "%a"),
    ("HH", "%H"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("SSS", "%3f"),
    ("a", "%p"),
    ("D", "%j"),
];

/// The functions that bring numbers together.
const OF_NUMBERS: &[&str] =
    &["sum", "avg", "mean", "median", "std", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp"];

/// The common functions that bring rows together.
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "mean",
    "min",
    "max",
    "percentile",
    "percentile_approx",
    "approx_percentile",
    "approx_count_distinct",
    "stddev",
    "variance",
];

/// What a query names.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Tables in FROM, as written.
    pub relations: BTreeSet<String>,
    /// What tables are called elsewhere in the query: by their names and aliases.
    pub tables: BTreeSet<String>,
    /// Queries of WITH.
    pub ctes: BTreeSet<String>,
    /// Names that the query gives to columns.
    pub defined: BTreeSet<String>,
    /// Fields.
    pub fields: BTreeSet<String>,
    /// Whether it asks for all columns of a table.
    pub wants_all: bool,
    /// Whether it brings rows together, so that their order does not matter.
    pub aggregates: bool,
}

/// Reads one query, and nothing but a query, over log groups.
pub(super) fn parse(text: &str) -> Result<(ast::Statement, Names), QueryError> {
    let (mut statement, names) = parse_plain(text)?;
    let mut rewrite = Rewrite { names, depth: 0 };
    if let ControlFlow::Break(refused) = VisitMut::visit(&mut statement, &mut rewrite) {
        return Err(refused);
    }
    let names = rewrite.names;
    if names.fields.len() > SQL_FIELDS_MAX {
        return Err(QueryError::malformed(format!("the query names more than {SQL_FIELDS_MAX} fields")));
    }
    Ok((statement, names))
}

/// Reads one query, and nothing but a query, as it is.
pub(super) fn parse_plain(text: &str) -> Result<(ast::Statement, Names), QueryError> {
    let parser = Parser::new(&SparkSqlDialect {}).with_recursion_limit(SQL_DEPTH_MAX);
    let tokens = Tokenizer::new(&SparkSqlDialect {}, text).tokenize_with_location();
    let statements = tokens
        .map_err(ParserError::from)
        .and_then(|tokens| parser.with_tokens_with_locations(with_units(tokens)).parse_statements());
    let statements = statements.map_err(|error| malformed(text, &error.to_string()))?;
    let [mut statement] = <[ast::Statement; 1]>::try_from(statements).map_err(|statements| {
        QueryError::malformed(if statements.is_empty() { "the query is empty" } else { "one query at a time" })
    })?;
    if !matches!(statement, ast::Statement::Query(_)) {
        return Err(QueryError::malformed("only queries are carried out: SELECT, perhaps after WITH"));
    }
    super::stack::flatten(&mut statement)?;
    let mut gather = Gather(Names::default());
    if let ControlFlow::Break(refused) = Visit::visit(&statement, &mut gather) {
        return Err(refused);
    }
    Ok((statement, gather.0))
}

/// `INTERVAL '1 day'`, which the parser does not take in Spark's dialect, as `INTERVAL '1' day`.
fn with_units(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut written = Vec::with_capacity(tokens.len());
    let mut is_interval = false;
    for TokenWithSpan { token, span } in tokens {
        let parts = match &token {
            Token::SingleQuotedString(text) if is_interval => text.trim().split_once(char::is_whitespace),
            _ => None,
        };
        let is_unit = |unit: &str| unit.bytes().all(|byte| byte.is_ascii_alphabetic());
        let parts = parts.map(|(count, unit)| (count.to_owned(), unit.trim().to_owned()));
        match parts.filter(|(count, unit)| count.parse::<f64>().is_ok() && is_unit(unit)) {
            Some((count, unit)) => {
                written.push(TokenWithSpan { token: Token::SingleQuotedString(count), span });
                written.push(TokenWithSpan { token: Token::make_word(&unit, None), span });
            }
            None => {
                is_interval = match &token {
                    Token::Whitespace(_) => is_interval,
                    Token::Word(word) => word.keyword == Keyword::INTERVAL,
                    _ => false,
                };
                written.push(TokenWithSpan { token, span });
            }
        }
    }
    written
}

/// The error of the parser, with the place that it names.
fn malformed(text: &str, error: &str) -> QueryError {
    let message = error.trim_start_matches("sql parser error: ");
    let place = message.rsplit_once(" at Line: ").and_then(|(_, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let at = offset(text, line.parse().ok()?, column.parse().ok()?)?;
        Some((at, (at + 1).min(text.chars().count().max(at))))
    });
    let message = message.rsplit_once(" at Line: ").filter(|_| place.is_some()).map_or(message, |(what, _)| what);
    QueryError::Malformed { message: message.to_owned(), location: place }
}

/// Where a line and a column, both from 1, are in a text, in characters from 0.
pub(super) fn offset(text: &str, line: u64, column: u64) -> Option<usize> {
    let (line, column) = (usize::try_from(line).ok()?, usize::try_from(column).ok()?);
    let lines = text.split_inclusive('\n').take(line.checked_sub(1)?);
    let before: usize = lines.map(|line| line.chars().count()).sum();
    before.checked_add(column.checked_sub(1)?)
}

/// The name of a table.
pub(super) fn relation_name(name: &ObjectName) -> String {
    let parts: Vec<&str> =
        name.0.iter().filter_map(ObjectNamePart::as_ident).map(|ident| ident.value.as_str()).collect();
    parts.join(".")
}

/// Collects names, and refuses what is no plain query.
struct Gather(Names);

impl Gather {
    fn alias(&mut self, alias: Option<&TableAlias>) {
        if let Some(alias) = alias {
            self.0.tables.insert(alias.name.value.clone());
            self.0.defined.extend(alias.columns.iter().map(|column| column.name.value.clone()));
        }
    }
}

impl Visitor for Gather {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<QueryError> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.0.ctes.insert(cte.alias.name.value.clone());
            self.alias(Some(&cte.alias));
        }
        let refused = if !query.locks.is_empty() {
            Some("rows cannot be locked")
        } else if query.with.as_ref().is_some_and(|with| with.recursive) {
            Some("WITH RECURSIVE is not supported")
        } else if matches!(
            &*query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ) {
            Some("only queries are carried out: SELECT, perhaps after WITH")
        } else {
            None
        };
        refused.map_or(ControlFlow::Continue(()), |why| ControlFlow::Break(QueryError::malformed(why)))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<QueryError> {
        if select.into.is_some() {
            return ControlFlow::Break(QueryError::malformed("only queries are carried out: INTO is none"));
        }
        self.0.aggregates |= match &select.group_by {
            GroupByExpr::All(_) => true,
            GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
        };
        for item in &select.projection {
            match item {
                SelectItem::ExprWithAlias { alias, .. } => {
                    self.0.defined.insert(alias.value.clone());
                }
                SelectItem::ExprWithAliases { aliases, .. } => {
                    self.0.defined.extend(aliases.iter().map(|alias| alias.value.clone()));
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => self.0.wants_all = true,
                SelectItem::UnnamedExpr(_) => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<QueryError> {
        if let Expr::Function(function) = expr {
            let name = relation_name(&function.name).to_ascii_lowercase();
            self.0.aggregates |= AGGREGATES.contains(&name.as_str());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<QueryError> {
        let name = relation_name(relation);
        self.0.tables.insert(name.clone());
        self.0.relations.insert(name);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<QueryError> {
        match factor {
            TableFactor::Table { args: Some(_), .. } | TableFactor::Function { .. } => {
                return ControlFlow::Break(QueryError::malformed("functions in FROM are written in backticks"));
            }
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => self.alias(alias.as_ref()),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Changes a query in place. Names of queries in WITH are tables, and no relations, from here on.
struct Rewrite {
    names: Names,
    /// How many queries deep it is.
    depth: usize,
}

impl Rewrite {
    /// A field that is written at this place.
    fn field(&mut self, name: String, span: Span) -> Expr {
        self.names.fields.insert(name.clone());
        Expr::Identifier(Ident::with_quote_and_span('`', span, name))
    }
}

impl VisitorMut for Rewrite {
    type Break = QueryError;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<QueryError> {
        self.depth += 1;
        let ctes = std::mem::take(&mut self.names.ctes);
        self.names.relations.retain(|relation| !ctes.contains(relation));
        self.names.ctes = ctes;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<QueryError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<QueryError> {
        let mut items = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            items.extend(json_tuple(&item).unwrap_or_else(|| vec![item]));
        }
        if self.depth == 1 {
            items = named_as_written(items);
        }
        select.projection = items;
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<QueryError> {
        let name = relation_name(relation);
        *relation = ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('`', name))]);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        let replaced = match expr {
            Expr::Identifier(ident) => Some(self.field(ident.value.clone(), ident.span)),
            Expr::CompoundIdentifier(parts) => {
                let span = Span::union_iter(parts.iter().map(|part| part.span));
                let words: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                match (parts.split_first(), words.split_first()) {
                    (Some((table, _)), Some((name, rest))) if self.names.tables.contains(*name) => {
                        let field = rest.join(".");
                        self.names.fields.insert(field.clone());
                        let table = Ident::with_quote_and_span('`', table.span, table.value.clone());
                        Some(Expr::CompoundIdentifier(vec![table, Ident::with_quote_and_span('`', span, field)]))
                    }
                    _ => Some(self.field(words.join("."), span)),
                }
            }
            Expr::Cast { kind, .. } => {
                *kind = CastKind::TryCast;
                None
            }
            Expr::BinaryOp { left, op, right } => {
                with_numbers(left, op, right);
                None
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                make_number(expr);
                None
            }
            Expr::InList { expr, list, .. } if list.iter().all(is_number) => {
                make_number(expr);
                None
            }
            Expr::Between { expr, low, high, .. } if is_number(low) && is_number(high) => {
                make_number(expr);
                None
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let not = if *negated { "NOT " } else { "" };
                Some(expression(&format!("{not}regexp_like({expr}, {pattern})")))
            }
            Expr::Function(function) => {
                if OF_NUMBERS.contains(&relation_name(&function.name).to_ascii_lowercase().as_str())
                    && let FunctionArguments::List(list) = &mut function.args
                {
                    for argument in &mut list.args {
                        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                            make_number(expr);
                        }
                    }
                }
                translated(function)
            }
            _ => None,
        };
        if let Some(replaced) = replaced {
            *expr = replaced;
        }
        ControlFlow::Continue(())
    }
}

/// Makes numbers of the operands of arithmetic, and of what is compared with a number.
fn with_numbers(left: &mut Box<Expr>, op: &BinaryOperator, right: &mut Box<Expr>) {
    use BinaryOperator::{Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Plus};
    match op {
        Plus | Minus | Multiply | Divide | Modulo => {
            let is_of_time = |expr: &Expr| matches!(expr, Expr::Interval(_));
            if is_of_time(left) || is_of_time(right) {
                return;
            }
            make_number(left);
            make_number(right);
            if matches!(op, Divide | Modulo) {
                // Nothing, and no error, comes of a division by zero.
                **right = expression(&format!("nullif({right}, 0)"));
            }
            if *op == Divide {
                **left = Expr::Cast {
                    kind: CastKind::TryCast,
                    expr: Box::new(Expr::Nested(left.clone())),
                    data_type: ast::DataType::Double(ast::ExactNumberInfo::None),
                    array: false,
                    format: None,
                };
            }
        }
        Eq | NotEq | Lt | LtEq | Gt | GtEq if is_number(right) => make_number(left),
        Eq | NotEq | Lt | LtEq | Gt | GtEq if is_number(left) => make_number(right),
        _ => {}
    }
}

/// Whether a number stands here.
fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, ast::Value::Number(..)),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } | Expr::Nested(expr) => is_number(expr),
        _ => false,
    }
}

/// Makes a number of an expression whose type only the events know.
fn make_number(expr: &mut Expr) {
    let is_made = match &*expr {
        Expr::Function(function) => relation_name(&function.name) == AS_NUMBER,
        Expr::BinaryOp { op, .. } => {
            use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus};
            matches!(op, Plus | Minus | Multiply | Divide | Modulo)
        }
        other => is_number(other),
    };
    if !is_made {
        let inner = std::mem::replace(expr, Expr::value(ast::Value::Null));
        let argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(inner));
        let arguments =
            ast::FunctionArgumentList { duplicate_treatment: None, args: vec![argument], clauses: Vec::new() };
        *expr = Expr::Function(Function {
            name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(AS_NUMBER))]),
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::List(arguments),
            filter: None,
            null_treatment: None,
            over: None,
            within_group: Vec::new(),
        });
    }
}

/// The expression of a text that was put together here; nothing, if it is none.
fn expression(text: &str) -> Expr {
    let parser = Parser::new(&SparkSqlDialect {}).with_recursion_limit(SQL_DEPTH_MAX);
    let parsed = parser.try_with_sql(text).and_then(|mut parser| parser.parse_expr());
    let mut expr = parsed.unwrap_or_else(|_| Expr::value(ast::Value::Null));
    let _ = VisitMut::visit(&mut expr, &mut Placeless);
    expr
}

/// Forgets where names stand: in a text that was put together here, that is nowhere in the query.
struct Placeless;

impl VisitorMut for Placeless {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => name.span = Span::empty(),
            Expr::CompoundIdentifier(names) => names.iter_mut().for_each(|name| name.span = Span::empty()),
            Expr::Function(function) => {
                for part in &mut function.name.0 {
                    if let ObjectNamePart::Identifier(name) = part {
                        name.span = Span::empty();
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The plain arguments of a function; none if it has others.
fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// What a function of Spark is in DataFusion's words, if it is called otherwise there.
fn translated(function: &Function) -> Option<Expr> {
    let name = relation_name(&function.name).to_ascii_lowercase();
    let arguments = arguments(function)?;
    if name == "date_format"
        && let [time, format] = arguments.as_slice()
        && let Expr::Value(format) = format
        && let ast::Value::SingleQuotedString(format) = &format.value
    {
        return Some(expression(&format!("to_char({time}, '{}')", time_format(format).replace('\'', "''"))));
    }
    let (_, _, template) = TEMPLATES.iter().find(|(of, count, _)| *of == name && *count == arguments.len())?;
    let mut text = String::new();
    let mut parts = template.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (digit, rest) = part.split_at_checked(1)?;
        let argument = digit.parse::<usize>().ok()?.checked_sub(1).and_then(|at| arguments.get(at))?;
        text.push_str(&format!("{argument}{rest}"));
    }
    let over = function.over.as_ref().map(|over| format!(" OVER {over}")).unwrap_or_default();
    let filter = function.filter.as_ref().map(|filter| format!(" FILTER (WHERE {filter})")).unwrap_or_default();
    Some(expression(&format!("{text}{filter}{over}")))
}

/// A format of Java's as one of C's.
fn time_format(format: &str) -> String {
    let mut written = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some((java, c)) = TIME_LETTERS.iter().find(|(java, _)| rest.starts_with(java)) {
            written.push_str(c);
            rest = rest.get(java.len()..).unwrap_or_default();
        } else {
            // Quotes are around what stands for itself.
            if first != '\'' {
                written.push(first);
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    written
}

/// The columns of `json_tuple(text, 'a', 'b') AS (x, y)`; none if it is something else.
fn json_tuple(item: &SelectItem) -> Option<Vec<SelectItem>> {
    let (expr, aliases) = match item {
        SelectItem::UnnamedExpr(expr) => (expr, Vec::new()),
        SelectItem::ExprWithAlias { expr, alias } => (expr, vec![alias.clone()]),
        SelectItem::ExprWithAliases { expr, aliases } => (expr, aliases.clone()),
        _ => return None,
    };
    let Expr::Function(function) = expr else { return None };
    if !relation_name(&function.name).eq_ignore_ascii_case("json_tuple") {
        return None;
    }
    let arguments = arguments(function)?;
    let (text, keys) = arguments.split_first()?;
    let mut aliases = aliases.into_iter();
    let columns = keys.iter().enumerate().map(|(at, key)| SelectItem::ExprWithAlias {
        expr: expression(&format!("json_tuple_member({text}, {key})")),
        alias: aliases.next().unwrap_or_else(|| Ident::with_quote('`', format!("c{at}"))),
    });
    Some(columns.collect())
}

/// The columns of a result, called as they are written if they are not given a name.
fn named_as_written(items: Vec<SelectItem>) -> Vec<SelectItem> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let named = items.into_iter().map(|item| match item {
        SelectItem::UnnamedExpr(expr) if !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => {
            let name = expr.to_string().replace('`', "");
            if taken.insert(name.clone()) {
                SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('`', name) }
            } else {
                SelectItem::UnnamedExpr(expr)
            }
        }
        item => item,
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let (statement, _) = parse(text).unwrap();
        assert_eq!(statement.to_string(), expected, "{text}");
    }

    #[test]
    fn spark_becomes_datafusion() {
        check("SELECT user.id FROM `/a/b`", "SELECT `user.id` FROM `/a/b`");
        check("SELECT A.`@message`, A.x.y FROM g AS A", "SELECT `A`.`@message`, `A`.`x.y` FROM `g` AS A");
        check(
            "SELECT if(a > 1, 'x', 'y') AS z FROM g",
            "SELECT CASE WHEN as_number(`a`) > 1 THEN 'x' ELSE 'y' END AS z FROM `g`",
        );
        check(
            "SELECT json_tuple(m, 'a', 'b') AS (x, y) FROM g",
            "SELECT json_tuple_member(`m`, 'a') AS x, json_tuple_member(`m`, 'b') AS y FROM `g`",
        );
        check(
            "SELECT date_format(t, 'yyyy-MM-dd HH:mm') AS d FROM g",
            "SELECT to_char(`t`, '%Y-%m-%d %H:%M') AS d FROM `g`",
        );
        check("SELECT count(*) FROM g", "SELECT count(*) AS `count(*)` FROM `g`");
        check(
            "SELECT sum(DISTINCT a) AS s FROM g WHERE b > 1 AND c = 'x' AND d IN (1, 2)",
            "SELECT sum(DISTINCT as_number(`a`)) AS s FROM `g` WHERE as_number(`b`) > 1 AND `c` = 'x' AND \
             as_number(`d`) IN (1, 2)",
        );
        check("SELECT a + b * 2 AS n FROM g", "SELECT as_number(`a`) + as_number(`b`) * 2 AS n FROM `g`");
        check(
            "SELECT a FROM g WHERE t > now() - INTERVAL '1' DAY",
            "SELECT `a` FROM `g` WHERE `t` > now() - INTERVAL '1' DAY",
        );
        check("SELECT t + INTERVAL '2 hours' AS u FROM g", "SELECT `t` + INTERVAL '2' HOURS AS u FROM `g`");
        check("SELECT t + INTERVAL 1 DAY AS u FROM g", "SELECT `t` + INTERVAL 1 DAY AS u FROM `g`");
        check("SELECT a FROM g WHERE b RLIKE 'x'", "SELECT `a` FROM `g` WHERE regexp_like(`b`, 'x')");
    }

    #[test]
    fn names_are_gathered() {
        let text =
            "WITH t AS (SELECT a AS n FROM `g.1`) SELECT n, sum(b) AS s FROM t JOIN `g2` ON t.n = `g2`.k ORDER BY s";
        let (_, names) = parse(text).unwrap();
        let of = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(of(&names.relations), "g.1 g2");
        assert_eq!(of(&names.fields), "a b k n s");
        assert_eq!(of(&names.defined), "n s");
        assert!(!names.wants_all && parse("SELECT * FROM g").unwrap().1.wants_all);
    }

    #[test]
    fn what_is_no_query_is_refused() {
        let bad = [
            "",
            "DROP TABLE x",
            "INSERT INTO x VALUES (1)",
            "WITH a AS (SELECT 1) INSERT INTO x SELECT * FROM a",
            "SELECT 1; SELECT 2",
            "CREATE TABLE x AS SELECT 1",
            "COPY x TO 'file'",
            "SET x = 1",
            "EXPLAIN SELECT 1",
            "SELECT * FROM read_csv('/etc/passwd')",
            "SELECT FROM WHERE",
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
        ];
        for text in bad {
            assert!(matches!(parse(text), Err(QueryError::Malformed { .. })), "{text}");
        }
        let deep = format!("SELECT {}1{} FROM g", "(".repeat(1000), ")".repeat(1000));
        assert!(parse(&deep).is_err());
    }

    #[test]
    fn errors_name_their_place() {
        let Err(QueryError::Malformed { message, location }) = parse("SELECT a\nFROM g WHERE )") else { panic!() };
        assert!(message.starts_with("Expected"), "{message}");
        assert!(location.is_some_and(|(start, _)| start >= 9), "{location:?}");
    }
}
