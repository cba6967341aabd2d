//! Names and mailing addresses. AWS finds them by models that it does not publish; here a full name begins with a title or with a given
//! name that is common in the languages of the countries that AWS lists, and an address has a street with its number, and a place
//! with its postal code.

use crate::data_protection::checks::any;
use crate::data_protection::identifier::{Row, alone};

fn always(_: &[u8]) -> bool {
    true
}

/// A word that a family name is: `Smith`, `O'Brien`, `Müller-Lüdenscheidt`.
macro_rules! family {
    () => {
        r"(?u:(?:(?:de|da|di|del|della|dos|van|von|der|den|la|le|el|al|bin|ibn) ){0,2}(?:O'|Mc|Mac|D'|L')?[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]{1,30}(?:-[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]{1,30})?)"
    };
}

/// Given names.
macro_rules! given {
    () => {
        concat!(
            "(?u:",
            "Aaron|Abigail|Adam|Adriana|Agnieszka|Ahmed|Aisha|Alain|Alan|Albert|Alberto|Alessandro|Alessia|Alexander",
            "|Alexis|Ali|Alice|Amanda|Amber|Amit|Amy|Ana|Andrea|Andreas|Andrew|André|Angela|Anita|Ann|Anna|Anthony",
            "|Antonio|Arthur|Ashley|Astrid|Austin|Barbara|Beatriz|Benjamin|Bernard|Betty|Beverly|Billy|Birgit|Björn",
            "|Bobby|Brandon|Brenda|Brian|Brittany|Bruce|Bruno|Bryan|Camila|Camille|Carl|Carlos|Carmen|Carol|Carolyn",
            "|Catherine|Charles|Charlotte|Cheryl|Chiara|Chloé|Christian|Christina|Christine|Christopher|Cristina",
            "|Cynthia|Céline|Daniel|Danielle|David|Davide|Deborah|Debra|Denise|Dennis|Diana|Diane|Dieter|Dmitri|Donald",
            "|Donna|Doris|Dorothy|Douglas|Dylan|Edward|Elena|Elijah|Elizabeth|Emily|Emma|Eric|Erik|Ethan|Eugene|Evelyn",
            "|Fatima|Felix|Fernanda|Fernando|Florian|Frances|Francesca|Francesco|Francisco|Frank|François|Françoise",
            "|Gabriel|Gary|George|Gerald|Giorgio|Giovanni|Giulia|Giuseppe|Gloria|Grace|Gregory|Guillaume|Gustavo",
            "|Günter|Hannah|Hans|Harold|Heather|Heike|Heinz|Helen|Henry|Hiroshi|Ingrid|Isabel|Isabella|Isabelle|Ivan",
            "|Jack|Jacob|Jacqueline|Jacques|James|Jane|Janet|Janice|Jason|Javier|Jean|Jeffrey|Jennifer|Jeremy|Jerry",
            "|Jesse|Jessica|Joan|Joe|John|Johnny|Jonas|Jonathan|Jordan|Jorge|Jose|Joseph|Joshua|Joyce|João|Juan|Judith",
            "|Judy|Julia|Juliana|Julie|Julien|Justin|Jürgen|Karen|Karl|Katarzyna|Katherine|Kathleen|Kathryn|Katrin",
            "|Kayla|Keith|Kelly|Kenji|Kenneth|Kevin|Kimberly|Klaus|Krzysztof|Kyle|Larry|Lars|Laura|Lauren|Laurent",
            "|Lawrence|Leon|Letícia|Linda|Lisa|Logan|Lorenzo|Louis|Luca|Lucas|Lucía|Luis|Lukas|Léa|Madison|Manon",
            "|Manuel|Marco|Margaret|Maria|Marie|Marilyn|Mark|Martha|Martina|Martín|Mary|Mathieu|Matteo|Matthew",
            "|Maximilian|Megan|Mei|Melissa|Michael|Michel|Michelle|Miguel|Mohammed|Monika|Monique|Muhammad|Márcia",
            "|Nancy|Natalie|Nathalie|Nathan|Nicholas|Nicolas|Nicole|Nikolai|Nils|Noah|Olga|Olivia|Omar|Pablo|Pamela",
            "|Paola|Paolo|Patricia|Patrick|Paul|Paulo|Pedro|Peter|Petra|Philip|Philippe|Pierre|Pilar|Piotr|Priya",
            "|Rachel|Rafael|Raj|Ralph|Randy|Raymond|Rebecca|Renate|Richard|Robert|Roberto|Roger|Ronald|Rosa|Rose|Roy",
            "|Russell|Ruth|Ryan|Sabine|Samantha|Samuel|Sandra|Sandrine|Sanjay|Sara|Sarah|Scott|Sean|Sebastian|Sharon",
            "|Shirley|Sofía|Sophia|Stefan|Stefano|Stephanie|Stephen|Steven|Sunita|Susan|Susanne|Sven|Svetlana|Sylvie",
            "|Teresa|Terry|Theresa|Thomas|Timothy|Tobias|Tyler|Ursula|Uwe|Victoria|Vincent|Virginia|Walter|Wayne|Wei",
            "|William|Willie|Wolfgang|Yuki|Zachary",
            ")"
        )
    };
}

