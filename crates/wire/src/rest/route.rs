//! From method and target to the operation: the URI templates of a service, compiled once.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::LazyLock;

use http::Uri;
use watchkeep_model::{Kind, Location, Operation, Protocol, SERVICES, Service};

use crate::protocol::Head;
use crate::query::decode_component;

/// The templates of every service that speaks a REST protocol.
static TABLES: LazyLock<Vec<(&'static Service, Vec<Template>)>> = LazyLock::new(|| {
    SERVICES
        .iter()
        .filter(|service| service.protocols.iter().any(|it| matches!(it, Protocol::RestJson | Protocol::RestXml)))
        .map(|service| (*service, service.operations.iter().map(|operation| Template::new(operation)).collect()))
        .collect()
});

fn templates(service: &Service) -> &'static [Template] {
    let table = TABLES.iter().find(|(known, _)| std::ptr::eq(*known, service));
    table.map_or(&[], |(_, templates)| templates.as_slice())
}

/// A URI template with what else tells its operation from others of the same path.
pub struct Template {
    operation: &'static Operation,
    segments: Vec<Segment>,
    /// The query string's fixed part, as `list-type=2` or `acl`.
    literals: Vec<(&'static str, Option<&'static str>)>,
    /// Query-string keys and headers of required members: UploadPart differs from PutObject by nothing else.
    required_keys: Vec<&'static str>,
    required_headers: Vec<&'static str>,
}

enum Segment {
    Literal(&'static str),
    Label(&'static str),
    /// Takes the rest of the path; always the last.
    Greedy(&'static str),
}

impl Template {
    /// Compiles the operation's template.
    pub fn new(operation: &'static Operation) -> Template {
        let (path, query) = operation.uri.split_once('?').unwrap_or((operation.uri, ""));
        let segment = |text: &'static str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(label) => label.strip_suffix('+').map_or(Segment::Label(label), Segment::Greedy),
            None => Segment::Literal(text),
        };
        let literals = query.split('&').filter(|pair| !pair.is_empty());
        let required = |location: Location| {
            let members = operation.input.members.iter();
            members
                .filter(move |member| member.required && member.location == location)
                .filter(|member| !matches!(member.shape.kind, Kind::Map(..)))
                .map(|member| member.wire_name())
                .collect()
        };
        Template {
            operation,
            segments: path.split('/').filter(|text| !text.is_empty()).map(segment).collect(),
            literals: literals.map(|pair| pair.split_once('=').map_or((pair, None), |(k, v)| (k, Some(v)))).collect(),
            required_keys: required(Location::QueryString),
            required_headers: required(Location::Header),
        }
    }

    /// The labels' values as they stand in the path, still encoded; `None` if the path is another one.
    pub fn labels<'p>(&self, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
        let mut labels = Vec::new();
        let mut rest = path.strip_prefix('/');
        for segment in &self.segments {
            let text = rest.filter(|text| !text.is_empty())?;
            let (part, after) = text.split_once('/').map_or((text, None), |(part, after)| (part, Some(after)));
            rest = after;
            match segment {
                Segment::Literal(literal) if *literal == part => {}
                Segment::Literal(_) => return None,
                Segment::Label(name) if !part.is_empty() => labels.push((*name, part)),
                Segment::Label(_) => return None,
                Segment::Greedy(name) => {
                    labels.push((*name, text));
                    rest = None;
                }
            }
        }
        // A slash at the end makes no difference.
        rest.is_none_or(str::is_empty).then_some(labels)
    }

    fn has_literals(&self, query: &[(Cow<'_, str>, Cow<'_, str>)]) -> bool {
        self.literals.iter().all(|(key, value)| {
            query.iter().any(|(found, text)| found == key && value.is_none_or(|value| value == text))
        })
    }

    fn has_required(&self, head: &Head<'_>, query: &[(Cow<'_, str>, Cow<'_, str>)]) -> bool {
        self.required_keys.iter().all(|key| query.iter().any(|(found, _)| found == key))
            && self.required_headers.iter().all(|name| head.headers.contains_key(*name))
    }

    /// Greater is more specific: fixed segments before labels, then (if all that the operation requires is there) the fixed
    /// and required parts of query string and headers.
    fn rank(&self, complete: bool) -> impl Ord + use<> {
        let fixed = self.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count();
        let greedy = self.segments.iter().any(|segment| matches!(segment, Segment::Greedy(_)));
        let required = self.required_keys.len() + self.required_headers.len();
        (fixed, Reverse(greedy), complete, self.literals.len(), required)
    }
}

/// The operation whose URI template fits the request best.
pub fn find(head: &Head<'_>, service: &'static Service) -> Option<&'static Operation> {
    let query = parameters(head.uri);
    let mut best: Option<(&Template, _)> = None;
    for template in templates(service) {
        let fits = template.operation.method == head.method.as_str()
            && template.labels(head.uri.path()).is_some()
            && template.has_literals(&query);
        if !fits {
            continue;
        }
        let rank = template.rank(template.has_required(head, &query));
        // Of two alike the first is meant (ListBuckets before ListDirectoryBuckets), but for those that go on from the
        // other's name: GetBucketLifecycleConfiguration replaced GetBucketLifecycle.
        let better = best.as_ref().is_none_or(|(other, other_rank)| {
            rank > *other_rank || rank == *other_rank && template.operation.name.starts_with(other.operation.name)
        });
        if better {
            best = Some((template, rank));
        }
    }
    best.map(|(template, _)| template.operation)
}

/// The labels' values of a request for this operation, still encoded.
pub fn labels<'p>(operation: &'static Operation, path: &'p str) -> Vec<(&'static str, &'p str)> {
    Template::new(operation).labels(path).unwrap_or_default()
}

/// The query string's pairs, decoded; those that are not UTF-8 are left out.
pub fn parameters(uri: &Uri) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode_component(key)?, decode_component(value)?))
        })
        .collect()
}
