//! How fast the tokens of a stream came: the span of its output over the tokens that came in it.

use crate::measure::sample::Sample;

/// Why a stream has no time per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unpaced {
    /// The server did not say how many output tokens there were.
    NotCounted,
    /// It does not say whether reasoning is among them, or the counts do not add up.
    ReasoningUntold,
    /// There were not two tokens.
    OneToken,
    /// No text was seen.
    NoText,
    /// All of it came in one read.
    AllAtOnce,
}

impl Unpaced {
    /// In words, of streams.
    #[must_use]
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NotCounted => "the server did not say how many output tokens there were",
            Self::ReasoningUntold => "the token counts do not tell whether reasoning is among the output tokens",
            Self::OneToken => "no answer had two output tokens",
            Self::NoText => "no successful stream brought any content",
            Self::AllAtOnce => "all content of a stream came at once, so no time between tokens was seen",
        }
    }
}

/// Nanoseconds a token: the span from the first to the last event with output, over the tokens that came in it less
/// one. Whether reasoning is among these tokens is told by the server's counts:
/// - it counts reasoning tokens: the tokens of the answer alone, from its first to its last event;
/// - it does not, reasoning was streamed, and input and output tokens make the total: all of them, from the first event
///   with reasoning or content to the last with either;
/// - no reasoning was counted or seen: all of them, from first to last content.
///
/// # Errors
/// Why there is none.
pub(crate) fn time_per_token(sample: &Sample) -> Result<u64, Unpaced> {
    let stamps = &sample.stamps;
    let output = sample.output_tokens.ok_or(Unpaced::NotCounted)?;
    let apart = sample.reasoning_tokens.filter(|tokens| *tokens > 0);
    let sum = sample.input_tokens.and_then(|input| input.checked_add(output));
    let adds_up = sample.total_tokens.map(|total| sum == Some(total));
    let (tokens, from, to) = match (apart, stamps.first_reasoning) {
        (Some(_), _) if adds_up == Some(false) => return Err(Unpaced::ReasoningUntold),
        (Some(apart), _) => {
            let tokens = output.checked_sub(apart).ok_or(Unpaced::ReasoningUntold)?;
            (tokens, stamps.first_content, stamps.last_content)
        }
        (None, Some(_)) if adds_up != Some(true) => return Err(Unpaced::ReasoningUntold),
        (None, Some(_)) => {
            let last = stamps.last_reasoning.max(stamps.last_content);
            (output, stamps.first_token(), last)
        }
        (None, None) => (output, stamps.first_content, stamps.last_content),
    };
    let gaps = tokens.checked_sub(1).filter(|gaps| *gaps > 0).ok_or(Unpaced::OneToken)?;
    let (from, to) = from.zip(to).ok_or(Unpaced::NoText)?;
    match to.since(from).as_nanos() as u64 {
        0 => Err(Unpaced::AllAtOnce),
        ns => Ok(ns / gaps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::metric::{Basis, Metric};
    use crate::units::{Nanos, Phase};

    const MS: u64 = 1_000_000;

    fn call() -> Sample {
        Sample { phase: Phase::Measure, stream: true, ..Sample::unseen() }
    }

    /// A stream with reasoning and content at these milliseconds, and counts `[input, output, reasoning, total]`.
    fn stream(reasoning: Option<[u64; 2]>, content: Option<[u64; 2]>, counts: [Option<u64>; 4]) -> Sample {
        let mut sample = call();
        let at = |ms: u64| Some(Nanos(ms * MS));
        if let Some([first, last]) = reasoning {
            (sample.stamps.first_reasoning, sample.stamps.last_reasoning) = (at(first), at(last));
        }
        if let Some([first, last]) = content {
            (sample.stamps.first_content, sample.stamps.last_content) = (at(first), at(last));
        }
        [sample.input_tokens, sample.output_tokens, sample.reasoning_tokens, sample.total_tokens] = counts;
        sample
    }

    #[test]
    fn a_span_is_divided_by_the_tokens_that_came_in_it() {
        let (thought, text, none) = (Some([0, 190]), Some([200, 240]), None);
        let told = |output: u64, reasoning: Option<u64>, total: Option<u64>| [Some(7), Some(output), reasoning, total];
        // Twenty tokens of reasoning and five of text, one every 10 ms.
        for (what, reasoning, content, counts, expected) in [
            ("text alone", none, text, told(5, None, None), Ok(10)),
            ("text alone, with a total", none, text, told(5, Some(0), Some(12)), Ok(10)),
            ("reasoning counted and streamed", thought, text, told(25, Some(20), Some(32)), Ok(10)),
            ("reasoning counted and hidden", none, text, told(25, Some(20), Some(32)), Ok(10)),
            ("reasoning counted, no total", thought, text, told(25, Some(20), None), Ok(10)),
            (
                "reasoning counted, another total",
                thought,
                text,
                told(25, Some(20), Some(99)),
                Err(Unpaced::ReasoningUntold),
            ),
            ("reasoning beside and hidden", none, text, told(5, None, Some(32)), Ok(10)),
            ("reasoning streamed, counted in one", thought, text, told(25, None, Some(32)), Ok(10)),
            ("reasoning streamed, counted as zero", thought, text, told(25, Some(0), Some(32)), Ok(10)),
            ("reasoning streamed, no total", thought, text, told(25, None, None), Err(Unpaced::ReasoningUntold)),
            (
                "reasoning streamed, another total",
                thought,
                text,
                told(5, None, Some(32)),
                Err(Unpaced::ReasoningUntold),
            ),
            ("reasoning alone", thought, none, told(20, None, Some(27)), Ok(10)),
            ("text and then reasoning", Some([50, 240]), Some([0, 40]), told(25, None, Some(32)), Ok(10)),
            ("more reasoning than output", thought, text, told(5, Some(20), None), Err(Unpaced::ReasoningUntold)),
            ("all at once", none, Some([200, 200]), told(50, None, None), Err(Unpaced::AllAtOnce)),
            ("one token", none, text, told(1, None, None), Err(Unpaced::OneToken)),
            ("none", none, text, told(0, None, None), Err(Unpaced::OneToken)),
            ("one token besides reasoning", thought, text, told(21, Some(20), None), Err(Unpaced::OneToken)),
            ("reasoning counted, no text", thought, none, told(25, Some(20), None), Err(Unpaced::NoText)),
            ("nothing seen", none, none, told(5, None, None), Err(Unpaced::NoText)),
            ("not counted", none, text, [Some(7), None, None, Some(12)], Err(Unpaced::NotCounted)),
            ("a count that no sum holds", thought, text, told(u64::MAX, None, Some(6)), Err(Unpaced::ReasoningUntold)),
        ] {
            let sample = stream(reasoning, content, counts);
            assert_eq!(time_per_token(&sample), expected.map(|ms: u64| ms * MS), "{what}");
            assert_eq!(Metric::Tpot.of(&sample, Basis::Response), expected.map(|ms| ms * MS).ok(), "{what}");
        }
    }
}
