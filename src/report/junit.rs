//! A JUnit file before it is one: test cases for the test view of a build server, and the bytes that they make.

use crate::report::html::escape;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// Nothing could be judged.
    Broken,
    /// It could not be decided.
    Skipped,
}

impl Ending {
    const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::Broken, Self::Skipped];
}

/// One thing that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// What it is asked of: a path, or the run itself.
    pub(crate) class: String,
    /// What is asked.
    pub(crate) name: String,
    /// How it ended.
    pub(crate) ending: Ending,
    /// What was seen.
    pub(crate) message: String,
    /// What stands below, if it did not pass.
    pub(crate) detail: String,
}

impl Case {
    /// A case that has nothing to add to what was seen.
    pub(crate) fn new(class: &str, name: impl Into<String>, ending: Ending, message: impl Into<String>) -> Self {
        let (class, name, message) = (class.to_owned(), name.into(), message.into());
        Self { class, name, ending, message, detail: String::new() }
    }

    /// Of an invalid run nothing passes or fails.
    pub(crate) fn skip_unless_broken(&mut self) {
        if self.ending != Ending::Broken && self.ending != Ending::Skipped {
            self.ending = Ending::Skipped;
            self.message = format!("the run is invalid; observed: {}", self.message);
        }
    }

    fn xml(&self) -> String {
        let inner = match self.ending {
            Ending::Passed => format!("<system-out>{}</system-out>", escape(&self.message)),
            Ending::Failed => self.element("failure", " type=\"missed\""),
            Ending::Broken => self.element("error", " type=\"invalid\""),
            Ending::Skipped => self.element("skipped", ""),
        };
        let (class, name) = (escape(&self.class), escape(&self.name));
        format!("<testcase classname=\"{class}\" name=\"{name}\">{inner}</testcase>\n")
    }

    fn element(&self, name: &str, kind: &str) -> String {
        let (message, detail) = (escape(&self.message), escape(&self.detail));
        let end = if detail.is_empty() { "/>".to_owned() } else { format!(">{detail}</{name}>") };
        format!("<{name}{kind} message=\"{message}\"{end}")
    }
}

/// The cases of one report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Suite<'a> {
    /// What they are about.
    pub(crate) name: &'a str,
    /// When it started, RFC 3339.
    pub(crate) started_at: &'a str,
    /// How long it measured, seconds.
    pub(crate) seconds: f64,
    /// What a reader may want to know besides.
    pub(crate) properties: Vec<(&'static str, String)>,
    /// The cases.
    pub(crate) cases: Vec<Case>,
}

impl Suite<'_> {
    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let [_, failures, errors, skipped] =
            Ending::ALL.map(|ending| self.cases.iter().filter(|case| case.ending == ending).count());
        let counts = format!(
            "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{:.3}\"",
            self.cases.len(),
            self.seconds
        );
        let name = escape(self.name);
        // Jenkins' schema takes neither a fraction of a second nor a zone.
        let started = escape(self.started_at.split(['.', 'Z', '+']).next().unwrap_or_default());
        let body: String = self.cases.iter().map(Case::xml).collect();
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hopmark\" {counts}>\n\
             <testsuite name=\"{name}\" {counts} timestamp=\"{started}\">\n{}{body}</testsuite>\n</testsuites>\n",
            self.known()
        );
        text.into_bytes()
    }

    fn known(&self) -> String {
        let property =
            |(name, value): &(&str, String)| format!("<property name=\"{name}\" value=\"{}\"/>\n", escape(value));
        format!("<properties>\n{}</properties>\n", self.properties.iter().map(property).collect::<String>())
    }
}
