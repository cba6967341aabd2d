//! Text to tokens, each with the byte where it begins.

use super::ExpressionError;

/// A piece of an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'t> {
    /// Not negative, finite.
    Number(f64),
    /// A function, keyword or id: letters, digits and `_`.
    Word(&'t str),
    /// What stands between two quotes of a kind; nothing is escaped in it. The search of a `SEARCH` may have such quotes in it, as
    /// AWS's examples write it (`SEARCH(':aws.AccountId = 'LOCAL'', 'Sum')`): it ends before the comma.
    Text(&'t str),
    /// An operator, bracket or comma.
    Symbol(&'static str),
    End,
}

/// The symbols, longer ones first.
const SYMBOLS: &[&str] =
    &["==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ","];

/// The tokens of a text, the last of which is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, usize)>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let (token, length) = match first {
            '0'..='9' => number(rest).ok_or_else(|| ExpressionError::syntax(text, at, "the number is too large"))?,
            'a'..='z' | 'A'..='Z' | '_' => word(rest),
            '\'' | '"' => searched(&tokens, rest, first)
                .or_else(|| quoted(rest, first))
                .ok_or_else(|| ExpressionError::syntax(text, at, &format!("missing closing {first}")))?,
            _ => symbol(rest)
                .ok_or_else(|| ExpressionError::syntax(text, at, &format!("unexpected character '{first}'")))?,
        };
        tokens.push((token, at));
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    tokens.push((Token::End, text.len()));
    Ok(tokens)
}

fn count(text: &str, is_part: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| is_part(*byte)).count()
}

fn digits(text: &str) -> usize {
    count(text, |byte| byte.is_ascii_digit())
}

/// `digits [ "." digits ] [ ("e"|"E") ["+"|"-"] digits ]`; `None` if it is no finite number.
fn number(text: &str) -> Option<(Token<'_>, usize)> {
    let after = |length: usize| text.get(length..).unwrap_or_default();
    let mut length = digits(text);
    if let Some(decimals) = after(length).strip_prefix('.').map(digits).filter(|decimals| *decimals > 0) {
        length += 1 + decimals;
    }
    if let Some(exponent) = after(length).strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let digits = digits(exponent.get(sign..).unwrap_or_default());
        if digits > 0 {
            length += 1 + sign + digits;
        }
    }
    let value: f64 = text.get(..length)?.parse().ok()?;
    value.is_finite().then_some((Token::Number(value), length))
}

fn word(text: &str) -> (Token<'_>, usize) {
    let length = count(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (Token::Word(text.get(..length).unwrap_or_default()), length)
}

fn quoted(text: &str, quote: char) -> Option<(Token<'_>, usize)> {
    let (inner, _) = text.get(1..)?.split_once(quote)?;
    Some((Token::Text(inner), inner.len() + 2))
}

/// The first argument of a `SEARCH`, if `text` begins with it: up to the first quote that a comma follows.
fn searched<'t>(before: &[(Token<'_>, usize)], text: &'t str, quote: char) -> Option<(Token<'t>, usize)> {
    let [.., (Token::Word(function), _), (Token::Symbol("("), _)] = before else { return None };
    if *function != "SEARCH" {
        return None;
    }
    let inner = text.get(1..)?;
    let mut quotes = inner.match_indices(quote);
    let is_last = |(at, _): &(usize, &str)| {
        let behind = inner.get(at + 1..).unwrap_or_default();
        behind.trim_start().starts_with(',')
    };
    let (end, _) = quotes.find(is_last)?;
    Some((Token::Text(inner.get(..end)?), end + 2))
}

fn symbol(text: &str) -> Option<(Token<'_>, usize)> {
    let symbol = SYMBOLS.iter().find(|symbol| text.starts_with(**symbol))?;
    Some((Token::Symbol(symbol), symbol.len()))
}
