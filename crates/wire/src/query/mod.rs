//! awsQuery: form parameters in, XML out. Structures are flattened into parameters named by their path
//! (`MetricData.member.1.Dimensions.member.2.Name`).

mod decode;
mod encode;
mod form;
mod limits;
mod paths;
mod queue_url;
mod response;

pub use decode::decode;
pub use encode::encode_request;
pub use form::{decode_component, encode_component};
pub use queue_url::with_queue_url;
pub use response::{decode_response, encode_error, encode_response};

#[cfg(test)]
mod tests;
