//! The `vaultscope` program: hands over to `cli`.

fn main() -> std::process::ExitCode {
    vaultscope::cli::run()
}
