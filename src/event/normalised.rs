//! The normalised view: one shape for the three feeds. `user_*` is who acts, `target_*` on whom; `event_type` is the
//! action or, for a sign-in, the category. Its one definition is KQL over Sentinel's table, so that it means the same
//! wherever it runs.

/// The view's name.
pub const NAME: &str = "OnePasswordEvents";

/// Its name in quotes, as the plugin's users know it: `['1PasswordEvents']`.
pub const ALIAS: &str = "1PasswordEvents";

/// The definition: one tabular KQL expression over `OnePasswordEventLogs_CL`.
pub const KQL: &str = include_str!("../../queries/views/OnePasswordEvents.kql");

/// The view's columns, in order.
pub const COLUMNS: &[&str] = &[
    "TimeGenerated",
    "timestamp",
    "arrived",
    "late",
    "account_uuid",
    "feed",
    "uuid",
    "event_type",
    "action",
    "category",
    "outcome",
    "user_uuid",
    "user_email",
    "user_name",
    "user_type",
    "target_uuid",
    "target_email",
    "target_name",
    "client_ip",
    "country",
    "region",
    "city",
    "latitude",
    "longitude",
    "app_name",
    "app_version",
    "platform",
    "os",
    "device_uuid",
    "device_name",
    "session_uuid",
    "vault_uuid",
    "vault_name",
    "item_uuid",
    "item_name",
    "group_uuid",
    "group_name",
    "object_type",
    "object_uuid",
    "aux_uuid",
    "aux_info",
    "detail",
    "raw",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The names a `project` gives, read by hand: no parser stands on this floor.
    fn projected(kql: &str) -> Vec<String> {
        let text: String =
            kql.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let list = text.rsplit_once("| project").unwrap().1;
        let (mut depth, mut names, mut name, mut done) = (0, Vec::new(), String::new(), false);
        for c in list.chars() {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                ',' if depth == 0 => {
                    names.push(std::mem::take(&mut name).trim().to_owned());
                    done = false;
                }
                '=' if depth == 0 => done = true,
                c if !done => name.push(c),
                _ => {}
            }
        }
        names.push(name.trim().to_owned());
        names
    }

    #[test]
    fn the_definition_projects_the_columns_in_order() {
        assert_eq!(projected(KQL), COLUMNS);
    }

    #[test]
    fn every_stored_path_that_the_definition_names_is_stored() {
        use crate::event::schema::{DYNAMIC, stored_path};
        // Aliases live here and nowhere else: they are read from the event's text.
        let aliases = ["client.ip", "target_user.user_type", "user.user_type"];
        for column in DYNAMIC {
            let mut rest = KQL;
            let start = format!("({column}.");
            while let Some((_, after)) = rest.split_once(&start) {
                let key: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let path = format!("{column}.{key}");
                assert!(stored_path(column, &key).is_some() || aliases.contains(&path.as_str()), "{path}");
                rest = after;
            }
        }
    }
}
