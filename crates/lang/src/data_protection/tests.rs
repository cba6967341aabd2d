//! Documents, and what is found by which identifier.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// What an identifier finds in a text.
fn found(identifier: &str, text: &str) -> Vec<String> {
    let identifier = Identifier::managed(identifier).unwrap_or_else(|| panic!("{identifier}"));
    let detector = Detector::new(&[identifier]).unwrap();
    detector.detect(text).into_iter().map(|finding| text[finding.at].to_owned()).collect()
}

/// Checks what an identifier finds, text by text.
fn check(identifier: &str, cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        assert_eq!(found(identifier, text), *expected, "{identifier} in {text}");
    }
}

#[test]
fn every_identifier_compiles_and_has_a_name_of_its_own() {
    let names: Vec<&str> = managed_names().collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(distinct.len(), names.len());
    // As many as the pages on data types list.
    assert_eq!(names.len(), 5 + 1 + 9 + 11 + 73);
    let all: Vec<Identifier> = names.iter().filter_map(|name| Identifier::managed(name)).collect();
    let detector = Detector::new(&all).unwrap();
    assert!(detector.detect("nothing is to be found in this line").is_empty());
    for name in names {
        assert!(Detector::new(&[Identifier::Managed(name)]).is_some(), "{name}");
    }
}

