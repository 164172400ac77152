//! What Azure says of its content filter, where nothing was found.

/// A verdict on four categories of harm.
macro_rules! safe {
    () => {
        concat!(
            r#""hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"#,
            r#""sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}"#
        )
    };
}

/// A verdict that found something.
macro_rules! harmful {
    () => {
        concat!(
            r#"{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"#,
            r#""sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":true,"severity":"high"}}"#
        )
    };
}

/// Of a prompt: a member of a chat completion and of the first event of its stream.
pub(crate) const PROMPT: &str = concat!(
    r#""prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"jailbreak":{"detected":false,"#,
    r#""filtered":false},"#,
    safe!(),
    "}}]"
);
/// Of a piece of a stream: a member of its choice.
pub(crate) const PIECE: &str = concat!(r#","content_filter_results":{"#, safe!(), "}");
/// Of a piece without content.
pub(crate) const EMPTY: &str = r#","content_filter_results":{}"#;
/// Of a whole answer: a member of its choice.
pub(crate) const WHOLE: &str = concat!(
    r#","content_filter_results":{"protected_material_code":{"detected":false,"filtered":false},"#,
    r#""protected_material_text":{"detected":false,"filtered":false},"#,
    safe!(),
    "}"
);

/// Of an answer that the filter has ended: a member of its choice.
pub(crate) const BLOCKED: &str = concat!(r#","content_filter_results":"#, harmful!());

/// Of a whole response of `length` characters, or of one that the filter has ended there: a member of the response.
pub(crate) fn response(length: usize, blocked: bool) -> String {
    let prompt = concat!(r#"{"jailbreak":{"detected":false,"filtered":false},"#, safe!(), "}");
    let passed = concat!(
        r#"{"protected_material_code":{"detected":false,"filtered":false},"#,
        r#""protected_material_text":{"detected":false,"filtered":false},"#,
        safe!(),
        "}"
    );
    let completion = if blocked { harmful!() } else { passed };
    let of = |blocked: bool, source: &str, results: &str, end: usize| {
        format!(
            "{{\"blocked\":{blocked},\"source_type\":\"{source}\",\"content_filter_raw\":null,\
             \"content_filter_results\":{results},\"content_filter_offsets\":{{\"start_offset\":0,\
             \"end_offset\":{end},\"check_offset\":0}}}}"
        )
    };
    format!(
        "\"content_filters\":[{},{}]",
        of(false, "prompt", prompt, 0),
        of(blocked, "completion", completion, length)
    )
}
