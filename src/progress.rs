//! The live view of a run on standard error: several lines on a terminal, a plain line now and then elsewhere.
//!
//! The caller gives it what it knows a few times a second; it keeps no clock of its own.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console;
use crate::screen::{Screen, wrap};
use crate::units::Phase;

/// The columns of the bar.
const BAR: usize = 16;
/// How much time passes between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The state of a run at an instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    /// The present phase.
    pub(crate) phase: Phase,
    /// Since the run's start.
    pub(crate) elapsed: Duration,
    /// Warmup and measuring together.
    pub(crate) total: Duration,
    /// What is left of `total`; in the drain, the longest that it may still take.
    pub(crate) left: Duration,
    /// Calls a second that the plan wants, lately.
    pub(crate) offered_per_s: f64,
    /// Calls a second that were sent, lately.
    pub(crate) achieved_per_s: f64,
    /// Calls under way.
    pub(crate) in_flight: u64,
    /// Calls that ended well.
    pub(crate) ok: u64,
    /// Calls that failed, broke off or were dropped.
    pub(crate) errors: u64,
    /// Each path, in the order of the plan.
    pub(crate) paths: Vec<PathSnapshot>,
}

/// One path at an instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathSnapshot {
    /// Its name.
    pub(crate) name: String,
    /// Its median time to first token in milliseconds; `None` before the first.
    pub(crate) ttft_p50_ms: Option<f64>,
    /// The 0.99 quantile of the same.
    pub(crate) ttft_p99_ms: Option<f64>,
}

/// The live view.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Several lines that are drawn again and again.
    Live(Live),
    /// A line now and then.
    Plain(Plain),
    /// Nothing.
    Silent,
}

impl Progress {
    /// The view that fits where standard error goes: one that lets lines be drawn again, or another.
    #[must_use]
    pub(crate) fn new(quiet: bool, redraws: bool) -> Self {
        match (quiet, redraws) {
            (true, _) => Self::Silent,
            (false, true) => Self::Live(Live::new(ProgressDrawTarget::stderr())),
            (false, false) => Self::Plain(Plain::default()),
        }
    }

    /// Shows the state of the run. A terminal that does not take it is no reason to stop.
    pub(crate) fn show(&mut self, snapshot: &Snapshot) {
        match self {
            Self::Live(live) => live.show(snapshot, Screen::stderr().table_width().into()),
            Self::Plain(plain) => {
                if plain.is_due(snapshot) {
                    console::tell(plain_line(snapshot));
                }
            }
            Self::Silent => {}
        }
    }

    /// Takes the live lines away, so that the report begins on a clean screen.
    pub(crate) fn finish(&mut self) {
        match self {
            Self::Live(live) => live.clear(),
            Self::Plain(_) | Self::Silent => {}
        }
    }
}

/// When a plain line is due: at the first snapshot, in a new phase and after five seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Plain {
    last: Option<(Phase, Duration)>,
}

impl Plain {
    fn is_due(&mut self, snapshot: &Snapshot) -> bool {
        let due = self.last.is_none_or(|(phase, at)| phase != snapshot.phase || snapshot.elapsed >= at + PLAIN_EVERY);
        if due {
            self.last = Some((snapshot.phase, snapshot.elapsed));
        }
        due
    }
}

