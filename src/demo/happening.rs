//! What happened, in a few words of memory: the record that an event's JSON is made from.

use super::Nanos;
use crate::event::Feed;

/// A signed-in session: who, on what, from where, since when. The numbers are positions in `Organisation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub key: u64,
    pub login: Nanos,
    pub user: u32,
    pub device: u32,
    pub origin: u32,
}

/// An event before it is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When it happened.
    pub time: Nanos,
    /// When the API can first tell of it: later for item usages, which clients send when they synchronise.
    pub visible: Nanos,
    /// The key of its uuid.
    pub key: u64,
    pub session: Session,
    pub what: What,
}

impl Happening {
    pub fn feed(&self) -> Feed {
        match self.what {
            What::SignIn(_) => Feed::SignInAttempts,
            What::Usage { .. } => Feed::ItemUsages,
            What::Audit { .. } => Feed::AuditEvents,
        }
    }

    /// Whether it went through the organisation's Connect server, which keeps an activity of its own.
    pub fn through_connect(&self) -> bool {
        matches!(self.what, What::Usage { action: Use::ServerCreate | Use::ServerFetch | Use::ServerUpdate, .. })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    SignIn(Verdict),
    Usage { action: Use, item: u32 },
    Audit { act: Act, object: u32, aux: u32 },
}

/// How a sign-in attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Success,
    SuccessMfa,
    BadPassword,
    BadTotp,
    NoSecondFactor,
    OldClient,
    CountryBlocked,
    BadPasskey,
}

impl Verdict {
    /// Category and type.
    pub const fn codes(self) -> (&'static str, &'static str) {
        match self {
            Self::Success => ("success", "credentials_ok"),
            Self::SuccessMfa => ("success", "mfa_ok"),
            Self::BadPassword => ("credentials_failed", "password_secret_bad"),
            Self::BadTotp => ("mfa_failed", "totp_bad"),
            Self::NoSecondFactor => ("mfa_failed", "mfa_missing"),
            Self::OldClient => ("modern_version_failed", "modern_version_old"),
            Self::CountryBlocked => ("firewall_failed", "country_blocked"),
            Self::BadPasskey => ("credentials_failed", "platform_secret_bad"),
        }
    }
}

/// What was done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Fill,
    Reveal,
    Copy,
    Edit,
    Export,
    Share,
    Other,
    Provider,
    ServerCreate,
    ServerFetch,
    ServerUpdate,
}

impl Use {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fill => "fill",
            Self::Reveal => "reveal",
            Self::Copy => "secure-copy",
            Self::Edit => "enter-item-edit-mode",
            Self::Export => "export",
            Self::Share => "share",
            Self::Other => "other",
            Self::Provider => "select-sso-provider",
            Self::ServerCreate => "server-create",
            Self::ServerFetch => "server-fetch",
            Self::ServerUpdate => "server-update",
        }
    }
}

/// What an audit event's `object_uuid` or `aux_uuid` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Nothing,
    Account,
    User,
    Vault,
    Item,
    Group,
    Device,
    /// The event's own session.
    Session,
    /// Something that has a uuid and no other trace: an invitation, a file, a token.
    Upper,
    Lower,
}

/// An action of the audit log, with what it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    DelegateSession,
    VerifySsoToken,
    GrantUser,
    RevokeUser,
    UpdateUser,
    GrantGroup,
    JoinGroup,
    LeaveGroup,
    PatchItems,
    ShareItem,
    DeleteShare,
    CreateFile,
    CreateDevice,
    ReauthDevice,
    ViewReport,
    CreateInvite,
    CreateVault,
    UpdateVault,
    ExportVault,
    ProvisionUser,
    SuspendUser,
    ReactivateUser,
    DeauthoriseDevices,
    BeginRecovery,
    CompleteRecovery,
    DisableMfa,
    UpdateFirewall,
    VerifyToken,
}

/// An act's codes and the shape of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub action: &'static str,
    pub object_type: &'static str,
    pub object: Thing,
    pub aux: Thing,
    /// Whether it has an `aux_id`.
    pub numbered: bool,
    pub info: Option<&'static str>,
}

impl Act {
    pub const fn shape(self) -> Shape {
        use Thing::{Account, Device, Group, Item, Lower, Nothing, Session, Upper, User, Vault};
        let (action, object_type, object, aux, numbered, info) = match self {
            Self::DelegateSession => ("dlgsess", "dlgdsess", Upper, Session, false, None),
            Self::VerifySsoToken => ("ssotknv", "ssotkn", Upper, Nothing, false, None),
            Self::GrantUser => ("grant", "uva", Vault, User, true, Some("2147483646")),
            Self::RevokeUser => ("revoke", "uva", Vault, User, true, None),
            Self::UpdateUser => ("update", "uva", Vault, User, true, Some("15730672")),
            Self::GrantGroup => ("grant", "gva", Vault, Group, true, Some("2147483646")),
            Self::JoinGroup => ("join", "gm", Group, User, true, Some("R")),
            Self::LeaveGroup => ("leave", "gm", Group, User, true, None),
            Self::PatchItems => ("patch", "items", Vault, Nothing, false, Some("1,0,0,0,0")),
            Self::ShareItem => ("share", "item", Item, Vault, false, None),
            Self::DeleteShare => ("delshare", "item", Item, Vault, false, None),
            Self::CreateFile => ("create", "file", Lower, Nothing, false, None),
            Self::CreateDevice => ("create", "device", Device, User, true, None),
            Self::ReauthDevice => ("reauth", "device", Device, Nothing, false, None),
            Self::ViewReport => ("view", "report", Upper, Nothing, false, Some("vault-usage-report")),
            Self::CreateInvite => ("create", "invite", Upper, Nothing, false, None),
            Self::CreateVault => ("create", "vault", Vault, Nothing, false, None),
            Self::UpdateVault => ("updatea", "vault", Vault, Nothing, false, None),
            Self::ExportVault => ("export", "vault", Vault, Nothing, false, None),
            Self::ProvisionUser => ("provsn", "user", User, Nothing, false, None),
            Self::SuspendUser => ("suspend", "user", User, Nothing, false, None),
            Self::ReactivateUser => ("reactive", "user", User, Nothing, false, None),
            Self::DeauthoriseDevices => ("dealldev", "user", User, Nothing, false, None),
            Self::BeginRecovery => ("beginr", "user", User, Nothing, false, None),
            Self::CompleteRecovery => ("completr", "user", User, Nothing, false, None),
            Self::DisableMfa => ("disblmfa", "account", Account, Nothing, false, None),
            Self::UpdateFirewall => ("updatfw", "account", Account, Nothing, false, None),
            Self::VerifyToken => ("tverify", "satoken", Upper, Nothing, false, None),
        };
        Shape { action, object_type, object, aux, numbered, info }
    }
}
