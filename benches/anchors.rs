//! The anchors: questions that analysts ask all day, and the hunts, over generated events, in process, warm, on two threads.
//! `benches/anchors.py` asks DuckDB the same of the same rows, in Parquet files with the events' text whole, and prints the ratios.
//!
//! `VAULTSCOPE_ROWS=1000000 cargo bench --bench anchors -- [NAME]`; the events are kept in `target/anchors/ROWS`, or where
//! `VAULTSCOPE_EVENTS` says. A line a question: name, wall seconds (the least), CPU seconds of a run (the least of the rounds), rows, and what
//! was read.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use vaultscope::base::time::{DAY, Ticks};
use vaultscope::demo::{self, fill::fill};
use vaultscope::engine::format::cell;
use vaultscope::engine::local::{Local, Options};
use vaultscope::engine::{Answer, Limits, QueryEngine as _, QueryError, Request};
use vaultscope::event::schema::{self, STORED};
use vaultscope::hunt::{Asked, Pack};
use vaultscope::store::{Reader, Writer};

/// Rounds, and the CPU seconds that one takes at least: the clock ticks 100 times a second.
const ROUNDS: usize = 5;
const LEAST: f64 = 0.3;

fn main() -> Result<(), Box<dyn Error>> {
    let rows: u64 = std::env::var("VAULTSCOPE_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let dir =
        std::env::var("VAULTSCOPE_EVENTS").map_or_else(|_| home.join(format!("target/anchors/{rows}")), PathBuf::from);
    let now = Ticks(739_000 * DAY + DAY / 2);
    if !dir.join("filled").exists() {
        writeln!(std::io::stderr(), "{rows} events into {}", dir.display())?;
        generate(&dir, rows, now)?;
    }
    if !dir.join("plain/written").exists() {
        write_plain(&dir)?;
    }
    let engine = Local::new(Reader::open(&dir)?, Options { workers: 2, ..Options::default() });
    let user = first_cell(&run(
        &engine,
        "OnePasswordEvents | summarize n = count() by user_email | top 1 by n | project user_email",
        now,
    )?);
    writeln!(out, "value\tUSER\t{user}")?;
    for (name, text) in questions(&home)?.into_iter().filter(|(name, _)| name.contains(&only)) {
        let text = text.replace("USER", &user);
        let mut answer = run(&engine, &text, now)?;
        let (mut wall, mut cpu) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            let (began, mut runs) = (cpu_seconds()?, 0);
            while runs == 0 || cpu_seconds()? - began < LEAST {
                let start = Instant::now();
                answer = run(&engine, &text, now)?;
                wall = wall.min(start.elapsed().as_secs_f64());
                runs += 1;
            }
            cpu = cpu.min((cpu_seconds()? - began) / f64::from(runs));
        }
        let s = &answer.statistics;
        writeln!(
            out,
            "{name}\t{wall:.4}\t{cpu:.4}\t{}\t{} row groups read, {} pruned, {} MiB read, {} MiB of memory",
            answer.tables.iter().map(vaultscope::engine::ResultTable::rows).sum::<usize>(),
            s.row_groups_read,
            s.row_groups_pruned,
            s.bytes_read >> 20,
            s.memory_peak >> 20,
        )?;
    }
    Ok(())
}

/// Name and text: the pairs of benches/anchors, and the hunts that have a twin in SQL.
fn questions(home: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let folder = home.join("benches/anchors");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "kql") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            all.push((name, std::fs::read_to_string(&path)?));
        }
    }
    for hunt in &Pack::built_in() {
        if folder.join(format!("hunts/{}.sql", hunt.id())).exists() {
            all.push((hunt.id().to_owned(), hunt.ask(&Asked::default())?.text));
        }
    }
    all.sort();
    Ok(all)
}

fn run(engine: &Local, text: &str, now: Ticks) -> Result<Answer, QueryError> {
    let mut request = Request::new(text, now);
    request.limits = Limits::HEADLESS;
    engine.run(&request)
}

fn first_cell(answer: &Answer) -> String {
    let table = answer.tables.first();
    let batch = table.and_then(|t| t.batches.first());
    batch.zip(table).and_then(|(b, t)| cell::text(b.column(0), 0, t.schema.0[0].ty)).unwrap_or_default().into_owned()
}

/// User and system seconds of this process so far, of threads that ended too.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
}

fn generate(dir: &Path, rows: u64, now: Ticks) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(dir)?;
    let writer = Writer::open(dir)?;
    let options = demo::Options::new(1, now);
    fill(&writer.handle(), &options, rows, |_| ControlFlow::Continue(()))?;
    writer.handle().seal(0).blocking_recv()??;
    drop(writer);
    std::fs::write(dir.join("filled"), "")?;
    Ok(())
}

/// For another program: the same row groups, each column as it is read.
fn write_plain(dir: &Path) -> Result<(), Box<dyn Error>> {
    let plain = dir.join("plain");
    std::fs::create_dir_all(&plain)?;
    let every_column: Vec<usize> = (0..STORED.len()).collect();
    for (n, segment) in Reader::open(dir)?.snapshot()?.segments.iter().enumerate() {
        let zstd = Compression::ZSTD(ZstdLevel::try_new(3)?);
        let properties =
            WriterProperties::builder().set_compression(zstd).set_max_row_group_row_count(Some(131_072)).build();
        let file = File::create(plain.join(format!("{n:04}.parquet")))?;
        let mut writer = ArrowWriter::try_new(file, schema::arrow(), Some(properties))?;
        for rows in segment.read(&every_column, |all| all.with_batch_size(8_192))? {
            writer.write(&rows?)?;
        }
        writer.close()?;
    }
    std::fs::write(plain.join("written"), "")?;
    Ok(())
}