/// The lines on a terminal: the run, then each path.
#[derive(Debug)]
pub(crate) struct Live {
    all: MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Live {
    fn new(target: ProgressDrawTarget) -> Self {
        Self { all: MultiProgress::with_draw_target(target), lines: Vec::new() }
    }

    fn show(&mut self, snapshot: &Snapshot, width: usize) {
        let texts = live_lines(snapshot, width);
        while self.lines.len() < texts.len() {
            let line = ProgressBar::new(1).with_style(self.style());
            self.lines.push(self.all.add(line));
        }
        // Fewer lines are needed where the terminal became wider.
        for (line, text) in self.lines.iter().zip(texts.into_iter().chain(std::iter::repeat_with(String::new))) {
            line.set_length(snapshot.total.as_millis() as u64);
            line.set_position(snapshot.elapsed.min(snapshot.total).as_millis() as u64);
            line.set_message(text);
        }
    }

    /// A bar in the first line alone.
    fn style(&self) -> ProgressStyle {
        let template = if self.lines.is_empty() { format!("{{bar:{BAR}}} {{msg}}") } else { "{msg}".to_owned() };
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
    }

    fn clear(&self) {
        self.lines.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// The lines on a terminal of this width: the time, beside the bar; the counts; each path, the names of one width.
fn live_lines(snapshot: &Snapshot, width: usize) -> Vec<String> {
    let name = snapshot.paths.iter().map(|path| path.name.len()).max().unwrap_or_default();
    let mut lines = vec![when(snapshot)];
    lines.extend(wrap(&counts(snapshot), 2, width));
    lines.extend(
        snapshot.paths.iter().flat_map(|path| wrap(&format!("{:name$}  {}", path.name, first_token(path)), 2, width)),
    );
    lines
}

/// The whole state in one line, for logs.
#[must_use]
pub(crate) fn plain_line(snapshot: &Snapshot) -> String {
    let mut line = format!("{:.0}s {}, {}", snapshot.elapsed.as_secs_f64(), when(snapshot), counts(snapshot));
    for path in &snapshot.paths {
        line.push_str("; ");
        line.push_str(&path.name);
        line.push(' ');
        line.push_str(&first_token(path));
    }
    line
}

fn when(snapshot: &Snapshot) -> String {
    let left = snapshot.left.as_secs_f64();
    match snapshot.phase {
        Phase::Warmup => format!("warmup, {left:.0}s left"),
        Phase::Measure => format!("measuring, {left:.0}s left"),
        Phase::Drain => format!("waiting for the last answers, at most {left:.0}s"),
    }
}

fn counts(snapshot: &Snapshot) -> String {
    let Snapshot { offered_per_s, achieved_per_s, in_flight, ok, errors, .. } = snapshot;
    format!("{offered_per_s:.1}/s planned, {achieved_per_s:.1}/s sent, {in_flight} in flight, {ok} ok, {errors} errors")
}

fn first_token(path: &PathSnapshot) -> String {
    let quantiles = [("p50", path.ttft_p50_ms), ("p99", path.ttft_p99_ms)];
    let seen: Vec<String> = quantiles.iter().filter_map(|(q, ms)| Some(format!("{q} {:.0} ms", (*ms)?))).collect();
    if seen.is_empty() { "no first token yet".to_owned() } else { format!("ttft {}", seen.join(" ")) }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;
    use crate::screen::faults;

    /// A terminal that keeps what was written since its lines were last cleared.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn text(&self) -> String {
            self.0.lock().expect("one thread").clone()
        }

        fn write(&self, text: &str) -> io::Result<()> {
            self.0.lock().expect("one thread").push_str(text);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().expect("one thread").clear();
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn path(name: &str, p50: Option<f64>, p99: Option<f64>) -> PathSnapshot {
        PathSnapshot { name: name.to_owned(), ttft_p50_ms: p50, ttft_p99_ms: p99 }
    }

    fn snapshot(phase: Phase, elapsed: u64, left: u64) -> Snapshot {
        Snapshot {
            phase,
            elapsed: Duration::from_secs(elapsed),
            total: Duration::from_secs(30),
            left: Duration::from_secs(left),
            offered_per_s: 84.0,
            achieved_per_s: 83.96,
            in_flight: 41,
            ok: 812,
            errors: 3,
            paths: vec![path("direct", Some(152.4), Some(170.9)), path("gateway", None, None)],
        }
    }

    #[test]
    fn plain_lines_say_it_all() {
        for (phase, elapsed, left, start) in [
            (Phase::Warmup, 2, 28, "2s warmup, 28s left, "),
            (Phase::Measure, 12, 18, "12s measuring, 18s left, "),
            (Phase::Drain, 31, 60, "31s waiting for the last answers, at most 60s, "),
        ] {
            let rest = "84.0/s planned, 84.0/s sent, 41 in flight, 812 ok, 3 errors; \
                        direct ttft p50 152 ms p99 171 ms; gateway no first token yet";
            assert_eq!(plain_line(&snapshot(phase, elapsed, left)), format!("{start}{rest}"));
        }
    }

    #[test]
    fn a_plain_line_is_due_every_five_seconds_and_in_a_new_phase() {
        let mut plain = Plain::default();
        let mut due = |phase, elapsed| plain.is_due(&snapshot(phase, elapsed, 0));
        let (warmup, measure) = (Phase::Warmup, Phase::Measure);
        let seen = [due(warmup, 0), due(warmup, 2), due(measure, 3), due(measure, 7), due(measure, 8), due(measure, 9)];
        assert_eq!(seen, [true, false, true, false, true, false]);
    }

    #[test]
    fn a_terminal_shows_a_line_a_path_and_is_clean_in_the_end() {
        let screen = Screen::default();
        let mut live = Live::new(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let mut text = String::new();
        for elapsed in [15, 16, 17] {
            live.show(&snapshot(Phase::Measure, elapsed, 30 - elapsed), 80);
            text.push_str(&screen.text());
        }
        for part in
            ["measuring, 15s left", "812 ok", "direct   ttft p50 152 ms p99 171 ms", "gateway  no first token yet"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        live.clear();
        assert!(!screen.text().contains("ttft"), "{}", screen.text());
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        let mut long = snapshot(Phase::Drain, 31, 3600);
        long.paths.push(path("api-management-in-another-region", Some(1520.4), Some(170_900.0)));
        for width in 60..=160 {
            let text = live_lines(&long, width).join("\n");
            assert_eq!(faults(&text, width, &live_lines(&long, usize::MAX).join("\n")), [] as [&str; 0]);
            assert!(BAR + 1 + when(&long).len() <= width, "{width}: {text}");
        }
    }

    #[test]
    fn quiet_is_silent_wherever_it_goes() {
        for redraws in [true, false] {
            assert!(matches!(Progress::new(true, redraws), Progress::Silent));
        }
        assert!(matches!(Progress::new(false, true), Progress::Live(_)));
        assert!(matches!(Progress::new(false, false), Progress::Plain(_)));
    }
}
