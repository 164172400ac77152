//! A report before it has a form: every sentence and every cell decided, so that all forms say the same. One model for a
//! run, a comparison and a history of runs; a form decides where its parts stand and how they look.

use crate::report::overview::Lead;
use crate::report::table::{Table, Tone};

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One run.
    Run,
    /// Two runs, or two paths of one.
    Comparison,
    /// Many runs of one profile.
    History,
}

impl Subject {
    /// What kind of report it is, as its page says.
    pub(crate) fn kicker(self) -> &'static str {
        match self {
            Self::Run => "hopmark report",
            Self::Comparison => "hopmark comparison",
            Self::History => "hopmark trend",
        }
    }
}

/// A report before it has a form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// What it is about.
    pub(crate) subject: Subject,
    /// The profile, or what is compared.
    pub(crate) title: String,
    /// When, how long, how much.
    pub(crate) subtitle: String,
    /// What it comes to; the sentence is empty when nothing was asked.
    pub(crate) conclusion: (Tone, String),
    /// What else the first screen of a page holds.
    pub(crate) lead: Lead,
    /// What is decided, one thing each.
    pub(crate) decisions: Vec<Decision>,
    /// What the decisions stand on.
    pub(crate) tables: Vec<(Topic, Table)>,
    /// What the reader must have in mind, the gravest first.
    pub(crate) remarks: Vec<Remark>,
    /// What the reader must know.
    pub(crate) notes: Vec<String>,
    /// How this machine was: label and value.
    pub(crate) machine: Vec<(&'static str, String)>,
    /// How it was measured: label and value.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Terms and their meaning.
    pub(crate) glossary: Vec<(String, &'static str)>,
}

impl Document {
    /// The tables on these topics that have rows, topic by topic.
    pub(crate) fn tables_on<'a>(&'a self, topics: &'a [Topic]) -> impl Iterator<Item = (Topic, &'a Table)> {
        let on = move |wanted: &'a Topic| self.tables.iter().filter(move |(topic, _)| topic == wanted);
        topics.iter().flat_map(on).filter(|(_, table)| !table.rows.is_empty()).map(|(topic, table)| (*topic, table))
    }
}

/// What a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A line for each path: budget, actual, margin, verdict.
    Budgets,
    /// Counts and headline quantiles by path.
    Paths,
    /// Where the calls of each path went.
    Ways,
    /// What shows that a path was private.
    Rungs,
    /// What went wrong, by path.
    Errors,
    /// How tokens were got, by path.
    SignIn,
    /// The objectives.
    Objectives,
    /// The claims.
    Expectations,
    /// Shifts with their intervals.
    Shifts,
    /// Differences other than those of quantiles.
    Effects,
    /// How services themselves split the time.
    Reported,
    /// Every metric, a table a path.
    Metrics,
    /// How late calls were sent, by part.
    SendLag,
    /// Failed calls of two runs side by side.
    FailedCalls,
    /// In what two runs differ besides their figures.
    Differences,
    /// The figures that are followed over many runs.
    Series,
    /// The runs at which a figure changed.
    Changes,
    /// The runs that were not judged.
    NotJudged,
}

/// What is decided about one thing: a short sentence, and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// How it is meant.
    pub(crate) tone: Tone,
    /// The sentence.
    pub(crate) sentence: String,
    /// What stands behind it, sentence by sentence.
    pub(crate) details: Vec<String>,
}

