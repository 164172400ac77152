//! Who may use `/_sim/*`: who shows the key where one is set, and no page of another origin in somebody's browser.

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use hyper::http::request::Parts;
use hyper::{StatusCode, Uri};

use crate::config::Config;

/// Why a request to the simulator itself is refused.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) message: &'static str,
}

/// Refuses whom the levers are not for.
///
/// # Errors
/// What is wrong, and what to do.
pub(super) fn check(head: &Parts, config: &Config) -> Result<(), Refused> {
    let forbidden = |message| Err(Refused { status: StatusCode::FORBIDDEN, message });
    let host = host(head);
    if is_of_another_page(&head.headers, host) {
        return forbidden("a page of another origin may not use /_sim/; ask from a program, not from a browser");
    }
    match config.admin_key.as_ref().or(config.key.as_ref()) {
        Some(key) if shown(&head.headers).any(|shown| key.is(shown)) => Ok(()),
        Some(_) => Err(Refused {
            status: StatusCode::UNAUTHORIZED,
            message: "/_sim/ needs the simulator's own key (--admin-key, else --key), as api-key or as a bearer token",
        }),
        // A name of the public internet may lead here only because somebody makes it, to have a browser ask.
        None if host.is_some_and(|host| !is_of_this_network(host)) => {
            forbidden("/_sim/ is not for a public name; ask by the address, or start the simulator with --admin-key")
        }
        None => Ok(()),
    }
}

/// The keys that a request shows.
fn shown(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = value(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    value("api-key").into_iter().chain(bearer)
}

/// To whom the request is addressed: a host with or without a port.
fn host(head: &Parts) -> Option<&str> {
    let authority = head.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| head.headers.get(HOST).map(|host| host.to_str().unwrap_or("?.?")))
}

/// Whether a browser says that a page of another origin asks.
fn is_of_another_page(headers: &HeaderMap, host: Option<&str>) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    headers.get(ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        origin.and_then(|origin| Some(Some(origin.authority()?.as_str()) == host)) != Some(true)
    })
}

/// Whether a host is an address, or a name that no public server has: `localhost`, or one without a dot.
fn is_of_this_network(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_matches(['[', ']']).trim_end_matches('.');
    name.parse::<std::net::IpAddr>().is_ok() || !name.contains('.') || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Key, Single};
    use hyper::Request;

    type Headers = &'static [(&'static str, &'static str)];

    /// What becomes of a request with these headers, where these keys are set.
    fn status(key: Option<&str>, admin: Option<&str>, headers: Headers) -> u16 {
        let mut config = Config::single(&Single::default()).unwrap();
        let as_key = |key: &str| Key::from(key.to_owned());
        (config.key, config.admin_key) = (key.map(as_key), admin.map(as_key));
        let mut request = Request::get("/_sim/config");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, &config).map_or_else(|refused| refused.status.as_u16(), |()| 200)
    }

    #[test]
    fn the_key_that_is_set_is_wanted() {
        let table: [(Option<&str>, Option<&str>, Headers, u16); 9] = [
            (None, None, &[], 200),
            (Some("k"), None, &[], 401),
            (Some("k"), None, &[("api-key", "k")], 200),
            (Some("k"), None, &[("authorization", "Bearer k")], 200),
            (Some("k"), None, &[("api-key", "kk")], 401),
            (Some("k"), None, &[("authorization", "Basic k")], 401),
            (Some("k"), Some("a"), &[("api-key", "k")], 401),
            (Some("k"), Some("a"), &[("api-key", "k"), ("authorization", "bearer a")], 200),
            (None, Some("a"), &[("host", "evil.example")], 401),
        ];
        for (key, admin, headers, expected) in table {
            assert_eq!(status(key, admin, headers), expected, "{key:?} {admin:?} {headers:?}");
        }
    }

    #[test]
    fn pages_of_other_origins_and_public_names_are_refused() {
        let table: [(Headers, u16); 16] = [
            (&[("host", "127.0.0.1:8080")], 200),
            (&[("host", "[::1]:8080")], 200),
            (&[("host", "localhost:8080")], 200),
            (&[("host", "sim.localhost")], 200),
            (&[("host", "sim")], 200),
            (&[("host", "rebound.example:8080")], 403),
            (&[("host", "127.0.0.1.nip.io")], 403),
            (&[("host", "rebound.example.")], 403),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], 200),
            (&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9090")], 403),
            (&[("host", "127.0.0.1:8080"), ("origin", "https://evil.example")], 403),
            (&[("host", "127.0.0.1:8080"), ("origin", "null")], 403),
            (&[("host", "localhost"), ("sec-fetch-site", "cross-site")], 403),
            (&[("host", "localhost"), ("sec-fetch-site", "same-site")], 403),
            (&[("host", "localhost"), ("sec-fetch-site", "same-origin")], 200),
            (&[("host", "localhost"), ("sec-fetch-site", "none")], 200),
        ];
        for (headers, expected) in table {
            assert_eq!(status(None, None, headers), expected, "{headers:?}");
        }
        // The key does not make a page of another origin welcome.
        assert_eq!(status(Some("k"), None, &[("api-key", "k"), ("origin", "https://evil.example")]), 403);
    }
}
