//! Names: AWS's in Rust's spelling.

/// `LogGroupName`, `SSEKMSKeyId`, `logGroupName` -> `log_group_name`, `sse_kms_key_id`, `log_group_name`.
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (index, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            if !out.ends_with('_') && !out.is_empty() {
                out.push('_');
            }
            continue;
        }
        let before = index.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(index + 1);
        let word_begins = c.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if word_begins && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    match out.as_str() {
        "type" | "match" | "where" | "enum" | "struct" | "in" | "as" | "use" | "move" | "ref" | "loop" | "if"
        | "else" | "for" | "while" | "impl" | "trait" | "fn" | "let" | "mod" | "pub" | "return" | "static"
        | "const" | "async" | "await" | "dyn" | "final" | "override" | "abstract" | "default" | "box" | "macro"
        | "priv" | "try" | "unsafe" | "yield" | "break" | "continue" | "true" | "false" => format!("r#{out}"),
        "self" | "super" | "crate" => format!("{out}_"),
        _ => out,
    }
}

/// `PutMetricData` -> `PUT_METRIC_DATA`.
pub fn upper(name: &str) -> String {
    snake(name).trim_start_matches("r#").to_uppercase()
}

/// The Rust type of a structure: the shape's name, its first letter upper case, clear of the names that generated code uses.
pub fn type_name(shape: &str) -> String {
    let mut chars = shape.chars().filter(|c| c.is_alphanumeric());
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    let name: String = first.into_iter().chain(chars).collect();
    let taken = [
        "Constraints",
        "Element",
        "ErrorTraits",
        "Kind",
        "Location",
        "Member",
        "Operation",
        "Protocol",
        "Schema",
        "SchemaKind",
        "Service",
        "Shape",
        "TimestampFormat",
        "String",
        "Vec",
        "Option",
        "Box",
        "Some",
        "None",
        "Default",
        "Clone",
        "Result",
    ];
    if taken.contains(&name.as_str()) { format!("{name}Shape") } else { name }
}

/// A Rust string literal, or `None`.
pub fn optional(text: Option<&str>) -> String {
    text.map_or("None".into(), |text| format!("Some({text:?})"))
}
