//! GetDataset: the dataset that the metrics of an account in a Region are. There is one, `default`, and no key of the customer's is
//! associated with it. Source: "GetDataset".

use watchkeep_core::{Arn, Caller};
use watchkeep_model::ServiceError;
use watchkeep_model::cloudwatch::{GetDatasetInput, GetDatasetOutput};

use crate::Metrics;
use crate::errors::not_found;

/// The only dataset.
const DEFAULT: &str = "default";

/// Describes the dataset that is named by its id or its ARN.
pub(crate) async fn get_dataset(
    _: &Metrics,
    caller: &Caller,
    input: GetDatasetInput,
) -> Result<GetDatasetOutput, ServiceError> {
    let arn = Arn::new("cloudwatch", caller.region.as_str(), caller.account.as_str(), format!("dataset/{DEFAULT}"));
    let arn = arn.to_string();
    match input.dataset_identifier.as_str() {
        DEFAULT => {}
        identifier if identifier == arn => {}
        other => return Err(not_found("dataset", other)),
    }
    Ok(GetDatasetOutput { dataset_id: DEFAULT.to_owned(), arn, kms_key_arn: None })
}
