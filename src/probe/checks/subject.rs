//! A path that is ready to be probed.

use crate::evidence::ladder::Outside;
use crate::limits::Limit;
use crate::path::request::HeaderSource;
use crate::path::{Auth, NetPath};
use crate::probe::capability::Options;
use crate::probe::judge::{Rules, is_private};
use crate::probe::preflight::shape;
use crate::transport::connect::{Target, TargetError};
use crate::transport::credential::Credential;
use crate::wire::filter::Filter;
use crate::workload::call::Call;

/// A path that is ready to be probed: everything that could be wrong on this machine has been looked at.
#[derive(Clone)]
pub struct Subject {
    /// The path.
    pub(crate) path: NetPath,
    /// Where it leads.
    pub(crate) target: Target,
    /// What proves who calls.
    pub(crate) credential: Credential,
    /// The same path without what proves who calls; `None` where nothing does.
    pub(crate) anonymous: Option<(NetPath, Target)>,
    /// What servers say passes it.
    pub(crate) filter: Filter,
    /// The calls that the run would send, one of each shape.
    pub(crate) calls: Vec<Call>,
    /// The beginning of the names of its calls.
    pub(crate) name: String,
    /// Variables of the environment that name a proxy.
    pub(crate) proxy_variables: Vec<String>,
    /// The negative control.
    pub(crate) outside: Option<Outside>,
    /// How to try what it can do beyond the calls of the run, if that is wanted.
    pub(crate) capabilities: Option<Options>,
}

/// What all paths of a probe have in common.
#[derive(Clone)]
pub struct Common {
    /// What servers say passes it.
    pub filter: Filter,
    /// The calls that the run would send, one of each shape.
    pub calls: Vec<Call>,
    /// The beginning of the names of all calls.
    pub name: String,
    /// Variables of the environment that name a proxy.
    pub proxy_variables: Vec<String>,
    /// How to try what paths can do beyond the calls of the run, if that is wanted.
    pub capabilities: Option<Options>,
}

impl Subject {
    /// A path with where it leads and what proves who calls; `outside` is the negative control.
    ///
    /// # Errors
    /// When it cannot be set up without its credential.
    pub fn new(
        path: NetPath,
        (target, credential): (Target, Credential),
        outside: Option<Outside>,
        common: &Common,
    ) -> Result<Self, TargetError> {
        let Common { filter, calls, name, proxy_variables, capabilities } = common.clone();
        let anonymous = match without_credential(&path) {
            Some(bare) => Some((bare.clone(), Target::of(&bare)?)),
            None => None,
        };
        let name = format!("{name}-{}", path.id.0);
        Ok(Self { path, target, credential, anonymous, filter, calls, name, proxy_variables, outside, capabilities })
    }

    /// The path's name.
    pub(crate) fn name_of_path(&self) -> &str {
        &self.path.name
    }

    /// The shapes of its calls, in words.
    pub(crate) fn shapes(&self) -> String {
        self.calls.iter().map(shape).collect::<Vec<_>>().join("; ")
    }

    /// Whether it is meant to be private.
    pub(crate) fn is_private(&self) -> bool {
        is_private(&self.path)
    }

    /// By what its answers are judged.
    pub(crate) fn rules(&self) -> Rules {
        Rules::of(&self.path)
    }

    /// A text without secrets and what cannot be shown.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.filter.line(text, Limit::FormText)
    }
}

/// A path without its credential, its client certificate and its secret headers; `None` where it has none of them.
fn without_credential(path: &NetPath) -> Option<NetPath> {
    let is_secret = |source: &HeaderSource| match source {
        HeaderSource::Plain(_) => false,
        HeaderSource::Env { .. } | HeaderSource::File { .. } => true,
    };
    let mut bare = path.clone();
    bare.auth = Auth::default();
    bare.request.headers.retain(|_, source| !is_secret(source));
    (bare.auth != path.auth || bare.request.headers.len() < path.request.headers.len()).then_some(bare)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::transport::credential::secret::tests::path_with;

    /// A path to a private address without a credential, changed by `change`, to which nothing is sent.
    pub(crate) fn subject_of(change: impl FnOnce(&mut NetPath)) -> Subject {
        let mut path = path_with(Auth::default());
        path.base_url = "http://10.0.2.5/openai/v1".to_owned();
        change(&mut path);
        let target = Target::of(&path).expect("a target");
        let common = Common {
            filter: Filter::default(),
            calls: Vec::new(),
            name: "probe".to_owned(),
            proxy_variables: Vec::new(),
            capabilities: None,
        };
        Subject::new(path, (target, Credential::None), None, &common).expect("a subject")
    }

    #[test]
    fn a_path_without_its_credential_keeps_what_is_no_secret() {
        let env = HeaderSource::Env { env: "PATH".to_owned() };
        let plain = HeaderSource::Plain("t".to_owned());
        assert!(
            subject_of(|path| path.request.headers = [("x-team".to_owned(), plain.clone())].into()).anonymous.is_none()
        );
        let both = [("x-team".to_owned(), plain), ("x-gate".to_owned(), env)];
        let subject = subject_of(|path| path.request.headers = both.into());
        let (bare, _) = subject.anonymous.expect("without the secret one");
        assert_eq!(bare.request.headers.keys().collect::<Vec<_>>(), ["x-team"]);
    }
}
