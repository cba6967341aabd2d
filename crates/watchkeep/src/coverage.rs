//! Which operations of the AWS models are routed: the page docs/coverage.md, made from the routing tables.

mod reasons;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use watchkeep_model::SERVICES;

use crate::services;

/// The page, in Markdown.
pub fn page() -> String {
    let routed = services::routes();
    let mut page = String::from(
        "# Coverage\n\n\
         Made by `make coverage` from the routing tables; `make test` refuses a page that is not theirs. An operation that is not\n\
         routed answers with the service's own error for an unsupported operation. No operation is routed that does nothing.\n\n\
         | service | routed | of |\n| --- | ---: | ---: |\n",
    );
    // Writing to a string cannot fail.
    for service in SERVICES {
        let count = routed.iter().filter(|(name, _)| *name == service.name).count();
        let _ = writeln!(page, "| {} | {count} | {} |", service.name, service.operations.len());
    }
    for service in SERVICES {
        let names: BTreeSet<&str> =
            routed.iter().filter(|(name, _)| *name == service.name).map(|(_, name)| *name).collect();
        if names.is_empty() {
            continue;
        }
        let _ = writeln!(page, "\n## {}\n", service.name);
        for operation in service.operations {
            let mark = if names.contains(operation.name) { "x" } else { " " };
            let why = reasons::of(service.name, operation.name).map(|why| format!(": {why}")).unwrap_or_default();
            let _ = writeln!(page, "- [{mark}] {}{why}", operation.name);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_counts_what_is_routed() {
        let page = page();
        assert!(page.contains("- [x] PutMetricData\n") && page.contains("- [x] PutLogEvents\n"), "{page}");
        let total: usize = services::routes().len();
        assert_eq!(page.matches("- [x] ").count(), total);
    }

    #[test]
    fn every_operation_of_some_services_is_routed_or_has_a_reason() {
        let routed = services::routes();
        for service in SERVICES.iter().filter(|service| reasons::ACCOUNTED_FOR.contains(&service.name)) {
            for operation in service.operations {
                let is_routed = routed.contains(&(service.name, operation.name));
                let has_reason = reasons::of(service.name, operation.name).is_some();
                assert_ne!(is_routed, has_reason, "{}: {}", service.name, operation.name);
            }
        }
        for reason in reasons::REASONS {
            let service = SERVICES.iter().find(|service| service.name == reason.service).unwrap();
            for name in reason.operations {
                assert!(service.operations.iter().any(|operation| operation.name == *name), "{name} is no operation");
            }
        }
    }
}
