//! Why a budget is missed where it is, and what would mend it: what the page says beside such a figure.

use crate::report::Budget;

/// What is known of figures, by the beginning of their names.
const NOTES: &[(&str, &str)] = &[
    (
        "start to /health",
        "A first start fills a journal file with 4 MiB of zeros and makes the catalog; both are synced, so that the figure moves \
         with the disk.",
    ),
    (
        "idle memory",
        "Seven megabytes are the process's own; the rest are pages of the program's file that were touched, which the system takes \
         back when it needs them.",
    ),
    (
        "binary",
        "SQL by DataFusion, whose operators and functions are compiled for each type of Arrow's, is about two thirds of it. What \
         only plans a query is compiled for size already. To be tried: fewer of its functions; one operator for types that are \
         stored alike.",
    ),
    (
        "PutMetricData",
        "A call of 20 datapoints costs what a call costs, and what was put five seconds before is sealed meanwhile. In a profile a \
         third is the kernel's (sockets, wake-ups, the journal's write and sync), a fifth decoding and checking, a tenth the \
         allocator's (each name and dimension is a text of its own), a tenth sealing and audit records. To be tried: texts \
         borrowed from the request; a journal that waits a moment for more calls to share its sync.",
    ),
    (
        "PutLogEvents",
        "The figure moves with the machine (see the yardstick); the ratio to the peer is the steadier one.",
    ),
    ("PutTraceSegments", "The figure moves with the machine: see the yardstick."),
    (
        "stored bytes of a datapoint",
        "A fourth of these series are latencies to two decimals, whose noise does not compress, and each point keeps the number \
         that rows are told apart by.",
    ),
    (
        "LookupEvents",
        "The pages of six columns are decoded for the rows of the last milliseconds. To be tried: conditions on dictionaries \
         instead of texts.",
    ),
    (
        "rare word",
        "Blocks of 4,096 rows that lack a three-letter piece of the word are not opened; in the others every page of messages \
         is decompressed and searched. DuckDB's time is for a table in memory. To be tried: smaller blocks.",
    ),
    (
        "memory after",
        "Compaction holds the rows of a whole output, 256 MB at most. To be tried: merging sorted segments as streams.",
    ),
    (
        "stored bytes",
        "The ids in these lines are random and do not compress. Word filters and the fields that became columns lie beside the \
         untouched message. To be tried: no columns for fields whose values hardly repeat; a higher level of zstd.",
    ),
];

/// The note on a figure that misses its budget; `None` if it keeps it, or nothing is known.
pub fn note(what: &str, budget: Budget, measured: &str) -> Option<&'static str> {
    let (_, note) = NOTES.iter().find(|(beginning, _)| budget.is_missed(measured) && what.starts_with(beginning))?;
    Some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_misses_its_budget_is_explained() {
        for (what, budget, measured, explained) in [
            ("PutMetricData, 20 a call, CBOR: us a datapoint", Budget::AtMost(2.0), "2.1", true),
            ("PutMetricData, 20 a call, CBOR: us a datapoint", Budget::AtMost(2.0), "2.0", false),
            ("rare word in 1000 JSON lines: ms", Budget::AtLeast(700.0), "699", true),
            ("rare word in 1000 JSON lines: ms", Budget::AtLeast(700.0), "1500", false),
            ("memory after that, MB", Budget::None, "900", false),
        ] {
            assert_eq!(note(what, budget, measured).is_some(), explained, "{what} {measured}");
        }
    }
}
