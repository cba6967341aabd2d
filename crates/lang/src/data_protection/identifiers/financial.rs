//! Financial information. Source: "Financial information" of the data types that can be protected. Accounts are International Bank
//! Account Numbers, or as each country's banks write them.

use crate::data_protection::checks::{any, card, ccc, iban, rib};
use crate::data_protection::identifier::{Row, checked, form};

const ACCOUNT: &[&str] = &[
    "account code",
    "account number",
    "accountno#",
    "accountnumber#",
    "bban",
    "customer account id",
    "customer account number",
    "customer bank account id",
    "iban",
];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "BankAccountNumber-DE",
        keywords: &[
            ACCOUNT,
            &["bankleitzahl", "geheimzahl", "kartennummer", "kontonummer", "kreditkartennummer", "sepa"],
        ],
        forms: &[
            checked(r"DE[0-9]{2}(?:[ -]?[0-9]){18}", iban),
            form(r"[0-9]{3} ?[0-9]{3} ?[0-9]{2}[ /-]?[0-9]{10}"),
            form(r"[0-9]{10}"),
        ],
    },
    Row {
        name: "BankAccountNumber-ES",
        keywords: &[
            ACCOUNT,
            &[
                "código cuenta",
                "código cuenta bancaria",
                "cuenta cliente id",
                "número cuenta bancaria cliente",
                "número cuenta cliente",
            ],
        ],
        forms: &[
            checked(r"ES[0-9]{2}(?:[ -]?[0-9]){20}", iban),
            checked(r"[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{2}[ -]?[0-9]{10}", ccc),
        ],
    },
    Row {
        name: "BankAccountNumber-FR",
        keywords: &[ACCOUNT, &["code bancaire", "compte bancaire", "numéro de compte"]],
        forms: &[
            checked(r"FR[0-9]{2}(?:[ -]?[0-9A-Z]){23}", iban),
            checked(r"[0-9]{5}[ -]?[0-9]{5}[ -]?[0-9A-Z]{11}[ -]?[0-9]{2}", rib),
        ],
    },
    Row {
        name: "BankAccountNumber-GB",
        keywords: &[ACCOUNT, &["sepa"]],
        forms: &[
            checked(r"GB[0-9]{2}(?:[ -]?[0-9A-Z]){18}", iban),
            form(r"[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2}[ /-]?[0-9]{8}"),
            form(r"[0-9]{8}"),
        ],
    },
    Row {
        name: "BankAccountNumber-IT",
        keywords: &[ACCOUNT, &["codice bancario", "conto bancario", "numero di conto"]],
        forms: &[
            checked(r"IT[0-9]{2}(?:[ -]?[0-9A-Z]){23}", iban),
            form(r"[A-Z][ -]?[0-9]{5}[ -]?[0-9]{5}[ -]?[0-9A-Z]{12}"),
        ],
    },
    Row {
        name: "BankAccountNumber-US",
        keywords: &[&[
            "bank account",
            "bank acct",
            "checking account",
            "checking acct",
            "deposit account",
            "deposit acct",
            "savings account",
            "savings acct",
            "chequing account",
            "chequing acct",
        ]],
        forms: &[form(r"[0-9]{8,17}")],
    },
    Row {
        name: "CreditCardExpiration",
        // The keywords `exp d`, `exp m` and `exp y` are spelled out, too.
        keywords: &[&[
            "exp d",
            "exp m",
            "exp y",
            "exp date",
            "exp day",
            "exp month",
            "exp year",
            "expiration",
            "expiration date",
            "expiry",
            "expiry date",
        ]],
        forms: &[form(r"(?:1[0-2]|0?[1-9]) ?[/-] ?(?:20)?[0-9]{2}"), form(r"20[0-9]{2} ?[/-] ?(?:0[1-9]|1[0-2])")],
    },
    Row {
        name: "CreditCardNumber",
        keywords: &[&[
            "account number",
            "american express",
            "amex",
            "bank card",
            "card",
            "card number",
            "card num",
            "cc #",
            "ccn",
            "check card",
            "credit",
            "credit card",
            "credit card number",
            "credit card#",
            "dankort",
            "debit",
            "debit card",
            "diners club",
            "discover",
            "electron",
            "japanese card bureau",
            "jcb",
            "mastercard",
            "mc",
            "pan",
            "payment account number",
            "payment card number",
            "pcn",
            "union pay",
            "visa",
        ]],
        forms: &[checked(r"[0-9](?:[ -]?[0-9]){12,18}", card)],
    },
    Row {
        name: "CreditCardSecurityCode",
        keywords: &[&[
            "card id",
            "card identification code",
            "card identification number",
            "card security code",
            "card validation code",
            "card validation number",
            "card verification data",
            "card verification value",
            "cvc",
            "cvc2",
            "cvv",
            "cvv2",
            "elo verification code",
        ]],
        forms: &[checked(r"[0-9]{3,4}", any)],
    },
];
