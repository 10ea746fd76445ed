//! Well-known text into GeoJSON.

use crate::engine::local::functions::real_text::write_real;

/// How deep collections may lie in one another.
const DEEPEST: usize = 16;

/// Writes the shape; `None` for what is none, with part of it written.
pub fn write(text: &str, out: &mut String) -> Option<()> {
    let mut reader = Reader { rest: text.trim() };
    reader.shape(out, 0)?;
    reader.rest.trim().is_empty().then_some(())
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(sign)?;
        Some(())
    }

    fn shape(&mut self, out: &mut String, depth: usize) -> Option<()> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (kind, rest) = rest.split_at(end);
        self.rest = rest;
        // The name in GeoJSON, and how many lists lie around its places.
        let (name, lists) = match kind.to_ascii_uppercase().as_str() {
            "POINT" => ("Point", 0),
            "LINESTRING" => ("LineString", 1),
            "POLYGON" => ("Polygon", 2),
            "MULTIPOINT" => ("MultiPoint", 1),
            "MULTILINESTRING" => ("MultiLineString", 2),
            "MULTIPOLYGON" => ("MultiPolygon", 3),
            "GEOMETRYCOLLECTION" if depth < DEEPEST => {
                out.push_str("{\"type\":\"GeometryCollection\",\"geometries\":");
                self.list(out, |reader, out| reader.shape(out, depth + 1))?;
                out.push('}');
                return Some(());
            }
            _ => return None,
        };
        out.push_str("{\"type\":\"");
        out.push_str(name);
        out.push_str("\",\"coordinates\":");
        if lists == 0 {
            self.take('(')?;
            self.place(out)?;
            self.take(')')?;
        } else {
            self.places(out, lists)?;
        }
        out.push('}');
        Some(())
    }

    fn places(&mut self, out: &mut String, lists: usize) -> Option<()> {
        self.list(out, |reader, out| if lists == 1 { reader.place(out) } else { reader.places(out, lists - 1) })
    }

    fn list(&mut self, out: &mut String, item: impl Fn(&mut Self, &mut String) -> Option<()>) -> Option<()> {
        self.take('(')?;
        out.push('[');
        loop {
            item(self, out)?;
            if self.take(',').is_none() {
                break;
            }
            out.push(',');
        }
        out.push(']');
        self.take(')')
    }

    /// `1 2`, in brackets of its own or not.
    fn place(&mut self, out: &mut String) -> Option<()> {
        let bracket = self.take('(').is_some();
        out.push('[');
        self.number(out)?;
        out.push(',');
        self.number(out)?;
        out.push(']');
        if bracket { self.take(')') } else { Some(()) }
    }

    fn number(&mut self, out: &mut String) -> Option<()> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(rest.len());
        let value: f64 = rest[..end].parse().ok()?;
        self.rest = &rest[end..];
        if value.fract() == 0.0 && value.abs() < 1e15 {
            out.push_str(&(value as i64).to_string());
        } else {
            write_real(out, value);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Option<String> {
        let mut out = String::new();
        write(text, &mut out).map(|()| out)
    }

    #[test]
    fn shapes_become_geojson() {
        for (text, want) in [
            ("POINT (8.5 47)", r#"{"type":"Point","coordinates":[8.5,47]}"#),
            ("linestring(1 2,3 4)", r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#),
            ("MULTIPOINT ((1 2), (3 4))", r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#),
            ("POLYGON ((0 0, 2 0, 2 2, 0 0))", r#"{"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,0]]]}"#),
            (
                "GEOMETRYCOLLECTION (POINT (1 1))",
                r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,1]}]}"#,
            ),
        ] {
            assert_eq!(json(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_shape_is_nothing() {
        for text in ["", "LINESTRING", "POINT (1)", "POINT (1 2", "CIRCLE (1 2)", "POINT (1 2) x"] {
            assert_eq!(json(text), None, "{text}");
        }
    }
}
