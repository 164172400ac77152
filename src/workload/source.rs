//! The text of a workload file, from the disk or from the program itself.

use std::borrow::Cow;
use std::path::Path;

use crate::limits::Limit;
use crate::text_file;
use crate::workload::error::WorkloadError;

/// What the name of a built-in file begins with.
pub(crate) const BUILTIN_PREFIX: &str = "builtin:";

const BUILTIN: [(&str, &str); 1] =
    [("azure-conv", include_str!("../../profiles/data/AzureLLMInferenceTrace_conv.csv"))];

/// The names of the built-in files, for people.
const BUILTIN_NAMES: &str = "builtin:azure-conv";

/// Whether this is the name of a built-in file and not a path.
#[must_use]
pub(crate) fn is_builtin(file: &Path) -> bool {
    file.to_str().is_some_and(|name| name.starts_with(BUILTIN_PREFIX))
}

/// The whole text of a file.
///
/// # Errors
/// When it cannot be read, or no built-in file has this name.
pub(crate) fn read(file: &Path) -> Result<Cow<'static, str>, WorkloadError> {
    let Some(name) = file.to_str().and_then(|name| name.strip_prefix(BUILTIN_PREFIX)) else {
        let text = text_file::read(file, Limit::DataFile);
        return text.map(Cow::Owned).map_err(|source| WorkloadError::Read { file: file.to_owned(), source });
    };
    let text = BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| Cow::Borrowed(*text));
    text.ok_or_else(|| WorkloadError::UnknownBuiltin { name: name.to_owned(), known: BUILTIN_NAMES })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builtin_file_is_found_by_name_only() {
        assert!(read(Path::new("builtin:azure-conv")).expect("built in").starts_with("TIMESTAMP,"));
        let unknown = read(Path::new("builtin:azure-code")).expect_err("unknown").to_string();
        assert!(unknown.contains("builtin:azure-conv"), "{unknown}");
        let missing = read(Path::new("no/such.csv")).expect_err("missing").to_string();
        assert!(missing.contains("no/such.csv"), "{missing}");
    }
}
