//! Cutting a run into blocks: consecutive whole rounds, the unit that a bootstrap draws again.
//!
//! Latencies of neighbours in time resemble each other (the backend is busy, a burst comes), so single calls must not
//! be drawn alone. A block is at least a second and three times as long as the paired differences remember themselves;
//! a run is cut into 40 such blocks if it can be, and into fewer if it cannot.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::analysis::input::rounds::{is_closed, round_of};
use crate::analysis::input::view::View;
use crate::analysis::stats::basic::{autocorrelation_time, ranks, small_sample_factor};
use crate::analysis::stats::bootstrap::Sums;
use crate::analysis::stats::needed::Needed;
use crate::measure::sample::Sample;
use crate::plan::Design;
use crate::units::PathId;

/// The number of blocks aimed at.
pub(crate) const AIM: usize = 40;

/// The fewest blocks that allow a verdict.
pub(crate) const FOR_VERDICT: usize = 20;

/// The fewest blocks that give an interval at all.
pub(crate) const FOR_INTERVAL: usize = 6;

/// The shortest block, seconds.
const SHORTEST_S: f64 = 1.0;

/// How many times its memory a block lasts.
const MEMORIES: f64 = 3.0;

/// By how much more a run shows too little of changes that are slow against it: this, divided by how many long enough
/// blocks fit. Chosen by simulation: see `docs/statistics.md`.
const UNSEEN: f64 = 1.0;

/// How a run was cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocks {
    /// How many blocks hold any call. What a figure stands on are those with a success on both sides:
    /// [`Blocks::filled`].
    pub count: usize,
    /// How many blocks that are long enough fit, at most [`AIM`]. Fewer than `count` only where a run was cut into shorter
    /// ones: see [`Blocks::cut_finely`].
    pub fit: usize,
    /// The length of each, seconds.
    pub length_s: f64,
    /// How long the paired differences remember themselves, seconds.
    pub memory_s: f64,
    /// The shortest length that is long enough, seconds.
    pub needed_s: f64,
    /// Rounds (groups or single attempts under other designs) in the measured phase.
    pub rounds: usize,
    /// Rounds a second.
    pub rate: f64,
    /// Whether all paths share the blocks; not so under [`Design::Sequential`].
    pub shared: bool,
    /// The block of each measured attempt, in the order of the rows.
    pub of: Vec<u16>,
}

impl Blocks {
    /// Cuts the attempts of a view, by the memory of its headline metric.
    pub(crate) fn cut(view: &View<'_>) -> Self {
        Self::cut_into(view, |fit, _| fit)
    }

    /// The same, and where fewer long enough blocks fit than a verdict needs, shorter ones; and by how much the arms of an
    /// interval over those are to be lengthened for it.
    ///
    /// The slow changes of a quiet path are those of this machine and smaller than anything that matters, and still as
    /// long as a run. A figure over short blocks alone would take no notice of them; this one does, and may be good enough
    /// for a margin. The variance of a mean over blocks of the length `l` is `1 + 2 m / l` times that of independent blocks
    /// where they remember each other for `m`, and only as many values as long blocks fit tell it: Student's
    /// distribution. And a short run sees too little of its slow changes: see [`UNSEEN`].
    pub(crate) fn cut_finely(view: &View<'_>) -> (Self, f64) {
        let blocks = Self::cut_into(view, |fit, shortest| if (2..FOR_VERDICT).contains(&fit) { shortest } else { fit });
        let stretch = if blocks.are_short() {
            let neglected = (1.0 + 2.0 * blocks.memory_s / blocks.length_s).sqrt();
            let unseen = 1.0 + UNSEEN / blocks.fit as f64;
            neglected * unseen * small_sample_factor(blocks.fit) / small_sample_factor(blocks.count)
        } else {
            1.0
        };
        (blocks, stretch)
    }

    /// Whether these are shorter than the memory wants: too few long enough ones fit for a verdict, and some do.
    pub(crate) fn are_short(&self) -> bool {
        (2..FOR_VERDICT).contains(&self.fit) && self.fit < self.count
    }

    /// Why there is no verdict by them, as the rest of a sentence whose subject is latencies.
    pub(crate) fn describe_memory(&self) -> String {
        let Self { fit, memory_s, needed_s, .. } = self;
        format!("resemble each other for {memory_s:.1} s, so only {fit} blocks of {needed_s:.1} s fit")
    }

