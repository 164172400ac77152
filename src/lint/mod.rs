//! Looks for what is known to go wrong with connection objects of Foundry and with paths of profiles: a file of dated rules
//! a subject. Nothing is sent, and nothing that may be a secret leaves this room.

pub(crate) mod auth;
pub(crate) mod discovery;
pub(crate) mod encoding;
pub(crate) mod endpoints;
pub(crate) mod entry;
pub(crate) mod headers;
pub(crate) mod keys;
pub(crate) mod private;
pub(crate) mod reading;
pub(crate) mod rule;
pub(crate) mod target;
pub(crate) mod versions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::limits::Limit;
use crate::probe::discovery::Checked;
use crate::profile::error::{Origin, Wrong};
use crate::profile::foundry::address::Addresses;
use crate::profile::foundry::located::Place;
use crate::profile::foundry::{self, Category, Connection, ConnectionError, ConnectionFile};
use crate::profile::places::KeyPlaces;
use crate::profile::{Profile, ProfileError};
use crate::text_file;
use crate::wire::filter::Filter;
use entry::ProfileEntry;
use rule::{Check, Hit};

pub use rule::{Level, Rule};

/// All rules, a subject after the other.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let reading = [&reading::LOOSE, &reading::OTHER, &reading::REFUSED];
    let subjects: [&'static [Rule]; 9] = [
        &keys::RULES,
        &encoding::RULES,
        &discovery::RULES,
        &endpoints::RULES,
        &target::RULES,
        &versions::RULES,
        &auth::RULES,
        &headers::RULES,
        &private::RULES,
    ];
    subjects.into_iter().flatten().chain(reading)
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// A file of connections.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A file of another kind.
    #[error("{}: {message}", file.display())]
    Kind {
        /// The file.
        file: PathBuf,
        /// What it is, and what to do.
        message: &'static str,
    },
}

impl LintError {
    /// What a run refuses a profile for, as a finding, where that is all that is wrong with the file.
    #[must_use]
    pub(crate) fn refusal(&self) -> Option<Finding> {
        match self {
            Self::Profile(ProfileError::Wrong { wrong, .. }) => {
                let Hit { place, message } = refused(wrong);
                Some(Finding { rule: &reading::REFUSED, place, message })
            }
            Self::Profile(ProfileError::Read { .. }) | Self::Connection(_) | Self::Kind { .. } => None,
        }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        match self {
            Self::Connection(ConnectionError::Read { file, .. } | ConnectionError::Wrong { file, .. })
            | Self::Profile(ProfileError::Read { file, .. } | ProfileError::Wrong { file, .. })
            | Self::Kind { file, .. } => file,
        }
    }
}

/// Something that a rule found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where.
    pub place: Place,
    /// What, in a part of a sentence.
    pub message: String,
}

/// A connection with its addresses.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its name, where one is written.
    pub name: Option<String>,
    /// What it connects to.
    pub category: Category,
    /// Where it begins.
    pub place: Place,
    /// Its addresses; `None` where only Terraform or Azure knows its target.
    pub addresses: Option<Addresses>,
    /// What came of asking it; empty where it was not asked.
    pub asked: Vec<Checked>,
}

/// What was found in a file.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// The file.
    pub file: PathBuf,
    /// The findings, in the order of their places.
    pub findings: Vec<Finding>,
    /// How many more there are than are listed.
    pub unlisted: usize,
    /// Its connections.
    pub connections: Vec<Described>,
    /// The files with connections that its paths name.
    pub named: Vec<PathBuf>,
}

impl FileReport {
    /// How many findings of a level are listed.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.rule.level == level).count()
    }

    fn add(&mut self, rule: &'static Rule, hits: Vec<Hit>) {
        self.findings.extend(hits.into_iter().map(|Hit { place, message }| Finding { rule, place, message }));
    }

    /// In order, no more than are listed, and without secrets.
    fn finish(mut self, filter: &Filter) -> Self {
        self.findings.sort_by_key(|finding| finding.place);
        self.unlisted = self.findings.len().saturating_sub(Limit::Findings.most());
        // Errors are listed before all others when not all are.
        if self.unlisted > 0 {
            self.findings.sort_by_key(|finding| finding.rule.level);
            self.findings.truncate(Limit::Findings.most());
        }
        let clean = |text: &mut String| *text = filter.hidden(text).unwrap_or_else(|| std::mem::take(text));
        self.findings.iter_mut().for_each(|finding| clean(&mut finding.message));
        for connection in &mut self.connections {
            connection.name.iter_mut().for_each(clean);
            let Some(addresses) = &mut connection.addresses else { continue };
            addresses
                .chat
                .iter_mut()
                .for_each(|chat| [&mut chat.deployment, &mut chat.url].map(clean).into_iter().for_each(drop));
            addresses
                .discovery
                .iter_mut()
                .for_each(|asked| [&mut asked.list, &mut asked.get].map(clean).into_iter().for_each(drop));
        }
        self
    }
}

/// What a file is, by its name.
enum Kind {
    Profile,
    Connections,
}

