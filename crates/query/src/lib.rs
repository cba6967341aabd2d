//! Queries over the store's tables: Logs Insights QL, PPL and SQL become one logical plan, which DataFusion carries out.
//!
//! It knows no AWS operation, no wire format and no service.
