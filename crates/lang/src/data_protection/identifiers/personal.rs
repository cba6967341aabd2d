//! Personal information that is written alike everywhere. Source: "Personally identifiable information (PII)" of the data types
//! that can be protected.

use memchr::memchr;

use crate::data_protection::checks::{any, coordinates, vin};
use crate::data_protection::identifier::{Row, alone, checked, form};

fn may_be_mail(text: &[u8]) -> bool {
    memchr(b'@', text).is_some()
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "DateOfBirth",
        keywords: &[&["dob", "date of birth", "birthdate", "birth date", "birthday", "b-day", "bday"]],
        forms: &[
            form(r"(?:19|20)[0-9]{2}[ /.-](?:1[0-2]|0?[1-9])[ /.-](?:[12][0-9]|3[01]|0?[1-9])"),
            form(r"(?:[12][0-9]|3[01]|0?[1-9])[ /.-](?:[12][0-9]|3[01]|0?[1-9])[ /.-](?:(?:19|20)[0-9]{2}|[0-9]{2})"),
            form(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"),
            form(
                r"(?i:(?:[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?[ /.-]?(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[ ,/.-]{1,2}(?:(?:19|20)[0-9]{2}|[0-9]{2}))",
            ),
            form(
                r"(?i:(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)[ /.-]{1,2}(?:[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?[ ,/.-]{1,2}(?:(?:19|20)[0-9]{2}|[0-9]{2}))",
            ),
        ],
    },
    Row {
        name: "EmailAddress",
        keywords: &[],
        forms: &[alone(
            r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}",
            any,
            may_be_mail,
        )],
    },
    Row {
        name: "LatLong",
        keywords: &[&["coordinate", "coordinates", "lat long", "latitude longitude", "location", "position"]],
        forms: &[checked(r"[+-]?[0-9]{1,2}\.[0-9]{2,15} ?, ?[+-]?[0-9]{1,3}\.[0-9]{2,15}", coordinates)],
    },
    Row {
        name: "VehicleIdentificationNumber",
        keywords: &[&[
            "fahrgestellnummer",
            "niv",
            "numarul de identificare",
            "numarul seriei de sasiu",
            "serie sasiu",
            "numer vin",
            "número de identificação do veículo",
            "número de identificación de automóviles",
            "numéro d'identification du véhicule",
            "vehicle identification number",
            "vin",
            "vin numeris",
        ]],
        forms: &[checked(r"[A-HJ-NPR-Z0-9]{17}", vin)],
    },
];