#[test]
fn escapes_of_json_hide_nothing_and_are_not_parted() {
    check(
        "IpAddress",
        &[
            (r#"{"m":"from\n10.0.0.1\tto\u003c10.0.0.2\u003e"}"#, &["10.0.0.1", "10.0.0.2"]),
            (r#"{"log":"{\"m\":\"from\\n10.0.0.1\"}\n"}"#, &["10.0.0.1"]),
            (r"C:\temp\10.0.0.1", &["10.0.0.1"]),
        ],
    );
    check("Ssn-US", &[(r#"{"m":"ssn\n123-45-6789"}"#, &["123-45-6789"])]);
    check("CreditCardNumber", &[(r#"{"m":"card number:\t4539148803436467"}"#, &["4539148803436467"])]);
    check(
        "AwsSecretKey",
        &[(
            r#""secret key: wJalrXUtnFEMI\/K7MDENG\/bPxRfiCYEXAMPLEKEY""#,
            &[r"wJalrXUtnFEMI\/K7MDENG\/bPxRfiCYEXAMPLEKEY"],
        )],
    );
    check(
        "EmailAddress",
        &[
            (r#"{"m":"jane\u0040example.com"}"#, &[r"jane\u0040example.com"]),
            // As text the letter of the escape is of the address, and with the escape it is masked: what was JSON stays JSON.
            (r#"{"m":"from\njane@example.com"}"#, &[r"\njane@example.com"]),
            (r"SHOP\nick@example.com", &[r"\nick@example.com"]),
            (r#"{"m":"a@example.com\u003e, b@example.com"}"#, &["a@example.com", "b@example.com"]),
        ],
    );
}

#[test]
fn credentials_and_devices() {
    let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    check(
        "AwsSecretKey",
        &[
            (&format!("aws_secret_access_key = {key}"), &[key]),
            (&format!("AWS Secret-Access-Key:{key}."), &[key]),
            (&format!("found {key}"), &[]),
            (&format!("secret key {key}/{key}"), &[]),
            ("secret key da39a3ee5e6b4b0d3255bfef95601890afd80709", &[]),
        ],
    );
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nMIIE\nabc=\n-----END {kind}-----");
    for (identifier, kind) in [
        ("OpenSshPrivateKey", "OPENSSH PRIVATE KEY"),
        ("PgpPrivateKey", "PGP PRIVATE KEY BLOCK"),
        ("PkcsPrivateKey", "PRIVATE KEY"),
        ("PkcsPrivateKey", "RSA PRIVATE KEY"),
    ] {
        check(identifier, &[(&format!("key:\n{}\nend", pem(kind)), &[&pem(kind)]), ("a PRIVATE KEY is told of", &[])]);
    }
    check(
        "PkcsPrivateKey",
        &[(&pem("PUBLIC KEY"), &[]), ("-----BEGIN PRIVATE KEY-----\ncut", &["-----BEGIN PRIVATE KEY-----\ncut"])],
    );
    check(
        "PuttyPrivateKey",
        &[("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none", &["PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none"])],
    );
    check(
        "IpAddress",
        &[
            ("from 10.0.0.1: ok", &["10.0.0.1"]),
            ("10.0.0.1, 192.168.1.254.", &["10.0.0.1", "192.168.1.254"]),
            ("version 1.2.3.4.5 and 300.1.1.1", &[]),
            ("[2001:db8::8a2e:370:7334]:443", &["2001:db8::8a2e:370:7334"]),
            ("at 12:34:56, std::string::npos", &[]),
            ("::1 and fe80::1", &["::1", "fe80::1"]),
        ],
    );
}

#[test]
fn financial_information() {
    check(
        "CreditCardNumber",
        &[
            ("card number: 4539 1488 0343 6467", &["4539 1488 0343 6467"]),
            (r#"{"creditCardNumber":"371449635398449"}"#, &["371449635398449"]),
            ("visa 4539148803436467 and 4539148803436468", &["4539148803436467"]),
            ("visa 4111111111111111", &[]),
            ("order 4539148803436467", &[]),
            ("company 4539148803436467", &[]),
            ("amex and then a great deal of other text 4539148803436467", &[]),
            ("4539148803436467 (paid by Mastercard)", &["4539148803436467"]),
            ("card 45391488034364671", &[]),
        ],
    );
    check(
        "CreditCardExpiration",
        &[("exp_date=04/27", &["04/27"]), ("expiry: 12-2028", &["12-2028"]), ("expiry 13/27", &[])],
    );
    check(
        "CreditCardSecurityCode",
        &[("CVV: 123", &["123"]), ("cvc2=1234", &["1234"]), ("cvv 12345", &[]), ("code 123", &[])],
    );
    check(
        "BankAccountNumber-DE",
        &[
            ("IBAN DE89 3704 0044 0532 0130 00", &["DE89 3704 0044 0532 0130 00"]),
            ("iban: DE88370400440532013000", &[]),
            ("Kontonummer 0532013000", &["0532013000"]),
        ],
    );
    check("BankAccountNumber-GB", &[("IBAN=GB82WEST12345698765432", &["GB82WEST12345698765432"])]);
    check("BankAccountNumber-US", &[("checking account 000123456789", &["000123456789"])]);
}

#[test]
fn health_information() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("DrugEnforcementAgencyNumber-US", "DEA number AB1234563", &["AB1234563"]),
        ("HealthInsuranceCardNumber-EU", "EHIC# 80380000190123456789", &["80380000190123456789"]),
        ("HealthInsuranceClaimNumber-US", "HICN 123-45-6789-A", &["123-45-6789-A"]),
        ("HealthInsuranceNumber-FR", "carte vitale 2 55 08 14 168 025 38", &["2 55 08 14 168 025 38"]),
        ("HealthcareProcedureCode-US", "HCPCS code J1100", &["J1100"]),
        ("MedicareBeneficiaryNumber-US", "MBI: 1EG4-TE5-MK73", &["1EG4-TE5-MK73"]),
        ("NationalDrugCode-US", "NDC 0777-3105-02", &["0777-3105-02"]),
        ("NationalInsuranceNumber-GB", "NINO AA 12 34 56 C", &["AA 12 34 56 C"]),
        ("NationalProviderId-US", "npi=1234567893", &["1234567893"]),
        ("NhsNumber-GB", "NHS 943 476 5919", &["943 476 5919"]),
        ("NhsNumber-GB", "NHS 943 476 5918", &[]),
        ("PersonalHealthNumber-CA", "PHN 9876 543 218", &["9876 543 218"]),
    ];
    for (identifier, text, expected) in cases {
        check(identifier, &[(text, expected)]);
    }
}

#[test]
fn personal_information() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("EmailAddress", "mail jane.doe+x@mail.example.co.uk!", &["jane.doe+x@mail.example.co.uk"]),
        ("EmailAddress", "user@localhost and @home and a@b", &[]),
        ("DateOfBirth", "dob 1985-04-12, born", &["1985-04-12"]),
        ("DateOfBirth", "Date of birth: 12 April 1985", &["12 April 1985"]),
        ("DateOfBirth", "birthday=04/12/85", &["04/12/85"]),
        ("DateOfBirth", "on 1985-04-12", &[]),
        ("LatLong", "location 41.948614,-87.655311", &["41.948614,-87.655311"]),
        ("LatLong", "41.948614,-87.655311", &[]),
        ("VehicleIdentificationNumber", "VIN 1M8GDM9AXKP042788", &["1M8GDM9AXKP042788"]),
        ("Ssn-US", "SSN: 123-45-6789", &["123-45-6789"]),
        ("Ssn-US", "ssn=123456789", &["123456789"]),
        ("Ssn-US", "SSN: 666-45-6789", &[]),
        ("Ssn-US", "number 123-45-6789", &[]),
        ("Ssn-ES", "número de la seguridad social 28 12345678 40", &["28 12345678 40"]),
        ("CpfCode-BR", "CPF 529.982.247-25", &["529.982.247-25"]),
        ("Cnpj-BR", "cnpj 11.222.333/0001-81", &["11.222.333/0001-81"]),
        ("CepCode-BR", "CEP 01310-100", &["01310-100"]),
        ("RgNumber-BR", "RG 12.345.678-9", &["12.345.678-9"]),
        ("PhoneNumber-US", "phone (425) 555-0123", &["(425) 555-0123"]),
        ("PhoneNumber-US", "call +1 425 555 0123", &["+1 425 555 0123"]),
        ("PhoneNumber-US", "call 425 555 0123", &[]),
        ("PhoneNumber-GB", "tel: 020 7946 0958", &["020 7946 0958"]),
        ("PhoneNumber-DE", "+49 30 901820", &["+49 30 901820"]),
        ("PhoneNumber-FR", "téléphone: tel 01 23 45 67 89", &["01 23 45 67 89"]),
        ("PhoneNumber-ES", "mobile 612 345 678", &["612 345 678"]),
        ("PhoneNumber-IT", "+39 06 6982 1234", &["+39 06 6982 1234"]),
        ("PhoneNumber-BR", "celular (11) 91234-5678", &["(11) 91234-5678"]),
        ("PostalCode-CA", "Ottawa K1A 0B1", &["K1A 0B1"]),
        ("ZipCode-US", "zip code 98101-1234", &["98101-1234"]),
        ("SocialInsuranceNumber-CA", "SIN 130 692 544", &["130 692 544"]),
        ("SocialInsuranceNumber-CA", "since 130 692 544", &[]),
        ("PassportNumber-US", "passport 123456789", &["123456789"]),
        ("PassportNumber-DE", "Reisepass C01X0006H1", &["C01X0006H1"]),
        ("PassportNumber-FR", "passeport 12AB34567", &["12AB34567"]),
        ("PassportNumber-CA", "passport# AB123456", &["AB123456"]),
        ("DriversLicense-US", "driver's license D1234567", &["D1234567"]),
        ("DriversLicense-GB", "driving licence MORGA657054SM9IJ", &["MORGA657054SM9IJ"]),
        ("DriversLicense-DE", "FÜHRERSCHEIN B072RRE2I55", &["B072RRE2I55"]),
        ("DriversLicense-BG", "шофьорска книжка 281234567", &["281234567"]),
        ("NationalIdentificationNumber-DE", "Personalausweis T220001293", &["T220001293"]),
        ("NationalIdentificationNumber-ES", "DNI 12345678Z", &["12345678Z"]),
        ("NationalIdentificationNumber-ES", "DNI 12345678A", &[]),
        ("NationalIdentificationNumber-IT", "codice fiscale RSSMRA85T10A562S", &["RSSMRA85T10A562S"]),
        ("InseeCode-FR", "sécurité sociale 255081416802538", &["255081416802538"]),
        ("NieNumber-ES", "NIE X1234567L", &["X1234567L"]),
        ("NifNumber-ES", "NIF 12345678Z", &["12345678Z"]),
        ("TaxId-DE", "Steuer-ID 86 095 742 719", &["86 095 742 719"]),
        ("TaxId-ES", "CIF A58818501", &["A58818501"]),
        ("TaxId-FR", "tax number 30 23 217 600 053", &["30 23 217 600 053"]),
        ("TaxId-GB", "UTR 1123456789", &["1123456789"]),
        ("IndividualTaxIdentificationNumber-US", "ITIN 912-70-1234", &["912-70-1234"]),
        ("PermanentResidenceNumber-CA", "permanent resident card AB1234567", &["AB1234567"]),
        ("ElectoralRollNumber-GB", "electoral roll number ABC 1234", &["ABC 1234"]),
    ];
    for (identifier, text, expected) in cases {
        check(identifier, &[(text, expected)]);
    }
}

#[test]
fn names_and_addresses() {
    check(
        "Name",
        &[
            ("user Mary Jane O'Neill logged in", &["Mary Jane O'Neill"]),
            ("Dr. A. Turing wrote", &["Dr. A. Turing"]),
            ("Herr Jürgen Müller-Lüdenscheidt", &["Herr Jürgen Müller-Lüdenscheidt"]),
            ("started Request Handler on Monday Morning", &[]),
            ("mary jones", &[]),
        ],
    );
    check(
        "Address",
        &[
            ("ship to 410 Terry Ave N, Seattle, WA 98109 today", &["410 Terry Ave N, Seattle, WA 98109"]),
            ("1600 Pennsylvania Avenue, Washington, DC 20500", &["1600 Pennsylvania Avenue, Washington, DC 20500"]),
            ("10 Downing Street, London, SW1A 2AA", &["10 Downing Street, London, SW1A 2AA"]),
            ("Hauptstraße 12, 10827 Berlin", &["Hauptstraße 12, 10827 Berlin"]),
            ("12 rue de la Paix, 75002 Paris", &["12 rue de la Paix, 75002 Paris"]),
            ("Via Roma 10, 00184 Roma", &["Via Roma 10, 00184 Roma"]),
            ("410 Terry Ave", &[]),
        ],
    );
}

#[test]
fn several_identifiers_at_once() {
    let identifiers = ["EmailAddress", "Ssn-US", "IpAddress"].map(|name| Identifier::managed(name).unwrap());
    let custom = Identifier::Custom { name: "Badge".into(), regex: r"B-\d{4}".into() };
    let all: Vec<Identifier> = identifiers.into_iter().chain([custom]).collect();
    let detector = Detector::new(&all).unwrap();
    let text = "ssn 123-45-6789 of é@x a@b.example c@d.example at 10.0.0.1 with B-1234";
    let found: Vec<(usize, &str)> = detector.detect(text).into_iter().map(|f| (f.identifier, &text[f.at])).collect();
    let expected = [(0, "a@b.example"), (0, "c@d.example"), (1, "123-45-6789"), (2, "10.0.0.1"), (3, "B-1234")];
    assert_eq!(found, expected);
    assert!(Detector::new(&[Identifier::Custom { name: "x".into(), regex: "[".into() }]).is_none());
}

fn document(change: impl FnOnce(&mut Value)) -> String {
    let email = "arn:aws:dataprotection::aws:data-identifier/EmailAddress";
    let mut document = json!({
        "Name": "p", "Description": "d", "Version": "2021-06-01",
        "Configuration": {"CustomDataIdentifier": [{"Name": "Badge", "Regex": "B-\\d{4}"}]},
        "Statement": [
            {"Sid": "audit", "DataIdentifier": [email, "Badge"], "Operation": {"Audit": {"FindingsDestination": {
                "CloudWatchLogs": {"LogGroup": "findings"}, "Firehose": {"DeliveryStream": "f"}, "S3": {"Bucket": "b"},
            }}}},
            {"Sid": "mask", "DataIdentifier": ["Badge", email], "Operation": {"Deidentify": {"MaskConfig": {}}}},
        ],
    });
    change(&mut document);
    document.to_string()
}

#[test]
fn a_policy_says_what_is_sensitive() {
    let policy = Policy::parse(&document(|_| ())).unwrap();
    let custom = Identifier::Custom { name: "Badge".into(), regex: r"B-\d{4}".into() };
    let destinations = Destinations {
        log_group: Some("findings".into()),
        delivery_stream: Some("f".into()),
        bucket: Some("b".into()),
    };
    let expected =
        Policy { name: Some("p".into()), identifiers: vec![custom, Identifier::Managed("EmailAddress")], destinations };
    assert_eq!(policy, expected);
    let bare = document(|document| {
        for member in ["Name", "Description", "Version"] {
            document.as_object_mut().unwrap().remove(member);
        }
        document["Statement"][0]["Operation"]["Audit"]["FindingsDestination"] = json!({});
        document["Statement"].as_array_mut().unwrap().reverse();
    });
    assert_eq!(Policy::parse(&bare).unwrap().destinations, Destinations::default());
}

#[test]
fn what_is_no_policy_is_refused() {
    type Change = fn(&mut Value);
    let cases: &[Change] = &[
        |d| d["Version"] = json!("2020-01-01"),
        |d| d["Statement"] = json!([]),
        |d| d["Statement"][0] = d["Statement"][1].clone(),
        |d| d["Statement"][0]["DataIdentifier"] = json!(["Badge"]),
        |d| (0..2).for_each(|n| d["Statement"][n]["DataIdentifier"] = json!([])),
        |d| (0..2).for_each(|n| d["Statement"][n]["DataIdentifier"] = json!(["Other"])),
        |d| {
            (0..2).for_each(|n| {
                d["Statement"][n]["DataIdentifier"] = json!(["arn:aws:dataprotection::aws:data-identifier/X"])
            })
        },
        |d| d["Statement"][1]["Operation"]["Deidentify"]["MaskConfig"] = json!({"With": "#"}),
        |d| d["Statement"][0]["Operation"]["Audit"] = json!({}),
        |d| d["Statement"][0]["Operation"]["Audit"]["FindingsDestination"]["S3"]["Bucket"] = json!(""),
        |d| d["Configuration"]["CustomDataIdentifier"][0]["Name"] = json!("a b"),
        |d| d["Configuration"]["CustomDataIdentifier"][0]["Name"] = json!("EmailAddress"),
        |d| d["Configuration"]["CustomDataIdentifier"][0]["Regex"] = json!("(a)"),
        |d| d["Configuration"]["CustomDataIdentifier"][0]["Regex"] = json!("[a"),
        |d| d["Configuration"]["CustomDataIdentifier"][0]["Regex"] = json!("a".repeat(201)),
        |d| d["Configuration"]["CustomDataIdentifier"][0]["Regex"] = json!(r"[\w]{900}{900}"),
        |d| {
            let many: Vec<Value> = (0..11).map(|n| json!({"Name": format!("Badge{n}"), "Regex": "a"})).collect();
            d["Configuration"]["CustomDataIdentifier"] = json!(many);
        },
        |d| d["Description"] = json!("x".repeat(30_720)),
        |d| d["Other"] = json!(1),
        |d| *d = json!([]),
    ];
    for (index, change) in cases.iter().enumerate() {
        assert!(Policy::parse(&document(change)).is_err(), "case {index}");
    }
    assert!(Policy::parse("").is_err());
}

proptest! {
    #[test]
    fn any_text_is_looked_through(text in "(ssn|card|iban|phone|dob|[0-9]{1,16}|[ :=./@é-]|[A-Z]{1,3}){0,60}") {
        let all: Vec<Identifier> = managed_names().filter_map(Identifier::managed).collect();
        static DETECTOR: std::sync::OnceLock<Detector> = std::sync::OnceLock::new();
        let detector = DETECTOR.get_or_init(|| Detector::new(&all).unwrap());
        let findings = detector.detect(&text);
        for pair in findings.windows(2) {
            let ordered = pair[0].identifier < pair[1].identifier
                || (pair[0].identifier == pair[1].identifier && pair[0].at.end <= pair[1].at.start);
            prop_assert!(ordered);
        }
        // What is masked holds no finding of an identifier that needs no keyword any more, and comes back.
        if let Some(masked) = mask(&text, findings.into_iter().map(|finding| finding.at)) {
            let restored = restore(&masked.text, &masked.originals);
            prop_assert_eq!(restored.as_deref(), Some(text.as_str()));
        }
    }
}
