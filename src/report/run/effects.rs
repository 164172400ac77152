//! What a comparison says beside its quantiles: means, errors, goodput, Cliff's delta, the check for calls in each
//! other's way, and how services themselves split the time.

use crate::analysis::Analysis;
use crate::analysis::compare::baseline::Comparison;
use crate::analysis::compare::connection_state::IDLE_S;
use crate::analysis::compare::shift::{Candidate, ConnectionShift, Contrast, Interference};
use crate::analysis::summary::paths::PathSummary;
use crate::analysis::summary::reported::Reported;
use crate::report::figure;
use crate::report::shift::shift_figures;
use crate::report::table::{Cell, Table, Tone, figures, words as word_column};
use crate::run::Run;

/// Differences other than those of quantiles; without rows where nothing was compared.
pub(crate) fn effects(run: &Run, analysis: &Analysis) -> Table {
    let Some(comparison) = &analysis.comparison else { return Table::default() };
    let name = |candidate: &Candidate| run.manifest.plan.path(candidate.path).name.clone();
    let rows = comparison.candidates.iter().flat_map(|candidate| of_candidate(&name(candidate), candidate));
    let mut columns = vec![word_column("path"), word_column("what"), figures("baseline"), figures("difference")];
    columns.push(word_column("95% interval"));
    Table::new("Means, errors and goodput", columns, rows).noted(
        "The mean difference is also the mean of the differences. Cliff's delta is how much likelier a call of the \
             path is slower than one of the baseline than faster, from −1 to 1.",
    )
}

fn of_candidate(name: &str, candidate: &Candidate) -> Vec<Vec<Cell>> {
    let signed = |value: f64| format!("{value:+.2}").replace('-', "−");
    let within = |ci: Option<(f64, f64)>, scale: f64| {
        Cell::maybe(ci.map(|(low, high)| format!("{} to {}", signed(scale * low), signed(scale * high))))
    };
    let row = |what: String, baseline: Option<String>, difference: Option<String>, ci: Cell| -> Vec<Cell> {
        vec![name.into(), what.into(), Cell::maybe(baseline), Cell::maybe(difference), ci]
    };
    let mut rows = Vec::new();
    for mean in &candidate.means {
        let what = format!("mean {}, ms", mean.metric.short());
        rows.push(row(what, None, mean.shift_ms.map(signed), within(mean.ci_ms, 1.0)));
    }
    let shares = &candidate.failures;
    let rise = shares.candidate.zip(shares.baseline).map(|(own, base)| signed(100.0 * (own - base)));
    rows.push(row(
        "failed calls, points".to_owned(),
        shares.baseline.map(figure::share),
        rise,
        within(shares.ci, 100.0),
    ));
    let goodput = &candidate.goodput;
    let more = goodput.candidate.zip(goodput.baseline).map(|(own, base)| signed(own - base));
    let base = goodput.baseline.map(|rate| format!("{rate:.2}"));
    rows.push(row("good calls a second".to_owned(), base, more, within(goodput.ci, 1.0)));
    for dominance in &candidate.dominances {
        let delta = dominance.delta.zip(dominance.size).map(|(delta, size)| format!("{} ({size})", signed(delta)));
        let what = format!("Cliff's delta of {}", dominance.metric.short());
        rows.push(row(what, None, delta, within(dominance.ci, 1.0)));
    }
    rows
}

/// The shift apart by who went first, and by how close they were; without rows where there are no rounds.
pub(crate) fn interference(run: &Run, analysis: &Analysis) -> Table {
    let Some(comparison) = &analysis.comparison else { return Table::default() };
    let found = comparison.candidates.iter().filter_map(|candidate| Some((candidate, candidate.interference?)));
    let rows = found.flat_map(|(candidate, found)| of_halves(run, comparison, candidate, found));
    let mut columns = vec![word_column("path"), word_column("rounds in which the two"), figures("shift ms")];
    columns.extend([figures("in the others"), figures("difference"), word_column("interval")]);
    Table::new("Interference between calls", columns, rows).noted(
        "If the calls of a round do not disturb each other, the shift is the same in both halves. The intervals hold \
             all at once with 99%; a difference counts if it is also larger than the interval of the shift itself.",
    )
}

fn of_halves(run: &Run, comparison: &Comparison, candidate: &Candidate, found: Interference) -> Vec<Vec<Cell>> {
    let name = |path| run.manifest.plan.path(path).name.clone();
    let row = |what: String, contrast: Contrast| -> Vec<Cell> {
        let tone = if contrast.material { Tone::Bad } else { Tone::Plain };
        vec![
            name(candidate.path).into(),
            what.into(),
            figure::bare_shift(contrast.so.shift_ms).into(),
            figure::bare_shift(contrast.not.shift_ms).into(),
            Cell::toned(figure::bare_shift(contrast.ms), tone),
            figure::interval(contrast.ci_ms).into(),
        ]
    };
    let order = row(format!("went after {}", name(comparison.baseline)), found.by_order);
    let close = |contrast| row(format!("were within {} of each other", figure::ms(found.middle_ms)), contrast);
    std::iter::once(order).chain(found.by_distance.map(close)).collect()
}

/// The shift by the state of the connection; without rows where only one state has calls on both sides.
pub(crate) fn connections(run: &Run, analysis: &Analysis) -> Table {
    let Some(comparison) = &analysis.comparison else { return Table::default() };
    let row = |candidate: &Candidate, shift: &ConnectionShift| -> Vec<Cell> {
        vec![
            run.manifest.plan.path(candidate.path).name.clone().into(),
            shift.state.to_string().into(),
            figure::count(shift.n_baseline as u64).into(),
            figure::count(shift.n_candidate as u64).into(),
            Cell::maybe(shift_figures(shift.shift_ms, shift.ci_ms)),
        ]
    };
    let told = |candidate: &'_ Candidate| candidate.connections.iter().filter(|one| one.shift_ms.is_some()).count() > 1;
    let shown = comparison.candidates.iter().filter(|candidate| told(candidate));
    let rows = shown.flat_map(|candidate| candidate.connections.iter().map(move |shift| row(candidate, shift)));
    let mut columns = vec![word_column("path"), word_column("connection"), figures("baseline calls"), figures("calls")];
    columns.push(figures("p50 shift ms"));
    Table::new(format!("Shift of {} by connection", comparison.headline.short()), columns, rows).noted(format!(
        "New: opened for the call. Idle: it had carried calls, but none for {IDLE_S:.0} s. Brackets hold \
             the 95% interval, from 20 calls on either side up."
    ))
}

/// How services split the time to the first byte; without rows where none says anything.
pub(crate) fn reported(run: &Run, analysis: &Analysis) -> Table {
    let row = |(summary, reported): (&PathSummary, &Option<Reported>)| {
        let reported = (*reported)?;
        Some(vec![
            run.manifest.plan.path(summary.path).name.clone().into(),
            figure::count(reported.calls as u64).into(),
            figure::bare(reported.network_ms).into(),
            Cell::figure(reported.gateway_ms),
            Cell::figure(reported.model_ms),
        ])
    };
    let mut columns = vec![word_column("path"), figures("calls"), figures("network p50 ms")];
    columns.extend([figures("gateway p50 ms"), figures("model p50 ms")]);
    Table::new(
        "Time to the first byte as the services report it",
        columns,
        analysis.paths.iter().zip(&analysis.reported).filter_map(row),
    )
    .noted(
        "Reported, not measured: model and gateway are what their headers say; network is what is left of the \
             measured time.",
    )
}
