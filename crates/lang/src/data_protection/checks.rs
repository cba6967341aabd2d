//! What values satisfy beyond how they look: check digits and ranges, as the issuers define them.

use super::identifier::Candidate;

/// Nothing.
pub(super) fn any(_: &Candidate<'_>) -> bool {
    true
}

/// Whether digits satisfy the Luhn formula.
fn satisfies_luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 1 { doubled(*digit) } else { *digit })
        .sum();
    sum.is_multiple_of(10)
}

/// The sum of digits, each times its weight.
fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The remainder of a number, given as digits and letters (A is 10), when it is divided.
fn remainder(characters: impl IntoIterator<Item = u8>, divisor: u64) -> u64 {
    characters.into_iter().fold(0, |rest, character| match character {
        b'0'..=b'9' => (rest * 10 + u64::from(character - b'0')) % divisor,
        _ => (rest * 100 + u64::from(character.to_ascii_uppercase().saturating_sub(b'A')) + 10) % divisor,
    })
}

/// The digits as a number.
fn number(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(*digit)))
}

/// Whether all digits are the same, as `000000000`.
fn is_uniform(digits: &[u32]) -> bool {
    digits.windows(2).all(|pair| matches!(pair, [left, right] if left == right))
}

/// Luhn's formula.
pub(super) fn luhn(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    !is_uniform(&digits) && satisfies_luhn(&digits)
}

/// Numbers that the issuers of cards have set apart for tests: they are not reported.
const TEST_CARDS: &[u64] = &[
    122_000_000_000_003,
    2_222_405_343_248_877,
    2_222_990_905_257_051,
    2_223_007_648_726_984,
    2_223_577_120_017_656,
    30_569_309_025_904,
    34_343_434_343_434,
    3_528_000_700_000_000,
    3_530_111_333_300_000,
    3_566_002_020_360_505,
    36_148_900_647_913,
    36_700_102_000_000,
    371_449_635_398_431,
    378_282_246_310_005,
    378_734_493_671_000,
    38_520_000_023_237,
    4_012_888_888_881_881,
    4_111_111_111_111_111,
    4_222_222_222_222,
    4_444_333_322_221_111,
    4_462_030_000_000_000,
    4_484_070_000_000_000,
    4_911_830_000_000,
    4_917_300_800_000_000,
    4_917_610_000_000_000,
    4_917_610_000_000_000_003,
    5_019_717_010_103_742,
    5_105_105_105_105_100,
    5_111_010_030_175_156,
    5_185_540_810_000_019,
    5_200_828_282_828_210,
    5_204_230_080_000_017,
    5_204_740_009_900_014,
    5_420_923_878_724_339,
    5_454_545_454_545_454,
    5_455_330_760_000_018,
    5_506_900_490_000_436,
    5_506_900_490_000_444,
    5_506_900_510_000_234,
    5_506_920_809_243_667,
    5_506_922_400_634_930,
    5_506_927_427_317_625,
    5_553_042_241_984_105,
    5_555_553_753_048_194,
    5_555_555_555_554_444,
    5_610_591_081_018_250,
    6_011_000_990_139_424,
    6_011_000_400_000_000,
    6_011_111_111_111_117,
    630_490_017_740_292_441,
    630_495_060_000_000_000,
    6_331_101_999_990_016,
    6_759_649_826_438_453,
    6_799_990_100_000_000_019,
    76_009_244_561,
];

/// A card's number: of a known issuer, with Luhn's check digit, none of those for tests.
pub(super) fn card(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let starts = |length: usize| number(digits.get(..length).unwrap_or_default());
    let is_issued = match digits.len() {
        // American Express.
        15 if matches!(starts(2), 34 | 37) => true,
        // JCB, of old.
        15 if matches!(starts(4), 1800 | 2131) => true,
        // Diner's Club.
        14..=19 if matches!(starts(3), 300..=305 | 309) || matches!(starts(2), 36 | 38 | 39) => true,
        // Visa, and Electron.
        13 | 16 | 19 if starts(1) == 4 => true,
        // Mastercard.
        16 if matches!(starts(2), 51..=55) || matches!(starts(4), 2221..=2720) => true,
        // Dankort.
        16 if starts(4) == 5019 => true,
        // Discover, JCB, UnionPay.
        16..=19 => {
            matches!(starts(2), 62 | 65 | 81)
                || matches!(starts(3), 644..=649)
                || matches!(starts(4), 6011 | 3528..=3589)
        }
        _ => false,
    };
    is_issued && satisfies_luhn(&digits) && !TEST_CARDS.contains(&number(&digits))
}