    /// Cuts into as many blocks as are `wanted`, given how many long enough ones fit and how many of the shortest.
    fn cut_into(view: &View<'_>, wanted: impl Fn(usize, usize) -> usize) -> Self {
        #[cfg(test)]
        tests::CUTS.set(tests::CUTS.get() + 1);
        let rounds = Rounds::of(view);
        let memory_s = rounds.memory(view);
        let needed_s = SHORTEST_S.max(MEMORIES * memory_s);
        let shared = view.plan().load.design != Design::Sequential;
        let lasts = if shared { rounds.spans.len().min(1) } else { rounds.spans.len() }.max(1) as f64;
        let span_s = view.measured_s / lasts;
        let fit = (span_s / needed_s).floor() as usize;
        let wanted = wanted(fit, (span_s / SHORTEST_S).floor() as usize);
        let wanted = wanted.clamp(1, AIM).min(rounds.times.len().max(1));
        let (of, count) = rounds.assign(&view.kept, wanted, shared, span_s);
        Self {
            count,
            fit: fit.min(AIM),
            length_s: span_s / wanted as f64,
            memory_s,
            needed_s,
            rounds: rounds.times.len(),
            rate: rounds.times.len() as f64 / view.measured_s.max(1e-9),
            shared,
            of,
        }
    }

    /// Rounds that a run of this kind needs for a verdict where only `filled` of its blocks hold a success on both
    /// sides; `None` where these are enough, or where no number of rounds promises any.
    pub(crate) fn rounds_for_verdict(&self, filled: usize) -> Option<Needed> {
        if filled == 0 || filled.min(self.fit) >= FOR_VERDICT {
            return None;
        }
        let by_time = FOR_VERDICT as f64 * self.needed_s * self.rate;
        let by_share = self.rounds as f64 * FOR_VERDICT as f64 / filled as f64;
        Needed::of(self.rounds, by_time.max(by_share))
    }

    /// How many blocks hold values on both sides. Where the sides share no time, those of the side that fills fewer.
    pub(crate) fn filled(&self, one: &Sums, other: &Sums) -> usize {
        let count = |sums: &Sums| sums.filled().filter(|filled| *filled).count();
        if self.shared {
            one.filled().zip(other.filled()).filter(|(one, other)| *one && *other).count()
        } else {
            count(one).min(count(other))
        }
    }
}

/// A view and its blocks, which are cut once, for the first figure that needs them.
pub(crate) struct BlockedView<'a> {
    view: &'a View<'a>,
    blocks: OnceCell<Blocks>,
}

impl<'a> BlockedView<'a> {
    /// Not cut yet.
    pub(crate) fn of(view: &'a View<'a>) -> Self {
        Self { view, blocks: OnceCell::new() }
    }

    /// The view.
    pub(crate) fn view(&self) -> &'a View<'a> {
        self.view
    }

    /// Its blocks.
    pub(crate) fn blocks(&self) -> &Blocks {
        self.blocks.get_or_init(|| Blocks::cut(self.view))
    }
}

/// The rounds of a view: see [`round_of`].
struct Rounds {
    /// The round of each attempt.
    of: Vec<u64>,
    /// When each round began, seconds from the beginning of measuring.
    times: BTreeMap<u64, f64>,
    /// From when on each path was called, seconds from the beginning of measuring.
    spans: BTreeMap<PathId, f64>,
}

impl Rounds {
    fn of(view: &View<'_>) -> Self {
        let (run, measured) = (view.run, &view.kept);
        let start = run.manifest.origin + view.plan().measure_from();
        let round = round_of(run, view.paths.len(), measured);
        let mut times = BTreeMap::new();
        let mut spans = BTreeMap::new();
        for sample in measured {
            let at = sample.stamps.intended.since(start).as_secs_f64();
            let earliest = |time: &mut f64| *time = time.min(at);
            times.entry(round(sample)).and_modify(earliest).or_insert(at);
            spans.entry(sample.path).and_modify(earliest).or_insert(at);
        }
        Self { of: measured.iter().map(|sample| round(sample)).collect(), times, spans }
    }

    /// The longest memory, in seconds, of the differences between any path and the baseline; of each path's own
    /// values where no two paths share a round.
    fn memory(&self, view: &View<'_>) -> f64 {
        let paths = || view.paths.iter().map(|path| path.id);
        if view.plan().load.design == Design::Sequential || is_closed(view.run) || view.paths.len() == 1 {
            let own = |path| self.memory_of(&self.values(view, path));
            return paths().map(own).fold(0.0, f64::max);
        }
        let baseline = self.values(view, view.baseline);
        let against = |path| {
            let candidate = self.values(view, path);
            let pairs = candidate.iter().filter_map(|(round, value)| Some((*round, value - baseline.get(round)?)));
            self.memory_of(&pairs.collect())
        };
        paths().filter(|path| *path != view.baseline).map(against).fold(0.0, f64::max)
    }

    fn values(&self, view: &View<'_>, path: PathId) -> BTreeMap<u64, f64> {
        let calls = view.kept.iter().zip(&self.of);
        let of_path = calls.filter(|(sample, _)| sample.path == path && sample.outcome.is_ok());
        let value = |sample: &Sample| view.headline.of(sample, view.basis());
        of_path.filter_map(|(sample, round)| Some((*round, value(sample)? as f64))).collect()
    }

