//! What columns are known to hold: the values of enumerations, the keys of dynamic columns. For completion and for the linter; the API's
//! enumerations are open, so more may come.

use super::catalogue::{self, Outcome};
use super::feed::Feed;
use super::schema::{Holds, STORED};

/// Sentinel's connector writes one such row every five minutes that went well.
const HEALTH: &str = "healthevents";

/// The keys of a dynamic column; none where they differ from event to event.
pub fn keys(column: &str) -> Vec<&'static str> {
    // What changed is another thing for each action.
    if column == "details" {
        return Vec::new();
    }
    STORED
        .iter()
        .filter_map(|stored| match stored.holds {
            Holds::Path(of, key) if of == column => Some(key),
            _ => None,
        })
        .collect()
}

/// The values of an enumerated column, of Sentinel's table or of the normalised view.
pub fn values(column: &str) -> Vec<&'static str> {
    let feeds = || Feed::ALL.map(Feed::name).into_iter();
    let codes = |codes: &'static [catalogue::Code]| codes.iter().map(|code| code.code);
    match column {
        "log_source" => feeds().chain([HEALTH]).collect(),
        "feed" => feeds().collect(),
        "category" => codes(catalogue::actions(Feed::SignInAttempts)).collect(),
        "action_type" => codes(catalogue::sign_in_types()).collect(),
        "object_type" => codes(catalogue::object_types()).collect(),
        "action" => {
            let usage = codes(catalogue::actions(Feed::ItemUsages));
            let audit = catalogue::actions(Feed::AuditEvents);
            usage.filter(|code| audit.iter().all(|a| a.code != *code)).chain(codes(audit)).collect()
        }
        "outcome" => Outcome::ALL.map(Outcome::name).to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_stored_paths() {
        assert_eq!(keys("session"), ["uuid", "login_time", "device_uuid", "ip"]);
        assert!(keys("details").is_empty() && keys("action").is_empty());
    }

    #[test]
    fn an_action_of_two_feeds_is_one_value() {
        let actions = values("action");
        assert_eq!(actions.iter().filter(|action| **action == "export").count(), 1);
        assert!(values("log_source").contains(&"healthevents") && values("category").contains(&"mfa_failed"));
    }
}