/// An International Bank Account Number: ISO 13616, ISO 7064 (mod 97).
pub(super) fn iban(candidate: &Candidate<'_>) -> bool {
    let compact = candidate.compact();
    let Some((start, rest)) = compact.split_at_checked(4) else { return false };
    remainder(rest.iter().chain(start).copied(), 97) == 1
}

/// A Spanish account (CCC): both of its check digits.
pub(super) fn ccc(candidate: &Candidate<'_>) -> bool {
    const WEIGHTS: [u32; 10] = [1, 2, 4, 8, 5, 10, 9, 7, 3, 6];
    let check = |digits: &[u32], weights: &[u32]| match 11 - weighted(digits, weights) % 11 {
        11 => 0,
        10 => 1,
        digit => digit,
    };
    match candidate.digits().split_at_checked(8) {
        Some((bank, [first, second, account @ ..])) => {
            check(bank, WEIGHTS.get(2..).unwrap_or_default()) == *first && check(account, &WEIGHTS) == *second
        }
        _ => false,
    }
}

/// A French account (RIB): its key.
pub(super) fn rib(candidate: &Candidate<'_>) -> bool {
    let digit = |character: u8| match character {
        b'A' | b'J' => b'1',
        b'B' | b'K' | b'S' => b'2',
        b'C' | b'L' | b'T' => b'3',
        b'D' | b'M' | b'U' => b'4',
        b'E' | b'N' | b'V' => b'5',
        b'F' | b'O' | b'W' => b'6',
        b'G' | b'P' | b'X' => b'7',
        b'H' | b'Q' | b'Y' => b'8',
        b'I' | b'R' | b'Z' => b'9',
        other => other,
    };
    remainder(candidate.compact().into_iter().map(digit), 97) == 0
}

/// A DEA number: the seventh digit checks the six before it.
pub(super) fn dea(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let digits = digits.get(digits.len().saturating_sub(7)..).unwrap_or_default();
    match digits {
        [a, b, c, d, e, f, check] => (a + c + e + 2 * (b + d + f)) % 10 == *check,
        _ => false,
    }
}

/// A National Provider Identifier: Luhn's formula over it behind 80840.
pub(super) fn npi(candidate: &Candidate<'_>) -> bool {
    let digits: Vec<u32> = [8, 0, 8, 4, 0].into_iter().chain(candidate.digits()).collect();
    satisfies_luhn(&digits)
}

/// An NHS number: mod 11.
pub(super) fn nhs(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let check = 11 - weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    !is_uniform(&digits) && digits.last() == Some(&(check % 11)) && check != 10
}

/// A health number of British Columbia (mod 11), or of a province that uses Luhn's formula.
pub(super) fn health_number(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let rest = 11 - weighted(digits.get(1..9).unwrap_or_default(), &[2, 4, 8, 5, 10, 9, 7, 3]) % 11;
    let is_columbian = digits.first() == Some(&9) && digits.last() == Some(&(rest % 11));
    is_columbian || luhn(candidate)
}

/// A German health insurance number: Luhn's formula over the letter's number and the digits, from the front.
pub(super) fn kvnr(candidate: &Candidate<'_>) -> bool {
    let Some(letter) = candidate.compact().first().map(|letter| u32::from(letter.saturating_sub(b'A')) + 1) else {
        return false;
    };
    let mut digits = vec![letter / 10, letter % 10];
    digits.extend(candidate.digits());
    let Some(check) = digits.pop() else { return false };
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| digit * (1 + place as u32 % 2))
        .map(|product| product / 10 + product % 10)
        .sum();
    sum % 10 == check
}