    /// The memory of values by round, in seconds: of the means of their ranks over about a second each, so that a
    /// single outlier does not hide it.
    fn memory_of(&self, values: &BTreeMap<u64, f64>) -> f64 {
        let mut by_time: Vec<(f64, f64)> = values.iter().map(|(round, value)| (self.times[round], *value)).collect();
        by_time.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (Some(first), Some(last)) = (by_time.first(), by_time.last()) else { return 0.0 };
        let spacing = (last.0 - first.0) / by_time.len() as f64;
        let each = ((SHORTEST_S / spacing.max(1e-9)).round() as usize).clamp(1, by_time.len());
        let ranks = ranks(&by_time.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        let means: Vec<f64> = ranks.chunks_exact(each).map(|chunk| chunk.iter().sum::<f64>() / each as f64).collect();
        autocorrelation_time(&means) * spacing * each as f64
    }

    /// The block of each attempt, numbered without gaps, and their number.
    fn assign(&self, measured: &[&Sample], wanted: usize, shared: bool, span_s: f64) -> (Vec<u16>, usize) {
        let place = |(sample, round): (&&Sample, &u64)| {
            let from = if shared { 0.0 } else { self.spans[&sample.path] };
            let block = ((self.times[round] - from) / span_s.max(1e-9) * wanted as f64) as usize;
            block.min(wanted - 1)
        };
        let raw: Vec<usize> = measured.iter().zip(&self.of).map(place).collect();
        let mut held: Vec<usize> = raw.clone();
        held.sort_unstable();
        held.dedup();
        let number = |block| held.binary_search(&block).unwrap_or_default() as u16;
        (raw.into_iter().map(number).collect(), held.len())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::run::Run;
    use crate::run::fixture::World;

    thread_local! {
        /// How often this thread cut a view into blocks.
        pub(crate) static CUTS: Cell<u32> = const { Cell::new(0) };
    }

    fn cut(world: &World) -> (Run, Blocks) {
        let run = world.run();
        let blocks = Blocks::cut(&View::of(&run));
        (run, blocks)
    }

    #[test]
    fn a_minute_makes_forty_blocks_of_whole_rounds() {
        let (run, blocks) = cut(&World::default());
        assert_eq!((blocks.count, blocks.length_s), (40, 1.5));
        let mut of_round = BTreeMap::new();
        for (sample, block) in run.measured().zip(&blocks.of) {
            assert_eq!(*of_round.entry(sample.round).or_insert(*block), *block, "round {}", sample.round);
        }
        assert_eq!(blocks.rounds, of_round.len());
        assert_eq!(blocks.rounds_for_verdict(blocks.count), None);
    }

    #[test]
    fn a_short_run_has_few_blocks_and_says_what_it_needs() {
        let (_, blocks) = cut(&World { seconds: 8.0, ..World::default() });
        assert_eq!(blocks.count, 8);
        let needed = blocks.rounds_for_verdict(blocks.count).expect("too few").total();
        assert!((120..320).contains(&needed), "{needed}");
    }

    #[test]
    fn neighbours_of_all_paths_share_a_block_when_interleaved() {
        let (run, blocks) = cut(&World { design: Design::Interleaved, rate: 30.0, ..World::default() });
        assert!(blocks.shared && blocks.count == 40);
        let mut of_group = BTreeMap::new();
        for (sample, block) in run.measured().zip(&blocks.of) {
            assert_eq!(*of_group.entry(sample.seq.0 / 3).or_insert(*block), *block);
        }
    }

    #[test]
    fn groups_begin_anew_with_the_measured_phase() {
        let world = World { design: Design::Interleaved, rate: 30.0, warmup_calls: 4, ..World::default() };
        let run = world.run();
        let measured: Vec<_> = run.measured().collect();
        let rounds = Rounds::of(&View::of(&run));
        let mut members: BTreeMap<u64, Vec<u16>> = BTreeMap::new();
        for (sample, round) in measured.iter().zip(&rounds.of) {
            members.entry(*round).or_default().push(sample.path.0);
        }
        let whole = measured.len() / 3;
        assert!(members.values().take(whole).all(|paths| *paths == [0, 1, 2]), "{:?}", members.first_key_value());
    }

    #[test]
    fn a_call_of_a_closed_load_lies_in_the_block_of_its_own_time() {
        let world = World { design: Design::Interleaved, callers: Some(4), ..World::default() };
        let (run, blocks) = cut(&world);
        assert_eq!((blocks.count, blocks.rounds), (40, run.measured().count()));
        let start = run.manifest.origin + run.manifest.plan.measure_from();
        for (sample, block) in run.measured().zip(&blocks.of) {
            let at = sample.stamps.intended.since(start).as_secs_f64();
            assert_eq!(usize::from(*block), (at / blocks.length_s) as usize, "{at} s");
        }
    }

    #[test]
    fn paths_that_share_no_time_share_no_block() {
        let (run, blocks) = cut(&World { design: Design::Sequential, rate: 30.0, ..World::default() });
        assert!(!blocks.shared);
        assert_eq!(blocks.length_s, 1.0);
        for path in 0..3 {
            let last = run.measured().zip(&blocks.of).filter(|(s, _)| s.path == PathId(path)).map(|(_, b)| *b).max();
            assert_eq!(last, Some(19), "path {path}");
        }
    }
}
