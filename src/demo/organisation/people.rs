//! Names. The domains are reserved ones: nobody's mail.

pub(super) const ORGANISATION: &str = "Meridian Instruments";
pub(super) const DOMAIN: &str = "meridian.example";

const FIRST: &[&str] = &[
    "Ada", "Amir", "Ana", "Anouk", "Beatriz", "Ben", "Carlos", "Chidi", "Chloé", "Daniel", "Dmitri", "Elena", "Emeka",
    "Erik", "Fatima", "Felix", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jae", "James", "Joana", "Jonas", "Kaito",
    "Karim", "Lars", "Leila", "Lin", "Lucas", "Lucía", "Maja", "Marek", "Mei", "Miguel", "Mina", "Nadia", "Noah",
    "Olga", "Omar", "Paula", "Priya", "Rafael", "Rosa", "Ruth", "Samuel", "Sanna", "Sofia", "Tariq", "Thomas", "Tomás",
    "Uma", "Victor", "Wei", "Yara", "Yusuf", "Zoë",
];
const LAST: &[&str] = &[
    "Almeida",
    "Andersen",
    "Bauer",
    "Bianchi",
    "Brown",
    "Castro",
    "Chen",
    "Cohen",
    "Costa",
    "Dubois",
    "Evans",
    "Fernández",
    "Fischer",
    "Garcia",
    "Haddad",
    "Hansen",
    "Ito",
    "Ivanov",
    "Jansen",
    "Johansson",
    "Kaya",
    "Kim",
    "Kowalski",
    "Kumar",
    "Lee",
    "Lopes",
    "MacLeod",
    "Martin",
    "Meyer",
    "Moreau",
    "Müller",
    "Nakamura",
    "Ngo",
    "Nowak",
    "O'Neill",
    "Okafor",
    "Park",
    "Patel",
    "Pereira",
    "Petrov",
    "Reid",
    "Rossi",
    "Santos",
    "Schmidt",
    "Silva",
    "Singh",
    "Smith",
    "Suzuki",
    "Tan",
    "Torres",
    "Vega",
    "Virtanen",
    "Walker",
    "Weber",
    "Wong",
    "Yilmaz",
    "Zhang",
];
const SERVICES: &[&str] = &["ci-deploy", "terraform", "backup-runner", "metrics", "image-build"];
const VAULTS: &[&str] = &["Infrastructure", "Executive", "Company"];
const TEAMS: &[&str] =
    &["Design", "Finance", "Legal", "Marketing", "Operations", "Payroll", "Platform", "Research", "Sales", "Support"];

/// The letters that an address keeps of a name.
fn address(text: &str) -> String {
    let plain = |c| match c {
        'á' | 'ã' => 'a',
        'é' | 'ë' => 'e',
        'í' => 'i',
        'ü' => 'u',
        c => c,
    };
    text.chars().map(plain).filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase()
}

/// Name and address of the `n`th person. Both counts of names are coprime, so that pairs repeat late.
pub(super) fn person(n: u32) -> (String, String) {
    let n = n as usize;
    let (first, last) = (FIRST[n * 23 % FIRST.len()], LAST[n * 31 % LAST.len()]);
    let round = n / (FIRST.len() * LAST.len());
    let again = if round == 0 { String::new() } else { round.to_string() };
    (format!("{first} {last}"), format!("{}.{}{again}@{DOMAIN}", address(first), address(last)))
}

pub(super) fn service(n: u32, uuid: &str) -> (String, String) {
    let name = SERVICES[n as usize % SERVICES.len()];
    let tail = uuid.get(..13).unwrap_or(uuid).to_ascii_lowercase();
    (format!("{name}-{n}"), format!("{tail}@1passwordserviceaccounts.com"))
}

pub(super) fn bot() -> (String, String) {
    ("SCIM Bridge".into(), format!("scim.bridge@{DOMAIN}"))
}

pub(super) fn vault(n: u32) -> String {
    let n = n as usize;
    let Some(team) = n.checked_sub(VAULTS.len()) else { return VAULTS[n].to_owned() };
    let name = TEAMS[team % TEAMS.len()];
    match team / TEAMS.len() {
        0 => name.to_owned(),
        more => format!("{name} {}", more + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_and_never_repeat() {
        let all: std::collections::HashSet<String> = (0..20_000).map(|n| person(n).1).collect();
        assert_eq!(all.len(), 20_000);
        assert!(all.iter().all(|a| a.bytes().all(|b| b.is_ascii_lowercase() || b".@0123456789".contains(&b))));
    }
}
