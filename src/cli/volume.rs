//! `volume`: what comes, what rules would save, what it would cost in Sentinel.

use std::io::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::args::Global;
use super::output::{self, size};
use super::place::Place;
use super::values::{self, Timespan};
use super::{Outcome, WrongUse, engine};
use crate::base::config::{Suppress, Suppression};
use crate::base::shown::Shown;
use crate::base::time::Ticks;
use crate::collect::volume::{self, Amount, Asked, By, Volume};
use crate::collect::{BadRule, suppress};
use crate::engine::format::csv;
use crate::engine::{Limits, Request};
use crate::store::Reader;

/// The days of a month, for costs.
const MONTH: f64 = 30.4;
/// Log Analytics counts gigabytes of this many bytes.
const GB: f64 = 1e9;

/// Measure events and bytes by feed, action, user and vault, what rules of suppression cover, and the cost in Sentinel
///
/// Bytes are those of the events' own text. SENTINEL is an estimate of what Log Analytics would bill: the row of OnePasswordEventLogs_CL
/// as JSON, without empty columns and without those that are not billed, measured on up to 2,000 rows of each feed and applied to the
/// rest by their text. It counts ingestion only: no retention beyond the free months, no commitment tier, no search.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  vaultscope volume
  vaultscope volume --timespan 7d --by user --top 25
  vaultscope volume --price-per-gb 4.30 --currency EUR
  vaultscope volume --rule 'feed == \"itemusages\" and action == \"fill\"' --price-per-gb 4.30

Rules of [[suppress]] in the configuration are always among the answer. One that hides or samples saves a screen, not a disk; what it
would save elsewhere is what it covers, if it stood in front of the ingestion. NOT STORED is what rules with discard = true kept out of the
store in these days: each event once, however often it came, in no other number here; SHARE is of what is stored.")]
pub struct Args {
    /// Only events whose TimeGenerated lies in it: 30d, 12h, 2026-03-01/2026-03-08
    #[arg(long, value_name = "SPAN", default_value = "30d", value_parser = values::timespan)]
    timespan: Timespan,
    /// By what to tell events apart; more than once [default: feed, action, user and vault]
    #[arg(long, value_name = "WHAT")]
    by: Vec<What>,
    /// The largest so many of each
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// A rule to try: a predicate in KQL over OnePasswordEvents; more than once
    #[arg(long = "rule", value_name = "PREDICATE")]
    rules: Vec<String>,
    /// What a GB (10^9 bytes) costs to ingest
    #[arg(long, value_name = "PRICE", value_parser = price)]
    price_per_gb: Option<f64>,
    /// What that price is in
    #[arg(long, value_name = "NAME", requires = "price_per_gb", default_value = "USD")]
    currency: String,
    /// How to print it
    #[arg(long, default_value = "table")]
    format: Format,
    /// What now is: 2026-03-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    now: Option<Ticks>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    Feed,
    Action,
    User,
    Vault,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

fn price(text: &str) -> Result<f64, String> {
    let price = text.parse::<f64>().ok().filter(|price| price.is_finite() && *price >= 0.0);
    price.ok_or_else(|| "write a price like 4.30".to_owned())
}

impl What {
    const fn by(self) -> By {
        match self {
            Self::Feed => By::Feed,
            Self::Action => By::Action,
            Self::User => By::User,
            Self::Vault => By::Vault,
        }
    }
}

/// What a price makes of bytes.
struct Cost<'a> {
    per_gb: Option<f64>,
    currency: &'a str,
    days: f64,
}

impl Cost<'_> {
    /// Of a month of what came in the days.
    fn month(&self, amount: Amount) -> Option<f64> {
        Some(amount.row_bytes / GB * self.per_gb? / self.days * MONTH)
    }
}

