//! The anchors: questions that analysts ask all day, over generated events, in process, warm, on as many threads as there are cores.
//! `benches/anchors.py` asks DuckDB the same of the same Parquet files and prints the ratios.
//!
//! `VAULTSCOPE_ROWS=1000000 cargo bench --bench anchors -- [NAME]`, the events kept in `target/anchors/ROWS`.

use std::error::Error;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use vaultscope::base::time::{DAY, Ticks};
use vaultscope::demo::{self, fill::fill};
use vaultscope::engine::local::{Local, Options};
use vaultscope::engine::{Limits, QueryEngine as _, Request};
use vaultscope::store::{Reader, Writer};

const RUNS: usize = 5;

/// Name and text.
const ANCHORS: [(&str, &str); 5] = [
    (
        "hourly",
        "OnePasswordEventLogs_CL | where timestamp >= ago(1d) | summarize count() by bin(timestamp, 1h) | sort by timestamp asc",
    ),
    (
        "top-failures",
        "OnePasswordEventLogs_CL | where log_source == 'signinattempts' and category != 'success'
         | summarize n = count() by email = tostring(target_user.email) | top 20 by n",
    ),
    (
        "mass-access",
        "OnePasswordEventLogs_CL | where log_source == 'itemusages'
         | summarize d = dcount(item_uuid) by email = tostring(user.email), bin(timestamp, 1h) | where d >= 20 | sort by d desc",
    ),
    (
        "addresses",
        "OnePasswordEventLogs_CL | summarize d = dcount(tostring(client.ip_address)) by tostring(location.country) | sort by d desc",
    ),
    ("contains", "['1PasswordEvents'] | where raw contains 'Firefox/' | count"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let rows: u64 = std::env::var("VAULTSCOPE_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let mut out = std::io::stdout().lock();
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("target/anchors/{rows}"));
    let now = Ticks(demo_now());
    if !dir.join("filled").exists() {
        writeln!(out, "{rows} events into {}", dir.display())?;
        generate(&dir, rows, now)?;
    }
    let engine = Local::new(Reader::open(&dir)?, Options::default());
    for (name, text) in ANCHORS.into_iter().filter(|(name, _)| only.as_ref().is_none_or(|o| name.contains(o.as_str())))
    {
        let mut request = Request::new(text, now);
        request.limits = Limits::HEADLESS;
        let (mut best, mut answered) = (f64::MAX, None);
        for _ in 0..RUNS {
            let start = Instant::now();
            answered = Some(engine.run(&request)?);
            best = best.min(start.elapsed().as_secs_f64());
        }
        if let Some(answer) = answered {
            let s = &answer.statistics;
            writeln!(
                out,
                "{name}\t{best:.4}\t{} rows\t{} row groups read, {} pruned, {} MiB read, {} MiB of memory",
                answer.tables.iter().map(vaultscope::engine::ResultTable::rows).sum::<usize>(),
                s.row_groups_read,
                s.row_groups_pruned,
                s.bytes_read >> 20,
                s.memory_peak >> 20,
            )?;
        }
    }
    Ok(())
}

/// Noon of a day that stays the same, so that the same rows are made each time.
fn demo_now() -> i64 {
    739_000 * DAY + DAY / 2
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
