//! Compiled cells by what they were compiled from. Layers: the session's own in its
//! folder of work, the user's, and those that are shared and only read. An entry is
//! a folder that is renamed into place when it is whole, and each file of it is
//! compared with its hash before it is used.

use crate::library::{cache_dir, shared_dirs};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;

/// Raised when the way cells are compiled or stored changes.
const FORMAT: &str = "3";

/// The size that the user's layer is cut back to, in bytes, unless `PILLARS_CACHE_MB` says another.
const LIMIT: u64 = 1_000_000_000;

/// The list of an entry's files, and what else is known of it.
const LIST: &str = "entry.json";

/// What an entry was compiled from, as a hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key of something that is stored elsewhere.
    pub fn named(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Hexadecimal digits.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// What came of a source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    /// Types of the variables that it keeps, by name.
    #[serde(default)]
    pub types: BTreeMap<String, String>,
    /// Why it was rejected, if it was.
    #[serde(default)]
    pub rejected: Vec<Value>,
    /// Files by name, with their hashes.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Where it is.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Entry {
    /// The library to load.
    pub fn library(&self) -> PathBuf {
        self.with_ending(".so")
    }

    /// The metadata, for those that import it.
    pub fn metadata(&self) -> PathBuf {
        self.with_ending(".rmeta")
    }

    fn with_ending(&self, ending: &str) -> PathBuf {
        let name = self.files.keys().find(|name| name.ends_with(ending));
        self.folder.join(name.map_or("", |name| name))
    }
}

/// The layers.
pub struct Cache {
    /// Begins the text of each key: the library and how cells are compiled.
    conditions: String,
    /// The session's own.
    own: PathBuf,
    /// The user's, if there is a place for it.
    user: Option<PathBuf>,
    shared: Vec<PathBuf>,
    complaint: Mutex<Complaint>,
}

/// What could not be written: told once.
#[derive(Default)]
struct Complaint {
    untold: Option<String>,
    is_known: bool,
}

impl Complaint {
    fn note(&mut self, text: String) {
        if !std::mem::replace(&mut self.is_known, true) {
            self.untold = Some(text);
        }
    }
}

impl Cache {
    /// Opens the layers; `own` is a folder that ends with the session.
    pub fn open(library: &str, own: &Path) -> Self {
        let user = cache_dir().ok();
        if let Some(folder) = user.clone() {
            std::thread::spawn(move || prune(&folder, limit()));
        }
        Self {
            conditions: format!("{FORMAT} {library}"),
            own: own.to_owned(),
            user,
            shared: shared_dirs().map(|folder| folder.join("cells")).collect(),
            complaint: Mutex::default(),
        }
    }

    /// The key of these parts.
    pub fn key<'a>(&'a self, parts: impl Iterator<Item = &'a str>) -> Key {
        let mut hash = Sha256::new();
        for part in std::iter::once(&*self.conditions).chain(parts) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Key(hex(&hash.finalize()[..12]))
    }

    /// What could not be written, if that has not been told yet.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).untold.take()
    }

    /// The entry of a key, if a layer has it whole.
    pub fn get(&self, key: &Key) -> Option<Entry> {
        let layers = std::iter::once(&self.own).chain(&self.user).chain(&self.shared);
        layers.map(|layer| place(layer, key)).find_map(|folder| {
            let entry = read(&folder)?;
            let written = fs::metadata(folder.join(LIST)).and_then(|data| data.modified()).ok();
            // Keeps what is in use from being pruned.
            if written.is_some_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 3600))
                && let Ok(list) = fs::File::options().append(true).open(folder.join(LIST))
            {
                let _ = list.set_modified(SystemTime::now());
            }
            Some(entry)
        })
    }

    /// Puts an entry with its files; into the user's layer, or, where that cannot be,
    /// into the session's.
    pub fn put(&self, key: &Key, mut entry: Entry, files: &[PathBuf]) -> Entry {
        if let Some(user) = &self.user {
            match write(user, key, &mut entry, files) {
                Ok(()) => return entry,
                Err(error) => {
                    let told = format!(
                        "compiled cells cannot be kept in {}: {error}; they are kept for this session only\n",
                        user.display()
                    );
                    self.complaint.lock().unwrap_or_else(PoisonError::into_inner).note(told);
                }
            }
        }
        if let Err(error) = write(&self.own, key, &mut entry, files) {
            let told =
                format!("a compiled cell cannot be kept in {}: {error}\n", self.own.display());
            self.complaint.lock().unwrap_or_else(PoisonError::into_inner).note(told);
        }
        entry
    }
}

fn place(layer: &Path, key: &Key) -> PathBuf {
    layer.join(&key.0[..2]).join(&key.0)
}

/// Reads an entry and compares its files with their hashes; one that is not whole is
/// removed, so that it is made again.
fn read(folder: &Path) -> Option<Entry> {
    let list = fs::read(folder.join(LIST)).ok()?;
    let whole = || {
        let mut entry: Entry = serde_json::from_slice(&list).ok()?;
        for (name, hash) in &entry.files {
            (hash_of(&fs::read(folder.join(name)).ok()?) == *hash).then_some(())?;
        }
        entry.folder = folder.to_owned();
        Some(entry)
    };
    let entry = whole();
    if entry.is_none() {
        let _ = fs::remove_dir_all(folder);
    }
    entry
}

