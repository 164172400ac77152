//! What texts are compared with: the parts of all known secrets, each with a count, so that a secret is added and taken
//! out at the price of its own length, however many others are known. Whoever looks waits for nobody but, in the rare
//! text that may hold a secret, for one insertion into one of many small tables.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

/// So many letters of a secret in a row are hidden, wherever in it they stand.
pub(super) const PART: usize = 8;
/// What every part has in a place that is a multiple of [`STRIDE`], and more than that often.
pub(super) const GRAM: usize = 4;
const STRIDE: usize = PART - GRAM + 1;
/// Tables that the parts are spread over: a table that grows, grows in moments, and only its own readers wait.
const TABLES: usize = 256;

/// The forms of secrets, folded, in parts.
pub(super) struct SecretIndex {
    tables: Vec<RwLock<HashMap<u64, u32>>>,
    /// Forms shorter than a part.
    short: RwLock<BTreeMap<Box<[u8]>, u32>>,
    grams: Grams,
    parts: AtomicUsize,
    /// How many short forms there are, and how many of them are shorter than a gram.
    shorts: AtomicUsize,
    tiny: AtomicUsize,
    /// One writer at a time.
    writer: Mutex<GramCounts>,
}

impl Default for SecretIndex {
    fn default() -> Self {
        Self {
            tables: (0..TABLES).map(|_| RwLock::default()).collect(),
            short: RwLock::default(),
            grams: Grams::default(),
            parts: AtomicUsize::new(0),
            shorts: AtomicUsize::new(0),
            tiny: AtomicUsize::new(0),
            writer: Mutex::default(),
        }
    }
}

impl SecretIndex {
    /// Adds these forms, each once more. Whoever looks after this has returned finds them.
    pub(super) fn add(&self, forms: &[Vec<u8>]) {
        let mut counts = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            match form.len() {
                0 => continue,
                PART.. => form.windows(PART).for_each(|part| self.add_part(key(part))),
                _ => self.add_short(form),
            }
            // After the parts: a gram that is there says where to look.
            form.windows(GRAM).for_each(|gram| counts.add(gram, &self.grams));
        }
    }

    /// Takes these forms out, each once: what was added more often stays.
    pub(super) fn remove(&self, forms: &[Vec<u8>]) {
        let mut counts = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            match form.len() {
                0 => continue,
                PART.. => form.windows(PART).for_each(|part| self.remove_part(key(part))),
                _ => self.remove_short(form),
            }
            form.windows(GRAM).for_each(|gram| counts.remove(gram, &self.grams));
        }
    }

    fn add_part(&self, part: u64) {
        let mut table = self.table(part).write().unwrap_or_else(PoisonError::into_inner);
        let count = table.entry(part).or_insert(0);
        self.parts.fetch_add(usize::from(*count == 0), Ordering::Release);
        *count += 1;
    }

    fn remove_part(&self, part: u64) {
        let mut table = self.table(part).write().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = table.get_mut(&part) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        table.remove(&part);
        self.parts.fetch_sub(1, Ordering::Release);
        if table.len() < table.capacity() / 8 {
            let room = 2 * table.len();
            table.shrink_to(room);
        }
    }

    fn add_short(&self, form: &[u8]) {
        let mut short = self.short.write().unwrap_or_else(PoisonError::into_inner);
        let count = short.entry(form.into()).or_insert(0);
        if *count == 0 {
            self.shorts.fetch_add(1, Ordering::Release);
            self.tiny.fetch_add(usize::from(form.len() < GRAM), Ordering::Release);
        }
        *count += 1;
    }

    fn remove_short(&self, form: &[u8]) {
        let mut short = self.short.write().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = short.get_mut(form) else { return };
        *count -= 1;
        if *count == 0 {
            short.remove(form);
            self.shorts.fetch_sub(1, Ordering::Release);
            self.tiny.fetch_sub(usize::from(form.len() < GRAM), Ordering::Release);
        }
    }

    fn table(&self, part: u64) -> &RwLock<HashMap<u64, u32>> {
        &self.tables[(part.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % TABLES]
    }

    /// Whether a closer look at a text is worth it, where `is_coded` says that some of it is not written as itself: nearly
    /// every name that a server gives a call says no. Takes no lock.
    pub(super) fn may_stand_in(&self, text: &[u8], is_coded: impl Fn(&u8) -> bool) -> bool {
        let (parts, shorts) = (self.parts.load(Ordering::Acquire), self.shorts.load(Ordering::Acquire));
        let stride = if shorts == 0 { STRIDE } else { 1 };
        (parts > 0 || shorts > 0)
            && (self.tiny.load(Ordering::Acquire) > 0
                || text.iter().any(is_coded)
                || text.windows(GRAM).step_by(stride).any(|gram| self.grams.may_hold(gram)))
    }

    /// Whether these folded letters are a part of a secret.
    pub(super) fn has_part(&self, letters: &[u8; PART]) -> bool {
        if !self.grams.may_hold(&letters[..GRAM]) {
            return false;
        }
        let part = u64::from_le_bytes(*letters);
        self.table(part).read().unwrap_or_else(PoisonError::into_inner).contains_key(&part)
    }

    /// Calls `look` with each form that is shorter than a part.
    pub(super) fn for_each_short(&self, look: impl FnMut(&[u8])) {
        if self.shorts.load(Ordering::Acquire) > 0 {
            let short = self.short.read().unwrap_or_else(PoisonError::into_inner);
            short.keys().map(|form| &**form).for_each(look);
        }
    }

    /// How many different parts and short forms there are.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.parts.load(Ordering::Acquire) + self.shorts.load(Ordering::Acquire)
    }

    /// Room that is taken for parts, and grams that are marked.
    #[cfg(test)]
    pub(super) fn room(&self) -> (usize, u32) {
        let table = |table: &RwLock<HashMap<u64, u32>>| table.read().map_or(0, |table| table.capacity());
        let marked = self.grams.0.iter().map(|word| word.load(Ordering::Acquire).count_ones()).sum();
        (self.tables.iter().map(table).sum(), marked)
    }
}

