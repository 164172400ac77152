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

/// Of a whole response of `length` characters: a member of the response.
pub(crate) fn response(length: usize) -> String {
    let prompt = concat!(r#"{"jailbreak":{"detected":false,"filtered":false},"#, safe!(), "}");
    let completion = concat!(
        r#"{"protected_material_code":{"detected":false,"filtered":false},"#,
        r#""protected_material_text":{"detected":false,"filtered":false},"#,
        safe!(),
        "}"
    );
    let of = |source: &str, results: &str, end: usize| {
        format!(
            "{{\"blocked\":false,\"source_type\":\"{source}\",\"content_filter_raw\":null,\
             \"content_filter_results\":{results},\"content_filter_offsets\":{{\"start_offset\":0,\
             \"end_offset\":{end},\"check_offset\":0}}}}"
        )
    };
    format!("\"content_filters\":[{},{}]", of("prompt", prompt, 0), of("completion", completion, length))
}
