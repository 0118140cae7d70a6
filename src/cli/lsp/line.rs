//! Lines of YAML that may be incomplete, because the user is typing.

/// A line of block YAML.
pub(super) struct YamlLine<'a> {
    /// Columns of the dashes that begin list items.
    pub dashes: Vec<usize>,
    /// Column of the content after the dashes, in bytes.
    pub column: usize,
    /// Content after the dashes, without a comment on a line of its own.
    pub content: &'a str,
}

impl<'a> YamlLine<'a> {
    /// Parses a line.
    #[must_use]
    pub(super) fn parse(line: &'a str) -> Self {
        let mut dashes = Vec::new();
        let mut column = line.len() - line.trim_start().len();
        loop {
            let content = &line[column..];
            let Some(rest) =
                content.strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' '))
            else {
                let content = if content.starts_with('#') { "" } else { content.trim_end() };
                return Self { dashes, column, content };
            };
            dashes.push(column);
            column = line.len() - rest.trim_start().len();
        }
    }

    /// Returns whether the line has no content.
    #[must_use]
    pub(super) fn is_blank(&self) -> bool {
        self.content.is_empty() && self.dashes.is_empty()
    }

    /// Returns the column at which the line begins.
    #[must_use]
    pub(super) fn indent(&self) -> usize {
        self.dashes.first().copied().unwrap_or(self.column)
    }

    /// Returns a key and the text after its colon.
    #[must_use]
    pub(super) fn key(&self) -> Option<(&'a str, &'a str)> {
        let content = self.content;
        let end = content.find(": ").or_else(|| content.strip_suffix(':').map(str::len))?;
        if content.starts_with(['{', '[', '|', '>']) {
            return None;
        }
        Some((content[..end].trim().trim_matches(['"', '\'']), &content[end + 1..]))
    }

    /// Returns the key whose block follows on the next lines. `None` if the value is text, such as code.
    #[must_use]
    pub(super) fn block_key(&self) -> Option<&'a str> {
        let (key, rest) = self.key()?;
        let rest = rest.trim();
        (rest.is_empty() || rest.starts_with(['#', '&', '!'])).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let line = YamlLine::parse("  - - name: a: b");
        assert_eq!((line.dashes.as_slice(), line.column, line.indent()), (&[2, 4][..], 6, 2));
        assert_eq!((line.key(), line.block_key()), (Some(("name", " a: b")), None));
        let line = YamlLine::parse("  -");
        assert_eq!((line.dashes.as_slice(), line.column, line.content), (&[2][..], 3, ""));
        assert!(YamlLine::parse("   # note: x").is_blank());
        assert_eq!(YamlLine::parse("map: # note").block_key(), Some("map"));
        assert_eq!(YamlLine::parse("python: |").block_key(), None);
        assert_eq!(YamlLine::parse("'a/b':").key(), Some(("a/b", "")));
        assert_eq!(YamlLine::parse("-1").key(), None);
    }
}
