//! Values with variables: `${aws:username}`, with a default as `${aws:PrincipalTag/team, 'none'}`, and `${*}`, `${?}`, `${$}` for
//! the characters themselves. Source: "IAM policy elements: Variables and tags".

use super::context::Context;
use super::glob::Glob;

/// A value as it is written, its variables found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Text; `*` and `?` are wildcards where the value is a pattern.
    Text(String),
    /// A character that is no wildcard.
    Plain(String),
    /// The value of a key of the context.
    Variable { key: String, default: Option<String> },
}

/// Whether a policy's version knows variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variables {
    /// It does: `2012-10-17`.
    Known,
    /// What looks like one is text: `2008-10-17`.
    Text,
}

impl Template {
    /// The template of a value.
    pub(super) fn parse(text: &str, variables: Variables) -> Template {
        let mut pieces = Vec::new();
        let mut rest = text;
        while variables == Variables::Known
            && let Some((before, after)) = rest.split_once("${")
            && let Some((variable, behind)) = after.split_once('}')
        {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::of_variable(variable));
            rest = behind;
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Template(pieces)
    }

    /// The value as a pattern; none if a variable has no value.
    pub(super) fn glob(&self, context: &Context) -> Option<Glob> {
        let mut glob = Glob::default();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => glob.push(text),
                Piece::Plain(text) => glob.push_plain(text),
                Piece::Variable { .. } => glob.push_plain(piece.value(context)?),
            }
        }
        Some(glob)
    }

    /// The value as text; none if a variable has no value.
    pub(super) fn text(&self, context: &Context) -> Option<String> {
        self.0.iter().map(|piece| piece.value(context)).collect()
    }

    /// The value, if it has no variables.
    pub(super) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl Piece {
    fn of_variable(variable: &str) -> Piece {
        if matches!(variable, "*" | "?" | "$") {
            return Piece::Plain(variable.to_owned());
        }
        let (key, default) = match variable.split_once(',') {
            Some((key, default)) => {
                let default = default.trim();
                let inner = default.strip_prefix('\'').and_then(|default| default.strip_suffix('\''));
                (key, Some(inner.unwrap_or(default).to_owned()))
            }
            None => (variable, None),
        };
        Piece::Variable { key: key.trim().to_ascii_lowercase(), default }
    }

    fn value<'p>(&'p self, context: &'p Context) -> Option<&'p str> {
        match self {
            Piece::Text(text) | Piece::Plain(text) => Some(text),
            Piece::Variable { key, default } => match context.values(key) {
                [value] => Some(value),
                // A key with several values is no variable.
                _ => default.as_deref(),
            },
        }
    }
}
