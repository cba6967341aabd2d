//! Where a catalog is, and who opens it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::error::CatalogError;
use super::limits;

/// Where the catalog is.
#[derive(Clone, PartialEq, Eq)]
pub enum CatalogUrl {
    /// A file, created if need be.
    Sqlite(PathBuf),
    /// A PostgreSQL database, as `postgres://user:password@host:5432/database`.
    Postgres(String),
}

impl FromStr for CatalogUrl {
    type Err = CatalogError;

    /// `postgres://...` or `postgresql://...` is PostgreSQL; `sqlite:path`, or any text without `://`, is a file.
    fn from_str(text: &str) -> Result<Self, CatalogError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(CatalogUrl::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        if path.is_empty() || path.contains("://") {
            let rule = "the catalog's address must be a file's path or begin with postgres://";
            return Err(CatalogError::Invalid(format!("{rule}: {:?}", without_password(text))));
        }
        Ok(CatalogUrl::Sqlite(path.into()))
    }
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CatalogUrl::Sqlite(path) => path.display().fmt(f),
            CatalogUrl::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The URL with the password, and every parameter (one of them may be a password, too), left out.
fn without_password(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

/// The name of a process that writes, the same at every start: 1 to 64 letters, digits and `-_.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeName(String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for NodeName {
    /// `node-1`, the only node of a single-machine Watchkeep.
    fn default() -> Self {
        NodeName("node-1".to_owned())
    }
}

impl FromStr for NodeName {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if (1..=limits::NODE_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain) {
            Ok(NodeName(text.to_owned()))
        } else {
            Err(CatalogError::Invalid(format!("a node's name must be 1 to 64 letters, digits and -_.: {text:?}")))
        }
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_files_or_servers() {
        let file = |path: &str| CatalogUrl::Sqlite(path.into());
        for (text, url) in [
            ("data/catalog.sqlite", file("data/catalog.sqlite")),
            ("sqlite:/data/catalog.sqlite", file("/data/catalog.sqlite")),
            ("sqlite:///data/catalog.sqlite", file("/data/catalog.sqlite")),
            ("postgres://u:p@h/d", CatalogUrl::Postgres("postgres://u:p@h/d".into())),
            ("postgresql://h/d", CatalogUrl::Postgres("postgresql://h/d".into())),
        ] {
            assert_eq!(text.parse::<CatalogUrl>().unwrap(), url);
        }
        for bad in ["", "mysql://root:hush@h/d", "sqlite:"] {
            let error = bad.parse::<CatalogUrl>().unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn passwords_do_not_show() {
        for (url, shown) in [
            ("postgres://watch:hush@db:5432/keep?password=hush&sslmode=require", "postgres://watch@db:5432/keep"),
            ("postgres://watch:hu@sh@db/keep", "postgres://watch@db/keep"),
            ("postgres://db/keep", "postgres://db/keep"),
        ] {
            let url: CatalogUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }

    #[test]
    fn node_names_are_short_and_plain() {
        assert_eq!("watch-1.example_a".parse::<NodeName>().unwrap().as_str(), "watch-1.example_a");
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<NodeName>().is_err(), "{bad}");
        }
    }
}
