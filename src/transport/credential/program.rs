//! Tokens that a program prints: any command, or the Azure CLI. Run without a shell, with bounded time and output, and
//! ended with everything that it started.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::limits::Limit;
use crate::transport::credential::endpoint::PATIENCE;
use crate::transport::credential::no_token::NoToken;
use crate::transport::credential::token::Token;

/// A program that prints a token, and how its output is read.
#[derive(Clone, Debug)]
pub(super) struct Program {
    file: PathBuf,
    args: Vec<String>,
    form: Form,
}

/// What a program prints.
#[derive(Clone, Debug)]
enum Form {
    /// The token alone, good for so long.
    Plain(Option<Duration>),
    /// JSON as the Azure CLI prints it.
    AzureCli,
}

impl Program {
    /// Any program.
    ///
    /// # Errors
    /// When there is no such program.
    pub(super) fn any(program: &str, args: &[String], lifetime: Option<Duration>) -> Result<Self, String> {
        Ok(Self { file: find(program)?, args: args.to_vec(), form: Form::Plain(lifetime) })
    }

    /// The Azure CLI, for a scope.
    ///
    /// # Errors
    /// When it is not installed.
    pub(super) fn azure_cli(scope: &str, tenant: Option<&str>) -> Result<Self, String> {
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let mut args = vec!["account", "get-access-token", "--output", "json", "--resource", resource];
        args.extend(tenant.into_iter().flat_map(|tenant| ["--tenant", tenant]));
        let args = args.into_iter().map(str::to_owned).collect();
        let missing = |why| format!("{why}; install the Azure CLI, or choose another kind");
        Ok(Self { file: find("az").map_err(missing)?, args, form: Form::AzureCli })
    }

    /// Runs it and reads the token that it prints.
    pub(super) async fn token(&self) -> Result<Token, NoToken> {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let failed = |why: String| NoToken::passing(format!("the program {name} {why}"));
        let (status, printed, complaint) = self.run().await.map_err(failed)?;
        if !status.success() {
            let said = Limit::ErrorText.cut(complaint.trim());
            let hint = match self.form {
                Form::AzureCli => "; run az login",
                Form::Plain(_) => "",
            };
            return Err(failed(format!("failed with {status}: {said}{hint}")));
        }
        let token = match self.form {
            Form::AzureCli => Token::of_answer(&printed),
            Form::Plain(lifetime) => one_line(&printed).and_then(|line| Token::of(line.to_owned(), lifetime)),
        };
        token.map_err(|no| NoToken { message: format!("the program {name}: {}", no.message), ..no })
    }

    async fn run(&self) -> Result<(ExitStatus, String, String), String> {
        let mut command = Command::new(&self.file);
        command.args(&self.args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        // A group of its own: what it started ends with it.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
        let group = Group::of(&child);
        let (out, complaint) = (child.stdout.take(), child.stderr.take());
        let read = async {
            let (out, complaint) = tokio::join!(read(out), read(complaint));
            Ok::<_, String>((out?, complaint?, child.wait().await.map_err(|error| error.to_string())?))
        };
        let ended = tokio::time::timeout(PATIENCE, read).await;
        drop(group);
        let (out, complaint, status) = ended.map_err(|_| format!("did not end within {} s", PATIENCE.as_secs()))??;
        Ok((status, out, complaint))
    }
}

/// The processes of a program; they end with this.
struct Group(Option<u32>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.0.and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// All that comes, as much as is read.
async fn read(from: Option<impl AsyncRead + Unpin>) -> Result<String, String> {
    let Some(from) = from else { return Ok(String::new()) };
    let most = Limit::TokenAnswer.most();
    let mut bytes = Vec::new();
    from.take(most as u64 + 1).read_to_end(&mut bytes).await.map_err(|error| error.to_string())?;
    Limit::TokenAnswer.check(bytes.len()).map_err(|more| format!("printed too much: {more}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn one_line(printed: &str) -> Result<&str, NoToken> {
    let mut lines = printed.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(line),
        (None, _) => Err(NoToken::passing("it printed nothing; it must print the token alone, on one line")),
        (Some(_), Some(_)) => {
            Err(NoToken::passing("it printed several lines; it must print the token alone, on one line"))
        }
    }
}

/// The file of a program: as it is where it is a path, else the first of that name in `PATH`.
fn find(program: &str) -> Result<PathBuf, String> {
    let path = Path::new(program);
    let missing = || format!("there is no program '{program}'");
    if program.contains(std::path::MAIN_SEPARATOR) || program.contains('/') {
        return if is_program(path) { Ok(path.to_owned()) } else { Err(format!("{} that can be run", missing())) };
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).map(|folder| folder.join(program)).find(|file| is_program(file));
    found.ok_or_else(|| format!("{} in PATH", missing()))
}

fn is_program(file: &Path) -> bool {
    let Ok(found) = file.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    found.is_file() && may_run
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn prints(script: &str) -> Result<Token, NoToken> {
        let args = ["-c".to_owned(), script.to_owned()];
        Program::any("sh", &args, Some(Duration::from_secs(60))).expect("a shell").token().await
    }

    #[tokio::test]
    async fn a_program_prints_a_token_and_nothing_else() {
        let token = prints("echo; echo '  t0ken '; echo complaint >&2").await.expect("a token");
        assert_eq!((token.secret.reveal(), token.life), ("t0ken", Some(Duration::from_secs(60))));
        let flood = format!("head -c {} /dev/zero | tr '\\0' x", Limit::TokenAnswer.most() + 1);
        for (script, part) in [
            ("true", "printed nothing"),
            ("echo a; echo b", "several lines"),
            ("echo no login >&2; exit 3", "failed with exit status: 3: no login"),
            ("kill -9 $$", "failed with signal: 9"),
            ("printf 'a\\001b'", "that a header cannot carry"),
            (&flood, "printed too much"),
        ] {
            let no = prints(script).await.expect_err(script);
            assert!(no.message.starts_with("the program sh") && no.message.contains(part), "{script}: {no}");
        }
    }

    #[tokio::test]
    async fn what_a_program_started_ends_with_it() {
        let token = prints("sleep 600 >/dev/null 2>&1 & echo $!").await.expect("a token");
        let sleeper: i32 = token.secret.reveal().parse().expect("a number");
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        for _ in 0..1000 {
            if gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{sleeper} goes on");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        for (program, part) in
            [("no-such-program-7", "'no-such-program-7' in PATH"), ("/etc/passwd", "that can be run")]
        {
            let error = Program::any(program, &[], None).expect_err(program);
            assert!(error.contains(part), "{error}");
        }
    }
}
