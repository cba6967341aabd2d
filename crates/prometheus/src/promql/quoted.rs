//! Names and strings as PromQL writes them.

use std::fmt::{self, Write};

/// Whether a label of this name needs no quotes.
pub(super) fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Writes a label's name, in quotes if it needs them.
pub(super) fn write_name(out: &mut impl Write, name: &str) -> fmt::Result {
    if is_label_name(name) { out.write_str(name) } else { write_quoted(out, name) }
}

/// Writes a string between double quotes.
pub(super) fn write_quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            control if (control as u32) < 0x20 || control as u32 == 0x7f => write!(out, "\\x{:02x}", control as u32)?,
            other => out.write_char(other)?,
        }
    }
    out.write_char('"')
}

/// What an escape at the start of `rest` (after its backslash) stands for, and its length. A string may hold bytes that are no
/// UTF-8 in PromQL; here they are refused.
pub(super) fn unescape(rest: &str, quote: char) -> Result<(char, usize), &'static str> {
    const UNKNOWN: &str = "unknown escape sequence";
    let mut characters = rest.chars();
    let plain = |character| Ok((character, 1));
    let digits = |start: usize, count: usize, radix: u32| {
        let digits = rest.get(start..start + count).ok_or(UNKNOWN)?;
        let is_number = digits.chars().all(|digit| digit.is_digit(radix));
        let number = u32::from_str_radix(digits, radix).ok().filter(|_| is_number).ok_or(UNKNOWN)?;
        let character = char::from_u32(number).ok_or("escape sequence is an invalid Unicode code point")?;
        Ok((character, start + count))
    };
    match characters.next().ok_or("escape sequence not terminated")? {
        'a' => plain('\u{7}'),
        'b' => plain('\u{8}'),
        'f' => plain('\u{c}'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\u{b}'),
        '\\' => plain('\\'),
        own if own == quote => plain(own),
        'x' => digits(1, 2, 16),
        'u' => digits(1, 4, 16),
        'U' => digits(1, 8, 16),
        '0'..='7' => digits(0, 3, 8),
        _ => Err(UNKNOWN),
    }
}
