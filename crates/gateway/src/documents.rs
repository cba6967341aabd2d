//! Documents that anybody may read, by their paths: what clients check other things with, as certificates. They are no calls: nobody is
//! asked who he is, and nothing is recorded.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use watchkeep_core::BoxFuture;

use crate::respond::{ResponseBody, whole};

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its media type.
    pub content_type: &'static str,
    /// What it holds.
    pub body: Bytes,
}

/// Finds documents.
pub trait Documents: Send + Sync {
    /// The document of this path; `None` at once if paths like it are of no document.
    fn find<'a>(&'a self, path: &'a str) -> Option<BoxFuture<'a, Option<Document>>>;
}

/// There are none.
#[derive(Debug, Default)]
pub struct NoDocuments;

impl Documents for NoDocuments {
    fn find<'a>(&'a self, _: &'a str) -> Option<BoxFuture<'a, Option<Document>>> {
        None
    }
}

/// The answer to a request for a document, if it is one.
pub(crate) async fn answer(documents: &dyn Documents, method: &Method, path: &str) -> Option<Response<ResponseBody>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut response = Response::new(Vec::new());
    match documents.find(path)?.await {
        Some(document) => {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(document.content_type));
            *response.body_mut() = document.body.to_vec();
        }
        None => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Some(whole(response))
}
