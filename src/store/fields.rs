//! The fields of one line of CSV (RFC 4180), found without copying them where none is quoted.

/// Where the fields of a line lie.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// The end of each field in the line; the next begins a comma later.
    ends: Vec<usize>,
    /// The fields themselves if any was quoted, one after the other, each with a byte after it.
    plain: Option<Vec<u8>>,
}

impl Fields {
    /// Finds the fields of a line without its end.
    pub(crate) fn split(&mut self, line: &[u8]) {
        self.ends.clear();
        self.plain = None;
        if memchr::memchr(b'"', line).is_some() {
            return self.split_quoted(line);
        }
        let commas = line.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(place, _)| place);
        self.ends.extend(commas);
        self.ends.push(line.len());
    }

    fn split_quoted(&mut self, line: &[u8]) {
        let mut plain = Vec::with_capacity(line.len() + 1);
        let mut quoted = false;
        let mut bytes = line.iter().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' if quoted && bytes.next_if(|next| **next == b'"').is_some() => plain.push(b'"'),
                b'"' => quoted = !quoted,
                b',' if !quoted => {
                    self.ends.push(plain.len());
                    plain.push(b',');
                }
                other => plain.push(*other),
            }
        }
        self.ends.push(plain.len());
        self.plain = Some(plain);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Field number `place` of the line that was split; empty if there is none.
    pub(crate) fn get<'a>(&'a self, line: &'a [u8], place: usize) -> &'a [u8] {
        let Some(end) = self.ends.get(place) else { return b"" };
        let from = if place == 0 { 0 } else { self.ends[place - 1] + 1 };
        let bytes = self.plain.as_deref().unwrap_or(line);
        &bytes[from..*end]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(line: &[u8]) -> Vec<Vec<u8>> {
        let mut fields = Fields::default();
        fields.split(line);
        (0..fields.len()).map(|place| fields.get(line, place).to_vec()).collect()
    }

    #[test]
    fn quotes_hold_commas_and_doubled_quotes() {
        for (line, fields) in [
            ("a,,b", vec!["a", "", "b"]),
            ("", vec![""]),
            ("\"a,b\",c", vec!["a,b", "c"]),
            ("x,\"say \"\"hi\"\"\",", vec!["x", "say \"hi\"", ""]),
        ] {
            assert_eq!(
                split(line.as_bytes()),
                fields.iter().map(|f| f.as_bytes().to_vec()).collect::<Vec<_>>(),
                "{line}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_a_writer_of_csv_writes_is_read(fields in proptest::collection::vec("[a-z,\" é]{0,6}", 2..9)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&fields).expect("written");
            let line = writer.into_inner().expect("bytes");
            let line = line.strip_suffix(b"\n").expect("an end");
            prop_assert_eq!(split(line), fields.iter().map(|f| f.as_bytes().to_vec()).collect::<Vec<_>>());
        }
    }
}
