//! What people work with: the `client` of their events.

use fastrand::Rng;

use super::Kind;
use crate::demo::ids::{self, Domain};

/// A client on a device. `platform` is what 1Password calls `platform_name`: a browser, or a desktop's host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub uuid: String,
    pub app: &'static str,
    pub app_version: &'static str,
    pub platform: String,
    pub platform_version: &'static str,
    pub os: &'static str,
    pub os_version: &'static str,
    pub mobile: bool,
}

type Model = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

// app, its version, platform (empty: the host's name), its version, system, its version
const DESKTOPS: &[Model] = &[
    ("1Password for Mac", "81101022", "", "MacBookPro18,3", "MacOSX", "15.3.1"),
    ("1Password for Mac", "81100016", "", "Mac14,2", "MacOSX", "14.7.4"),
    ("1Password for Windows", "81101022", "", "x86_64", "Windows", "11"),
    ("1Password for Linux", "81101022", "", "x86_64", "Linux", "6.8.0"),
];
const BROWSERS: &[Model] = &[
    ("1Password Browser Extension", "20284", "Chrome", "133.0.6943.98", "MacOSX", "15.3.1"),
    ("1Password Browser Extension", "20281", "Firefox", "135.0", "Windows", "11"),
    ("1Password Browser Extension", "20284", "Edge", "133.0.3065.59", "Windows", "11"),
    ("1Password for Web", "1842", "Chrome", "132.0.6834.160", "Linux", "6.8.0"),
];
const PHONES: &[Model] = &[
    ("1Password for iOS", "81101014", "iPhone", "iPhone16,1", "iOS", "18.3.1"),
    ("1Password for Android", "81100024", "Pixel 8", "shiba", "Android", "15"),
];
const CLI: Model = ("1Password CLI", "2300300", "", "amd64", "Linux", "6.8.0");
const SDK: Model = ("1Password SDK", "0010300", "", "amd64", "Linux", "6.1.0");
const SCIM: Model = ("1Password SCIM Bridge", "2090900", "", "amd64", "Linux", "5.15.0");
// Nobody here has this one.
const WEB: Model = ("1Password for Web", "1842", "Edge", "131.0.2903.112", "Windows", "10");

fn device(seed: u64, n: u32, model: Model, host: &str, mobile: bool) -> Device {
    let (app, app_version, platform, platform_version, os, os_version) = model;
    let platform = if platform.is_empty() { host } else { platform }.to_owned();
    let uuid = ids::lower(ids::key(seed, Domain::Device, u64::from(n)));
    Device { uuid, app, app_version, platform, platform_version, os, os_version, mobile }
}

/// Adds the devices of one user, the first numbered `first`.
pub(super) fn issue(seed: u64, first: u32, kind: Kind, email: &str, rng: &mut Rng, all: &mut Vec<Device>) {
    let name = email.split(['@', '.']).next().unwrap_or_default();
    let mut add = |model: Model, host: &str, mobile| {
        let n = all.len() as u32;
        all.push(device(seed, n, model, host, mobile));
    };
    match kind {
        Kind::ServiceAccount => add(SDK, &format!("runner-{first}"), false),
        Kind::Bot => add(SCIM, "scim-bridge-7c9f8", false),
        Kind::Person | Kind::Admin => {
            let desktop = DESKTOPS[rng.usize(0..DESKTOPS.len())];
            add(desktop, &format!("{name}-{}", 100 + first % 900), false);
            add(BROWSERS[rng.usize(0..BROWSERS.len())], "", false);
            if rng.f64() < 0.6 {
                add(PHONES[rng.usize(0..PHONES.len())], "", true);
            }
            if rng.f64() < 0.15 {
                add(CLI, &format!("{name}-dev"), false);
            }
        }
    }
}

/// A browser of somebody unknown.
pub(super) fn browser(seed: u64, n: u32) -> Device {
    device(seed, n, WEB, "", false)
}
