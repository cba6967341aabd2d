//! Which functions there are, in which language, and with how many arguments.

use super::plan::{Aggregate, Digest, Function, Language, TimePart};

/// The languages that have a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum In {
    /// Logs Insights QL.
    Cwli,
    /// PPL.
    Ppl,
    /// Both.
    Both,
}

/// A function's name in lower case, where it is known, what it is, and how many arguments it takes.
struct Entry(&'static str, In, Function, usize, usize);

const MANY: usize = 1_000;

const FUNCTIONS: &[Entry] = &[
    Entry("abs", In::Both, Function::Abs, 1, 1),
    Entry("ceil", In::Both, Function::Ceil, 1, 1),
    Entry("ceiling", In::Ppl, Function::Ceil, 1, 1),
    Entry("floor", In::Both, Function::Floor, 1, 1),
    Entry("sqrt", In::Both, Function::Sqrt, 1, 1),
    Entry("log", In::Both, Function::Log, 1, 1),
    Entry("log", In::Ppl, Function::LogBase, 2, 2),
    Entry("ln", In::Ppl, Function::Log, 1, 1),
    Entry("exp", In::Ppl, Function::Exp, 1, 1),
    Entry("round", In::Ppl, Function::Round, 1, 2),
    Entry("sign", In::Ppl, Function::Sign, 1, 1),
    Entry("greatest", In::Both, Function::Greatest, 1, MANY),
    Entry("least", In::Both, Function::Least, 1, MANY),
    Entry("isempty", In::Both, Function::IsEmpty, 1, 1),
    Entry("isblank", In::Both, Function::IsBlank, 1, 1),
    Entry("concat", In::Both, Function::Concat, 1, MANY),
    Entry("ltrim", In::Both, Function::Ltrim, 1, 2),
    Entry("rtrim", In::Both, Function::Rtrim, 1, 2),
    Entry("trim", In::Both, Function::Trim, 1, 2),
    Entry("strlen", In::Cwli, Function::Strlen, 1, 1),
    Entry("length", In::Ppl, Function::Strlen, 1, 1),
    Entry("char_length", In::Ppl, Function::Strlen, 1, 1),
    Entry("toupper", In::Cwli, Function::ToUpper, 1, 1),
    Entry("upper", In::Ppl, Function::ToUpper, 1, 1),
    Entry("tolower", In::Cwli, Function::ToLower, 1, 1),
    Entry("lower", In::Ppl, Function::ToLower, 1, 1),
    Entry("substr", In::Cwli, Function::Substr, 2, 3),
    Entry("substr", In::Ppl, Function::Substring, 2, 3),
    Entry("substring", In::Ppl, Function::Substring, 2, 3),
    Entry("replace", In::Both, Function::Replace, 3, 3),
    Entry("strcontains", In::Cwli, Function::StrContains, 2, 2),
    Entry("position", In::Ppl, Function::Position, 2, 2),
    Entry("locate", In::Ppl, Function::Position, 2, 2),
    Entry("reverse", In::Ppl, Function::Reverse, 1, 1),
    Entry("left", In::Ppl, Function::Left, 2, 2),
    Entry("right", In::Ppl, Function::Right, 2, 2),
    Entry("ispresent", In::Both, Function::IsPresent, 1, 1),
    Entry("isnotnull", In::Ppl, Function::IsPresent, 1, 1),
    Entry("coalesce", In::Both, Function::Coalesce, 1, MANY),
    Entry("ifnull", In::Ppl, Function::Coalesce, 2, 2),
    Entry("if", In::Both, Function::If, 3, 3),
    Entry("nullif", In::Ppl, Function::NullIf, 2, 2),
    Entry("jsonparse", In::Cwli, Function::JsonParse, 1, 1),
    Entry("json", In::Ppl, Function::JsonParse, 1, 1),
    Entry("jsonstringify", In::Cwli, Function::JsonStringify, 1, 1),
    Entry("to_json_string", In::Ppl, Function::JsonStringify, 1, 1),
    Entry("json_extract", In::Ppl, Function::JsonExtract, 2, 2),
    Entry("get_json_object", In::Ppl, Function::JsonExtract, 2, 2),
    Entry("json_valid", In::Ppl, Function::JsonValid, 1, 1),
    Entry("array_length", In::Ppl, Function::ArrayLength, 1, 1),
    Entry("json_array_length", In::Ppl, Function::ArrayLength, 1, 1),
    Entry("frommillis", In::Cwli, Function::FromMillis, 1, 1),
    Entry("tomillis", In::Cwli, Function::ToMillis, 1, 1),
    Entry("now", In::Cwli, Function::Now, 0, 0),
    Entry("now", In::Ppl, Function::NowTime, 0, 0),
    Entry("current_timestamp", In::Ppl, Function::NowTime, 0, 0),
    Entry("sysdate", In::Ppl, Function::NowTime, 0, 0),
    Entry("timestamp", In::Ppl, Function::Timestamp, 1, 1),
    Entry("date_format", In::Ppl, Function::DateFormat, 2, 2),
    Entry("year", In::Ppl, Function::TimePart(TimePart::Year), 1, 1),
    Entry("quarter", In::Ppl, Function::TimePart(TimePart::Quarter), 1, 1),
    Entry("month", In::Ppl, Function::TimePart(TimePart::Month), 1, 1),
    Entry("day", In::Ppl, Function::TimePart(TimePart::Day), 1, 1),
    Entry("dayofmonth", In::Ppl, Function::TimePart(TimePart::Day), 1, 1),
    Entry("day_of_month", In::Ppl, Function::TimePart(TimePart::Day), 1, 1),
    Entry("dayofweek", In::Ppl, Function::TimePart(TimePart::DayOfWeek), 1, 1),
    Entry("day_of_week", In::Ppl, Function::TimePart(TimePart::DayOfWeek), 1, 1),
    Entry("dayofyear", In::Ppl, Function::TimePart(TimePart::DayOfYear), 1, 1),
    Entry("day_of_year", In::Ppl, Function::TimePart(TimePart::DayOfYear), 1, 1),
    Entry("hour", In::Ppl, Function::TimePart(TimePart::Hour), 1, 1),
    Entry("hour_of_day", In::Ppl, Function::TimePart(TimePart::Hour), 1, 1),
    Entry("minute", In::Ppl, Function::TimePart(TimePart::Minute), 1, 1),
    Entry("second", In::Ppl, Function::TimePart(TimePart::Second), 1, 1),
    Entry("unix_timestamp", In::Ppl, Function::TimePart(TimePart::UnixSeconds), 1, 1),
    Entry("isvalidip", In::Cwli, Function::IsValidIp, 1, 1),
    Entry("isvalidipv4", In::Cwli, Function::IsValidIpV4, 1, 1),
    Entry("isvalidipv6", In::Cwli, Function::IsValidIpV6, 1, 1),
    Entry("isipinsubnet", In::Cwli, Function::IsIpInSubnet, 2, 2),
    Entry("cidrmatch", In::Ppl, Function::IsIpInSubnet, 2, 2),
    Entry("isipv4insubnet", In::Cwli, Function::IsIpV4InSubnet, 2, 2),
    Entry("isipv6insubnet", In::Cwli, Function::IsIpV6InSubnet, 2, 2),
    Entry("unmask", In::Cwli, Function::Unmask, 1, 1),
    Entry("md5", In::Ppl, Function::Digest(Digest::Md5), 1, 1),
    Entry("sha1", In::Ppl, Function::Digest(Digest::Sha1), 1, 1),
    Entry("typeof", In::Ppl, Function::TypeOf, 1, 1),
];

/// What became of looking up a function.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There it is.
    Function(Function),
    /// There is one of this name, but it takes other numbers of arguments.
    Arity {
        /// At least.
        least: usize,
        /// At most.
        most: usize,
    },
    /// There is none.
    None,
}

