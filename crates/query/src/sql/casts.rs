//! Casts that planning puts in, where an expression has operands of several types: one that a value cannot do gives nothing, as casts that
//! users write do, and fails no query.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::logical_expr::expr::TryCast;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Cast, Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

/// Tries every cast of what is read.
#[derive(Debug)]
pub(super) struct LenientCasts;

impl AnalyzerRule for LenientCasts {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let lenient = plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            let lenient = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let tried = expr.transform_up(|expr| Ok(tried(expr)))?;
                Ok(tried.update_data(|expr| name.restore(expr)))
            })?;
            match lenient.transformed {
                true => lenient.map_data(LogicalPlan::recompute_schema),
                false => Ok(lenient),
            }
        });
        lenient.map(|lenient| lenient.data)
    }

    fn name(&self) -> &'static str {
        "lenient_casts"
    }
}

fn tried(expr: Expr) -> Transformed<Expr> {
    match expr {
        // What a literal is, is known: whether the query can be carried out does not depend on the events.
        Expr::Cast(Cast { expr, field }) if !matches!(*expr, Expr::Literal(..)) => {
            Transformed::yes(Expr::TryCast(TryCast { expr, field }))
        }
        other => Transformed::no(other),
    }
}
