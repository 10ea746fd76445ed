//! The demo without a console: the server alone, or a store filled with many events.

use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::Result;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Args, begin_anew, mark};
use crate::cli::interrupt::Interrupt;
use crate::cli::place::Place;
use crate::cli::store::watch;
use crate::cli::{Outcome, collecting, output};
use crate::demo::server::ServerOptions;
use crate::demo::{DemoServer, fill as demo};
use crate::store::{Options, Reader, Writer};

/// Serves until Ctrl-C. Address and token are printed as one line of JSON: the token is the demo's own, good for nothing else.
pub fn serve(args: &Args, address: SocketAddr) -> Result<Outcome> {
    let runtime = collecting::runtime()?;
    let options = ServerOptions { address, faults: args.fault.clone(), ..ServerOptions::new(args.what()?) };
    let server = runtime.block_on(DemoServer::start(options))?;
    let interrupt = Interrupt::listen(|| ())?;
    let mut out = output::Answer::new();
    writeln!(out, "{}", json!({"url": server.base_url(), "token": server.token.expose_secret()}))?;
    out.flush()?;
    output::note(format_args!(
        "vaultscope: DEMO events at {url}; export the token as TOKEN and try: vaultscope connect --token env:TOKEN --host {url}",
        url = server.base_url()
    ));
    runtime.block_on(interrupt.wait());
    Ok(Outcome::Done)
}

/// Writes events through the store's writer.
pub fn fill(args: &Args, place: &Place, events: u64) -> Result<Outcome> {
    let options = args.options()?;
    begin_anew(&place.paths.data)?;
    mark::write_geography(&place.paths.data, &options)?;
    // Nobody reads it meanwhile: what is merged goes at once.
    let writer = Writer::open_with(&place.paths.data, Options { grace: 0, ..Options::default() })?;
    let interrupt = Interrupt::listen(|| output::note("vaultscope: stopping; what is committed stays"))?;
    let began = Instant::now();
    let filled = demo::fill(&writer.handle(), &options, events, |handed| {
        output::progress(&format!("{handed} of {events} events"));
        if interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    output::progress("");
    let filled = filled?;
    if !interrupt.is_asked() {
        watch(&Reader::open(&place.paths.data)?, "merging", writer.handle().merge())?;
    }
    writer.close();
    let seconds = began.elapsed().as_secs_f64();
    let mut out = output::Answer::new();
    let rate = filled.stored as f64 / seconds.max(0.001);
    writeln!(out, "{} events in {}, {seconds:.1} s, {rate:.0} a second", filled.stored, place.paths.data.display())?;
    out.end()?;
    Ok(if interrupt.is_asked() { Outcome::Failed } else { Outcome::Done })
}