pub fn run(args: &Args, global: &Global) -> Result<Outcome> {
    let place = Place::of(global)?;
    let reader = Reader::open(&place.paths.data)?;
    place.remind_of_demo();
    let (days, engine) = (reader.clone(), engine::over(reader, &place));
    let mut rules = Vec::new();
    for rule in &place.config.suppress {
        checked(&engine, rule.name.as_str(), &rule.predicate, &place_of(rule, &place))?;
        rules.push(of_config(rule));
    }
    for (n, predicate) in args.rules.iter().enumerate() {
        let name = format!("--rule {}", n + 1);
        checked(&engine, &name, predicate, "the command line")?;
        rules.push(Asked { name, does: "tried".to_owned(), predicate: predicate.clone(), feeds: Vec::new() });
    }
    let now = args.now.unwrap_or_else(Ticks::now);
    let limits = place.config.headless_limits;
    let request = Request {
        timespan: Some(args.timespan.at(now)),
        limits: Limits { time: limits.time, memory: limits.memory, rows: limits.rows },
        ..Request::new("", now)
    };
    let all = [What::Feed, What::Action, What::User, What::Vault];
    let by: Vec<By> = if args.by.is_empty() { &all[..] } else { &args.by }.iter().map(|what| what.by()).collect();
    let mut volume = volume::measure(&engine, &request, &by, args.top, &rules)?;
    let (from, to) = args.timespan.at(now);
    let days = days.suppressed(from)?;
    volume.add_discarded(&days.into_iter().filter(|row| row.day <= to).collect::<Vec<_>>());
    let currency = Shown::with_limit(&args.currency, 12).into_string();
    let cost = Cost { per_gb: args.price_per_gb, currency: &currency, days: volume.days };
    match args.format {
        Format::Table => table(&volume, &cost)?,
        Format::Json => print_json(&volume, &cost)?,
        Format::Csv => print_csv(&volume, &cost)?,
    }
    Ok(Outcome::Done)
}

fn place_of(rule: &Suppress, place: &Place) -> String {
    let file = place.config.file.as_ref().map_or_else(|| "the configuration".into(), |file| file.display().to_string());
    format!("{file}:{}:{}", rule.place.0, rule.place.1)
}

fn of_config(rule: &Suppress) -> Asked {
    let does = match rule.does {
        Suppression::Hide => "hide".to_owned(),
        Suppression::Sample(every) => format!("sample 1 in {every}"),
        Suppression::Discard => "discard".to_owned(),
    };
    Asked { name: rule.name.to_string(), does, predicate: rule.predicate.clone(), feeds: rule.feeds.clone() }
}

fn checked(engine: &crate::engine::local::Local, name: &str, predicate: &str, place: &str) -> Result<()> {
    suppress::check(engine, predicate).map_err(|diagnostics| {
        let (rule, place, predicate) = (name.to_owned(), place.to_owned(), predicate.to_owned());
        anyhow::Error::from(BadRule { rule, place, predicate, diagnostics }).context(WrongUse("a rule is wrong".into()))
    })
}

fn table(volume: &Volume, cost: &Cost<'_>) -> Result<()> {
    let mut out = output::Answer::new();
    let day = |at: Ticks| at.to_string()[..16].replace('T', " ");
    match volume.between {
        Some((first, last)) => {
            writeln!(out, "{}Z to {}Z, averages over {:.1} days", day(first), day(last), volume.days)?;
        }
        None => writeln!(out, "no events in this time")?,
    }
    if volume.between.is_none() && volume.discarded.is_empty() {
        return Ok(out.end()?);
    }
    let mut rows = vec![heads("", cost)];
    rows.push(row("all events".to_owned(), volume.all, volume, cost));
    for part in &volume.parts {
        rows.push(Vec::new());
        rows.push(heads(part.by.name(), cost));
        for (key, amount) in &part.largest {
            rows.push(row(Shown::with_limit(key, 60).into_string(), *amount, volume, cost));
        }
        if part.others.0 > 0 {
            rows.push(row(format!("{} others", part.others.0), part.others.1, volume, cost));
        }
    }
    if !volume.rules.is_empty() {
        rows.push(Vec::new());
        rows.push(heads("rule", cost));
        for (rule, amount) in &volume.rules {
            rows.push(row(format!("{} ({})", rule.name, rule.does), *amount, volume, cost));
        }
    }
    if !volume.discarded.is_empty() {
        rows.push(Vec::new());
        rows.push(heads("not stored", cost));
        for (rule, amount) in &volume.discarded {
            rows.push(row(format!("{rule} (discard)"), *amount, volume, cost));
        }
    }
    output::columns(&mut out, &rows)?;
    Ok(out.end()?)
}

fn heads(what: &str, cost: &Cost<'_>) -> Vec<String> {
    let mut heads: Vec<String> = [&what.to_uppercase(), "EVENTS", "A DAY", "TEXT", "A DAY", "SHARE", "SENTINEL A DAY"]
        .map(str::to_owned)
        .to_vec();
    if cost.per_gb.is_some() {
        heads.push(format!("{} A MONTH", cost.currency));
    }
    heads
}

