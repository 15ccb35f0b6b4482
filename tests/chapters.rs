//! The chapters as they are kept: each ran as it stands, and each topic of the course is in one.
//! The index of README and chapter 0 says where: a cell names the topics that it runs in its
//! metadata, `"course": [6, 8]`. `UPDATE_INDEX=1 cargo test --test chapters` writes the index anew.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The topics by their numbers, from 1.
const TOPICS: [&str; 31] = [
    "M/M/c queues",
    "load-balancing algorithms",
    "MapReduce, stragglers, backup tasks",
    "moving computation to data",
    "serverless, service mesh",
    "CAP",
    "consistent hashing",
    "quorum systems",
    "sharding, replication, consistency models",
    "two regions, last writer wins",
    "FLP",
    "Paxos",
    "Raft",
    "transactions, sagas",
    "clock synchronization",
    "Byzantine fault tolerance",
    "Spanner's commit wait",
    "reconcile loops",
    "scheduling containers",
    "circuit breakers, health checks, discovery, deployment",
    "chaos engineering",
    "scaling, self-healing, anomaly detection",
    "adaptive streaming",
    "one request through all pillars",
    "forty million users",
    "nines",
    "payments",
    "five billion recommendations",
    "how the pillars couple",
    "a timeline",
    "systems and their pillars",
];

/// Those that no chapter has yet.
const NOT_YET: [usize; 2] = [21, 23];

const BEGIN: &str = "<!-- index -->";
const END: &str = "<!-- end of the index -->";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn notebook(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The chapters' files by name, in their order.
fn chapters() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("notebooks")).unwrap();
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "ipynb"));
    found.sort();
    assert!(!found.is_empty(), "no chapters");
    found
}

/// Where each topic is: chapters, and of each the cells.
fn places() -> BTreeMap<usize, BTreeMap<String, Vec<String>>> {
    let mut places: BTreeMap<usize, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for path in chapters() {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for cell in notebook(&path)["cells"].as_array().unwrap() {
            let id = cell["id"].as_str().unwrap();
            for topic in cell["metadata"]["course"].as_array().into_iter().flatten() {
                let topic = topic.as_u64().unwrap_or_default() as usize;
                assert!(
                    (1..=TOPICS.len()).contains(&topic),
                    "{name}, cell {id}: a topic must be from 1 to {}",
                    TOPICS.len()
                );
                let cells = places.entry(topic).or_default().entry(name.clone()).or_default();
                cells.push(id.to_owned());
            }
        }
    }
    places
}

/// The index as a table, with links to the chapters in a folder.
fn index(folder: &str) -> String {
    let places = places();
    let mut lines = vec!["| topic | chapter: cells |".to_owned(), "|---|---|".to_owned()];
    for (topic, chapters) in &places {
        let chapters = chapters.iter().map(|(name, cells)| {
            let number = name.split('-').next().unwrap().trim_start_matches('0');
            let number = if number.is_empty() { "0" } else { number };
            format!("[{number}]({folder}{name}.ipynb): {}", cells.join(", "))
        });
        let chapters = chapters.collect::<Vec<_>>().join(" · ");
        lines.push(format!("| {} | {chapters} |", TOPICS[topic - 1]));
    }
    lines.join("\n")
}

/// A text with another index between its marks.
fn with_index(text: &str, folder: &str) -> String {
    let (before, rest) = text.split_once(BEGIN).expect("no mark where the index begins");
    let (_, after) = rest.split_once(END).expect("no mark where the index ends");
    format!("{before}{BEGIN}\n{}\n{END}{after}", index(folder))
}

#[test]
fn every_topic_is_in_some_chapter() {
    let places = places();
    let missing: Vec<_> = (1..=TOPICS.len()).filter(|n| !places.contains_key(n)).collect();
    assert_eq!(missing, NOT_YET, "topics without a cell");
}

#[test]
fn the_index_says_where() {
    let update = std::env::var_os("UPDATE_INDEX").is_some();
    let readme = root().join("README.md");
    let text = std::fs::read_to_string(&readme).unwrap();
    let wanted = with_index(&text, "notebooks/");
    if update {
        std::fs::write(&readme, wanted).unwrap();
    } else {
        assert!(text == wanted, "README's index is out of date: UPDATE_INDEX=1 writes it anew");
    }

    let path = root().join("notebooks/00-pillars.ipynb");
    let mut chapter = notebook(&path);
    let cells = chapter["cells"].as_array_mut().unwrap();
    let cell = cells.iter_mut().find(|cell| cell["id"] == "index").expect("no cell `index`");
    let lines = cell["source"].as_array().unwrap().iter();
    let text: String = lines.map(|line| line.as_str().unwrap()).collect();
    let wanted = with_index(&text, "");
    if update {
        let lines: Vec<Value> = wanted.split_inclusive('\n').map(Value::from).collect();
        cell["source"] = Value::from(lines);
        let mut bytes = Vec::new();
        let one = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut writer = serde_json::Serializer::with_formatter(&mut bytes, one);
        serde::Serialize::serialize(&chapter, &mut writer).unwrap();
        bytes.push(b'\n');
        std::fs::write(&path, bytes).unwrap();
    } else {
        assert!(text == wanted, "chapter 0's index is out of date: UPDATE_INDEX=1 writes it anew");
    }
}

/// A chapter is what its last run wrote, with the course's seed, and a claim is the library's: a
/// figure tried with another seed, or a claim that only prints, must not be given to a class.
#[test]
fn every_chapter_is_kept_as_it_ran() {
    for path in chapters() {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut seeds = Vec::new();
        for (place, cell) in notebook(&path)["cells"].as_array().unwrap().iter().enumerate() {
            if cell["cell_type"] != "code" {
                continue;
            }
            let id = cell["id"].as_str().unwrap();
            let lines = cell["source"].as_array().unwrap().iter();
            let source: String = lines.map(|line| line.as_str().unwrap()).collect();
            seeds.extend(source.lines().filter(|l| l.starts_with("const SEED")).map(str::to_owned));
            assert!(!source.contains("fn claim("), "{name}, cell {id} has a claim of its own");
            assert!(cell["execution_count"].is_u64(), "{name}, cell {id} ({place}) did not run");
            for output in cell["outputs"].as_array().unwrap() {
                assert_ne!(output["output_type"], "error", "{name}, cell {id} failed");
                assert_ne!(output["name"], "stderr", "{name}, cell {id} printed to stderr");
            }
        }
        let odd = seeds.iter().find(|line| *line != "const SEED: u64 = 1917;");
        assert_eq!(odd, None, "{name} was run with another seed");
    }
}