/// A French number of the register of persons (NIR), with its key.
pub(super) fn nir(candidate: &Candidate<'_>) -> bool {
    // Corsica's departments, 2A and 2B, count as 19 and 18.
    let compact = candidate.compact();
    let Some((body, key)) = compact.split_at_checked(13) else { return false };
    let department = body.get(5..7).unwrap_or_default();
    let replaced: Vec<u8> = match department {
        b"2A" => [body.get(..5).unwrap_or_default(), b"19", body.get(7..).unwrap_or_default()].concat(),
        b"2B" => [body.get(..5).unwrap_or_default(), b"18", body.get(7..).unwrap_or_default()].concat(),
        _ => body.to_vec(),
    };
    97 - remainder(replaced, 97) == remainder(key.iter().copied(), 1000)
}

/// Check digits of Brazil, of persons (CPF) and of firms (CNPJ).
fn brazilian(digits: &[u32], weights: &[u32]) -> bool {
    let check = |digits: &[u32], weights: &[u32]| match weighted(digits, weights) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    let Some(body) = digits.len().checked_sub(2) else { return false };
    let first = check(digits.get(..body).unwrap_or_default(), weights.get(1..).unwrap_or_default());
    let second = check(digits.get(..=body).unwrap_or_default(), weights);
    !is_uniform(digits) && digits.get(body..) == Some(&[first, second])
}