fn row(name: String, amount: Amount, volume: &Volume, cost: &Cost<'_>) -> Vec<String> {
    let share = amount.bytes as f64 * 100.0 / (volume.all.bytes.max(1) as f64);
    let a_day = |n: f64| n / volume.days;
    let mut row = vec![
        name,
        amount.events.to_string(),
        format!("{:.0}", a_day(amount.events as f64)),
        size(amount.bytes),
        size(a_day(amount.bytes as f64) as u64),
        format!("{share:.1} %"),
        size(a_day(amount.row_bytes) as u64),
    ];
    row.extend(cost.month(amount).map(|month| format!("{month:.2}")));
    row
}

fn print_json(volume: &Volume, cost: &Cost<'_>) -> Result<()> {
    let of = |name: &str, amount: Amount| as_json(name, amount, volume, cost);
    let parts: serde_json::Map<String, Value> = (volume.parts.iter())
        .map(|part| {
            let mut list: Vec<Value> = part.largest.iter().map(|(key, amount)| of(key, *amount)).collect();
            if part.others.0 > 0 {
                let mut others = of("", part.others.1);
                others["others"] = part.others.0.into();
                list.push(others);
            }
            (part.by.name().to_owned(), Value::from(list))
        })
        .collect();
    let rules: Vec<Value> = (volume.rules.iter())
        .map(|(rule, amount)| {
            let mut value = of(&rule.name, *amount);
            value["does"] = rule.does.as_str().into();
            value["where"] = rule.predicate.as_str().into();
            value
        })
        .collect();
    let between = volume.between.map(|(first, last)| [first.to_string(), last.to_string()]);
    let mut out = output::Answer::new();
    let whole = json!({
        "first": between.as_ref().map(|b| &b[0]), "last": between.as_ref().map(|b| &b[1]), "days": volume.days,
        "all": of("", volume.all), "by": parts, "rules": rules,
        "discarded": volume.discarded.iter().map(|(rule, amount)| of(rule, *amount)).collect::<Vec<_>>(),
        "price_per_gb": cost.per_gb, "currency": cost.per_gb.map(|_| cost.currency),
    });
    writeln!(out, "{whole}")?;
    Ok(out.end()?)
}

fn as_json(name: &str, amount: Amount, volume: &Volume, cost: &Cost<'_>) -> Value {
    let mut value = json!({
        "events": amount.events, "bytes": amount.bytes, "sentinel_bytes": amount.row_bytes.round() as u64,
        "events_a_day": amount.events as f64 / volume.days, "bytes_a_day": amount.bytes as f64 / volume.days,
        "sentinel_bytes_a_day": amount.row_bytes / volume.days,
    });
    if !name.is_empty() {
        value["name"] = name.into();
    }
    if let Some(month) = cost.month(amount) {
        value["cost_a_month"] = month.into();
    }
    value
}

fn print_csv(volume: &Volume, cost: &Cost<'_>) -> Result<()> {
    let mut out = output::Answer::new();
    writeln!(out, "by,name,events,bytes,sentinel_bytes,days,cost_a_month,currency")?;
    let mut line = |by: &str, name: &str, amount: Amount| -> Result<()> {
        let mut text = format!("{by},");
        csv::field(&mut text, name, true);
        let month = cost.month(amount).map(|month| format!("{month:.4}")).unwrap_or_default();
        let currency = cost.per_gb.map_or("", |_| cost.currency);
        writeln!(
            out,
            "{text},{},{},{:.0},{:.3},{month},{currency}",
            amount.events, amount.bytes, amount.row_bytes, volume.days
        )?;
        Ok(())
    };
    line("all", "", volume.all)?;
    for part in &volume.parts {
        for (key, amount) in &part.largest {
            line(part.by.name(), key, *amount)?;
        }
        if part.others.0 > 0 {
            line(part.by.name(), &format!("{} others", part.others.0), part.others.1)?;
        }
    }
    for (rule, amount) in &volume.rules {
        line("rule", &rule.name, *amount)?;
    }
    for (rule, amount) in &volume.discarded {
        line("discarded", rule, *amount)?;
    }
    Ok(out.end()?)
}