/// Something that the reader must have in mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// How far the run can be trusted.
    Validity(Tone, String),
    /// What speaks against it, and what helps.
    Reason(Tone, String, &'static str),
    /// How wrong this tool itself is on that machine.
    OwnError(Tone, String),
    /// What a path did wrong beyond being slow, and what helps.
    Finding {
        /// The path's name.
        path: String,
        /// What it did.
        message: String,
        /// What helps.
        remedy: String,
    },
    /// Any other.
    Warning(Tone, String),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::fixture::{comparison, elements, history, judged, pooled};
    use crate::report::hostile::signs;
    use crate::report::junit::{Case, Ending, Suite};
    use crate::report::terminal::{self, Look};
    use crate::report::{html, markdown, run};

    /// A document in which every text that may come from outside ends in `text`.
    fn with(document: &Document, text: &str) -> Document {
        let more = |whole: &String| format!("{whole}{text}");
        let remark = |remark: &Remark| match remark {
            Remark::Validity(tone, whole) => Remark::Validity(*tone, more(whole)),
            Remark::Reason(tone, message, remedy) => Remark::Reason(*tone, more(message), remedy),
            Remark::OwnError(tone, whole) => Remark::OwnError(*tone, more(whole)),
            Remark::Finding { path, message, remedy } => {
                Remark::Finding { path: more(path), message: more(message), remedy: more(remedy) }
            }
            Remark::Warning(tone, whole) => Remark::Warning(*tone, more(whole)),
        };
        let mut poisoned = document.clone();
        for whole in [&mut poisoned.title, &mut poisoned.subtitle, &mut poisoned.conclusion.1] {
            whole.push_str(text);
        }
        poison_lead(&mut poisoned.lead, text);
        for decision in &mut poisoned.decisions {
            decision.sentence.push_str(text);
            decision.details.iter_mut().for_each(|detail| detail.push_str(text));
        }
        for (_, table) in &mut poisoned.tables {
            table.title.push_str(text);
            table.note.iter_mut().for_each(|note| note.push_str(text));
            table.rows.iter_mut().flatten().for_each(|cell| cell.text.push_str(text));
        }
        poisoned.remarks = document.remarks.iter().map(remark).collect();
        poisoned.notes.iter_mut().for_each(|note| note.push_str(text));
        for (_, value) in poisoned.machine.iter_mut().chain(&mut poisoned.facts) {
            value.push_str(text);
        }
        poisoned.glossary.iter_mut().for_each(|(term, _)| term.push_str(text));
        poisoned
    }

    fn poison_lead(lead: &mut Lead, text: &str) {
        lead.recommendation.push_str(text);
        lead.scope.iter_mut().for_each(|sentence| sentence.push_str(text));
        if let Some(overview) = &mut lead.overview {
            overview.title.push_str(text);
            overview.note.push_str(text);
            for path in &mut overview.paths {
                path.name.push_str(text);
                let cells = [&mut path.figures, &mut path.verdict, &mut path.budget];
                let cells = cells.into_iter().chain(&mut path.way).chain(&mut path.facts);
                cells.for_each(|cell| cell.text.push_str(text));
            }
        }
    }

    fn page(document: &Document) -> Vec<String> {
        elements(&String::from_utf8(html::render(document, &[])).expect("text"))
    }

    fn in_markdown(document: &Document) -> Vec<String> {
        signs(&String::from_utf8(markdown::render(document)).expect("text"))
    }

    /// How many lines a terminal gets and what of them is no letter.
    fn in_terminal(document: &Document) -> (usize, Vec<char>) {
        let text = terminal::render(document, Look { width: None, colour: true }, &["report: a".to_owned()]);
        (text.lines().count(), text.chars().filter(|letter| letter.is_control()).collect())
    }

    fn in_junit(text: &str) -> Vec<String> {
        let case = |ending| Case {
            class: text.to_owned(),
            name: text.to_owned(),
            ending,
            message: text.to_owned(),
            detail: text.to_owned(),
        };
        let cases = [Ending::Passed, Ending::Failed, Ending::Broken, Ending::Skipped].map(case).to_vec();
        let properties = vec![("base", text.to_owned())];
        let bytes = Suite { name: text, started_at: text, seconds: 1.0, properties, cases }.bytes();
        elements(&String::from_utf8(bytes).expect("text"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn nothing_from_outside_breaks_out_of_a_form(text in "[-@|`<>&*_~#\"'\\[\\]()!:a\\\\/ \u{0}-\u{1f}\u{7f}-\u{9f}]{1,12}") {
            let (judged_run, analysis) = judged();
            for document in [run::document(judged_run, analysis), comparison(), history(), pooled()] {
                let (tame, wild) = (with(&document, "w"), with(&document, &text));
                prop_assert_eq!(page(&wild), page(&tame));
                prop_assert_eq!(in_markdown(&wild), in_markdown(&tame));
                prop_assert_eq!(in_terminal(&wild), in_terminal(&tame));
            }
            prop_assert_eq!(in_junit(&text), in_junit("w"));
        }
    }
}
