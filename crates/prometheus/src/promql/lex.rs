//! The words of PromQL, with their places.

use super::number::{parse_duration, parse_number};
use super::parse::ParseError;
use super::quoted::unescape;

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or keyword; with colons it can only be a metric's.
    Word(String),
    /// A number.
    Number(f64),
    /// A duration, in milliseconds.
    Duration(i64),
    /// A text.
    Text(String),
    /// Punctuation and operators.
    Sign(&'static str),
    /// The end of the text.
    End,
}

impl Token {
    /// As messages name it.
    pub(super) fn described(&self) -> String {
        match self {
            Token::Word(word) => format!("identifier {word:?}"),
            Token::Number(number) => format!("number \"{number}\""),
            Token::Duration(ms) => format!("duration of {ms} ms"),
            Token::Text(text) => format!("string {text:?}"),
            Token::Sign(sign) => format!("{sign:?}"),
            Token::End => "end of input".to_owned(),
        }
    }
}

/// Signs, the longer first.
const SIGNS: &[&str] = &[
    "=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "@", "(", ")", "{", "}", "[", "]",
    ",", ":",
];

/// Takes a text apart.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, ParseError> {
    let mut tokens = Vec::new();
    let mut position = 0;
    loop {
        let rest = text.get(position..).unwrap_or_default();
        let Some(first) = rest.chars().next() else { break };
        if first.is_ascii_whitespace() {
            position += 1;
            continue;
        }
        if first == '#' {
            position += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (token, length) = token(rest, first).map_err(|reason| ParseError { position, reason })?;
        tokens.push((token, position));
        position += length;
    }
    tokens.push((Token::End, text.len()));
    Ok(tokens)
}

fn token(rest: &str, first: char) -> Result<(Token, usize), String> {
    if matches!(first, '"' | '\'' | '`') {
        return string(rest, first);
    }
    let second = rest.as_bytes().get(1).copied().unwrap_or_default();
    let second_is_digit = second.is_ascii_digit();
    if first.is_ascii_digit() || (first == '.' && second_is_digit) {
        return number(rest);
    }
    // A colon begins a metric's name, and separates range and step of a subquery.
    let second_is_letter = second.is_ascii_alphabetic() || second == b'_';
    if first.is_ascii_alphabetic() || first == '_' || (first == ':' && second_is_letter) {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b':';
        let length = rest.bytes().take_while(is_part).count();
        let word = rest.get(..length).unwrap_or_default();
        return Ok(match word.to_ascii_lowercase().as_str() {
            "inf" => (Token::Number(f64::INFINITY), length),
            "nan" => (Token::Number(f64::NAN), length),
            _ => (Token::Word(word.to_owned()), length),
        });
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => Ok((Token::Sign(sign), sign.len())),
        None => Err(format!("unexpected character: {first:?}")),
    }
}

fn number(rest: &str) -> Result<(Token, usize), String> {
    let bytes = rest.as_bytes();
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let follows_exponent = length > 0 && matches!(bytes.get(length - 1), Some(b'e' | b'E'));
        let is_hexadecimal = bytes.get(1).is_some_and(|second| matches!(second, b'x' | b'X'));
        let is_sign = matches!(byte, b'+' | b'-') && follows_exponent && !is_hexadecimal;
        if byte.is_ascii_alphanumeric() || *byte == b'.' || is_sign {
            length += 1;
        } else {
            break;
        }
    }
    let word = rest.get(..length).unwrap_or_default();
    if let Some(number) = parse_number(word) {
        return Ok((Token::Number(number), length));
    }
    match parse_duration(word) {
        Some(duration_ms) => Ok((Token::Duration(duration_ms), length)),
        None => Err(format!("bad number or duration syntax: {word:?}")),
    }
}

fn string(rest: &str, quote: char) -> Result<(Token, usize), String> {
    let mut text = String::new();
    let mut length = quote.len_utf8();
    loop {
        let after = rest.get(length..).unwrap_or_default();
        let Some(character) = after.chars().next() else { return Err("unterminated quoted string".to_owned()) };
        length += character.len_utf8();
        match character {
            end if end == quote => return Ok((Token::Text(text), length)),
            '\n' if quote != '`' => return Err("unterminated quoted string".to_owned()),
            '\\' if quote != '`' => {
                let (escaped, escape) = unescape(rest.get(length..).unwrap_or_default(), quote)?;
                text.push(escaped);
                length += escape;
            }
            other => text.push(other),
        }
    }
}