fn key(part: &[u8]) -> u64 {
    part.iter().rev().fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// Letters that stand for one another: of either case, and of either alphabet of base64.
pub(super) fn folded(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte.to_ascii_lowercase(),
    }
}

/// Which four letters a secret may hold, as a small filter that is read without a lock.
struct Grams(Box<[AtomicU64]>);

/// So large that several tokens of some thousand letters fill little of it.
const WORDS: usize = 16_384;

impl Default for Grams {
    fn default() -> Self {
        Self((0..WORDS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Grams {
    fn place(gram: &[u8]) -> (usize, u32) {
        let hash = gram.iter().fold(0u32, |hash, byte| (hash ^ u32::from(folded(*byte))).wrapping_mul(0x0100_0193));
        ((hash >> 12 & (WORDS as u32 - 1)) as usize, hash >> 26)
    }

    fn may_hold(&self, gram: &[u8]) -> bool {
        let (word, bit) = Self::place(gram);
        self.0[word].load(Ordering::Acquire) >> bit & 1 == 1
    }
}

/// How often each gram was added; made when the first is.
#[derive(Default)]
struct GramCounts(Vec<u16>);

impl GramCounts {
    fn add(&mut self, gram: &[u8], grams: &Grams) {
        if self.0.is_empty() {
            self.0 = vec![0; WORDS * 64];
        }
        let (word, bit) = Grams::place(gram);
        let count = &mut self.0[word * 64 + bit as usize];
        *count = count.saturating_add(1);
        grams.0[word].fetch_or(1 << bit, Ordering::Release);
    }

    /// One that was added too often to be counted stays for good, which costs a closer look and no more.
    fn remove(&mut self, gram: &[u8], grams: &Grams) {
        let (word, bit) = Grams::place(gram);
        let Some(count) = self.0.get_mut(word * 64 + bit as usize) else { return };
        match *count {
            0 | u16::MAX => {}
            1 => {
                *count = 0;
                grams.0[word].fetch_and(!(1 << bit), Ordering::Release);
            }
            _ => *count -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_twice_is_there_until_it_is_taken_out_twice() {
        let index = SecretIndex::default();
        let forms = [b"a-secret+of/letters".to_vec(), b"short".to_vec(), b"abc".to_vec(), Vec::new()];
        let is_there = || {
            let mut short = Vec::new();
            index.for_each_short(|form| short.push(form.to_vec()));
            (index.has_part(b"secret+o"), short, index.may_stand_in(b"-secret+of", |_| false))
        };
        let all = (true, vec![b"abc".to_vec(), b"short".to_vec()], true);
        index.add(&forms);
        index.add(&forms);
        assert_eq!(is_there(), all);
        index.remove(&forms);
        assert_eq!(is_there(), all);
        index.remove(&forms);
        assert_eq!(is_there(), (false, Vec::new(), false));
        assert_eq!((index.size(), index.room().1), (0, 0));
        // What was never added is not missed.
        index.remove(&forms);
        assert_eq!(index.size(), 0);
    }

    #[test]
    fn a_gram_that_is_in_too_many_secrets_to_be_counted_stays_marked() {
        let index = SecretIndex::default();
        let (many, other) = (vec![vec![b'a'; 1_000]], vec![b"aaaaaaaab".to_vec()]);
        index.add(&other);
        (0..70).for_each(|_| index.add(&many));
        (0..70).for_each(|_| index.remove(&many));
        assert!(index.has_part(b"aaaaaaaa") && index.has_part(b"aaaaaaab") && index.size() == 2);
    }

    #[test]
    fn readers_find_what_is_held_while_others_come_and_go() {
        let index = SecretIndex::default();
        index.add(&[b"0123456789abcdef".to_vec()]);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let (index, done) = (&index, &done);
                scope.spawn(move || {
                    for number in 0..4_000 {
                        let forms = [format!("0123456789ab{writer}{number:05}xyz").into_bytes()];
                        index.add(&forms);
                        assert!(index.may_stand_in(&forms[0], |_| false));
                        index.remove(&forms);
                    }
                    done.store(true, Ordering::Release);
                });
            }
            while !done.load(Ordering::Acquire) {
                assert!(index.may_stand_in(b"0123456789abcdef", |_| false));
                assert!(index.has_part(b"01234567") && index.has_part(b"89abcdef"));
            }
        });
        assert_eq!(index.size(), 9);
    }
}
