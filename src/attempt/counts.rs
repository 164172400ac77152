//! The token counts of a call as they come, and what of them is known when it is over.

use crate::measure::sample::Sample;
use crate::units::Nanos;
use crate::wire::usage::Usage;

/// Takes counts that an event or a body brought, which the read at `read` completed.
pub(super) fn note(sample: &mut Sample, usage: Option<Usage>, read: Nanos) {
    let Some(usage) = usage else { return };
    let held = usage.after(held(sample));
    if held != Usage::default() {
        sample.stamps.usage = Some(read);
        hold(sample, held);
    }
}

/// The call is over.
pub(super) fn settle(sample: &mut Sample) {
    let stamps = &sample.stamps;
    let no_text = stamps.first_event.is_some() && stamps.first_content.is_none() && stamps.first_reasoning.is_none();
    let known = held(sample).settled(no_text);
    hold(sample, known);
}

fn held(sample: &Sample) -> Usage {
    Usage {
        input: sample.input_tokens,
        output: sample.output_tokens,
        reasoning: sample.reasoning_tokens,
        total: sample.total_tokens,
        apart: sample.apart_tokens,
    }
}

fn hold(sample: &mut Sample, usage: Usage) {
    let Usage { input, apart, output, reasoning, total } = usage;
    (sample.input_tokens, sample.apart_tokens, sample.output_tokens) = (input, apart, output);
    (sample.reasoning_tokens, sample.total_tokens) = (reasoning, total);
}
