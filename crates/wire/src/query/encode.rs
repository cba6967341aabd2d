//! From a structure to form parameters.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request};
use watchkeep_model::{Element, Kind, MapView, Shape, Structure, TimestampFormat, View};

use super::decode::name;
use super::form::encode_component;
use crate::protocol::Call;
use crate::text;

/// The request that asks for the operation: `POST /` with a form.
pub fn encode_request(call: &Call, input: &dyn Structure) -> Request<Vec<u8>> {
    let mut form = Form { out: String::new(), path: String::new() };
    form.parameter("Action", call.operation.name);
    form.parameter("Version", call.service.api_version);
    form.structure(input);
    let mut request = Request::new(form.out.into_bytes());
    *request.method_mut() = Method::POST;
    let content_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    request
}

struct Form {
    out: String,
    /// The path of the value being written.
    path: String,
}

impl Form {
    fn parameter(&mut self, key: &str, value: &str) {
        if !self.out.is_empty() {
            self.out.push('&');
        }
        encode_component(&mut self.out, key);
        self.out.push('=');
        encode_component(&mut self.out, value);
    }

    /// Runs `write` with the path longer by this segment.
    fn within(&mut self, segment: &str, write: impl FnOnce(&mut Form)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(segment);
        write(self);
        self.path.truncate(length);
    }

    fn leaf(&mut self, value: &str) {
        let path = std::mem::take(&mut self.path);
        self.parameter(&path, value);
        self.path = path;
    }

    fn structure(&mut self, structure: &dyn Structure) {
        for (index, member) in structure.schema().members.iter().enumerate() {
            let Some(view) = structure.get(index) else { continue };
            let format = text::member_format(member, TimestampFormat::Iso8601);
            self.within(name(member), |form| form.value(view, member.shape, member.flattened, format));
        }
    }

    fn value(&mut self, view: View<'_>, shape: &Shape, flattened: bool, format: TimestampFormat) {
        match (view, &shape.kind) {
            (View::Structure(value), _) => {
                let before = self.out.len();
                self.structure(value);
                // That it is there at all may be all it says.
                if self.out.len() == before {
                    self.leaf("");
                }
            }
            (View::List(list), Kind::List(_)) if list.is_empty() => self.leaf(""),
            (View::List(list), Kind::List(element)) => {
                let entries = |form: &mut Form| {
                    for (number, view) in (0..list.len()).filter_map(|index| Some((index + 1, list.get(index)?))) {
                        form.within(&number.to_string(), |form| form.element(view, element));
                    }
                };
                match flattened {
                    true => entries(self),
                    false => self.within(element.wire_name.unwrap_or("member"), entries),
                }
            }
            (View::Map(map), Kind::Map(..)) if map.is_empty() => self.leaf(""),
            (View::Map(map), Kind::Map(key, element)) => match flattened {
                true => self.entries(map, key, element),
                false => self.within("entry", |form| form.entries(map, key, element)),
            },
            (view, _) => {
                if let Some(text) = text::write(view, format) {
                    self.leaf(&text);
                }
            }
        }
    }

    fn element(&mut self, view: View<'_>, element: &Element) {
        let format =
            element.timestamp_format.unwrap_or_else(|| text::shape_format(element.shape, TimestampFormat::Iso8601));
        self.value(view, element.shape, false, format);
    }

    fn entries(&mut self, map: &dyn MapView, key: &Element, element: &Element) {
        let mut number = 0;
        map.each(&mut |text, view| {
            number += 1;
            self.within(&number.to_string(), |form| {
                form.within(key.wire_name.unwrap_or("key"), |form| form.leaf(text));
                form.within(element.wire_name.unwrap_or("value"), |form| form.element(view, element));
            });
        });
    }
}
