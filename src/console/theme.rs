//! Looks: what each role on the screen is drawn with, read from `themes/*.toml`, and brought down to what the terminal can do.

mod colour;

use std::collections::BTreeMap;
use std::path::Path;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

pub use colour::Depth;

use crate::event::Feed;

/// The themes that are built in: name and text.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    #[error("no theme is called '{name}': there are {known}")]
    Unknown { name: String, known: String },
    #[error("theme {name}: {message}")]
    Invalid { name: String, message: String },
    #[error("theme {path}: {source}")]
    Unreadable { path: String, source: std::io::Error },
}

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident),* $(,)?) => {
        /// A style for every role.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Theme {
            pub name: String,
            /// Without colour, series and severities must differ by their glyphs.
            pub mono: bool,
            /// ASCII only: no box drawing, no blocks.
            pub ascii: bool,
            $($(#[$doc])* pub $role: Style,)*
        }

        const ROLES: &[&str] = &[$(stringify!($role)),*];

        impl Theme {
            fn from_styles(name: String, styles: &BTreeMap<String, Style>) -> Self {
                let style = |role: &str| styles.get(role).copied().unwrap_or_default();
                Self { name, mono: false, ascii: false, $($role: style(stringify!($role)),)* }
            }

            fn each(&mut self, change: impl Fn(Style) -> Style) {
                $(self.$role = change(self.$role);)*
            }
        }
    };
}

roles! {
    /// What everything stands on; its background fills the screen.
    text,
    dim,
    strong,
    title,
    border,
    border_focus,
    header,
    /// The line of keys at the bottom.
    footer,
    key,
    selection,
    /// Text that a filter or a search found.
    found,
    /// A range chosen on the timeline.
    range,
    badge,
    /// The badge that says DEMO.
    demo,
    good,
    notice,
    warning,
    error,
    severity_info,
    severity_low,
    severity_medium,
    severity_high,
    feed_signin,
    feed_item,
    feed_audit,
    outcome_success,
    outcome_failure,
    outcome_other,
    person,
    target,
    address,
    place,
    field,
    string,
    number,
    literal,
    keyword,
    operator,
    function,
    comment,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    styles: BTreeMap<String, Entry>,
}

/// One style. A colour is `#rrggbb`, a number of the 256, or an ANSI name; a list gives first the colour, then the ANSI name for terminals of 16.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "a theme's file names them one by one")]
struct Entry {
    fg: Option<Paint>,
    bg: Option<Paint>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    dim: bool,
    #[serde(default)]
    italic: bool,
    #[serde(default)]
    underline: bool,
    #[serde(default)]
    reverse: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Paint {
    One(String),
    Index(u8),
    WithAnsi([String; 2]),
}

impl Theme {
    /// A built-in theme, or `NAME.toml` in the folder of the user's own, at the depth the terminal has. Without colours it is
    /// always `mono`: the others tell too much by colour.
    pub fn load(name: &str, own: Option<&Path>, depth: Depth, ascii: bool) -> Result<Self, ThemeError> {
        let name = if depth == Depth::Mono { "mono" } else { name };
        let file = own.map(|dir| dir.join(format!("{name}.toml"))).filter(|path| path.is_file());
        let mut theme = match (file, BUILT_IN.iter().find(|(known, _)| *known == name)) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|source| ThemeError::Unreadable { path: path.display().to_string(), source })?;
                Self::parse(name, &text, depth)?
            }
            (None, Some((_, text))) => Self::parse(name, text, depth)?,
            (None, None) => {
                let known = BUILT_IN.map(|(name, _)| name).join(", ");
                return Err(ThemeError::Unknown { name: name.to_owned(), known });
            }
        };
        theme.ascii = ascii;
        Ok(theme)
    }

    /// Reads a theme's TOML.
    pub fn parse(name: &str, text: &str, depth: Depth) -> Result<Self, ThemeError> {
        let invalid = |message: String| ThemeError::Invalid { name: name.to_owned(), message };
        let file: File = toml::from_str(text).map_err(|e| invalid(e.message().to_owned()))?;
        let mut styles = BTreeMap::new();
        for (role, entry) in file.styles {
            if !ROLES.contains(&role.as_str()) {
                return Err(invalid(format!("there is no role '{role}'")));
            }
            let style = entry.style(depth).map_err(|e| invalid(format!("{role}: {e}")))?;
            styles.insert(role, style);
        }
        let mut theme = Self::from_styles(file.name, &styles);
        theme.mono = depth == Depth::Mono || theme.feed_signin.fg.is_none();
        // Every role stands on the theme's ground, so that a pane may set one style and be done.
        let ground = theme.text;
        theme.each(|style| ground.patch(style));
        Ok(theme)
    }

    pub fn feed(&self, feed: Feed) -> Style {
        match feed {
            Feed::SignInAttempts => self.feed_signin,
            Feed::ItemUsages => self.feed_item,
            Feed::AuditEvents => self.feed_audit,
            Feed::ConnectActivity => self.dim,
        }
    }
}

