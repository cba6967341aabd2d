//! The managed data identifiers, one row each, by category as AWS lists them. To add one, copy a neighbour.

mod credentials;
mod device;
mod drivers_license;
mod financial;
mod health;
mod names;
mod personal;
mod places;
mod taxes;

use super::identifier::Row;

/// All managed data identifiers.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    const CATEGORIES: &[&[Row]] = &[
        credentials::ROWS,
        device::ROWS,
        drivers_license::ROWS,
        financial::ROWS,
        health::ROWS,
        names::ROWS,
        personal::ROWS,
        places::ROWS,
        taxes::ROWS,
    ];
    CATEGORIES.iter().copied().flatten()
}
