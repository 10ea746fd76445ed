//! `parse_user_agent`: browser, system and device behind a user agent's text, by rules of our own. Kusto's table is far longer: a rare agent
//! may be `Other` here.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::arrays::texts_of;
use super::bags::write_bag;
use super::parts::write_texts_bag;
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};
use crate::kql::Type;

pub fn find(name: &str) -> Option<Eval> {
    (name == "parse_user_agent").then_some(parse_user_agent as Eval)
}

/// A pattern, and the family that it shows; `$1` is its first group. Versions are the groups `v`, `w`, `x` and `y`.
type Rule = (&'static str, &'static str);

/// The first that matches counts, so that who imitates others stands before them.
const BROWSERS: &[Rule] = &[
    (
        r"(?<n>Googlebot|bingbot|DuckDuckBot|YandexBot|Baiduspider|Applebot|AhrefsBot|facebookexternalhit|Twitterbot|Slackbot)(?:[-/ ](?<v>\d+)(?:\.(?<w>\d+))?)?",
        "$n",
    ),
    (r"AdobeAIR/(?<v>\d+)\.(?<w>\d+)(?:\.(?<x>\d+))?", "AdobeAIR"),
    (r"SymbianOS.*Series60/(?<v>\d+)\.(?<w>\d+)", "Nokia OSS Browser"),
    (r"Edg(?:e|A|iOS)?/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Edge"),
    (r"OPR/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Opera"),
    (r"Opera Mini/(?<v>\d+)(?:\.(?<w>\d+))?", "Opera Mini"),
    (r"Opera[/ ].*Version/(?<v>\d+)\.(?<w>\d+)", "Opera"),
    (r"Opera[/ ](?<v>\d+)(?:\.(?<w>\d+))?", "Opera"),
    (r"Vivaldi/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Vivaldi"),
    (r"YaBrowser/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Yandex Browser"),
    (r"SamsungBrowser/(?<v>\d+)(?:\.(?<w>\d+))?", "Samsung Internet"),
    (r"UCBrowser/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "UC Browser"),
    (r"Electron/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Electron"),
    (r"HeadlessChrome/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "HeadlessChrome"),
    (r"FxiOS/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Firefox iOS"),
    (r"Focus/(?<v>\d+)(?:\.(?<w>\d+))?", "Firefox Focus"),
    (r"CriOS/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Chrome Mobile iOS"),
    (r"(?:Mobile|Tablet);.*Firefox/(?<v>\d+)(?:\.(?<w>\d+))?", "Firefox Mobile"),
    (r"SeaMonkey/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "SeaMonkey"),
    (r"Thunderbird/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Thunderbird"),
    (r"Firefox/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Firefox"),
    (r"Android.*; wv\).*Chrome/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Chrome Mobile WebView"),
    (r"Chrome/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?.* Mobile ", "Chrome Mobile"),
    (r"Chromium/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Chromium"),
    (r"Chrome/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Chrome"),
    (r"MSIE (?<v>\d+)\.(?<w>\d+)", "IE"),
    (r"Trident/.*rv:(?<v>\d+)\.(?<w>\d+)", "IE"),
    (r"(?:iPhone|iPad|iPod).*Version/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?.*Safari", "Mobile Safari"),
    (r"(?:iPhone|iPad|iPod).*AppleWebKit", "Mobile Safari UI/WKWebView"),
    (r"Android.*Version/(?<v>\d+)\.(?<w>\d+).*Safari", "Android"),
    (r"Version/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?.*Safari", "Safari"),
    (r"Outlook[ -]?(?:iOS|Android)?/?(?<v>\d+)?(?:\.(?<w>\d+))?", "Outlook"),
    (r"1Password[^/]*/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "1Password"),
    (r"(?i)PowerShell/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "PowerShell"),
    (r"python-requests/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Python Requests"),
    (r"(?i)aiohttp/(?<v>\d+)(?:\.(?<w>\d+))?", "Python aiohttp"),
    (r"Python-urllib/(?<v>\d+)(?:\.(?<w>\d+))?", "Python-urllib"),
    (r"Go-http-client/(?<v>\d+)(?:\.(?<w>\d+))?", "Go-http-client"),
    (r"okhttp/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "okhttp"),
    (r"(?i)^(?<n>curl|wget)/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "$n"),
    (r"Apache-HttpClient/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Apache-HttpClient"),
    (r"PostmanRuntime/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "PostmanRuntime"),
    (r"CFNetwork/(?<v>\d+)(?:\.(?<w>\d+))?", "CFNetwork"),
    (r"^Java/(?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Java"),
];

const SYSTEMS: &[Rule] = &[
    (r"Windows Phone(?: OS)? (?<v>\d+)(?:\.(?<w>\d+))?", "Windows Phone"),
    (r"Xbox", "Xbox"),
    (r"Windows NT 10\.0", "Windows|10"),
    (r"Windows NT 6\.3", "Windows|8|1"),
    (r"Windows NT 6\.2", "Windows|8"),
    (r"Windows NT 6\.1", "Windows|7"),
    (r"Windows NT 6\.0", "Windows|Vista"),
    (r"Windows NT 5\.[12]", "Windows|XP"),
    (r"Windows NT 5\.0", "Windows|2000"),
    (r"Windows", "Windows"),
    (r"(?:iPhone|CPU) OS (?<v>\d+)[_.](?<w>\d+)(?:[_.](?<x>\d+))?", "iOS"),
    (r"iPhone|iPad|iPod", "iOS"),
    (r"Darwin/", "Mac OS X"),
    (r"Mac OS X (?<v>\d+)[_.](?<w>\d+)(?:[_.](?<x>\d+))?", "Mac OS X"),
    (r"Mac OS X|Macintosh", "Mac OS X"),
    (r"Android (?<v>\d+)(?:\.(?<w>\d+))?(?:\.(?<x>\d+))?", "Android"),
    (r"Android", "Android"),
    (r"SymbianOS/(?<v>\d+)\.(?<w>\d+)", "Symbian OS"),
    (r"BB10|BlackBerry", "BlackBerry OS"),
    (r"CrOS \S+ (?<v>\d+)\.(?<w>\d+)(?:\.(?<x>\d+))?", "Chrome OS"),
    (r"Ubuntu(?:/(?<v>\d+)\.(?<w>\d+))?", "Ubuntu"),
    (r"Fedora", "Fedora"),
    (r"FreeBSD", "FreeBSD"),
    (r"OpenBSD", "OpenBSD"),
    (r"(?i)linux", "Linux"),
];

/// Family, brand and model, groups in them.
const DEVICES: &[(&str, [&str; 3])] = &[
    (r"(?i)bot\b|spider|crawler|facebookexternalhit", ["Spider", "Spider", "Desktop"]),
    (r"Nokia ?(?<m>N\d+)(?<r>-\d+)?", ["Nokia $m", "Nokia", "$m$r"]),
    (r"Nokia ?(?<m>\d+)", ["Nokia $m", "Nokia", "$m"]),
    (r"iPhone", ["iPhone", "Apple", "iPhone"]),
    (r"iPad", ["iPad", "Apple", "iPad"]),
    (r"iPod", ["iPod", "Apple", "iPod"]),
    (r"Macintosh", ["Mac", "Apple", "Mac"]),
    (r"Android.*; (?<m>SM-\w+)", ["Samsung $m", "Samsung", "$m"]),
    (r"Android.*; (?<m>Pixel[^;)]*?)(?: Build|[;)])", ["$m", "Google", "$m"]),
    (r"Android.*; (?:HUAWEI |Huawei )(?<m>[\w-]+)", ["Huawei $m", "Huawei", "$m"]),
    (r"Android.*; (?<m>(?:Redmi|Mi|POCO) [^;)]*?)(?: Build|[;)])", ["XiaoMi $m", "XiaoMi", "$m"]),
    (r"Android[^;]*; (?:\w\w[-_]\w\w; )?(?<m>[^;)]+?)(?: Build|[;)])", ["$m", "Generic_Android", "$m"]),
];

struct Tables {
    browsers: Vec<(Regex, &'static str)>,
    systems: Vec<(Regex, &'static str)>,
    devices: Vec<(Regex, [&'static str; 3])>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let rules = |list: &[Rule]| list.iter().filter_map(|(p, f)| Some((Regex::new(p).ok()?, *f))).collect();
    Tables {
        browsers: rules(BROWSERS),
        systems: rules(SYSTEMS),
        devices: DEVICES.iter().filter_map(|(p, d)| Some((Regex::new(p).ok()?, *d))).collect(),
    }
});

const OTHER: &str = "Other";

fn group<'a>(found: &Captures<'a>, name: &str) -> &'a str {
    found.name(name).map_or("", |m| m.as_str())
}

/// A family with its groups replaced.
fn filled(template: &str, found: &Captures<'_>) -> String {
    ["n", "m", "r"].iter().fold(template.to_owned(), |text, name| text.replace(&format!("${name}"), group(found, name)))
}

fn browser(agent: &str) -> Vec<(&'static str, String)> {
    let hit = TABLES.browsers.iter().find_map(|(rule, family)| Some((rule.captures(agent)?, family)));
    let (family, [major, minor, patch]) = match &hit {
        Some((found, family)) => (filled(family, found), ["v", "w", "x"].map(|n| group(found, n).to_owned())),
        None => (OTHER.to_owned(), Default::default()),
    };
    vec![("Family", family), ("MajorVersion", major), ("MinorVersion", minor), ("Patch", patch)]
}

fn system(agent: &str) -> Vec<(&'static str, String)> {
    let hit = TABLES.systems.iter().find_map(|(rule, family)| Some((rule.captures(agent)?, family)));
    let (family, [major, minor, patch]) = match &hit {
        Some((found, family)) => {
            // A version that the family's name implies stands behind it.
            let mut parts = family.split('|');
            let name = parts.next().unwrap_or(OTHER).to_owned();
            let implied = [parts.next(), parts.next(), None];
            let mut versions = ["v", "w", "x"].map(|n| group(found, n).to_owned());
            for (version, implied) in versions.iter_mut().zip(implied) {
                if let Some(implied) = implied {
                    implied.clone_into(version);
                }
            }
            (name, versions)
        }
        None => (OTHER.to_owned(), Default::default()),
    };
    vec![
        ("Family", family),
        ("MajorVersion", major),
        ("MinorVersion", minor),
        ("Patch", patch),
        ("PatchMinor", String::new()),
    ]
}

fn device(agent: &str) -> Vec<(&'static str, String)> {
    let hit = TABLES.devices.iter().find_map(|(rule, names)| Some((rule.captures(agent)?, names)));
    let [family, brand, model] = match &hit {
        Some((found, names)) => names.map(|name| filled(name, found)),
        None => [OTHER.to_owned(), String::new(), String::new()],
    };
    vec![("Family", family), ("Brand", brand), ("Model", model)]
}

fn parse_user_agent(call: &Call<'_>) -> Result<Vector> {
    let (agents, wanted) = (call.texts(0)?, call.texts(1)?);
    let one = call.types[1] != Type::Dynamic;
    Ok(call.write_texts(|i, out| {
        let (agent, wanted) = (agents.text(i), wanted.text(i));
        let wanted = if one { vec![Cow::Borrowed(wanted)] } else { texts_of(wanted) };
        let mut parts = Vec::new();
        for name in wanted {
            let (key, found) = match &*name {
                "browser" => ("Browser", browser(agent)),
                "os" => ("OperatingSystem", system(agent)),
                "device" => ("Device", device(agent)),
                _ => continue,
            };
            let mut text = String::new();
            write_texts_bag(&mut text, &found);
            parts.push((key, text));
        }
        write_bag(out, parts.iter().map(|(key, text)| (Cow::Borrowed(*key), text.as_str())));
        true
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: Vec<(&'static str, String)>) -> Vec<String> {
        parts.into_iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn every_rule_is_a_regular_expression() {
        assert_eq!(TABLES.browsers.len(), BROWSERS.len());
        assert_eq!(TABLES.systems.len(), SYSTEMS.len());
        assert_eq!(TABLES.devices.len(), DEVICES.len());
    }

    #[test]
    fn who_imitates_others_is_recognised() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.87";
        assert_eq!(of(browser(edge)), ["Edge", "126", "0", "2592"]);
        assert_eq!(of(system(edge)), ["Windows", "10", "", "", ""]);
        assert_eq!(of(device(edge)), ["Other", "", ""]);
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
        assert_eq!(of(browser(phone)), ["Mobile Safari", "17", "5", ""]);
        assert_eq!(of(system(phone)), ["iOS", "17", "5", "1", ""]);
        assert_eq!(of(device(phone)), ["iPhone", "Apple", "iPhone"]);
        let pixel = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
        assert_eq!(of(browser(pixel))[0], "Chrome Mobile");
        assert_eq!(of(device(pixel)), ["Pixel 8", "Google", "Pixel 8"]);
        let nothing = "";
        assert_eq!(of(browser(nothing)), ["Other", "", "", ""]);
    }

    #[test]
    fn tools_are_named_with_their_version() {
        assert_eq!(of(browser("curl/8.5.0")), ["curl", "8", "5", "0"]);
        assert_eq!(of(browser("python-requests/2.31.0")), ["Python Requests", "2", "31", "0"]);
        assert_eq!(of(device("Mozilla/5.0 (compatible; bingbot/2.0)"))[0], "Spider");
    }
}