/// A CPF.
pub(super) fn cpf(candidate: &Candidate<'_>) -> bool {
    brazilian(&candidate.digits(), &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
}

/// A CNPJ.
pub(super) fn cnpj(candidate: &Candidate<'_>) -> bool {
    brazilian(&candidate.digits(), &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
}

/// A Spanish number of a person (DNI, NIF, NIE): its letter.
pub(super) fn dni(candidate: &Candidate<'_>) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let compact = candidate.compact();
    let Some((letter, body)) = compact.split_last() else { return false };
    let digit = |character: &u8| match character {
        b'X' | b'K' | b'L' | b'M' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        other => *other,
    };
    let rest = remainder(body.iter().map(digit), 23);
    usize::try_from(rest).ok().and_then(|rest| LETTERS.get(rest)) == Some(letter)
}

/// A Spanish number of a firm (CIF): its check digit or letter.
pub(super) fn cif(candidate: &Candidate<'_>) -> bool {
    let compact = candidate.compact();
    let (Some(body), Some(last)) = (compact.get(1..8), compact.get(8)) else { return false };
    let digits: Vec<u32> = body.iter().map(|digit| u32::from(digit.saturating_sub(b'0'))).collect();
    let doubled = |digit: u32| 2 * digit / 10 + 2 * digit % 10;
    let sum: u32 =
        digits.iter().enumerate().map(|(place, digit)| if place % 2 == 0 { doubled(*digit) } else { *digit }).sum();
    let check = (10 - sum % 10) % 10;
    let letter = b"JABCDEFGHI".get(check as usize);
    Some(last) == letter || u32::from(last.saturating_sub(b'0')) == check
}

/// A Spanish number of social security.
pub(super) fn spanish_ssn(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let Some((body, key)) = digits.split_at_checked(10) else { return false };
    let (province, rest) = body.split_at_checked(2).unwrap_or_default();
    let (province, rest) = (number(province), number(rest));
    let of = if rest < 10_000_000 { province * 10_000_000 + rest } else { province * 100_000_000 + rest };
    of % 97 == number(key)
}

/// An Italian fiscal code: its last letter.
pub(super) fn codice_fiscale(candidate: &Candidate<'_>) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let compact = candidate.compact();
    let Some((check, body)) = compact.split_last() else { return false };
    let value = |character: u8| match character {
        b'0'..=b'9' => u32::from(character - b'0'),
        _ => u32::from(character.saturating_sub(b'A')),
    };
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(place, character)| match place % 2 {
            0 => ODD.get(value(*character) as usize).copied().unwrap_or_default(),
            _ => value(*character),
        })
        .sum();
    sum % 26 == value(*check)
}

/// A German tax number of a person: ISO 7064 (mod 11, 10); one of the first ten digits is there twice or three times.
pub(super) fn german_tax(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let most = (0..10).map(|digit| body.iter().filter(|other| **other == digit).count()).max();
    (11 - product) % 10 == *check && matches!(most, Some(2 | 3))
}

/// A German identity card or passport: the check digit at its end, weights 7, 3, 1.
pub(super) fn german_document(candidate: &Candidate<'_>) -> bool {
    let compact = candidate.compact();
    let Some((check, body)) = compact.split_last().filter(|(_, body)| body.len() == 9) else {
        // Without its check digit it has at least one digit.
        return compact.iter().any(u8::is_ascii_digit);
    };
    let value = |character: u8| match character {
        b'0'..=b'9' => u32::from(character - b'0'),
        _ => u32::from(character.saturating_sub(b'A')) + 10,
    };
    let sum: u32 = body.iter().zip([7, 3, 1].into_iter().cycle()).map(|(byte, weight)| value(*byte) * weight).sum();
    sum % 10 == value(*check)
}

/// A French tax number of a person: its key.
pub(super) fn french_tax(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let Some((body, key)) = digits.split_at_checked(10) else { return false };
    number(body) % 511 == number(key)
}

/// A unique taxpayer reference of the United Kingdom: its first digit.
pub(super) fn utr(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let Some((check, body)) = digits.split_first() else { return false };
    let rest = weighted(body, &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1].get(rest as usize) == Some(check)
}

/// A social security number of the United States: no number of a group is all zeros, and some areas were never given out.
pub(super) fn ssn(candidate: &Candidate<'_>) -> bool {
    let digits = candidate.digits();
    let part = |from: usize, to: usize| number(digits.get(from..to).unwrap_or_default());
    !matches!(part(0, 3), 0 | 666 | 900..) && part(3, 5) != 0 && part(5, 9) != 0
}

/// A national insurance number: some prefixes were never given out.
pub(super) fn nino(candidate: &Candidate<'_>) -> bool {
    let compact = candidate.compact();
    !matches!(compact.get(..2), Some(b"BG" | b"GB" | b"NK" | b"KN" | b"TN" | b"NT" | b"ZZ") | None)
}

/// A vehicle identification number: letters and digits, of which the last four are digits.
pub(super) fn vin(candidate: &Candidate<'_>) -> bool {
    let compact = candidate.compact();
    let serial = compact.get(13..).unwrap_or_default();
    serial.iter().all(u8::is_ascii_digit) && compact.iter().any(u8::is_ascii_alphabetic)
}

/// Digits and letters, both.
pub(super) fn mixed(candidate: &Candidate<'_>) -> bool {
    let compact = candidate.compact();
    compact.iter().any(u8::is_ascii_digit) && compact.iter().any(u8::is_ascii_alphabetic)
}

/// A secret access key: letters of both cases and digits, and no longer run of what its letters are.
pub(super) fn secret_key(candidate: &Candidate<'_>) -> bool {
    let is_inner = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b'/' | b'+' | b'='));
    let value = candidate.value();
    let has = |test: fn(&u8) -> bool| value.as_bytes().iter().any(test);
    !is_inner(candidate.before().as_ref().filter(|byte| **byte != b'='))
        && !is_inner(candidate.behind().first())
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
}

/// An IPv4 address, and no part of a longer row of numbers.
pub(super) fn ipv4(candidate: &Candidate<'_>) -> bool {
    let goes_on = matches!(candidate.behind(), [b'.', next, ..] if next.is_ascii_digit());
    candidate.before() != Some(b'.') && !goes_on && candidate.value().parse::<std::net::Ipv4Addr>().is_ok()
}

/// An IPv6 address with a digit in it.
pub(super) fn ipv6(candidate: &Candidate<'_>) -> bool {
    let value = candidate.value();
    candidate.before() != Some(b':')
        && candidate.behind().first() != Some(&b':')
        && value.bytes().any(|byte| byte.is_ascii_digit())
        && value.parse::<std::net::Ipv6Addr>().is_ok()
}