/// A street, as English writes it: its number first.
macro_rules! english_street {
    () => {
        r"[0-9]{1,6}[A-Za-z]? (?:[NSEW]{1,2}\.? )?(?:[A-Z0-9][A-Za-z0-9'.-]{0,30} ){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Ter|Way|Parkway|Pkwy|Circle|Cir|Highway|Hwy|Crescent|Cres|Close|Gardens|Trail|Trl)\b\.?(?: (?:NE|NW|SE|SW|N|S|E|W)\b)?(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|#)\.? ?[A-Za-z0-9-]{1,6})?"
    };
}

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "Address",
        keywords: &[],
        forms: &[
            // United States and Australia: place, state, postal code.
            alone(
                concat!(
                    english_street!(),
                    r"[,\s]{1,3}(?:[A-Z][A-Za-z.'-]{1,30}[ ,]{1,2}){1,4}[A-Z]{2,3}[ ,]{1,2}[0-9]{4,5}(?:-[0-9]{4})?"
                ),
                any,
                always,
            ),
            // Canada.
            alone(
                concat!(
                    english_street!(),
                    r"[,\s]{1,3}(?:[A-Z][A-Za-z.'-]{1,30}[ ,]{1,2}){1,4}[A-Z]{2}[ ,]{1,2}[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]"
                ),
                any,
                always,
            ),
            // United Kingdom.
            alone(
                concat!(
                    english_street!(),
                    r"[,\s]{1,3}(?:[A-Z][A-Za-z.'-]{1,30}[ ,]{1,2}){1,4}[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}"
                ),
                any,
                always,
            ),
            // Germany, Spain, France, Italy: the postal code before the place.
            alone(
                r"(?u:[A-ZÄÖÜ][A-Za-zÄÖÜäöüß.-]{1,40}(?:straße|strasse|str\.|weg|allee|platz|gasse|ring|ufer|damm) [0-9]{1,4} ?[a-z]?,? (?:D-)?[0-9]{5} [A-ZÄÖÜ][A-Za-zÄÖÜäöüß-]{1,30})",
                any,
                always,
            ),
            alone(
                r"(?u:[0-9]{1,4}(?: (?:bis|ter))?,? (?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Pp]lace|[Cc]hemin|[Aa]llée|[Qq]uai|[Ii]mpasse|[Rr]oute) (?:[A-Za-zÀ-ÿ'’-]{1,30} ?){1,6},? [0-9]{5} [A-ZÀ-Ö][A-Za-zÀ-ÿ'’-]{1,30})",
                any,
                always,
            ),
            alone(
                r"(?u:(?:Via|Viale|Piazza|Corso|Largo|Vicolo|Calle|C/|Avenida|Avda\.|Plaza|Paseo|Carrer) (?:[A-Za-zÀ-ÿ'’.-]{1,30} ?){1,6},? (?:n\.?º? ?)?[0-9]{1,4}[a-zA-Z]?,? [0-9]{5} [A-ZÀ-Ö][A-Za-zÀ-ÿ'’-]{1,30})",
                any,
                always,
            ),
        ],
    },
    Row {
        name: "Name",
        keywords: &[],
        forms: &[
            alone(
                concat!(
                    r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sir|Herr|Frau|Mme|Mlle|Sr|Sra|Sig)\.? (?u:[A-ZÀ-ÖØ-Þ](?:\.|[a-zà-öø-ÿ]{1,30}) ){1,2}",
                    family!()
                ),
                any,
                always,
            ),
            alone(concat!(given!(), r"(?u:(?: [A-ZÀ-ÖØ-Þ]\.| ", given!(), r"){0,2} )", family!()), any, always),
        ],
    },
];
