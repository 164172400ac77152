//! The sections of a page below its first screen, in their order: what each is called, what it holds, and whether it is
//! folded.

use crate::report::document::Topic;

/// What a section holds beside tables and charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// Nothing.
    None,
    /// What speaks against the run, and what paths did wrong.
    Remarks,
    /// What is decided about each path.
    Decisions,
    /// What the reader must know.
    Notes,
    /// How it was measured, and how this machine was.
    Facts,
    /// What each word means.
    Words,
}

/// A section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// Where links lead.
    pub(super) id: &'static str,
    /// Its title.
    pub(super) title: &'static str,
    /// Whether it is folded.
    pub(super) folded: bool,
    /// Its text.
    pub(super) text: Text,
    /// How the names of its charts begin.
    pub(super) charts: &'static [&'static str],
    /// Its tables.
    pub(super) topics: &'static [Topic],
}

impl Section {
    const fn open(id: &'static str, title: &'static str, text: Text, topics: &'static [Topic]) -> Self {
        Self { id, title, folded: false, text, charts: &[], topics }
    }

    const fn folded(id: &'static str, title: &'static str, text: Text, topics: &'static [Topic]) -> Self {
        Self { id, title, folded: true, text, charts: &[], topics }
    }

    const fn with(self, charts: &'static [&'static str]) -> Self {
        Self { charts, ..self }
    }
}

/// All of them, in the order of the page.
pub(super) const SECTIONS: [Section; 16] = [
    Section::open("wrong", "What went wrong", Text::Remarks, &[Topic::Errors, Topic::FailedCalls]),
    Section::open("decision", "What is decided", Text::Decisions, &[]),
    Section::open("notes", "To keep in mind", Text::Notes, &[]),
    Section::open("objectives", "Objectives", Text::None, &[Topic::Objectives, Topic::Expectations]),
    Section::open("history", "Run by run", Text::None, &[]).with(&["trend-", "pool"]),
    Section::folded("series", "Run by run in figures", Text::None, &[Topic::Series, Topic::Changes, Topic::NotJudged]),
    Section::open("differences", "Differences of the runs", Text::None, &[Topic::Differences]),
    Section::open("latency", "Latency", Text::None, &[]).with(&["latency-ttft"]),
    Section::folded("table", "Latency in figures, end to end", Text::None, &[Topic::Paths]).with(&["latency-"]),
    Section::folded("shifts", "Shifts by percentile", Text::None, &[Topic::Shifts, Topic::Effects]).with(&["shift-"]),
    Section::folded("parts", "Where the time goes", Text::None, &[Topic::Reported]).with(&["waterfall", "breakdown"]),
    Section::folded("time", "Latency and failures over time", Text::None, &[]).with(&["timeline"]),
    Section::folded("ways", "Where calls went", Text::None, &[Topic::Ways, Topic::Rungs, Topic::SignIn]),
    Section::folded("metrics", "Every metric", Text::None, &[Topic::Metrics]),
    Section::folded("machine", "This machine and this run", Text::Facts, &[Topic::SendLag]).with(&[""]),
    Section::folded("words", "Words", Text::Words, &[]),
];