impl In {
    fn has(self, language: Language) -> bool {
        match self {
            In::Both => true,
            In::Cwli => language == Language::Cwli,
            In::Ppl => language == Language::Ppl,
        }
    }
}

/// The function of a name in lower case with so many arguments.
pub(super) fn find(name: &str, language: Language, arguments: usize) -> Found {
    let mut named = FUNCTIONS.iter().filter(|entry| entry.0 == name && entry.1.has(language)).peekable();
    let arity = named.peek().map(|entry| Found::Arity { least: entry.3, most: entry.4 });
    match named.find(|entry| (entry.3..=entry.4).contains(&arguments)) {
        Some(entry) => Found::Function(entry.2),
        None => arity.unwrap_or(Found::None),
    }
}

/// An aggregate's name and what it is; [`Aggregate::Percentile`] and [`Aggregate::Take`] take a number besides.
struct AggregateEntry(&'static str, In, Aggregate);

const AGGREGATES: &[AggregateEntry] = &[
    AggregateEntry("count", In::Both, Aggregate::Count),
    AggregateEntry("count_distinct", In::Cwli, Aggregate::CountDistinct),
    AggregateEntry("distinct_count", In::Ppl, Aggregate::CountDistinct),
    AggregateEntry("dc", In::Ppl, Aggregate::CountDistinct),
    AggregateEntry("distinct_count_approx", In::Ppl, Aggregate::CountDistinct),
    AggregateEntry("sum", In::Both, Aggregate::Sum),
    AggregateEntry("avg", In::Both, Aggregate::Avg),
    AggregateEntry("mean", In::Ppl, Aggregate::Avg),
    AggregateEntry("min", In::Both, Aggregate::Min),
    AggregateEntry("max", In::Both, Aggregate::Max),
    AggregateEntry("pct", In::Cwli, Aggregate::Percentile(0.0)),
    AggregateEntry("percentile", In::Ppl, Aggregate::Percentile(0.0)),
    AggregateEntry("percentile_approx", In::Ppl, Aggregate::Percentile(0.0)),
    AggregateEntry("stddev", In::Cwli, Aggregate::Stddev { population: false }),
    AggregateEntry("stddev_samp", In::Ppl, Aggregate::Stddev { population: false }),
    AggregateEntry("stddev_pop", In::Ppl, Aggregate::Stddev { population: true }),
    AggregateEntry("var_samp", In::Ppl, Aggregate::Variance { population: false }),
    AggregateEntry("var_pop", In::Ppl, Aggregate::Variance { population: true }),
    AggregateEntry("earliest", In::Both, Aggregate::Earliest),
    AggregateEntry("latest", In::Both, Aggregate::Latest),
    AggregateEntry("sortsfirst", In::Cwli, Aggregate::SortsFirst),
    AggregateEntry("sortslast", In::Cwli, Aggregate::SortsLast),
    AggregateEntry("first", In::Ppl, Aggregate::First),
    AggregateEntry("last", In::Ppl, Aggregate::Last),
    AggregateEntry("take", In::Ppl, Aggregate::Take(10)),
];

/// The aggregate of a name in lower case.
pub(super) fn find_aggregate(name: &str, language: Language) -> Option<Aggregate> {
    let mut named = AGGREGATES.iter().filter(|entry| entry.0 == name && entry.1.has(language));
    named.next().map(|entry| entry.2)
}
