//! Driver's licences, of which each country has numbers and words of its own. Source: "Keywords for driver's license identification
//! numbers".

use crate::data_protection::checks::{dni, mixed};
use crate::data_protection::identifier::{Row, checked, form};

const ENGLISH: &[&str] = &[
    "dl#",
    "dl:",
    "dl :",
    "dlno#",
    "driver licence",
    "driver licences",
    "driver license",
    "driver licenses",
    "driver permit",
    "drivers lic.",
    "drivers licence",
    "driver's licence",
    "drivers licences",
    "driver's licences",
    "drivers license",
    "driver's license",
    "drivers licenses",
    "driver's licenses",
    "drivers permit",
    "driver's permit",
    "drivers permit number",
    "driving licence",
    "driving license",
    "driving permit",
];

const GERMAN: &[&str] = &[
    "fuehrerschein",
    "fuehrerschein- nr",
    "fuehrerscheinnummer",
    "fuhrerschein",
    "führerschein",
    "fuhrerschein- nr",
    "führerschein- nr",
    "fuhrerscheinnummer",
    "führerscheinnummer",
];

const FRENCH: &[&str] = &["permis de conduire"];

const DUTCH: &[&str] = &["rijbewijs", "rijbewijsnummer"];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "DriversLicense-AT",
        keywords: &[&[
            "führerschein",
            "fuhrerschein",
            "führerschein republik österreich",
            "fuhrerschein republik osterreich",
        ]],
        forms: &[form(r"[0-9]{8}")],
    },
    Row {
        name: "DriversLicense-AU",
        keywords: &[ENGLISH],
        forms: &[form(r"[0-9]{6,10}"), checked(r"[0-9A-Z]{2}[0-9]{2}[0-9A-Z]{2,5}", mixed)],
    },
    Row {
        name: "DriversLicense-BE",
        keywords: &[GERMAN, FRENCH, DUTCH, &["numéro permis conduire"]],
        forms: &[form(r"[0-9]{10}")],
    },
    Row {
        name: "DriversLicense-BG",
        keywords: &[&[
            "превозно средство",
            "свидетелство за управление на моторно",
            "свидетелство за управление на мпс",
            "сумпс",
            "шофьорска книжка",
        ]],
        forms: &[form(r"[0-9]{9}")],
    },
    Row {
        name: "DriversLicense-CA",
        keywords: &[ENGLISH, FRENCH],
        forms: &[
            // By province: Ontario, Quebec, Manitoba, Newfoundland, Nova Scotia; the others have digits only.
            form(r"[A-Z][0-9]{4}[ -]?[0-9]{5}[ -]?[0-9]{5}"),
            form(r"[A-Z][0-9]{4}[ -]?[0-9]{6}[ -]?[0-9]{2}"),
            form(r"[A-Z]{2}[ -]?[A-Z]{2}[ -]?[A-Z]{2}[ -]?[A-Z][0-9]{3}[A-Z]{2}"),
            form(r"[A-Z]{5}[ -]?[0-9]{9}"),
            form(r"[A-Z][0-9]{9}"),
            form(r"[0-9]{6}-?[0-9]{3}"),
            form(r"[0-9]{5,8}"),
        ],
    },
    Row { name: "DriversLicense-CY", keywords: &[&["άδεια οδήγησης"]], forms: &[form(r"[0-9]{12}")] },
    Row {
        name: "DriversLicense-CZ",
        keywords: &[&[
            "číslo licence",
            "císlo licence řidiče",
            "číslo řidičského průkazu",
            "ovladače lic.",
            "povolení k jízdě",
            "povolení řidiče",
            "řidiči povolení",
            "řidičský prúkaz",
            "řidičský průkaz",
        ]],
        forms: &[form(r"[A-Z]{2}[ -]?[0-9]{6}")],
    },
    Row { name: "DriversLicense-DE", keywords: &[GERMAN], forms: &[checked(r"[0-9A-Z]{11}", mixed)] },
    Row { name: "DriversLicense-DK", keywords: &[&["kørekort", "kørekortnummer"]], forms: &[form(r"[0-9]{8}")] },
    Row {
        name: "DriversLicense-EE",
        keywords: &[&["juhi litsentsi number", "juhiloa number", "juhiluba", "juhiluba number"]],
        forms: &[form(r"[A-Z]{2}[0-9]{6}")],
    },
    Row {
        name: "DriversLicense-ES",
        keywords: &[&[
            "carnet conducer",
            "el carnet de conducer",
            "licencia conducer",
            "licencia de manejo",
            "número carnet conducer",
            "número de carnet de conducer",
            "número de permiso conducer",
            "número de permiso de conducer",
            "número licencia conducer",
            "número permiso conducer",
            "permiso conducción",
            "permiso conducer",
            "permiso de conducción",
        ]],
        forms: &[checked(r"[0-9]{8}[ -]?[A-Z]", dni)],
    },
    Row {
        name: "DriversLicense-FI",
        keywords: &[
            FRENCH,
            &["ajokortin numero", "ajokortti", "förare lic.", "körkort", "körkort nummer", "kuljettaja lic."],
        ],
        forms: &[form(r"[0-9]{6}[-+A]?[0-9]{3}[0-9A-Z]")],
    },
    Row {
        name: "DriversLicense-FR",
        keywords: &[FRENCH],
        forms: &[form(r"[0-9]{12}"), form(r"[0-9]{2}[A-Z]{2}[0-9]{5}")],
    },
    Row { name: "DriversLicense-GB", keywords: &[ENGLISH], forms: &[form(r"[A-Z9]{5}[0-9]{6}[A-Z9]{2}[0-9A-Z]{3}")] },
    Row {
        name: "DriversLicense-GR",
        keywords: &[&["δεια οδήγησης", "άδεια οδήγησης", "adeia odigisis"]],
        forms: &[form(r"[0-9]{9}")],
    },
    Row { name: "DriversLicense-HR", keywords: &[&["vozačka dozvola"]], forms: &[form(r"[0-9]{8}")] },
    Row {
        name: "DriversLicense-HU",
        keywords: &[&[
            "illesztőprogramok lic",
            "jogosítvány",
            "jogsi",
            "licencszám",
            "vezető engedély",
            "vezetői engedély",
        ]],
        forms: &[form(r"[A-Z]{2}[0-9]{6}")],
    },
    Row {
        name: "DriversLicense-IE",
        keywords: &[&["ceadúnas tiomána"]],
        forms: &[form(r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}")],
    },
    Row {
        name: "DriversLicense-IT",
        keywords: &[&["patente di guida", "patente di guida numero", "patente guida", "patente guida numero"]],
        forms: &[form(r"[A-Z]{2}[0-9]{7}[A-Z]"), form(r"U1[0-9A-Z]{7}[A-Z]")],
    },
    Row { name: "DriversLicense-LT", keywords: &[&["vairuotojo pažymėjimas"]], forms: &[form(r"[0-9]{8}")] },
    Row { name: "DriversLicense-LU", keywords: &[&["fahrerlaubnis", "führerschäin"]], forms: &[form(r"[0-9]{6}")] },
    Row {
        name: "DriversLicense-LV",
        keywords: &[&[
            "autovadītāja apliecība",
            "licences numurs",
            "vadītāja apliecība",
            "vadītāja apliecības numurs",
            "vadītāja atļauja",
            "vadītāja licences numurs",
            "vadītāji lic.",
        ]],
        forms: &[form(r"[A-Z]{2}[0-9]{6}")],
    },
    Row {
        name: "DriversLicense-MT",
        keywords: &[&["liċenzja tas-sewqan"]],
        forms: &[form(r"[0-9]{2} ?[0-9]{3} ?[0-9]{3}")],
    },
    Row { name: "DriversLicense-NL", keywords: &[FRENCH, DUTCH], forms: &[form(r"[0-9]{10}")] },
    Row {
        name: "DriversLicense-PL",
        keywords: &[&["numer licencyjny", "prawo jazdy", "zezwolenie na prowadzenie"]],
        forms: &[form(r"[0-9]{5}/[0-9]{2}/[0-9]{4}")],
    },
    Row {
        name: "DriversLicense-PT",
        keywords: &[&[
            "carta de condução",
            "carteira de habilitação",
            "carteira de motorist",
            "carteira habilitação",
            "carteira motorist",
            "licença condução",
            "licença de condução",
            "número de licença",
            "número licença",
            "permissão condução",
            "permissão de condução",
        ]],
        forms: &[form(r"[A-Z]{1,2}[ -]?[0-9]{5,6} ?[0-9]")],
    },
    Row {
        name: "DriversLicense-RO",
        keywords: &[&["numărul permisului de conducere", "permis de conducere"]],
        forms: &[form(r"[A-Z][0-9]{8}[A-Z]?")],
    },
    Row {
        name: "DriversLicense-SE",
        keywords: &[&[
            "ajokortin numero",
            "dlno# ajokortti",
            "drivere lic.",
            "förare lic.",
            "körkort",
            "körkort nummer",
            "körkortsnummer",
            "kuljettajat lic.",
        ]],
        forms: &[form(r"(?:[0-9]{2})?[0-9]{6}-?[0-9]{4}")],
    },
    Row { name: "DriversLicense-SI", keywords: &[&["vozniško dovoljenje"]], forms: &[form(r"[0-9]{9}")] },
    Row {
        name: "DriversLicense-SK",
        keywords: &[&[
            "číslo licencie",
            "číslo vodičského preukazu",
            "ovládače lic.",
            "povolenia vodičov",
            "povolenie jazdu",
            "povolenie na jazdu",
            "povolenie vodiča",
            "vodičský preukaz",
        ]],
        forms: &[form(r"[A-Z][0-9]{7}")],
    },
    Row {
        name: "DriversLicense-US",
        keywords: &[ENGLISH],
        forms: &[
            // By state: letters and digits in many orders, or digits only.
            form(r"[A-Z]{1,2}[ -]?[0-9]{2,4}(?:[ -]?[0-9]{2,4}){1,4}"),
            form(r"[A-Z][0-9]{3}[A-Z][0-9]{2}[A-Z][0-9]{4}"),
            form(r"[A-Z]{3}[0-9]{2}[A-Z]{2}[0-9]{3}[A-Z]?"),
            form(r"[0-9]{2}[A-Z]{3}[0-9]{5}"),
            form(r"[0-9]{3}[A-Z]{2}[0-9]{4}"),
            form(r"[0-9]{7,9}[A-Z]?"),
            form(r"[0-9]{2,4}(?:[ -][0-9]{2,4}){2,3}"),
            form(r"[0-9]{7,14}"),
        ],
    },
];