fn write(layer: &Path, key: &Key, entry: &mut Entry, files: &[PathBuf]) -> io::Result<()> {
    let place = place(layer, key);
    let above = place.parent().unwrap_or(layer);
    fs::create_dir_all(above)?;
    let beside = tempfile::Builder::new().prefix(".new-").tempdir_in(above)?;
    entry.files.clear();
    for file in files {
        let Some(name) = file.file_name() else { continue };
        let content = fs::read(file)?;
        fs::write(beside.path().join(name), &content)?;
        entry.files.insert(name.to_string_lossy().into_owned(), hash_of(&content));
    }
    fs::write(beside.path().join(LIST), serde_json::to_vec(entry)?)?;
    let ready = beside.keep();
    if let Err(error) = fs::rename(&ready, &place) {
        let _ = fs::remove_dir_all(&ready);
        // Another kernel was first: what it made is the same.
        match read(&place) {
            Some(other) => *entry = other,
            None => return Err(error),
        }
    }
    entry.folder = place;
    Ok(())
}

fn limit() -> u64 {
    let set = std::env::var("PILLARS_CACHE_MB").ok().and_then(|text| text.parse::<u64>().ok());
    set.map_or(LIMIT, |megabytes| megabytes.saturating_mul(1_000_000))
}

/// Removes entries that were not used for longest, until the rest is within the limit.
fn prune(layer: &Path, limit: u64) {
    let folders = |of: &Path| fs::read_dir(of).into_iter().flatten().flatten();
    let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for folder in folders(layer).flat_map(|group| folders(&group.path())) {
        let files = folders(&folder.path()).filter_map(|file| file.metadata().ok());
        let bytes = files.map(|data| data.len()).sum();
        let used = fs::metadata(folder.path().join(LIST)).or_else(|_| folder.metadata());
        let used = used.and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        entries.push((used, bytes, folder.path()));
    }
    entries.sort();
    let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
    for (used, bytes, folder) in entries {
        // One that is just being written belongs to another kernel.
        let is_new = used.elapsed().is_ok_and(|age| age.as_secs() < 60);
        if total <= limit || is_new {
            break;
        }
        if fs::remove_dir_all(folder).is_ok() {
            total -= bytes;
        }
    }
}

fn hash_of(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path) -> Cache {
        Cache {
            conditions: "test".to_owned(),
            own: folder.join("own"),
            user: Some(folder.join("user")),
            shared: vec![folder.join("shared")],
            complaint: Mutex::default(),
        }
    }

    fn put(cache: &Cache, folder: &Path, name: &str) -> Key {
        let file = folder.join(format!("{name}.so"));
        fs::write(&file, name.repeat(100)).unwrap();
        let key = cache.key([name].into_iter());
        cache.put(&key, Entry::default(), &[file]);
        key
    }

    #[test]
    fn an_entry_comes_back_and_a_damaged_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let key = put(&cache, folder.path(), "a");
        let entry = cache.get(&key).unwrap();
        assert_eq!(fs::read(entry.library()).unwrap(), "a".repeat(100).as_bytes());
        fs::write(entry.library(), "other").unwrap();
        assert!(cache.get(&key).is_none());
        put(&cache, folder.path(), "a");
        assert!(cache.get(&key).is_some(), "made again after damage");
        assert!(cache.complaint().is_none());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_once_and_hinders_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = cache(folder.path());
        cache.user = Some(PathBuf::from("/proc/nowhere"));
        let key = put(&cache, folder.path(), "a");
        assert!(cache.get(&key).is_some());
        assert!(cache.complaint().is_some_and(|told| told.contains("/proc/nowhere")));
        put(&cache, folder.path(), "b");
        assert!(cache.complaint().is_none(), "told a second time");
    }

    #[test]
    fn what_was_not_used_for_longest_is_removed_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let keys: Vec<Key> = ["a", "b", "c"].map(|name| put(&cache, folder.path(), name)).into();
        for (at, key) in keys.iter().enumerate() {
            let list = cache.get(key).unwrap().folder.join(LIST);
            let age = std::time::Duration::from_secs(1000 * (3 - at as u64));
            let list = fs::File::options().append(true).open(list).unwrap();
            list.set_modified(SystemTime::now() - age).unwrap();
        }
        let one = fs::read_dir(cache.get(&keys[0]).unwrap().folder).unwrap();
        let bytes: u64 = one.map(|file| file.unwrap().metadata().unwrap().len()).sum();
        prune(&folder.path().join("user"), 2 * bytes + 10);
        let left: Vec<bool> = keys.iter().map(|key| cache.get(key).is_some()).collect();
        assert_eq!(left, [false, true, true]);
    }

    #[test]
    fn parts_of_a_key_do_not_run_together() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let key = |parts: &[&str]| cache.key(parts.iter().copied());
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
    }
}
