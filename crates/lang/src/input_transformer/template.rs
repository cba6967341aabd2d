//! Templates, taken apart at their variables.

/// A template.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub segments: Vec<Segment>,
    pub kind: Kind,
}

/// What a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An object.
    Object,
    /// Texts in quotes, which stay as they are.
    Quoted,
    /// A text that has no quotes around it, and gets them.
    Bare,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    Variable {
        name: String,
        /// Whether it stands inside of a JSON string.
        in_quotes: bool,
    },
}

impl Template {
    /// Takes a template apart. Any text is one.
    pub fn parse(text: &str) -> Template {
        let kind = match text.trim_start().chars().next() {
            Some('{') => Kind::Object,
            Some('"') => Kind::Quoted,
            _ => Kind::Bare,
        };
        let (mut segments, mut literal, mut in_quotes) = (Vec::new(), String::new(), kind == Kind::Bare);
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if character == '<'
                && let Some((name, behind)) = variable(rest)
            {
                segments.push(Segment::Literal(std::mem::take(&mut literal)));
                segments.push(Segment::Variable { name: name.to_owned(), in_quotes });
                rest = behind;
                continue;
            }
            let mut length = character.len_utf8();
            match character {
                '"' if kind != Kind::Bare => in_quotes = !in_quotes,
                // What is escaped ends no string.
                '\\' if in_quotes => length += rest.chars().nth(1).map_or(0, char::len_utf8),
                _ => {}
            }
            let (taken, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            literal.push_str(taken);
            rest = behind;
        }
        segments.push(Segment::Literal(literal));
        segments.retain(|segment| !matches!(segment, Segment::Literal(text) if text.is_empty()));
        Template { segments, kind }
    }

    /// The names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable { name, .. } => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }
}

/// The variable at the beginning of a text, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.strip_prefix('<')?.split_once('>')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!name.is_empty() && name.bytes().all(is_name)).then_some((name, behind))
}
