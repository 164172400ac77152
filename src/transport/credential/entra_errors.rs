//! What the errors of Entra ID and other token endpoints mean, and what helps: one table.
//!
//! The codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>; the words without a code:
//! RFC 6749 section 5.2.

/// What an endpoint says, and what it means.
struct Row {
    /// A code or a word of the answer.
    said: &'static str,
    /// What is wrong, and what to do about it.
    means: &'static str,
}

const fn row(said: &'static str, means: &'static str) -> Row {
    Row { said, means }
}

/// Longer and more exact words stand before others.
const ROWS: [Row; 27] = [
    row("AADSTS7000215", "the client secret is wrong; take its value, not its identifier"),
    row("AADSTS7000222", "the client secret has expired; make a new one for the application"),
    row("AADSTS7000218", "the application requires a client secret or a certificate, and none was sent"),
    row(
        "AADSTS7000229",
        "the application has no service principal in this directory; give it one, or check auth.tenant",
    ),
    row("AADSTS7000112", "the application is disabled in this directory"),
    row("AADSTS700016", "the application is not in this directory; check auth.client_id and auth.tenant"),
    row("AADSTS90002", "there is no such directory; check auth.tenant"),
    row("AADSTS900023", "auth.tenant is not a directory"),
    row("AADSTS900021", "auth.tenant is not a directory"),
    row("AADSTS90013", "the request is malformed; check auth.tenant, auth.client_id and auth.scope"),
    row("AADSTS500011", "the resource of auth.scope is not in this directory; check auth.scope and auth.tenant"),
    row("AADSTS500014", "the resource of auth.scope is disabled in this directory"),
    row("AADSTS70011", "auth.scope is not valid; it is a resource with /.default at its end"),
    row("AADSTS1002012", "auth.scope is not valid; it is a resource with /.default at its end"),
    row("AADSTS501051", "the application has no role for the resource of auth.scope; assign one"),
    row(
        "AADSTS700027",
        "the certificate is not one of the application's, or signs wrongly; upload it to the application",
    ),
    row("AADSTS700024", "the assertion is outside its period of validity; is this machine's clock right?"),
    row("AADSTS700021", "the federated token does not fit the application's federated credentials (issuer, subject)"),
    row(
        "AADSTS70021",
        "no federated credential of the application fits the federated token (issuer, subject, audience)",
    ),
    row("AADSTS700213", "no federated credential of the application fits the federated token (subject)"),
    row("AADSTS700212", "no federated credential of the application fits the federated token (audience)"),
    row("AADSTS53003", "a conditional access policy of the directory refuses this sign-in"),
    row("AADSTS50034", "the identity is not in this directory; check auth.tenant"),
    row("Identity not found", "this machine has no such managed identity; assign one, or check auth.client_id"),
    row("invalid_client", "the client or its secret is wrong; check auth.client_id and the secret"),
    row("invalid_scope", "the endpoint does not give this auth.scope"),
    row("unauthorized_client", "the client is not allowed the client_credentials grant; allow it there"),
];

/// What the words of a token endpoint mean, if that is known.
#[must_use]
pub(super) fn meaning(said: &str) -> Option<&'static str> {
    let stands = |word: &str| {
        let ends = |at: usize| !said[at + word.len()..].starts_with(|next: char| next.is_ascii_alphanumeric());
        said.match_indices(word).any(|(at, _)| ends(at))
    };
    ROWS.iter().find(|row| stands(row.said)).map(|row| row.means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_not_taken_for_a_longer_one() {
        for row in &ROWS {
            assert_eq!(meaning(&format!("{{\"error_description\":\"{}: x\"}}", row.said)), Some(row.means));
            assert!(!row.means.ends_with('.'), "{}", row.means);
        }
        assert_eq!(meaning("AADSTS7002150: x"), None);
        assert_eq!(meaning("AADSTS90002"), Some("there is no such directory; check auth.tenant"));
    }
}
