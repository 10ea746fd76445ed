//! Durable intake, measured: the same pages of 1,000 events from a server over HTTP through the collector, straight through the writer,
//! and into SQLite by plain insert; then what the store takes on the disk, and how long it takes to open again.
//!
//! `cargo bench --bench intake -- [EVENTS]`, 300000 without. The first lines are: name, events a second, µs of CPU an event. With
//! `VAULTSCOPE_PAGES=DIR` the pages are written there too, for `beside_duckdb.py`. Stores lie in `BENCH_DIR`, or here: not in memory, for a
//! sync there costs nothing.

mod pages;
mod plain;
mod serve;

use std::collections::VecDeque;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use secrecy::SecretString;
use vaultscope::base::http::{HttpClient, HttpOptions};
use vaultscope::collect::{Collector, EventsApi, Pins, Settings};
use vaultscope::event::Source;
use vaultscope::store::{Page, Reader, Writer};

use pages::Made;

const UNDER_WAY: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().find_map(|a| a.parse().ok()).unwrap_or(300_000_u64);
    let mut out = std::io::stdout().lock();
    let pages = pages::make(wanted)?;
    let raw: usize = pages.iter().flat_map(|page| &page.items).map(bytes::Bytes::len).sum();
    if let Some(dir) = std::env::var_os("VAULTSCOPE_PAGES") {
        write_files(Path::new(&dir), &pages)?;
    }
    writeln!(out, "{wanted} events of {} bytes in {} pages", raw as u64 / wanted, pages.len())?;

    let dir = scratch()?;
    let address = serve::serve(&pages)?;
    let (rate, micros) = timed(wanted, Some(serve::THREAD), || collect(dir.path(), &format!("http://{address}")))?;
    writeln!(out, "http\t{rate:.0}\t{micros:.2}\tasked over HTTP, decoded, committed, sealed")?;
    drop(dir);

    let dir = scratch()?;
    let (rate, micros) = timed(wanted, None, || commit(dir.path(), &pages))?;
    writeln!(out, "writer\t{rate:.0}\t{micros:.2}\tthe same pages straight to the writer")?;

    let plain = scratch()?;
    let (plain_rate, plain_micros) = timed(wanted, None, || plain::insert(plain.path(), &pages))?;
    writeln!(out, "sqlite\t{plain_rate:.0}\t{plain_micros:.2}\tthe same pages into SQLite by plain insert")?;
    writeln!(out, "{:>10.2} of SQLite's rate, {:.2} of its CPU", rate / plain_rate, micros / plain_micros)?;
    writeln!(out, "{:>10.1} bytes an event in SQLite", size(plain.path())? as f64 / wanted as f64)?;

    on_the_disk(&mut out, dir.path(), wanted)
}

fn scratch() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in(std::env::var_os("BENCH_DIR").unwrap_or_else(|| ".".into()))
}

/// Events a second, and CPU microseconds an event without those of a thread. `work` answers how many events it has stored.
fn timed(
    events: u64,
    without: Option<&str>,
    work: impl FnOnce() -> Result<u64, Box<dyn Error>>,
) -> Result<(f64, f64), Box<dyn Error>> {
    let spent =
        || -> Result<f64, Box<dyn Error>> { Ok(cpu_seconds()? - without.and_then(thread_seconds).unwrap_or_default()) };
    let (cpu, start) = (spent()?, Instant::now());
    let stored = work()?;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), spent()? - cpu);
    if stored != events {
        return Err(format!("{stored} of {events} events are stored").into());
    }
    Ok((events as f64 / wall, cpu * 1e6 / events as f64))
}

/// Collects everything over HTTP; the last sealing included.
fn collect(dir: &Path, url: &str) -> Result<u64, Box<dyn Error>> {
    let writer = Writer::open(dir)?;
    let reader = Reader::open(dir)?;
    let http = HttpClient::new(&HttpOptions::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let health = runtime.block_on(async {
        let collector = Collector {
            account: "bench".into(),
            source: Arc::new(EventsApi::with_token(http, url.parse()?, SecretString::from("bench"))),
            writer: writer.handle(),
            reader: reader.clone(),
            pins: Pins::of(dir),
            settings: Settings { budget_share: 1.0, ..Settings::default() },
        };
        let running = collector.start();
        let health = running.settled().await;
        running.stop().await;
        Ok::<_, Box<dyn Error>>(health)
    })?;
    writer.close();
    Ok(health.feeds.iter().map(|feed| feed.taken.stored).sum())
}

fn commit(dir: &Path, pages: &[Made]) -> Result<u64, Box<dyn Error>> {
    let writer = Writer::open(dir)?;
    let handle = writer.handle();
    let (mut under_way, mut stored) = (VecDeque::new(), 0);
    for Made { feed, arrived, items } in pages {
        let page = Page::new("BENCHACCOUNT".into(), *feed, Source::Live, *arrived, items.clone());
        under_way.push_back(handle.commit(page));
        if under_way.len() > UNDER_WAY
            && let Some(answer) = under_way.pop_front()
        {
            stored += answer.blocking_recv()??.stored;
        }
    }
    for answer in under_way {
        stored += answer.blocking_recv()??.stored;
    }
    writer.close();
    Ok(stored)
}

fn on_the_disk(out: &mut impl Write, dir: &Path, events: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let reader = Reader::open(dir)?;
    let newest = reader.recent(200)?;
    let (took, batches) = (start.elapsed().as_secs_f64() * 1e3, newest.batches.len());
    writeln!(out, "{took:>10.1} ms to open and read the newest 200, of {batches} pages")?;
    let start = Instant::now();
    let rows = reader.snapshot()?.rows();
    writeln!(out, "{:>10.1} ms for the first snapshot of {rows} rows", start.elapsed().as_secs_f64() * 1e3)?;

    let writer = Writer::open(dir)?;
    writer.handle().seal(0).blocking_recv()??;
    drop(writer);
    let segments = reader.status()?.segment_bytes;
    writeln!(out, "{:>10.1} bytes an event in segments, all sealed", segments as f64 / events as f64)?;
    for (column, bytes) in columns(&reader)?.into_iter().take(12) {
        writeln!(out, "{:>10.1}   {column}", bytes as f64 / events as f64)?;
    }
    writeln!(out, "{:>10.1} bytes an event on the disk", size(dir)? as f64 / events as f64)?;
    Ok(())
}

/// A file a page, in order: `NUMBER.FEED.ndjson`.
fn write_files(dir: &Path, pages: &[Made]) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    for (at, page) in pages.iter().enumerate() {
        let text = page.items.iter().flat_map(|item| [&item[..], b"\n"]).collect::<Vec<_>>().concat();
        std::fs::write(dir.join(format!("{at:06}.{}.ndjson", page.feed)), text)?;
    }
    Ok(())
}

/// CPU seconds of this process, to a hundredth.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
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
