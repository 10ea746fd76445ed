//! What hunts need to know of the organisation that no event tells: `[organisation]` of the configuration, as KQL.

use serde::Deserialize;

use super::front_matter::Kind;
use crate::base::config::Organisation;
use crate::base::time::Ticks;
use crate::kql::{Type, Value};

/// A part of `[organisation]` that a parameter may be filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    CanaryItems,
    /// `user` (uuid or e-mail address) and `left`, the last day.
    Leavers,
    PrivilegedUsers,
    PrivilegedGroups,
    PrivilegedVaults,
    InternalNetworks,
    /// `vault` and `owner`, a row for each.
    VaultOwners,
}

/// What the organisation says of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// An array, as a dynamic value.
    List(Vec<String>),
    /// Columns and rows of a table.
    Table { columns: &'static [(&'static str, Type)], rows: Vec<Vec<Value>> },
}

impl Fact {
    /// The name in a hunt's `from`, which is the key in `[organisation]` where there is one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CanaryItems => "canary_items",
            Self::Leavers => "leavers",
            Self::PrivilegedUsers => "privileged_users",
            Self::PrivilegedGroups => "privileged_groups",
            Self::PrivilegedVaults => "privileged_vaults",
            Self::InternalNetworks => "internal_networks",
            Self::VaultOwners => "vault_owners",
        }
    }

    /// Where it is written in the configuration.
    pub const fn key(self) -> &'static str {
        match self {
            Self::CanaryItems => "[organisation] canary_items",
            Self::Leavers => "[[organisation.leavers]]",
            Self::PrivilegedUsers => "[organisation.privileged] users",
            Self::PrivilegedGroups => "[organisation.privileged] groups",
            Self::PrivilegedVaults => "[organisation.privileged] vaults",
            Self::InternalNetworks => "[organisation] internal_networks",
            Self::VaultOwners => "[[organisation.vault_owners]]",
        }
    }

    /// The type of a parameter that is filled from it.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Leavers | Self::VaultOwners => Kind::Table,
            _ => Kind::Scalar(Type::Dynamic),
        }
    }

    /// What the organisation says. `None` when it says nothing.
    pub fn of(self, organisation: &Organisation) -> Option<Known> {
        let list = |items: &[String]| Some(Known::List(items.to_vec())).filter(|_| !items.is_empty());
        match self {
            Self::CanaryItems => list(&organisation.canary_items),
            Self::PrivilegedUsers => list(&organisation.privileged.users),
            Self::PrivilegedGroups => list(&organisation.privileged.groups),
            Self::PrivilegedVaults => list(&organisation.privileged.vaults),
            Self::InternalNetworks => {
                let networks: Vec<String> = organisation.internal_networks.iter().map(ToString::to_string).collect();
                list(&networks)
            }
            Self::Leavers => {
                let row = |user: &str, left: Ticks| vec![Value::string(user), Value::DateTime(left.0)];
                let rows = organisation.leavers.iter().map(|leaver| row(&leaver.user, leaver.left.0));
                table(&[("user", Type::String), ("left", Type::DateTime)], rows.collect())
            }
            Self::VaultOwners => {
                let each = organisation.vault_owners.iter();
                let rows = each.flat_map(|vault| vault.owners.iter().map(move |owner| (&vault.vault, owner)));
                let rows =
                    rows.map(|(vault, owner)| vec![Value::string(vault.as_str()), Value::string(owner.as_str())]);
                table(&[("vault", Type::String), ("owner", Type::String)], rows.collect())
            }
        }
    }
}

fn table(columns: &'static [(&'static str, Type)], rows: Vec<Vec<Value>>) -> Option<Known> {
    if rows.is_empty() { None } else { Some(Known::Table { columns, rows }) }
}
