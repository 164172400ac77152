//! What a probe found, for people: a block for each path, a line for each check, and beneath what is wrong its cause and
//! what to do.

use crate::evidence::ladder::{Standing as RungStanding, Step};
use crate::probe::capability::row::{Row, Verdict};
use crate::probe::check::{Check, CheckName, Standing};
use crate::probe::document::{Probe, ProbedPath};
use crate::report::glance::stdout_look;
use crate::report::glyph;
use crate::report::table::Tone;
use crate::report::terminal::{Look, Pen};
use crate::visible::line;

/// Where the text of a check begins.
const TEXT: usize = 17;
/// Where the name of a rung begins, and its text.
const RUNG: usize = 18;
/// The same of a feature.
const FEATURE: usize = 27;

/// The text, as the terminal at standard output wants it.
pub(crate) fn glance(probe: &Probe) -> String {
    render(probe, stdout_look())
}

fn render(probe: &Probe, look: Look) -> String {
    let pen = Pen(look);
    let mut lines = Vec::new();
    for path in &probe.paths {
        lines.extend(block(&pen, path));
        lines.push(String::new());
    }
    lines.extend(conclusion(&pen, probe));
    if !probe.vantage.proxy_variables.is_empty() {
        let named = probe.vantage.proxy_variables.join(", ");
        let note = format!("note: the environment names a proxy ({named}), which is not used");
        lines.extend(pen.lines(&note, 0, Tone::Quiet));
    }
    lines.join("\n") + "\n"
}

fn conclusion(pen: &Pen, probe: &Probe) -> Vec<String> {
    let failing: Vec<&str> = probe.paths.iter().filter(|path| !path.passed).map(|path| path.path.as_str()).collect();
    let (count, all) = (failing.len(), probe.paths.len());
    let checks = probe.paths.iter().flat_map(|path| &path.checks);
    let warnings = match checks.filter(|check| check.standing == Standing::Warning).count() {
        0 => String::new(),
        1 => ", with a warning".to_owned(),
        warnings => format!(", with {warnings} warnings"),
    };
    let tone = if warnings.is_empty() { Tone::Good } else { Tone::Warn };
    match (count, all) {
        (0, 1) => pen.lines(&format!("The path passes{warnings}."), 0, tone),
        (0, _) => pen.lines(&format!("All {all} paths pass{warnings}."), 0, tone),
        _ => pen.lines(&format!("{count} of {all} paths fail: {}", failing.join(", ")), 0, Tone::Bad),
    }
}

fn block(pen: &Pen, path: &ProbedPath) -> Vec<String> {
    let mut lines = pen.bold(&format!("{} ({}) {}", line(&path.path), path.kind, path.base_url));
    for check in &path.checks {
        lines.extend(check_lines(pen, check));
        if check.check == CheckName::Private {
            let rungs = path.private.iter().flat_map(|private| &private.rungs);
            lines.extend(rungs.flat_map(|step| rung_lines(pen, step)));
        }
        if check.check == CheckName::Capabilities {
            lines.extend(path.capabilities.iter().flatten().flat_map(|row| row_lines(pen, row)));
        }
    }
    lines
}

fn check_lines(pen: &Pen, check: &Check) -> Vec<String> {
    let (mark, tone) = mark(check.standing);
    let mut lines = beside(pen, &format!("  {mark} {}", check.check), (&check.seen, TEXT), tone);
    let more = [("cause", &check.cause), ("do", &check.remedy)];
    for (word, text) in more.into_iter().filter_map(|(word, text)| Some((word, text.as_ref()?))) {
        lines.extend(pen.lines(&format!("{word}: {text}"), TEXT, Tone::Plain));
    }
    lines
}

fn rung_lines(pen: &Pen, step: &Step) -> Vec<String> {
    let (mark, tone) = match step.standing {
        RungStanding::Reached => (glyph::KEPT, Tone::Quiet),
        RungStanding::Failed => (glyph::BROKEN, Tone::Bad),
        RungStanding::Doubtful => (glyph::DOUBTFUL, Tone::Warn),
        RungStanding::Unknown => (glyph::UNDECIDED, Tone::Quiet),
    };
    let head = format!("    {mark} {}", step.rung);
    beside(pen, &head, (&step.evidence, RUNG), tone)
}

fn row_lines(pen: &Pen, row: &Row) -> Vec<String> {
    let (mark, tone) = match row.verdict {
        Verdict::AsExpected => (glyph::KEPT, Tone::Quiet),
        Verdict::Better => (glyph::KEPT, Tone::Good),
        Verdict::Worse => (glyph::DOUBTFUL, Tone::Warn),
        Verdict::Undecided => (glyph::UNDECIDED, Tone::Quiet),
    };
    let finding = row.observed.finding.to_string().replace('_', " ");
    let text = match row.verdict {
        Verdict::AsExpected => format!("{finding}: {}", row.observed.said),
        verdict => format!("{finding}, {verdict}: {}", row.observed.said),
    };
    beside(pen, &format!("    {mark} {}", row.feature), (&text, FEATURE), tone)
}

