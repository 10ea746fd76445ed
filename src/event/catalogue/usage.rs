//! The actions of item usages.

use super::Severity::{Info, Low, Medium};
use super::{Code, code};

pub(super) const ACTIONS: &[Code] = &[
    code("enter-item-edit-mode", "opened for editing", Info),
    code("export", "exported", Medium),
    code("fill", "filled", Info),
    code("other", "used (by an old client)", Low),
    code("reveal", "revealed", Low),
    code("secure-copy", "copied", Low),
    code("select-sso-provider", "signed in with a provider", Info),
    code("server-create", "created on the server", Info),
    code("server-fetch", "fetched by a server client", Info),
    code("server-update", "updated on the server", Info),
    code("share", "shared", Medium),
];
