//! Room on the stack. DataFusion follows expressions and queries on it, level by level, when it plans them and when it carries them out;
//! who runs out of it ends the process. So how deep a query may be is limited, and it is planned and carried out on a thread of its own.

use std::future::Future;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr, Query, SetExpr, Statement, VisitMut, VisitorMut};

use crate::error::QueryError;
use crate::limits::{SQL_EXPRESSION_DEPTH_MAX, SQL_STACK_BYTES, SQL_TERMS_MAX, SQL_UNIONS_MAX};

/// Does work on a thread with a large stack. If who waits goes away, the work looks at its bounds and ends soon.
///
/// # Errors
///
/// [`QueryError::Failed`] if there is no such thread.
pub(super) async fn with_room<T: Send + 'static>(
    work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
) -> Result<T, QueryError> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new().name("sql".to_owned()).stack_size(SQL_STACK_BYTES);
    let begun = thread.spawn(move || drop(done.send(runtime.block_on(work))));
    begun.map_err(|error| QueryError::Failed(error.to_string()))?;
    outcome.await.unwrap_or_else(|_| Err(QueryError::Failed("the query ended in the midst of its work".to_owned())))
}

/// Reads on a thread with a large stack.
///
/// # Errors
///
/// Those of the reading, and [`QueryError::Failed`] if there is no such thread.
pub(super) fn read_with_room<T: Send>(read: impl FnOnce() -> Result<T, QueryError> + Send) -> Result<T, QueryError> {
    let thread = std::thread::Builder::new().name("sql".to_owned()).stack_size(SQL_STACK_BYTES);
    std::thread::scope(|scope| {
        let begun = thread.spawn_scoped(scope, read).map_err(|error| QueryError::Failed(error.to_string()))?;
        begun.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Refuses a query that is too deep. Many terms of AND and OR are no deeper than a few.
///
/// # Errors
///
/// [`QueryError::Malformed`].
pub(super) fn flatten(statement: &mut Statement) -> Result<(), QueryError> {
    match VisitMut::visit(statement, &mut Flatten { depth: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(refused) => Err(refused),
    }
}

struct Flatten {
    /// How many expressions it is in.
    depth: usize,
}

impl VisitorMut for Flatten {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        let mut count = 0;
        let mut body = &*query.body;
        while let SetExpr::SetOperation { left, .. } = body {
            count += 1;
            body = left;
        }
        if count <= SQL_UNIONS_MAX {
            return ControlFlow::Continue(());
        }
        take_apart_union(&mut query.body);
        refused(format!("no more than {SQL_UNIONS_MAX} queries can be joined by UNION and the like"))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        self.depth += 1;
        let joint = match &*expr {
            Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => Some(op.clone()),
            _ => None,
        };
        if let Some(op) = joint.filter(|op| spine(expr, op) > SPINE_MAX) {
            let terms = terms(std::mem::replace(expr, Expr::value(ast::Value::Null)), &op);
            if terms.len() > SQL_TERMS_MAX {
                return refused(format!("no more than {SQL_TERMS_MAX} conditions can be joined by {op}"));
            }
            *expr = joined(terms, &op);
        }
        if self.depth <= SQL_EXPRESSION_DEPTH_MAX {
            return ControlFlow::Continue(());
        }
        // Nobody goes down what is left of it, and be it to free it.
        while let Expr::BinaryOp { left, .. } = expr {
            *expr = std::mem::replace(&mut **left, Expr::value(ast::Value::Null));
        }
        refused("the expression is nested too deeply".to_owned())
    }

    fn post_visit_expr(&mut self, _expr: &mut Expr) -> ControlFlow<QueryError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

fn refused(message: String) -> ControlFlow<QueryError> {
    ControlFlow::Break(QueryError::malformed(message))
}

fn take_apart_union(body: &mut Box<SetExpr>) {
    while let SetExpr::SetOperation { left, .. } = &mut **body {
        let empty =
            Box::new(SetExpr::Values(ast::Values { explicit_row: false, value_keyword: false, rows: Vec::new() }));
        *body = std::mem::replace(left, empty);
    }
}

/// How many terms may be lined up: as many as halves of halves of all that there may be.
const SPINE_MAX: usize = 10;

/// How often an operator follows itself to the left.
fn spine(mut expr: &Expr, op: &BinaryOperator) -> usize {
    let mut count = 0;
    while let Expr::BinaryOp { left, op: of, .. } = expr
        && of == op
    {
        count += 1;
        expr = left;
    }
    count
}

/// What is joined by an operator, from left to right.
fn terms(mut expr: Expr, op: &BinaryOperator) -> Vec<Expr> {
    let mut terms = Vec::new();
    loop {
        match expr {
            Expr::BinaryOp { left, op: of, right } if of == *op => {
                terms.push(*right);
                expr = *left;
            }
            first => {
                terms.push(first);
                terms.reverse();
                return terms;
            }
        }
    }
}

/// Joins terms, half by half.
fn joined(mut terms: Vec<Expr>, op: &BinaryOperator) -> Expr {
    let behind = terms.split_off(terms.len() / 2);
    match (terms.is_empty(), behind.len()) {
        (true, 1) => behind.into_iter().next().unwrap_or_else(|| Expr::value(ast::Value::Null)),
        (true, _) => Expr::value(ast::Value::Null),
        (false, _) => {
            Expr::BinaryOp { left: Box::new(joined(terms, op)), op: op.clone(), right: Box::new(joined(behind, op)) }
        }
    }
}
