//! First thing of all: what this process writes and leaves behind is for its owner only.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

/// Files for the owner only, and no core dump: a core would hold tokens and events. What the system refuses here is no reason to
/// stop; `doctor` looks at the directories themselves.
pub fn harden() {
    umask(Mode::from_raw_mode(0o077));
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
