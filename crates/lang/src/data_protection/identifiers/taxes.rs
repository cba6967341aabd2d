//! Numbers of taxpayers. Source: "Keywords for taxpayer identification and reference numbers".

use crate::data_protection::checks::{cif, dni, french_tax, german_tax, utr};
use crate::data_protection::identifier::{Row, checked, form};

const SPANISH: &[&str] = &[
    "cif",
    "cif número",
    "cifnúmero#",
    "nie",
    "nif",
    "número de contribuyente",
    "número de identidad de extranjero",
    "número de identificación fiscal",
    "número de impuesto corporativo",
    "personal tax number",
    "tax id",
    "tax identification number",
    "tax number",
    "tin",
    "tin#",
];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "IndividualTaxIdentificationNumber-US",
        keywords: &[&["individual taxpayer identification number", "itin", "i.t.i.n."]],
        forms: &[form(r"9[0-9]{2}[ -]?(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[ -]?[0-9]{4}")],
    },
    Row { name: "NieNumber-ES", keywords: &[SPANISH], forms: &[checked(r"[XYZ][ -]?[0-9]{7}[ -]?[A-Z]", dni)] },
    Row {
        name: "NifNumber-ES",
        keywords: &[SPANISH],
        forms: &[checked(r"[0-9]{8}[ -]?[A-Z]", dni), checked(r"[KLM][ -]?[0-9]{7}[ -]?[A-Z]", dni)],
    },
    Row {
        name: "TaxId-DE",
        keywords: &[&[
            "identifikationsnummer",
            "steuer id",
            "steueridentifikationsnummer",
            "steuernummer",
            "tax id",
            "tax identification number",
            "tax number",
        ]],
        forms: &[checked(r"[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", german_tax)],
    },
    Row {
        name: "TaxId-ES",
        keywords: &[SPANISH],
        forms: &[checked(r"[ABCDEFGHJNPQRSUVW][ -]?[0-9]{7}[ -]?[0-9A-J]", cif)],
    },
    Row {
        name: "TaxId-FR",
        keywords: &[&[
            "numéro d'identification fiscale",
            "tax id",
            "tax identification number",
            "tax number",
            "tin",
            "tin#",
        ]],
        forms: &[checked(r"[0-3][0-9] ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", french_tax)],
    },
    Row {
        name: "TaxId-GB",
        keywords: &[&[
            "paye",
            "tax id",
            "tax id no.",
            "tax id number",
            "tax identification",
            "tax identification#",
            "tax no.",
            "tax number",
            "tax reference",
            "tax#",
            "taxid#",
            "temporary reference number",
            "tin",
            "trn",
            "unique tax reference",
            "unique taxpayer reference",
            "utr",
        ]],
        forms: &[checked(r"[0-9]{5} ?[0-9]{5}", utr), form(r"[0-9]{2}[A-Z][0-9]{5}")],
    },
];