impl Entry {
    fn style(&self, depth: Depth) -> Result<Style, String> {
        let mut style = Style::new();
        if let Some(paint) = &self.fg {
            style.fg = paint.colour(depth)?;
        }
        if let Some(paint) = &self.bg {
            style.bg = paint.colour(depth)?;
        }
        for (on, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.italic, Modifier::ITALIC),
            (self.underline, Modifier::UNDERLINED),
            // Without colours a ground of its own becomes reverse video.
            (self.reverse || (depth == Depth::Mono && self.bg.is_some()), Modifier::REVERSED),
        ] {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }
}

impl Paint {
    fn colour(&self, depth: Depth) -> Result<Option<Color>, String> {
        let colour = match self {
            Self::Index(n) => Color::Indexed(*n),
            Self::One(text) => colour::parse(text)?,
            Self::WithAnsi([text, ansi]) => {
                let (colour, ansi) = (colour::parse(text)?, colour::parse(ansi)?);
                if depth == Depth::Ansi16 { ansi } else { colour }
            }
        };
        Ok(colour::reduce(colour, depth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_gives_every_role_a_style() {
        for (name, text) in BUILT_IN {
            let file: File = toml::from_str(text).unwrap();
            assert_eq!(file.name, name);
            let missing: Vec<_> = ROLES.iter().filter(|role| !file.styles.contains_key(**role)).collect();
            assert!(missing.is_empty(), "{name} has no {missing:?}");
            for depth in [Depth::Mono, Depth::Ansi16, Depth::Indexed256, Depth::True] {
                Theme::parse(name, text, depth).unwrap();
            }
        }
    }

    #[test]
    fn at_each_depth_only_colours_of_that_depth_are_left() {
        let fits = |colour: Option<Color>, depth| match (colour, depth) {
            (None | Some(Color::Reset), _) => true,
            (Some(_), Depth::Mono) => false,
            (Some(Color::Rgb(..)), depth) => depth == Depth::True,
            (Some(Color::Indexed(_)), depth) => depth != Depth::Ansi16,
            _ => true,
        };
        for depth in [Depth::Mono, Depth::Ansi16, Depth::Indexed256, Depth::True] {
            for (name, text) in BUILT_IN {
                let mut theme = Theme::parse(name, text, depth).unwrap();
                theme.each(|style| {
                    assert!(fits(style.fg, depth) && fits(style.bg, depth), "{name} {depth:?}: {style:?}");
                    style
                });
            }
        }
    }

    #[test]
    fn a_wrong_theme_says_what_is_wrong_with_it() {
        for (text, want) in [
            ("name = 'x'\n[styles]\ntxet = {}", "theme x: there is no role 'txet'"),
            ("name = 'x'\n[styles]\ntext = { fg = 'puce' }", "theme x: text: 'puce' is no colour"),
            ("name = 'x'\n[styles]\ntext = { colour = 'red' }", "theme x: unknown field `colour`"),
        ] {
            let error = Theme::parse("x", text, Depth::True).unwrap_err().to_string();
            assert!(error.starts_with(want), "{error}");
        }
        let error = Theme::load("solar", None, Depth::True, false).unwrap_err().to_string();
        assert_eq!(error, "no theme is called 'solar': there are dark, light, high-contrast, mono");
    }

    #[test]
    fn an_own_theme_comes_before_a_built_in_one_of_its_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("dark.toml"), "name = 'mine'\n[styles]\nerror = { fg = 'red' }").unwrap();
        let theme = Theme::load("dark", Some(dir.path()), Depth::True, false).unwrap();
        assert_eq!((theme.name.as_str(), theme.error.fg), ("mine", Some(Color::Red)));
    }
}