/// A latitude and a longitude.
pub(super) fn coordinates(candidate: &Candidate<'_>) -> bool {
    let mut parts = candidate.value().split(',').map(|part| part.trim().parse::<f64>());
    match (parts.next(), parts.next()) {
        (Some(Ok(latitude)), Some(Ok(longitude))) => latitude.abs() <= 90.0 && longitude.abs() <= 180.0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(test: fn(&Candidate<'_>) -> bool, good: &[&str], bad: &[&str]) {
        let passes = |text: &str| test(&Candidate { text, at: 0..text.len() });
        good.iter().for_each(|text| assert!(passes(text), "{text}"));
        bad.iter().for_each(|text| assert!(!passes(text), "{text}"));
    }

    #[test]
    fn cards() {
        let good = ["4539 1488 0343 6467", "371-4496-35398-449", "6011514433546201", "3530185156387088"];
        check(card, &good, &["4111111111111111", "4539148803436468", "9999999999999995", "1234567890123"]);
    }

    #[test]
    fn accounts() {
        let good = ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR1420041010050500013M02606"];
        check(iban, &good, &["DE88370400440532013000", "GB82WEST12345698765433", ""]);
        check(iban, &["IT60X0542811101000000123456", "ES9121000418450200051332"], &["IT60X0542811101000000123457"]);
        check(ccc, &["2100-0418-45-0200051332"], &["2100-0418-44-0200051332", "1"]);
        check(rib, &["20041 01005 0500013M026 06"], &["20041 01005 0500013M026 07"]);
    }

    #[test]
    fn health() {
        check(dea, &["AB1234563", "F91234563"], &["AB1234567", "AB"]);
        check(npi, &["1234567893"], &["1234567890"]);
        check(nhs, &["943 476 5919", "9434765919"], &["9434765918", "0000000000"]);
        check(health_number, &["9876 543 218", "1234 567 897"], &["9876543210"]);
        check(kvnr, &["A123456780"], &["A123456789"]);
        check(nir, &["2 55 08 14 168 025 38", "255081416802538"], &["255081416802539"]);
    }

    #[test]
    fn persons() {
        check(cpf, &["529.982.247-25"], &["529.982.247-26", "111.111.111-11"]);
        check(cnpj, &["11.222.333/0001-81"], &["11.222.333/0001-82"]);
        check(dni, &["12345678Z", "X1234567L", "y-1234567-x"], &["12345678A"]);
        check(cif, &["A58818501", "Q2826000H"], &["A58818502"]);
        check(spanish_ssn, &["28 12345678 40"], &["281234567841"]);
        check(codice_fiscale, &["RSSMRA85T10A562S"], &["RSSMRA85T10A562T"]);
        check(german_tax, &["86095742719", "47036892816"], &["86095742718"]);
        check(german_document, &["T220001293", "C01X0006H"], &["T220001294"]);
        check(french_tax, &["3023217600053"], &["3023217600054"]);
        check(utr, &["1123456789"], &["2123456789"]);
        check(ssn, &["123-45-6789"], &["000-45-6789", "666-45-6789", "900-45-6789", "123-00-6789", "123-45-0000"]);
        check(nino, &["AA 12 34 56 C"], &["BG123456C"]);
        check(luhn, &["046 454 286"], &["046454287", "000000000"]);
        check(vin, &["1M8GDM9AXKP042788"], &["1M8GDM9AXKP04278X", "12345678901234567"]);
    }

    #[test]
    fn addresses() {
        check(ipv4, &["10.0.0.1", "255.255.255.255"], &["256.1.1.1", "1.2.3"]);
        check(ipv6, &["2001:db8::1", "::1", "fe80:0:0:0:0:0:0:1"], &["::", "12:34:56", "a::b"]);
        check(coordinates, &["41.948614,-87.655311"], &["91.0, 1.0", "1.0,181.0", "1.0"]);
    }
}
