//! Which key does what where: the registry's keys, with those of the configuration in their place.

mod key;

use std::collections::BTreeMap;

use hashbrown::HashMap;

pub use key::Key;

use super::action::{Action, Context, REGISTRY, Spec};

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    #[error("keys: no action is called '{0}'; `?` in the console lists them")]
    UnknownAction(String),
    #[error("keys.{action}: {message}")]
    Key { action: String, message: String },
    #[error("keys: {key} would do two things in {context}: {first} and {second}")]
    Conflict { key: String, context: &'static str, first: &'static str, second: &'static str },
}

/// Keys to actions, by context.
#[derive(Clone, Debug)]
pub struct Keymap {
    bindings: HashMap<(Context, Key), Action>,
    keys: Vec<Vec<Key>>,
}

impl Keymap {
    /// The keys of the registry, changed by `own`: an action's name and the keys it has instead.
    pub fn new(own: &BTreeMap<String, Vec<String>>) -> Result<Self, KeymapError> {
        let mut keys = Vec::with_capacity(REGISTRY.len());
        for spec in REGISTRY {
            let read =
                |text: &str| text.parse().map_err(|message| KeymapError::Key { action: spec.name.to_owned(), message });
            keys.push(match own.get(spec.name) {
                Some(own) => own.iter().map(|text| read(text)).collect::<Result<_, _>>()?,
                None => spec.keys.iter().map(|text| read(text)).collect::<Result<Vec<Key>, _>>()?,
            });
        }
        if let Some(name) = own.keys().find(|name| Action::from_name(name).is_none()) {
            return Err(KeymapError::UnknownAction(name.clone()));
        }
        let mut map = Self { bindings: HashMap::new(), keys };
        for spec in REGISTRY {
            for key in map.keys[spec.action as usize].clone() {
                for context in spec.contexts.iter().filter(|c| !c.takes_text() || key.typed().is_none()) {
                    map.bind(*context, key, spec)?;
                }
            }
        }
        Ok(map)
    }

    fn bind(&mut self, context: Context, key: Key, spec: &Spec) -> Result<(), KeymapError> {
        match self.bindings.insert((context, key), spec.action) {
            Some(first) if first != spec.action => Err(KeymapError::Conflict {
                key: key.to_string(),
                context: context.title(),
                first: first.spec().name,
                second: spec.name,
            }),
            _ => Ok(()),
        }
    }

    /// What a key does where the contexts are listened to, the first first.
    pub fn action(&self, contexts: &[Context], key: Key) -> Option<Action> {
        contexts.iter().find_map(|context| self.bindings.get(&(*context, key)).copied())
    }

    /// The keys of an action.
    pub fn keys(&self, action: Action) -> &[Key] {
        &self.keys[action as usize]
    }

    /// The first key of an action, as it is written; "" when it has none.
    pub fn key(&self, action: Action) -> String {
        self.keys(action).first().map(ToString::to_string).unwrap_or_default()
    }
}

impl Default for Keymap {
    fn default() -> Self {
        // The registry's own keys are held free of conflicts by a test.
        Self::new(&BTreeMap::new())
            .unwrap_or_else(|_| Self { bindings: HashMap::new(), keys: vec![Vec::new(); REGISTRY.len()] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.iter().map(|s| (*s).to_owned()).collect())).collect()
    }

    #[test]
    fn no_key_of_the_registry_does_two_things_in_one_place() {
        let map = Keymap::new(&BTreeMap::new()).unwrap();
        // A pane's own key must not hide one that works everywhere: people would be surprised. Where text is typed, nothing works
        // everywhere.
        for ((context, key), action) in &map.bindings {
            if let Some(global) = map.bindings.get(&(Context::Global, *key)).filter(|_| !context.takes_text()) {
                assert!(global == action, "{key} is {action} in {} and {global} everywhere", context.title());
            }
        }
    }

    #[test]
    fn the_configuration_takes_an_actions_keys_over() {
        let map = Keymap::new(&own(&[("tail.follow", &["F"])])).unwrap();
        let find = |key: &str| map.action(&[Context::Tail, Context::Global], key.parse().unwrap());
        assert_eq!(find("F"), Some(Action::Follow));
        assert_eq!(find("f"), None);
        assert_eq!(find("q"), Some(Action::Quit));
    }

    #[test]
    fn a_wrong_configuration_names_the_place() {
        let error = |pairs: &[(&str, &[&str])]| Keymap::new(&own(pairs)).unwrap_err().to_string();
        assert_eq!(
            error(&[("tail.folow", &["F"])]),
            "keys: no action is called 'tail.folow'; `?` in the console lists them"
        );
        assert!(error(&[("tail.follow", &["pgup"])]).starts_with("keys.tail.follow: 'pgup' is no key"));
        assert_eq!(
            error(&[("tail.follow", &["/"])]),
            "keys: / would do two things in live tail: tail.follow and tail.filter"
        );
    }

    #[test]
    fn letters_are_text_where_text_is_typed() {
        let map = Keymap::default();
        assert_eq!(map.action(&[Context::Editor], "1".parse().unwrap()), None);
        assert_eq!(map.action(&[Context::Editor], "alt-1".parse().unwrap()), Some(Action::ViewTail));
    }
}
