//! Floor 6: the terminal program. State, actions, panes.
//!
//! One thread owns the state and the screen and never waits for anything but messages: keys, events, answers. [`update`] turns a
//! message into a change of [`state::State`] and a list of [`message::Effect`]s; [`effects`] does those elsewhere and sends messages back;
//! [`panes`] draws the state into cells; [`terminal`] writes the difference.

pub mod action;
mod effects;
pub mod keymap;
mod message;
mod palette;
mod panes;
mod state;
mod terminal;
pub mod theme;
mod update;
mod widgets;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use ratatui::layout::Size;

use self::action::Action;
use self::effects::Effects;
use self::keymap::{Keymap, KeymapError};
use self::message::{Effect, Message};
use self::state::nav::Nav;
use self::state::{NoticeKind, State};
use self::terminal::frame::Frames;
use self::terminal::guard::Guard;
use self::theme::{BUILT_IN, Depth, Theme, ThemeError};
use crate::base::clock::Clock;
use crate::base::config::Organisation;
use crate::base::time::Span;
use crate::collect::{CollectorHandle, Rules};
use crate::engine::{Limits, QueryEngine};
use crate::hunt::Pack;
use crate::store::{Reader, Workspace};

/// Messages that may wait. Whoever sends more waits, so a flood stays in the store.
const QUEUE: usize = 256;
/// Messages taken in between two looks at the clock.
const DRAIN: usize = 64;
/// The first frame waits this long for the newest events, so that it is not an empty one.
const FIRST_FRAME: Duration = Duration::from_millis(30);
/// Time between two frames, unless a key was pressed.
const FRAME: Duration = Duration::from_millis(10);
/// The rate and the timeline's end move at least this often; a frame without a difference costs no byte.
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    #[error(transparent)]
    Theme(#[from] ThemeError),
    #[error(transparent)]
    Keymap(#[from] KeymapError),
}

/// What the console is started with.
pub struct Options {
    /// The configuration profile's name.
    pub profile: String,
    /// The events are made up.
    pub demo: bool,
    /// Nothing is configured and nothing stored: begin with the choices.
    pub first_run: bool,
    pub theme: String,
    /// Where the user's own themes lie.
    pub themes: Option<PathBuf>,
    pub depth: Depth,
    pub ascii: bool,
    /// `[keys]` of the configuration: an action's name and its keys.
    pub keys: BTreeMap<String, Vec<String>>,
    pub clock: Clock,
    /// The events. Without one there is nothing to show but the first-run screen.
    pub reader: Option<Reader>,
    /// The collectors of this process, one an account; none when another process collects.
    pub collectors: Vec<Arc<CollectorHandle>>,
    /// What is kept out of the tail.
    pub rules: Arc<Rules>,
    /// What answers questions.
    pub engine: Option<Arc<dyn QueryEngine>>,
    /// The analyst's own notes, marks and sessions.
    pub workspace: Option<Arc<Workspace>>,
    /// What one query may take.
    pub limits: Limits,
    pub hunts: Pack,
    /// What hunts need to know about the organisation.
    pub organisation: Organisation,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("profile", &self.profile).field("demo", &self.demo).finish_non_exhaustive()
    }
}

/// How the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Quit,
    /// By a signal.
    Terminated,
    /// A choice of the first-run screen is to be followed.
    Chosen(Action),
}

/// Takes the terminal and runs until the analyst leaves, or a signal says so.
pub fn run(options: Options) -> Result<Exit, ConsoleError> {
    let keymap = Keymap::new(&options.keys)?;
    let theme = Theme::load(&options.theme, options.themes.as_deref(), options.depth, options.ascii)?;
    let (width, height) = crossterm::terminal::size()?;
    let size = Size::new(width, height);

    let mut state = State::new(size, options.clock.now(), keymap);
    state.utc_offset = utc_offset();
    state.profile.clone_from(&options.profile);
    state.demo = options.demo;
    state.theme.clone_from(&theme.name);
    state.hunts.pack = options.hunts.clone();
    state.organisation = options.organisation.clone();
    if options.demo {
        let text = "A simulated organisation, with attacks hidden in it. Tab: the timeline, / filters, 2: hunts, ? explains all keys.";
        state.notify(NoticeKind::Info, text);
    }
    if options.first_run {
        state.nav = Nav::first_run();
    }

    let (sender, messages) = sync_channel(QUEUE);
    let guard = Guard::take(&sender)?;
    terminal::signals::listen(sender.clone())?;
    terminal::input::listen(sender.clone(), Size::new(width, height))?;
    let effects = Effects::start(&options, sender)?;
    Loop { state, theme, options, frames: Frames::new(size), guard, effects, messages, exit: None }.run()
}

