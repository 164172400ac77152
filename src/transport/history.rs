//! How long a connection has lived, and whether it may live on.

use crate::path::control::Lifetime;
use crate::units::Nanos;

/// How long a connection has lived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    /// When it was open.
    pub(crate) opened: Nanos,
    /// How many calls it has carried.
    pub(crate) calls: u32,
}

impl History {
    /// Whether one more call may use it.
    #[must_use]
    pub(crate) fn may_be_used(self, lifetime: Lifetime) -> bool {
        lifetime.max_requests.is_none_or(|most| self.calls < most)
            && lifetime.max_age.is_none_or(|most| Nanos::now().since(self.opened) < most.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Span;

    #[test]
    fn a_connection_ends_with_its_age_or_its_calls() {
        let hour = Span::from_secs(3_600);
        let lifetime = |max_age, max_requests| Lifetime { max_age, max_requests };
        for (word, calls, lifetime, may) in [
            ("no limit", 1_000_000, lifetime(None, None), true),
            ("room for one", 9, lifetime(None, Some(10)), true),
            ("all its calls", 10, lifetime(None, Some(10)), false),
            ("young", 9, lifetime(Some(hour), None), true),
            ("too old", 0, lifetime(Some(Span::default()), None), false),
            ("young with all its calls", 10, lifetime(Some(hour), Some(10)), false),
        ] {
            assert_eq!(History { opened: Nanos::now(), calls }.may_be_used(lifetime), may, "{word}");
        }
    }
}