/// A text beside its head, its later lines beneath it.
fn beside(pen: &Pen, head: &str, (text, indent): (&str, usize), tone: Tone) -> Vec<String> {
    let mut lines = pen.wrapped(text, indent);
    let first = lines.remove(0);
    match first.strip_prefix(&" ".repeat(indent)) {
        Some(words) => lines.insert(0, format!("{head:indent$}{words}")),
        // A word that has no room beside its head stands beneath it.
        None => lines.splice(0..0, [head.to_owned(), first]).for_each(drop),
    }
    lines.iter().map(|line| pen.toned(line, tone)).collect()
}

fn mark(standing: Standing) -> (&'static str, Tone) {
    match standing {
        Standing::Passed => (glyph::KEPT, Tone::Plain),
        Standing::Failed => (glyph::BROKEN, Tone::Bad),
        Standing::Warning => (glyph::DOUBTFUL, Tone::Warn),
        Standing::Skipped => (glyph::NOT_LOOKED_AT, Tone::Quiet),
        Standing::Info => (glyph::SAID, Tone::Quiet),
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::evidence::fingerprint::FINGERPRINTS;
    use crate::evidence::ladder::{Privacy, Rung};
    use crate::evidence::name::NameVerdict;
    use crate::measure::outcome::ErrorClass;
    use crate::path::PathKind;
    use crate::probe::capability::feature::Feature;
    use crate::probe::capability::row::{Finding, Observed};
    use crate::probe::code::{Code, OwnCode};
    use crate::probe::document::{Calls, PrivatePath, Vantage};
    use crate::report::fixture::{golden, published};
    use crate::screen::faults;

    fn probe() -> Probe {
        let own = |check, standing, code, seen: &str| {
            Check::own(check, standing, code, seen).took(std::time::Duration::from_millis(12))
        };
        use CheckName as C;
        use Standing as S;
        let good = vec![
            own(C::Name, S::Passed, OwnCode::PublicAddress, "x.openai.azure.com -> 20.1.2.3 (DNS server 10.0.0.4)"),
            Check::passed(C::Tcp, "5 connections to 20.1.2.3:443: median 28.10 ms (27.90 to 30.22)"),
            own(
                C::Tls,
                S::Warning,
                OwnCode::ExpiresSoon,
                "TLS 1.3, http/1.1, a certificate of CN=Microsoft Azure RSA TLS Issuing CA 04 for *.openai.azure.com, good \
                 until 2026-12-24; a second connection resumed the session",
            )
            .with_remedy("renew the certificate before it ends"),
            own(C::Anonymous, S::Passed, OwnCode::RefusedAnonymously, "a call without the credential was refused: status 401: no key"),
            Check::passed(C::Credential, "api-key; a call with it was answered"),
            Check::passed(C::Model, "a call was answered: chat, streamed"),
            own(C::Distance, S::Info, OwnCode::NotDeclared, "the path has no [path.private]"),
            own(C::Private, S::Info, OwnCode::NotDeclared, "the path has no [path.private]"),
            own(C::Capabilities, S::Warning, OwnCode::WorseThanExpected, "4 features: 1 as expected, 1 better than expected, 1 worse than expected, 1 undecided"),
        ];
        let verdict = NameVerdict::NotLinked;
        let bad = vec![
            Check {
                cause: Some(verdict.meaning().to_owned()),
                remedy: verdict.remedy().map(str::to_owned),
                ..Check::new(
                    C::Name,
                    S::Failed,
                    Code::Name(verdict),
                    "x.openai.azure.com -> x.privatelink.openai.azure.com -> 20.1.2.3 (DNS server 10.0.0.4)",
                )
            },
            Check::new(
                C::Tcp,
                S::Failed,
                Code::Class(ErrorClass::ConnectRefused),
                "connection refused by 20.1.2.3:443",
            ),
            Check::skipped(C::Tls, C::Tcp),
            own(C::Private, S::Failed, OwnCode::NotPrivate, "2 of 7 rungs reached"),
        ];
        let step =
            |rung, standing, evidence: &str, remedy| Step { rung, standing, evidence: evidence.to_owned(), remedy };
        let rungs = vec![
            step(
                Rung::Dns,
                RungStanding::Failed,
                "the name resolves through a privatelink name to a public address: its zone is not linked here",
                verdict.remedy(),
            ),
            step(
                Rung::Environment,
                RungStanding::Reached,
                "no proxy is used, and none is named in the environment",
                None,
            ),
            step(
                Rung::Rtt,
                RungStanding::Doubtful,
                "connecting took 0.2 ms; published from germanywestcentral to swedencentral: 28 ms (0.95: 34 ms)",
                None,
            ),
            step(Rung::Server, RungStanding::Unknown, "no call succeeded", None),
        ];
        let path = |name: &str, kind, checks: Vec<Check>, private| ProbedPath {
            path: name.to_owned(),
            kind,
            base_url: "https://x.openai.azure.com/openai/v1".to_owned(),
            passed: !checks.iter().any(Check::has_failed),
            checks,
            resolution: None,
            connections: None,
            tls: None,
            calls: Calls::default(),
            private,
            capabilities: None,
        };
        let row = |feature, finding, said: &str, verdict| Row {
            feature,
            expected: Vec::new(),
            observed: Observed { finding, said: said.to_owned() },
            verdict,
            decided: None,
        };
        let rows = vec![
            row(
                Feature::ChatStream,
                Finding::Supported,
                "64 events with text in 64 reads, and a proper end",
                Verdict::AsExpected,
            ),
            row(
                Feature::PreviousResponseId,
                Finding::Supported,
                "the second response names the first",
                Verdict::Better,
            ),
            row(Feature::Tools, Finding::Broken, "text came in place of the forced call", Verdict::Worse),
            row(Feature::Trace, Finding::NotAsked, "there is no debug token", Verdict::Undecided),
        ];
        let private = PrivatePath { verdict: Privacy::NotPrivate, rungs };
        let vantage = Vantage {
            at: "2026-11-30T12:00:00Z".to_owned(),
            tool_version: "0.1.0".to_owned(),
            system_dns: Some("10.0.0.4".to_owned()),
            proxy_variables: vec!["HTTPS_PROXY".to_owned()],
        };
        let paths = vec![
            ProbedPath { capabilities: Some(rows), ..path("direct", PathKind::Direct, good, None) },
            path("private-endpoint", PathKind::PrivateEndpoint, bad, Some(private)),
        ];
        Probe::new(vantage, paths)
    }

    #[test]
    fn a_probe_fits_a_terminal_and_is_as_published() {
        let text = render(&probe(), Look { width: Some(80), colour: false });
        assert_eq!(golden("probe.txt", text.as_bytes()), text, "HOPMARK_BLESS=1 writes it again");
        let at = |width| render(&probe(), Look { width: Some(width), colour: false });
        for width in 40..=200 {
            assert_eq!(faults(&at(width), width.into(), &at(u16::MAX)), [] as [&str; 0]);
        }
        assert!(render(&probe(), Look { width: Some(80), colour: true }).contains("\u{1b}[31m"));
    }

    #[test]
    fn what_passes_says_how_many_warnings_it_has() {
        let of = |standings: &[Standing]| {
            let mut probe = probe();
            probe.paths.truncate(1);
            let check = |standing: &Standing| Check::own(CheckName::Tcp, *standing, OwnCode::Undecided, "x");
            probe.paths[0].checks = standings.iter().map(check).collect();
            render(&probe, Look { width: Some(80), colour: false })
        };
        use Standing::{Info, Passed, Skipped, Warning};
        for (standings, says) in [
            (&[Passed, Info, Skipped][..], "The path passes.\n"),
            (&[Passed, Warning], "The path passes, with a warning.\n"),
            (&[Warning, Warning], "The path passes, with 2 warnings.\n"),
        ] {
            assert!(of(standings).contains(says), "{}", of(standings));
        }
    }

    #[test]
    fn the_documentation_has_every_code() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/probe.md")).expect("a page");
        for code in OwnCode::VARIANTS {
            let row = format!("| `{code}` | {} |", code.meaning());
            assert!(text.contains(&row), "docs/probe.md lacks the row\n{row}");
        }
        for verdict in NameVerdict::VARIANTS {
            let row = format!("| `{verdict}` | {} |", verdict.meaning());
            assert!(text.contains(&row), "docs/probe.md lacks the row\n{row}");
        }
        for print in FINGERPRINTS {
            let row = format!("| `{}` | {} |", print.code, print.cause);
            assert!(text.contains(&row), "docs/probe.md lacks the row\n{row}");
        }
        for check in CheckName::VARIANTS {
            assert!(text.contains(&format!("| `{check}` |")), "docs/probe.md lacks the check {check}");
        }
    }

    #[test]
    fn no_code_means_two_things() {
        let own = OwnCode::VARIANTS.iter().map(ToString::to_string);
        let names = NameVerdict::VARIANTS.iter().map(ToString::to_string);
        let prints = FINGERPRINTS.iter().map(|print| print.code.to_owned());
        let classes = ErrorClass::plain().map(|class| class.to_string());
        let all: Vec<String> = own.chain(names).chain(prints).chain(classes).collect();
        let different: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
    }

    #[test]
    fn the_schema_is_as_published() {
        let schema = crate::probe::document::schema();
        assert_eq!(published("docs/schema/probe.json", schema.as_bytes()), schema, "HOPMARK_BLESS=1 writes it again");
    }
}
