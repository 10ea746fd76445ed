//! Durable intake: pages of 1,000 events through the writer, sealing under way, then what the store takes on the disk.
//!
//! `cargo bench --bench intake -- [EVENTS]`

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use vaultscope::base::time::{MINUTE, Ticks};
use vaultscope::event::{Feed, Source};
use vaultscope::store::{Options, Page, Reader, Writer};

const PAGE: u64 = 1_000;
const UNDER_WAY: usize = 4;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(300_000_u64);
    let dir = tempfile::tempdir_in(std::env::var_os("BENCH_DIR").unwrap_or_else(|| ".".into()))?;
    let mut out = std::io::stdout().lock();

    let mut rng = fastrand::Rng::with_seed(1);
    let pages: Vec<Vec<Bytes>> =
        (0..wanted / PAGE).map(|p| (0..PAGE).map(|i| event(&mut rng, p * PAGE + i)).collect()).collect();
    let raw: usize = pages.iter().flatten().map(Bytes::len).sum();
    let events = pages.len() as u64 * PAGE;

    let writer = Writer::open_with(dir.path(), Options::default())?;
    let handle = writer.handle();
    let start = Instant::now();
    let mut under_way = VecDeque::new();
    for items in pages {
        let page = Page::new("BENCHACCOUNT".into(), Feed::ItemUsages, Source::Live, Ticks::now(), items);
        under_way.push_back(handle.commit(page));
        if under_way.len() > UNDER_WAY
            && let Some(answer) = under_way.pop_front()
        {
            answer.blocking_recv()??;
        }
    }
    for answer in under_way {
        answer.blocking_recv()??;
    }
    let committed = start.elapsed().as_secs_f64();
    let busy = thread_seconds("store-writer");
    writer.close();
    let closed = start.elapsed().as_secs_f64();
    writeln!(out, "{events} events of {} bytes, {UNDER_WAY} pages of {PAGE} under way", raw as u64 / events)?;
    writeln!(out, "{:>10.0} events/s", events as f64 / committed)?;
    if let Some(busy) = busy {
        writeln!(out, "{:>10.1} µs of the writer's thread an event", busy * 1e6 / events as f64)?;
    }
    writeln!(out, "{:>10.0} events/s with the last sealing", events as f64 / closed)?;

    let start = Instant::now();
    let reader = Reader::open(dir.path())?;
    let newest = reader.recent(200)?;
    writeln!(
        out,
        "{:>10.1} ms to open and read the newest {}",
        start.elapsed().as_secs_f64() * 1e3,
        newest.batches.len()
    )?;
    let start = Instant::now();
    let snapshot = reader.snapshot()?;
    writeln!(
        out,
        "{:>10.1} ms for the first snapshot of {} rows",
        start.elapsed().as_secs_f64() * 1e3,
        snapshot.rows()
    )?;

    let writer = Writer::open(dir.path())?;
    writer.handle().seal(0).blocking_recv()??;
    drop(writer);
    let segments = reader.status()?.segment_bytes;
    writeln!(out, "{:>10.1} bytes an event in segments, all sealed", segments as f64 / events as f64)?;
    for (column, bytes) in columns(&reader)?.into_iter().take(12) {
        writeln!(out, "{:>10.1}   {column}", bytes as f64 / events as f64)?;
    }
    writeln!(out, "{:>10.1} bytes an event on the disk", size(dir.path())? as f64 / events as f64)?;
    Ok(())
}

/// Seconds that a thread of this process has run, where the system tells: what is left of a figure on a busy machine.
fn thread_seconds(name: &str) -> Option<f64> {
    let mut threads = std::fs::read_dir("/proc/self/task").ok()?.flatten().map(|thread| thread.path());
    let thread = threads.find(|path| std::fs::read_to_string(path.join("comm")).is_ok_and(|n| n.trim() == name))?;
    let ran = std::fs::read_to_string(thread.join("schedstat")).ok()?;
    ran.split_whitespace().next()?.parse::<f64>().ok().map(|nanos| nanos / 1e9)
}

/// Compressed bytes by column, the largest first.
fn columns(reader: &Reader) -> Result<Vec<(String, i64)>, Box<dyn Error>> {
    let mut sizes = std::collections::BTreeMap::new();
    for segment in reader.snapshot()?.segments {
        for group in segment.metadata()?.metadata().row_groups() {
            for column in group.columns() {
                *sizes.entry(column.column_path().string()).or_default() += column.compressed_size();
                let bloom = column.bloom_filter_length().unwrap_or_default();
                *sizes.entry("bloom filters".to_owned()).or_default() += i64::from(bloom);
            }
        }
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, bytes)| -bytes);
    Ok(sizes)
}

fn size(dir: &Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        total += if entry.path().is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(total)
}

fn uuid(rng: &mut fastrand::Rng) -> String {
    (0..26).map(|_| char::from(BASE32[rng.usize(..32)])).collect()
}

/// An item usage as the service sends them: few users, vaults and addresses, a UUID of its own.
fn event(rng: &mut fastrand::Rng, n: u64) -> Bytes {
    let user = (rng.f64() * rng.f64() * 400.0) as u64;
    let item = (rng.f64() * rng.f64() * 3_000.0) as u64;
    let fixed = |salt: u64, n: u64| uuid(&mut fastrand::Rng::with_seed(salt << 32 | n));
    let at = Ticks(739_800 * 864_000_000_000 + n as i64 * MINUTE / 120 + rng.i64(..10_000_000));
    let mut text = String::with_capacity(720);
    let _ = write!(
        text,
        r#"{{"uuid":"{}","timestamp":"{at}","used_version":{},"vault_uuid":"{}","item_uuid":"{}","action":"{}","user":{{"uuid":"{}","name":"Person Number {user}","email":"person{user}@example.com"}},"client":{{"app_name":"1Password Browser Extension","app_version":"20{}","platform_name":"Chrome","platform_version":"12{}.0","os_name":"MacOSX","os_version":"1{}.5","ip_address":"198.51.{}.{}"}},"location":{{"country":"CA","region":"Ontario","city":"Toronto","latitude":43.{user:03},"longitude":-79.{user:03}}},"account_uuid":"BENCHACCOUNT"}}"#,
        uuid(rng),
        rng.u32(0..9),
        fixed(1, item % 60),
        fixed(2, item),
        ["fill", "reveal", "secure-copy", "enter-item-edit-mode"][rng.usize(..4)],
        fixed(3, user),
        rng.u32(230..250),
        rng.u32(0..9),
        rng.u32(2..6),
        user % 32,
        user % 251,
    );
    Bytes::from(text)
}
