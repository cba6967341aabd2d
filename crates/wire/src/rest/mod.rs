//! restJson1 and restXml: an input's members are spread over path, query string, headers and body, an output's over status,
//! headers and body. The two differ in the body's format and in their errors.

mod bindings;
mod body;
mod decode;
mod encode;
mod error;
mod response;
mod route;
mod s3;
pub mod virtual_host;

pub use decode::decode;
pub use encode::encode_request;
pub use error::encode_error;
pub use response::{decode_response, encode_response};
pub use route::find;

#[cfg(test)]
mod tests;
