//! Personal information by country: identity, residence, passports, telephones, postal codes. Source: "Personally identifiable
//! information (PII)" of the data types that can be protected, and its tables of keywords.

use memchr::memchr;

use crate::data_protection::checks::{
    any, cnpj, codice_fiscale, cpf, dni, german_document, luhn, nir, spanish_ssn, ssn,
};
use crate::data_protection::identifier::{Form, Row, alone, checked, form};

/// A French number of the register of persons: sex, year, month, department, commune, order, key.
pub(super) const NIR: &str = r"[1-478] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}";

const PHONE: &[&str] = &[
    "cell",
    "contact",
    "fax",
    "fax number",
    "mobile",
    "phone",
    "phone number",
    "tel",
    "telephone",
    "telephone number",
];

fn has_a_plus(text: &[u8]) -> bool {
    memchr(b'+', text).is_some()
}

/// A telephone number that says its country.
const fn international(pattern: &'static str) -> Form {
    alone(pattern, any, has_a_plus)
}

fn may_be_a_canadian_postal_code(text: &[u8]) -> bool {
    text.windows(3).any(
        |three| matches!(three, [a, b, c] if a.is_ascii_uppercase() && b.is_ascii_digit() && c.is_ascii_uppercase()),
    )
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "CepCode-BR",
        keywords: &[&["cep", "código de endereçamento postal", "codigo de endereçamento postal"]],
        forms: &[form(r"[0-9]{2}\.?[0-9]{3}-?[0-9]{3}")],
    },
    Row {
        name: "Cnpj-BR",
        keywords: &[&["cadastro nacional da pessoa jurídica", "cadastro nacional da pessoa juridica", "cnpj"]],
        forms: &[checked(r"[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}/?[0-9]{4}-?[0-9]{2}", cnpj)],
    },
    Row {
        name: "CpfCode-BR",
        keywords: &[&[
            "cadastro de pessoas fisicas",
            "cadastro de pessoas físicas",
            "cadastro de pessoa física",
            "cadastro de pessoa fisica",
            "cpf",
        ]],
        forms: &[checked(r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}", cpf)],
    },
    Row {
        name: "ElectoralRollNumber-GB",
        keywords: &[&[
            "electoral #",
            "electoral number",
            "electoral roll #",
            "electoral roll no.",
            "electoral roll number",
            "electoralrollno",
        ]],
        forms: &[form(r"[A-Z]{1,4}[ -]?[0-9]{1,5}(?:/[0-9]{1,2})?")],
    },
    Row { name: "InseeCode-FR", keywords: &[FRENCH_IDENTITY], forms: &[checked(NIR, nir)] },
    Row {
        name: "NationalIdentificationNumber-DE",
        keywords: &[&[
            "ausweisnummer",
            "id number",
            "identification number",
            "identity number",
            "insurance number",
            "personal id",
            "personalausweis",
        ]],
        forms: &[checked(r"[CFGHJ-NPRTV-Z][0-9CFGHJ-NPRTV-Z]{8}[0-9]?", german_document)],
    },
    Row {
        name: "NationalIdentificationNumber-ES",
        keywords: &[&[
            "dni",
            "dni#",
            "dninúmero#",
            "documento nacional de identidad",
            "identidad único",
            "identidadúnico#",
            "insurance number",
            "national identification number",
            "national identity",
            "nationalid#",
            "nationalidno#",
            "número nacional identidad",
            "personal identification number",
            "personal identity no",
            "unique identity number",
            "uniqueid#",
        ]],
        forms: &[checked(r"[0-9]{8}[ -]?[A-Z]", dni)],
    },
    Row {
        name: "NationalIdentificationNumber-IT",
        keywords: &[&[
            "codice fiscal",
            "codice fiscale",
            "dati anagrafici",
            "ehic",
            "health card",
            "health insurance card",
            "p. iva",
            "partita i.v.a.",
            "personal data",
            "tax code",
            "tessera sanitaria",
        ]],
        forms: &[checked(
            r"[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
            codice_fiscale,
        )],
    },
    Row {
        name: "PassportNumber-CA",
        keywords: &[&["passeport", "passeport#", "passport", "passport#", "passportno", "passportno#"]],
        forms: &[form(r"[A-Z]{2}[0-9]{6}"), form(r"[A-Z][0-9]{6}[A-Z]{2}")],
    },
    Row {
        name: "PassportNumber-DE",
        keywords: &[&[
            "ausstellungsdatum",
            "ausstellungsort",
            "geburtsdatum",
            "passport",
            "passports",
            "reisepass",
            "reisepass–nr",
            "reisepassnummer",
        ]],
        forms: &[checked(r"[CFGHJK][0-9CFGHJ-NPRTV-Z]{8}[0-9]?", german_document)],
    },
    Row {
        name: "PassportNumber-ES",
        keywords: &[&[
            "españa pasaporte",
            "libreta pasaporte",
            "número pasaporte",
            "pasaporte",
            "passport",
            "passport book",
            "passport no",
            "passport number",
            "spain passport",
        ]],
        forms: &[form(r"[A-Z]{3}[0-9]{6}"), form(r"[A-Z]{2}[0-9]{7}")],
    },
    Row {
        name: "PassportNumber-FR",
        keywords: &[&[
            "numéro de passeport",
            "passeport",
            "passeport#",
            "passeport #",
            "passeportn °",
            "passeport n °",
            "passeportnon",
            "passeport non",
        ]],
        forms: &[form(r"[0-9]{2}[A-Z]{2}[0-9]{5}")],
    },
    Row {
        name: "PassportNumber-GB",
        keywords: &[&[
            "passeport #",
            "passeport n °",
            "passeportnon",
            "passeport non",
            "passeportn °",
            "passport #",
            "passport no",
            "passport number",
            "passport#",
            "passportid",
        ]],
        forms: &[form(r"[0-9]{9}")],
    },
    Row {
        name: "PassportNumber-IT",
        keywords: &[&[
            "italian passport number",
            "numéro passeport",
            "numéro passeport italien",
            "passaporto",
            "passaporto italiana",
            "passaporto numero",
            "passport number",
            "repubblica italiana passaporto",
        ]],
        forms: &[form(r"[A-Z]{2}[0-9]{7}")],
    },
    Row {
        name: "PassportNumber-US",
        keywords: &[&["passport", "passport number", "travel document"]],
        forms: &[form(r"[0-9]{9}"), form(r"[A-Z][0-9]{8}")],
    },
    Row {
        name: "PermanentResidenceNumber-CA",
        keywords: &[&[
            "carte résident permanent",
            "numéro carte résident permanent",
            "numéro résident permanent",
            "permanent resident card",
            "permanent resident card number",
            "permanent resident no",
            "permanent resident no.",
            "permanent resident number",
            "pr no",
            "pr no.",
            "pr non",
            "pr number",
            "résident permanent no.",
            "résident permanent non",
        ]],
        forms: &[form(r"[A-Z]{2}[0-9]{7,10}")],
    },
    Row {
        name: "PhoneNumber-BR",
        keywords: &[
            PHONE,
            &["cel", "celular", "fone", "móvel", "número residencial", "numero residencial", "telefone"],
        ],
        forms: &[
            international(r"\+55[ .-]?\(?[0-9]{2}\)?[ .-]?9?[0-9]{4}[ .-]?[0-9]{4}"),
            form(r"\(?0?[0-9]{2}\)?[ .-]?9?[0-9]{4}[ .-]?[0-9]{4}"),
        ],
    },
    Row {
        name: "PhoneNumber-DE",
        keywords: &[PHONE, &["telefon", "telefonnummer", "handy"]],
        forms: &[
            international(r"\+49[ ./-]?(?:\(0\))?[ ./-]?[0-9]{2,5}(?:[ ./-]?[0-9]){4,10}"),
            form(r"\(?0[1-9][0-9]{1,4}\)?(?:[ ./-]?[0-9]){4,10}"),
        ],
    },
    Row {
        name: "PhoneNumber-ES",
        keywords: &[PHONE],
        forms: &[
            international(r"\+34[ .-]?[6-9][0-9]{2}[ .-]?[0-9]{2,3}[ .-]?[0-9]{2,3}(?:[ .-]?[0-9]{2})?"),
            form(r"[6-9][0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{3}"),
            form(r"[6-9][0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]{2}"),
        ],
    },
    Row {
        name: "PhoneNumber-FR",
        keywords: &[PHONE],
        forms: &[
            international(r"\+33[ .-]?(?:\(0\))?[ .-]?[1-9](?:[ .-]?[0-9]{2}){4}"),
            form(r"0[1-9](?:[ .-]?[0-9]{2}){4}"),
        ],
    },
    Row {
        name: "PhoneNumber-GB",
        keywords: &[PHONE],
        forms: &[
            international(r"\+44[ .-]?(?:\(0\))?[ .-]?[1-9](?:[ .-]?[0-9]){8,9}"),
            form(r"\(?0[1-9][0-9]{1,4}\)?(?:[ .-]?[0-9]){5,8}"),
        ],
    },
    Row {
        name: "PhoneNumber-IT",
        keywords: &[PHONE],
        forms: &[
            international(r"\+39[ .-]?[03][0-9]{1,3}(?:[ .-]?[0-9]){5,8}"),
            form(r"[03][0-9]{1,3}[ ./-]?[0-9]{2,4}(?:[ .-]?[0-9]){3,4}"),
        ],
    },
    Row {
        name: "PhoneNumber-US",
        keywords: &[PHONE],
        forms: &[
            international(r"\+1[ .-]?\(?[2-9][0-9]{2}\)?[ .-]?[2-9][0-9]{2}[ .-]?[0-9]{4}"),
            form(r"(?:1[ .-])?\(?[2-9][0-9]{2}\)?[ .-]?[2-9][0-9]{2}[ .-]?[0-9]{4}"),
        ],
    },
    Row {
        name: "PostalCode-CA",
        keywords: &[],
        forms: &[alone(
            r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][ -]?[0-9][ABCEGHJ-NPRSTV-Z][0-9]",
            any,
            may_be_a_canadian_postal_code,
        )],
    },
    Row {
        name: "RgNumber-BR",
        keywords: &[&["registro geral", "rg"]],
        forms: &[form(r"[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}-?[0-9X]")],
    },
    Row {
        name: "SocialInsuranceNumber-CA",
        keywords: &[&["canadian id", "numéro d'assurance sociale", "social insurance number", "sin"]],
        forms: &[checked(r"[1-79][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}", luhn)],
    },
    Row {
        name: "Ssn-ES",
        keywords: &[&[
            "número de la seguridad social",
            "social security no.",
            "social security no",
            "social security number",
            "socialsecurityno#",
            "ssn",
            "ssn#",
        ]],
        forms: &[checked(r"[0-9]{2}[ /-]?[0-9]{7,8}[ /-]?[0-9]{2}", spanish_ssn)],
    },
    Row {
        name: "Ssn-US",
        keywords: &[&["social security", "social security number", "ss#", "ssn"]],
        forms: &[checked(r"[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}", ssn)],
    },
    Row { name: "ZipCode-US", keywords: &[&["zip code", "zip+4"]], forms: &[form(r"[0-9]{5}(?:-[0-9]{4})?")] },
];

const FRENCH_IDENTITY: &[&str] = &[
    "assurance sociale",
    "carte nationale d’identité",
    "cni",
    "code sécurité sociale",
    "french social security number",
    "fssn#",
    "insee",
    "insurance number",
    "national id number",
    "nationalid#",
    "numéro d'assurance",
    "sécurité sociale",
    "sécurité sociale non.",
    "sécurité sociale numéro",
    "social",
    "social security",
    "social security number",
    "socialsecuritynumber",
    "ss#",
    "ssn",
    "ssn#",
];
