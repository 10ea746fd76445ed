//! Categories and types of sign-in attempts.

use super::Severity::{High, Info, Low, Medium};
use super::{Code, code};

pub(super) const CATEGORIES: &[Code] = &[
    code("success", "signed in", Info),
    code("credentials_failed", "sign-in failed", Low),
    // The password was right and the second factor was not: the serious one.
    code("mfa_failed", "second factor failed", Medium),
    code("sso_failed", "SSO failed", Low),
    code("modern_version_failed", "client too old", Info),
    code("firewall_failed", "blocked by the firewall", Medium),
    code("firewall_reported_success", "signed in, reported by the firewall", Medium),
    // Named by third parties only; both say that the sign-in was refused.
    code("firewall_prevented", "firewall_prevented", Medium),
    code("modern_version_required", "modern_version_required", Info),
];

pub(super) const TYPES: &[Code] = &[
    code("all_blocked", "everything is blocked", Medium),
    code("anonymous_blocked", "anonymous address", Medium),
    code("code_bad", "wrong code", Medium),
    code("code_disabled", "code is off", Low),
    code("code_timeout", "code timed out", Low),
    code("continent_blocked", "continent is blocked", Medium),
    code("country_blocked", "country is blocked", Medium),
    code("credentials_ok", "credentials", Info),
    code("duo_bad", "wrong Duo answer", Medium),
    code("duo_disabled", "Duo is off", Low),
    code("duo_native_bad", "wrong Duo answer", Medium),
    code("duo_timeout", "Duo timed out", Low),
    code("federated", "federated", Info),
    code("ip_blocked", "address is blocked", Medium),
    code("mfa_missing", "no second factor given", Low),
    code("mfa_ok", "with second factor", Info),
    code("modern_version_missing", "no version given", Info),
    code("modern_version_old", "old version", Info),
    code("non_sso_user", "not an SSO user", Low),
    code("password_secret_bad", "wrong password or Secret Key", Low),
    code("platform_secret_bad", "wrong platform secret", Medium),
    code("platform_secret_disabled", "platform secret is off", Low),
    code("platform_secret_proxy", "platform secret by proxy", Low),
    code("service_account_sso_denied", "service account denied SSO", Medium),
    code("sso_user_mismatch", "another SSO user", High),
    code("totp_bad", "wrong one-time password", Medium),
    code("totp_disabled", "one-time password is off", Low),
    code("totp_timeout", "one-time password timed out", Low),
    code("u2f_bad", "wrong security key", Medium),
    code("u2f_disabled", "security key is off", Low),
    code("u2f_timeout", "security key timed out", Low),
    // As older versions of the contract spell it.
    code("u2f_timout", "security key timed out", Low),
];