fn kind_of(file: &Path) -> Result<Kind, LintError> {
    let message = match file.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => return Ok(Kind::Profile),
        Some("json" | "tf") => return Ok(Kind::Connections),
        Some("bicep" | "bicepparam") => {
            "Bicep is not read; give the file of parameters in JSON, or what `az bicep build` writes"
        }
        Some(_) | None => "it takes a profile (.toml), or connection objects (.json, .tf, .tf.json)",
    };
    Err(LintError::Kind { file: file.to_owned(), message })
}

/// Looks at files, and at the connections that profiles among them name, each once; those that cannot be read stand apart.
#[must_use]
pub fn lint_all(files: &[PathBuf]) -> (Vec<FileReport>, Vec<LintError>) {
    let (mut reports, mut unread, mut seen) = (Vec::new(), Vec::new(), files.to_vec());
    let mut next = 0;
    while let Some(file) = seen.get(next).cloned() {
        next += 1;
        match lint(&file) {
            Ok(report) => {
                let new = report.named.iter().filter(|named| !seen.contains(named)).cloned().collect::<BTreeSet<_>>();
                seen.extend(new);
                reports.push(report);
            }
            Err(error) => unread.push(error),
        }
    }
    (reports, unread)
}

/// Looks at a file: a profile where its name ends in `.toml`, connection objects where it ends in `.json` or `.tf`.
///
/// # Errors
/// When it cannot be read.
pub fn lint(file: &Path) -> Result<FileReport, LintError> {
    match kind_of(file)? {
        Kind::Connections => Ok(lint_connections(file, &foundry::open(file)?)),
        Kind::Profile => {
            let text = text_file::read(file, Limit::SmallFile);
            let text = text.map_err(|source| ProfileError::Read { file: file.to_owned(), source })?;
            lint_profile(file, &text)
        }
    }
}

/// Looks at the text of a file, as [`lint`] does.
///
/// # Errors
/// When it cannot be read.
pub fn lint_text(text: &str, file: &Path) -> Result<FileReport, LintError> {
    match kind_of(file)? {
        Kind::Connections => Ok(lint_connections(file, &foundry::parse(text, file)?)),
        Kind::Profile => lint_profile(file, text),
    }
}

fn lint_connections(file: &Path, read: &ConnectionFile) -> FileReport {
    let mut report = FileReport { file: file.to_owned(), ..FileReport::default() };
    report.add(
        &reading::LOOSE,
        Hit::if_some(read.loose.unwrap_or(Place::START), read.loose.map(|_| "this is not strict JSON".to_owned())),
    );
    for (kind, place) in &read.others {
        let kind = Limit::ShownText.cut(kind);
        report.add(
            &reading::OTHER,
            vec![Hit::at(*place, format!("a connection of category \"{kind}\" is not looked at"))],
        );
    }
    let filter = Filter::default();
    for connection in &read.connections {
        connection.secrets().iter().for_each(|secret| filter.learn(secret));
        rules().for_each(|rule| report.add(rule, at_connection(rule, connection)));
        report.connections.push(Described {
            name: connection.name().map(|name| Limit::ShownText.cut(name)),
            category: connection.category,
            place: connection.place,
            addresses: Addresses::of(connection),
            asked: Vec::new(),
        });
    }
    report.finish(&filter)
}

fn at_connection(rule: &Rule, connection: &Connection) -> Vec<Hit> {
    match rule.check {
        Check::Connection(check) | Check::Both(check, _) => check(connection),
        Check::Path(_) | Check::Reading => Vec::new(),
    }
}

fn lint_profile(file: &Path, text: &str) -> Result<FileReport, LintError> {
    let places = KeyPlaces::of(text);
    let profile = Profile::parse(text, file);
    let mut report = FileReport { file: file.to_owned(), ..FileReport::default() };
    let folder = file.parent().unwrap_or(Path::new(""));
    for number in 0..places.paths() {
        report.named.extend(places.text(number, "connection").map(|named| folder.join(named)));
        let meaning = profile.as_ref().ok().and_then(|profile| Some((profile.paths.get(number)?, &profile.workload)));
        let entry = ProfileEntry { places: &places, number, meaning };
        rules().for_each(|rule| report.add(rule, at_path(rule, &entry)));
    }
    match profile {
        // A rule says why, and the refusal stands beside it.
        Err(ProfileError::Wrong { wrong, .. }) if !report.findings.is_empty() => {
            report.add(&reading::REFUSED, vec![refused(&wrong)]);
        }
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    Ok(report.finish(&Filter::default()))
}

/// Where and why a run refuses a profile.
fn refused(wrong: &Wrong) -> Hit {
    let line = if let Origin::Line(line) = wrong.origin { line } else { 1 };
    Hit::at(Place { line, column: 1 }, Limit::FormText.cut(&wrong.problem.to_string()))
}

fn at_path(rule: &Rule, entry: &ProfileEntry<'_>) -> Vec<Hit> {
    match rule.check {
        Check::Path(check) | Check::Both(_, check) => check(entry),
        Check::Connection(_) | Check::Reading => Vec::new(),
    }
}