/// The console's thread.
struct Loop {
    state: State,
    theme: Theme,
    options: Options,
    frames: Frames,
    guard: Guard,
    effects: Effects,
    messages: Receiver<Message>,
    exit: Option<Exit>,
}

impl Loop {
    fn run(mut self) -> Result<Exit, ConsoleError> {
        self.wait_for_events()?;
        self.draw()?;
        let mut drawn = Instant::now();
        loop {
            // A frame that is due waits for its time; otherwise only a message or the minute wakes the thread.
            let wait = if self.state.dirty { FRAME.saturating_sub(drawn.elapsed()) } else { MINUTE };
            let first = match self.messages.recv_timeout(wait) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Terminated),
            };
            self.state.now = self.options.clock.now();
            let typed = if let Some(first) = first {
                self.take_in(first)?
            } else {
                self.state.dirty = true;
                false
            };
            if let Some(exit) = self.exit {
                return Ok(exit);
            }
            if self.state.dirty && (typed || drawn.elapsed() >= FRAME) {
                self.draw()?;
                drawn = Instant::now();
            }
        }
    }

    /// Takes in what the store sends at the start, while it comes at once.
    fn wait_for_events(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while self.options.reader.is_some() && self.state.tail.list().held() == 0 && self.exit.is_none() {
            match self.messages.recv_timeout(FIRST_FRAME.saturating_sub(start.elapsed())) {
                Ok(message) => _ = self.take_in(message)?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Takes in what waits, keys first. Answers whether a key was among it.
    fn take_in(&mut self, first: Message) -> io::Result<bool> {
        let mut batch = vec![first];
        batch.extend(self.messages.try_iter().take(DRAIN));
        let (typed, others): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|message| matches!(message, Message::Key(_) | Message::Paste(_)));
        let any = !typed.is_empty();
        for message in typed.into_iter().chain(others) {
            match &message {
                Message::Terminate => self.exit = Some(Exit::Terminated),
                Message::Resize(size) => self.frames.invalidate(*size),
                Message::Resumed => self.guard.renew()?,
                _ => {}
            }
            for effect in update::update(&mut self.state, message) {
                self.effect(effect)?;
            }
        }
        Ok(any)
    }

    /// What needs the terminal is done here; the rest elsewhere.
    fn effect(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Quit => self.exit = self.exit.or(Some(Exit::Quit)),
            Effect::Leave(action) => self.exit = Some(Exit::Chosen(action)),
            Effect::Redraw => self.frames.invalidate(self.state.size),
            Effect::Suspend => {
                self.guard.suspend()?;
                let (width, height) = crossterm::terminal::size()?;
                self.state.size = Size::new(width, height);
                self.frames.invalidate(self.state.size);
                self.state.dirty = true;
            }
            Effect::Copy(text) => {
                use std::io::Write;
                self.guard.out().write_all(&effects::clipboard(&text))?;
            }
            Effect::NextTheme => self.next_theme(),
            effect => self.effects.perform(effect),
        }
        Ok(())
    }

    fn next_theme(&mut self) {
        let at = BUILT_IN.iter().position(|(name, _)| *name == self.theme.name).map_or(0, |at| at + 1);
        let (name, _) = BUILT_IN[at % BUILT_IN.len()];
        match Theme::load(name, self.options.themes.as_deref(), self.options.depth, self.options.ascii) {
            Ok(theme) => {
                self.state.theme.clone_from(&theme.name);
                self.state.notify(NoticeKind::Info, format!("theme: {}", theme.name));
                self.theme = theme;
            }
            Err(error) => self.state.notify(NoticeKind::Error, error.to_string()),
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let (state, theme) = (&self.state, &self.theme);
        self.frames.draw(self.guard.out(), |buf| panes::draw(state, theme, buf))?;
        self.state.dirty = false;
        Ok(())
    }
}

/// Local time minus UTC, now.
fn utc_offset() -> Span {
    let seconds = chrono::Local::now().offset().local_minus_utc();
    Span(i64::from(seconds) * crate::base::time::SECOND)
}
