//! A geography as a CSV file: `network,country,state,city,latitude,longitude`, the columns in any order. Of networks that hold an address
//! the narrowest counts.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::Place;
use crate::base::csv::{Csv, Record};

/// Networks by the bits of their prefix.
#[derive(Debug, Default)]
pub struct Networks(BTreeMap<u8, HashMap<u128, Place>>);

impl Networks {
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        let mut csv = Csv::new(bytes, b',');
        let mut record = Record::default();
        csv.read(&mut record).map_err(|e| e.to_string())?;
        let header: Vec<String> = record.fields().map(|f| f.trim().to_ascii_lowercase()).collect();
        let column = |name: &str| header.iter().position(|h| h == name);
        let network = column("network").ok_or("its first line names no column `network`")?;
        let [country, state, city, latitude, longitude] =
            ["country", "state", "city", "latitude", "longitude"].map(column);
        let mut all = Self::default();
        while csv.read(&mut record).map_err(|e| format!("line {}: {e}", record.line))? {
            let text = |at: Option<usize>| at.map_or("", |at| record.field(at).trim());
            let key = prefix(text(Some(network)))
                .ok_or_else(|| format!("line {}: `{}` is no network", record.line, text(Some(network))))?;
            let number = |at| text(at).parse::<f64>().ok().filter(|n| n.is_finite());
            let place = Place {
                country: text(country).to_owned(),
                state: text(state).to_owned(),
                city: text(city).to_owned(),
                at: number(latitude).zip(number(longitude)),
            };
            all.0.entry(key.1).or_default().insert(key.0, place);
        }
        Ok(all)
    }

    pub fn place(&self, address: IpAddr) -> Option<Place> {
        let bits = bits(address);
        self.0.iter().rev().find_map(|(length, networks)| networks.get(&masked(bits, *length)).cloned())
    }
}

/// Every address as 128 bits: IPv4 in the last 32 of `::ffff:0:0`.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn masked(bits: u128, length: u8) -> u128 {
    bits & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

/// A network's first address and the length of its prefix. An address alone is a network of its own.
fn prefix(text: &str) -> Option<(u128, u8)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.trim().parse().ok()?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(widest), |l| l.trim().parse::<u8>().ok()).filter(|l| *l <= widest)?;
    let length = length + 128 - widest;
    Some((masked(bits(address), length), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_network_counts() {
        let csv = "network,country,city,latitude,longitude\n192.0.2.0/24,Canada,,,\n192.0.2.128/25,Canada,Toronto,43.5,-79\n2001:db8::/32,Germany,,,\n0.0.0.0/0,Nowhere,,,\n";
        let all = Networks::new(csv.as_bytes()).unwrap();
        let city = |a: &str| all.place(a.parse().unwrap()).map(|p| (p.country, p.city, p.at));
        assert_eq!(city("192.0.2.200"), Some(("Canada".into(), "Toronto".into(), Some((43.5, -79.0)))));
        assert_eq!(city("192.0.2.1"), Some(("Canada".into(), String::new(), None)));
        assert_eq!(city("2001:db8::1").unwrap().0, "Germany");
        assert_eq!(city("8.8.8.8").unwrap().0, "Nowhere");
        assert_eq!(city("2001:db9::1"), None);
    }

    #[test]
    fn what_is_no_network_is_named_with_its_line() {
        let error = Networks::new(b"network,country\n192.0.2.0/33,Canada\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("192.0.2.0/33"), "{error}");
    }
}
