//! The long names of Regions, as messages have them.

/// The Regions that have one. All but the first are as AWS's pages of endpoints called them; newer names of some differ.
static NAMES: &[(&str, &str)] = &[
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
    ("eu-west-1", "EU (Ireland)"),
    ("eu-west-2", "EU (London)"),
    ("eu-west-3", "EU (Paris)"),
    ("eu-central-1", "EU (Frankfurt)"),
    ("eu-north-1", "EU (Stockholm)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ca-central-1", "Canada (Central)"),
    ("sa-east-1", "South America (Sao Paulo)"),
];

/// The long name of a Region, or the Region itself if it has none.
pub fn long_name(region: &str) -> &str {
    NAMES.iter().find(|(code, _)| *code == region).map_or(region, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_long_names_or_their_own() {
        assert_eq!(long_name("us-east-1"), "US East (N. Virginia)");
        assert_eq!(long_name("eu-west-1"), "EU (Ireland)");
        assert_eq!(long_name("moon-1"), "moon-1");
    }
}
