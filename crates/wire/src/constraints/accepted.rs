//! Where the services take more than their models' patterns say. A text that breaks its shape's pattern is looked up here
//! before it is refused; lengths hold all the same.

use watchkeep_model::Shape;

use super::pattern;

/// A shape whose pattern the service does not enforce.
struct Accepted {
    /// The shape's name and pattern in the model: a name alone may be another service's, too.
    shape: &'static str,
    pattern: &'static str,
    /// The pattern that the service does enforce.
    instead: &'static str,
}

const ACCEPTED: &[Accepted] = &[
    // The ARN as DescribeLogGroups gives it, with `:*` at its end: the samples of GetLogEvents and FilterLogEvents pass it.
    Accepted { shape: "LogGroupIdentifier", pattern: "[\\w#+=/:,.@-]*", instead: "arn:[\\w#+=/:,.@-]*:\\*" },
    // PutMetricData takes a leading colon (seen of the service); what else a name may not be, the service says itself.
    Accepted { shape: "Namespace", pattern: "[^:].*", instead: "(?s).*" },
];

/// Whether the service takes a text of this shape although it breaks the shape's pattern.
pub(super) fn is_accepted(shape: &Shape, text: &str) -> bool {
    ACCEPTED
        .iter()
        .find(|accepted| accepted.shape == shape.name && shape.constraints.pattern == Some(accepted.pattern))
        .is_some_and(|accepted| pattern::matches(accepted.instead, text))
}

/// Enumerations that a service checks itself: SQS takes names of one list in another, and refuses unknown ones with an error of their own;
/// S3 takes the mode in any case, and Arrow's client writes it small.
const NAMES_CHECKED_BY_SERVICES: &[&str] =
    &["QueueAttributeName", "MessageSystemAttributeName", "MessageSystemAttributeNameForSends", "ChecksumMode"];

/// Whether the values of this enumeration are checked by the service.
pub(super) fn are_names_checked_by_their_service(shape: &Shape) -> bool {
    NAMES_CHECKED_BY_SERVICES.contains(&shape.name)
}

/// Structures that a service checks itself: PutMetricData and PutLogEvents may take the data of a bad entity, and then only
/// tell what is wrong with it.
const CHECKED_BY_SERVICES: &[&str] = &["Entity"];

/// Whether nothing in a structure of this shape is to be checked before the service does.
pub(super) fn is_checked_by_its_service(shape: &Shape) -> bool {
    CHECKED_BY_SERVICES.contains(&shape.name)
}

#[cfg(test)]
mod tests {
    use watchkeep_model::Structure;
    use watchkeep_model::cloudwatch::{Entity, EntityMetricData, ListMetricsInput, PutMetricDataInput};
    use watchkeep_model::logs::{self, GetLogEventsRequest, ListTagsForResourceRequest, PutLogEventsRequest};

    use super::*;
    use crate::constraints::violations;

    fn rules(input: &dyn Structure) -> Vec<String> {
        let mut found = Vec::new();
        violations(input, &mut found);
        found.into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn what_services_take_beyond_their_patterns() {
        let group = |identifier: &str| {
            let log_group_identifier = Some(identifier.to_owned());
            rules(&GetLogEventsRequest { log_group_identifier, log_stream_name: "s".into(), ..Default::default() })
        };
        let namespace =
            |name: &str| rules(&ListMetricsInput { namespace: Some(name.to_owned()), ..Default::default() });
        let refused = ["satisfy regular expression pattern: [\\w#+=/:,.@-]*"];
        let arn = "arn:aws:logs:us-east-1:000000000000:log-group:/a#1";
        assert!(group(arn).is_empty());
        assert!(group(&format!("{arn}:*")).is_empty());
        assert_eq!(group(&format!("{arn}:**")), refused);
        assert_eq!(group("/a:*"), refused);
        assert_eq!(group("*"), refused);
        assert!(namespace(":a").is_empty());
        assert!(namespace("a\nb").is_empty(), "metrics refuse control characters in their own words");
        assert_eq!(namespace(&format!(":{}", "a".repeat(255))), ["have length less than or equal to 255"]);
        // Tags are by ARN without `:*`.
        let tags = rules(&ListTagsForResourceRequest { resource_arn: format!("{arn}:*").replace('#', "") });
        assert_eq!(tags, ["satisfy regular expression pattern: [\\w+=/:,.@-]*"]);
    }

    #[test]
    fn entities_are_left_to_their_services() {
        let long = "x".repeat(3000);
        let keys = Some([("Type".to_owned(), long)].into());
        let entity = Some(Entity { key_attributes: keys.clone(), attributes: None });
        let with_entity = EntityMetricData { entity, metric_data: None };
        let put = PutMetricDataInput {
            namespace: "n".into(),
            entity_metric_data: Some(vec![with_entity]),
            ..Default::default()
        };
        assert_eq!(rules(&put), [""; 0]);
        let entity = Some(logs::Entity { key_attributes: keys, attributes: None });
        let put = PutLogEventsRequest {
            log_group_name: "g".into(),
            log_stream_name: "s".into(),
            entity,
            ..Default::default()
        };
        assert_eq!(rules(&put), ["have length greater than or equal to 1"], "of logEvents only");
    }

    /// The models change; a row that no model needs any more must go.
    #[test]
    fn every_row_is_of_a_shape_that_there_is() {
        let used = [GetLogEventsRequest::default().schema(), ListMetricsInput::default().schema()]
            .map(|schema| schema.members.iter().map(|member| member.shape).collect::<Vec<_>>())
            .concat();
        for row in ACCEPTED {
            let is_used = |shape: &&Shape| shape.name == row.shape && shape.constraints.pattern == Some(row.pattern);
            assert!(used.iter().any(is_used), "{}", row.shape);
        }
    }
}
