//! A header that proves who calls.

use hyper::header::{HeaderName, HeaderValue};

use crate::units::Nanos;

/// A header, and until when it is good.
#[derive(Clone, Debug)]
pub struct AuthHeader {
    /// Its name.
    pub name: HeaderName,
    /// Its value, marked as sensitive.
    pub value: HeaderValue,
    /// From here on it is no longer good.
    pub until: Nanos,
}
