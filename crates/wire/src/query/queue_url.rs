//! SQS's older clients send a queue's calls to the queue's own URL and leave the parameter `QueueUrl` out.

use std::borrow::Cow;

use watchkeep_model::Service;

use super::form::encode_component;
use crate::protocol::Head;

/// The form, with the path that it was sent to as its `QueueUrl` where SQS gets none.
pub fn with_queue_url<'f>(service: &Service, head: &Head<'_>, form: Cow<'f, [u8]>) -> Cow<'f, [u8]> {
    let path = head.uri.path();
    let is_given = form.split(|byte| *byte == b'&').any(|pair| pair.starts_with(b"QueueUrl="));
    if service.name != "sqs" || path.len() < 2 || is_given {
        return form;
    }
    let mut url = String::from("&QueueUrl=");
    encode_component(&mut url, path);
    [&*form, url.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};

    use super::*;

    #[test]
    fn the_path_stands_in_for_an_absent_queue_url() {
        let check = |service: &Service, path: &'static str, form: &str| {
            let (method, uri, headers) = (Method::POST, Uri::from_static(path), HeaderMap::new());
            let head = Head { method: &method, uri: &uri, headers: &headers };
            String::from_utf8(with_queue_url(service, &head, form.as_bytes().into()).into_owned()).unwrap()
        };
        let (sqs, sns) = (&watchkeep_model::sqs::SERVICE, &watchkeep_model::sns::SERVICE);
        assert_eq!(check(sqs, "/000000000000/q", "Action=X"), "Action=X&QueueUrl=%2F000000000000%2Fq");
        assert_eq!(check(sqs, "/000000000000/q", "QueueUrl=a&Action=X"), "QueueUrl=a&Action=X");
        assert_eq!(check(sqs, "/", "Action=X"), "Action=X");
        assert_eq!(check(sns, "/000000000000/q", "Action=X"), "Action=X");
    }
}
