//! Paths of fields.

use std::{borrow::Cow, fmt, sync::Arc};

/// Path of a field of a resource, displayed like in messages of the API server:
/// `spec.pythonPackages.packages[1]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Path(Option<Arc<PathNode>>);

/// The last step of a path, and the path before it.
#[derive(Debug, Eq, PartialEq)]
struct PathNode {
    parent: Path,
    segment: Segment,
}

/// One step of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// A field of an object.
    Field(Cow<'static, str>),
    /// An element of a list.
    Index(usize),
    /// An entry of a map.
    Key(String),
}

impl Path {
    /// Returns the path of the resource itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns the path of a field of the object at this path.
    #[must_use]
    pub fn child(&self, name: impl Into<Cow<'static, str>>) -> Self {
        self.join(Segment::Field(name.into()))
    }

    /// Returns the path of an element of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Segment::Index(index))
    }

    /// Returns the path of an entry of the map at this path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.join(Segment::Key(key.to_owned()))
    }

    fn join(&self, segment: Segment) -> Self {
        Self(Some(Arc::new(PathNode { parent: self.clone(), segment })))
    }

    /// Returns the steps from the resource to the field.
    #[must_use]
    pub fn segments(&self) -> Vec<&Segment> {
        let mut segments = Vec::new();
        let mut path = self;
        while let Some(node) = &path.0 {
            segments.push(&node.segment);
            path = &node.parent;
        }
        segments.reverse();
        segments
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.segments().into_iter().enumerate() {
            match segment {
                Segment::Field(name) if i == 0 => f.write_str(&escape_control(name))?,
                Segment::Field(name) => write!(f, ".{}", escape_control(name))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[{}]", escape_control(key))?,
            }
        }
        Ok(())
    }
}

/// Escapes control characters, which would break the line or move the cursor of a terminal.
fn escape_control(name: &str) -> Cow<'_, str> {
    if !name.contains(char::is_control) {
        return name.into();
    }
    name.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() }).collect()
}
