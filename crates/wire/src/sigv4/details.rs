//! The further elements of S3's authentication errors (S3 API reference, "Error responses").

use watchkeep_model::{
    Constraints, ErrorTraits, Kind, Location, Member, Schema, SchemaKind, Shape, Slot, Structure, View,
};

/// Named texts beside an error's code and message.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    texts: [Option<String>; MEMBERS.len()],
}

impl Details {
    /// Details of these names, which must be among the schema's; others are left out.
    pub(super) fn of(texts: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut details = Details::default();
        for (name, text) in texts {
            let index = MEMBERS.iter().position(|member| member.name == name);
            if let Some(place) = index.and_then(|index| details.texts.get_mut(index)) {
                *place = Some(text);
            }
        }
        details
    }
}

impl Structure for Details {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn get(&self, index: usize) -> Option<View<'_>> {
        self.texts.get(index)?.as_deref().map(View::String)
    }

    fn slot(&mut self, index: usize) -> Option<Slot<'_>> {
        self.texts.get_mut(index).map(|text| Slot::String(text.get_or_insert_default()))
    }
}

static TEXT: Shape = Shape { name: "String", kind: Kind::String, constraints: Constraints::NONE, sensitive: false };

static SCHEMA: Schema = Schema {
    name: "AuthenticationError",
    members: &MEMBERS,
    kind: SchemaKind::Error(ErrorTraits { query_code: "AuthenticationError", status: 403, sender: true }),
    payload: None,
    xml_namespace: None,
};

static MEMBERS: [Member; 14] = [
    member("AWSAccessKeyId"),
    member("StringToSign"),
    member("SignatureProvided"),
    member("StringToSignBytes"),
    member("CanonicalRequest"),
    member("CanonicalRequestBytes"),
    member("RequestTime"),
    member("ServerTime"),
    member("MaxAllowedSkewMilliseconds"),
    member("HeadersNotSigned"),
    member("X-Amz-Expires"),
    member("Expires"),
    member("ClientComputedContentSHA256"),
    member("S3ComputedContentSHA256"),
];

const fn member(name: &'static str) -> Member {
    Member {
        name,
        wire_name: None,
        query_name: None,
        location: Location::Body,
        required: false,
        shape: &TEXT,
        flattened: false,
        xml_attribute: false,
        timestamp_format: None,
        xml_namespace: None,
        event_payload: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_texts_are_present() {
        let details = Details::of([("Expires", "soon".to_owned()), ("NoSuchName", String::new())]);
        let present: Vec<_> =
            details.schema().members.iter().enumerate().filter(|(index, _)| details.get(*index).is_some()).collect();
        assert_eq!(present.len(), 1);
        assert_eq!(present[0].1.name, "Expires");
    }
}
