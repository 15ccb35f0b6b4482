//! Histories from files: Jepsen's logs and EDN, whole, cut, and wrong.

use pillars::state::consistency::{
    Checker, CounterCall, CounterReply, CounterSpec, End, EventKind, History, KeyValueHistory,
    KeyValueSpec, QueueCall, QueueReply, QueueSpec, RegisterCall, RegisterHistory, RegisterReply,
    RegisterSpec, SetCall, SetReply, SetSpec,
};
use std::path::PathBuf;

/// The thirty logs of etcd.
const ETCD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notebooks/data/etcd");
/// Those that are linearizable, as published with Porcupine.
const LINEARIZABLE: [usize; 5] = [2, 5, 7, 18, 25];

fn etcd(number: usize) -> String {
    std::fs::read_to_string(format!("{ETCD}/etcd_{number:03}.log")).unwrap()
}

#[test]
fn a_log_with_all_that_there_is() {
    let text = "\
2014-06-07 12:00:00,123{GMT}\tINFO\t[worker 0] jepsen.core: Worker 0 starting
INFO  jepsen.os.debian - :n3 setting up debian
WARN jepsen.core - Process 3 indeterminate
java.net.SocketTimeoutException: is told by ERROR app.client - it
Caused by: nobody
\tat clojure.core$eval.invoke(core.clj:2852)
\t... 12 more

INFO  jepsen.util - Waiting for the cluster
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - :nemesis\t:info\t:start\t\"Cut off [n1 n2]\"
INFO [2014-06-07] jepsen.util - 1 :invoke :read nil
INFO  jepsen.util: 0 :ok :write 3
INFO  jepsen.util - 1\t:fail\t:read\t:timed-out
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - 0\t:invoke\t:cas\t[9 4]
INFO  jepsen.util - 1\t:info\t:cas\t:timed-out\tno reply: 5000 ms
INFO  jepsen.util - 0\t:fail\t:cas\t[9 4]
INFO  jepsen.util - 1\t:invoke\t:read\tnil
";
    let history = RegisterHistory::from_log(text).unwrap();
    let found: Vec<String> = history.operations().iter().map(|it| it.to_string()).collect();
    let expected = [
        "process 0: write 3 [10, 13]",
        "process 1: read failed [12, 14]",
        "process 1: cas 3 4 ? [15, ∞)",
        "process 0: cas 9 4 → refused [16, 18]",
        "process 1: read ? [19, ∞)",
    ];
    assert_eq!(found, expected);
    assert_eq!(history.notes(), [(11.0, "nemesis start".to_owned())]);
}

#[test]
fn what_is_no_log() {
    let line = "INFO  jepsen.util - ";
    let begun = format!("{line}0\t:invoke\t:write\t3\n");
    let cases = [
        (format!("{begun}{line}0 :o"), 2, "there is no function: the text ends where a value"),
        (format!("{begun}{line}"), 2, "there is no process: the text ends"),
        (format!("{begun}INFO  jepsen.ut"), 2, "this is no line of a log; expected is"),
        (format!("{begun}what is this?\n{begun}"), 2, "this is no line of a log; expected is"),
        (format!("{begun}{line}0 :okay :write 3"), 2, "there is no :okay; expected is :invoke"),
        (
            format!("{begun}{line}0 :ok :write 4"),
            2,
            "it ends another operation than process 0 began: write 3",
        ),
        (format!("{begun}{line}0 :info :cas :timed-out"), 2, "it ends another operation than"),
        (
            format!("{begun}{line}1 :ok :write 3"),
            2,
            "process 1 has no open operation that could end at 2",
        ),
        (
            format!("{begun}{line}0 :invoke :read nil"),
            2,
            "process 0 invokes read at 2 while its write 3, invoked at 1, is open",
        ),
        (
            format!("{line}0 :invoke :enqueue 3"),
            1,
            "this is no call that is known here: expected is :read with nil",
        ),
        (
            format!("{line}0 :invoke :cas [1"),
            1,
            "there is no value: the bracket is not closed by ]",
        ),
        (format!("{line}0 :invoke :cas [1 2 3]"), 1, "this is no call that is known here"),
        (format!("{line}0 :invoke :write 3 4"), 1, "there is more than a value"),
        (format!("{line}0 invoke :write 3"), 1, "the type and the function must be keywords"),
        (
            format!("{line}-1 :invoke :write 3"),
            1,
            "the process must be a number from 0 on, or :nemesis",
        ),
        (
            format!("{line}1 :invoke :read nil\n\n{line}1 :ok :read [4]"),
            3,
            "this value is no reply to read: expected is",
        ),
    ];
    for (text, number, problem) in cases {
        let error = RegisterHistory::from_log(&text).unwrap_err();
        assert!(error.problem.starts_with(problem), "{error}");
        assert_eq!(error.line, number, "{error}");
        assert!(error.to_string().starts_with(&format!("line {number}: \"")), "{error}");
    }
}

#[test]
fn a_log_that_was_cut() {
    let text = etcd(0);
    let whole = RegisterHistory::from_log(&text).unwrap();
    let file = temporary("cut.log");
    let mut refused = 0;
    for end in 0..text.len() {
        let lines = text[..end].lines().count();
        let found = RegisterHistory::from_log(&text[..end]);
        match &found {
            Ok(history) => assert!(history.events().len() <= lines),
            Err(error) => assert_eq!(error.line, lines, "{error}"),
        }
        refused += usize::from(found.is_err());
        // At the end of a line nobody can tell; within one the file is refused.
        if end % 97 == 0 || text[..end].ends_with('\n') {
            std::fs::write(&file, &text[..end]).unwrap();
            let found = RegisterHistory::open(&file);
            if end == 0 || text[..end].ends_with('\n') {
                assert_eq!(found.unwrap(), whole.prefix(lines));
            } else {
                let error = found.unwrap_err().to_string();
                assert!(error.contains("cut.log, line"), "{error}");
                assert!(error.contains("the file ends within this line"), "{error}");
            }
        }
    }
    std::fs::remove_file(&file).unwrap();
    assert!(refused > text.len() * 8 / 10, "{refused} of {}", text.len());
    let error = RegisterHistory::open("no/such/file.log").unwrap_err().to_string();
    assert!(error.starts_with("no/such/file.log: the file cannot be read: "), "{error}");
}

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("pillars-{}-{name}", std::process::id()))
}

/// A history in EDN, a map a line, with times in nanoseconds.
fn edn(history: &RegisterHistory) -> String {
    let mut text = String::new();
    for (number, event) in history.events().iter().enumerate() {
        let operation = &history.operations()[event.operation];
        let kind = match (event.kind, &operation.end) {
            (EventKind::Invoked, _) => "invoke",
            (EventKind::TimedOut, _) => "info",
            (EventKind::Failed, _) => "fail",
            (_, Some(End::Returned(RegisterReply::Swapped(false)))) => "fail",
            _ => "ok",
        };
        let (function, value) = match (operation.call, operation.reply()) {
            (RegisterCall::Write(value), _) => ("write", value.to_string()),
            (RegisterCall::CompareAndSet(from, to), _) => ("cas", format!("[{from} {to}]")),
            (RegisterCall::Read, Some(reply)) if kind == "ok" => ("read", reply.to_string()),
            (RegisterCall::Read, _) => ("read", "nil".to_owned()),
        };
        let (process, time) = (operation.process, event.at * 1e9);
        text += &format!(
            "{{:process {process}, :type :{kind}, :f :{function}, :value {value}, :time {time}, \
             :index {number}}}\n"
        );
    }
    text
}

/// Whether what happened is the same, but that a refused compare-and-set did not happen.
fn is_same(edn: &RegisterHistory, log: &RegisterHistory) -> bool {
    edn.len() == log.len()
        && edn.operations().iter().zip(log.operations()).all(|(edn, log)| {
            let refused = log.reply() == Some(&RegisterReply::Swapped(false)) && edn.has_failed();
            let same = (edn.process, edn.call) == (log.process, log.call);
            same && (edn.invoked, edn.ended) == (log.invoked, log.ended)
                && (refused || edn.end == log.end)
        })
}

#[test]
fn etcd_in_edn() {
    for number in 0..30 {
        let log = RegisterHistory::from_log(&etcd(number)).unwrap();
        let lines = edn(&log);
        let read = RegisterHistory::from_edn(&lines).unwrap();
        assert!(is_same(&read, &log), "etcd {number}");
        for (open, close) in [("[", "]"), (" (", ") ; that is all")] {
            let bracketed = format!("{open}{lines}{close}");
            assert_eq!(RegisterHistory::from_edn(&bracketed).unwrap(), read);
        }
        let tagged = lines.replace("{:process", "#jepsen.history.Op{:process");
        assert_eq!(RegisterHistory::from_edn(&tagged).unwrap(), read);
        // The published verdicts do not depend on what a refused compare-and-set tells.
        let verdict = Checker::new().check(&RegisterSpec, &read);
        assert_eq!(verdict.is_linearizable(), LINEARIZABLE.contains(&number), "etcd {number}");
    }
}

#[test]
fn edn_that_was_cut() {
    let lines = edn(&RegisterHistory::from_log(&etcd(0)).unwrap());
    let lines = &lines[..lines.len().min(6000)];
    let lines = &lines[..lines.rfind('\n').unwrap() + 1];
    let vector = format!("[{lines}]");
    for end in 0..lines.len() {
        let cut = &lines[..end];
        let between = cut.matches('{').count() == cut.matches('}').count();
        let found = RegisterHistory::from_edn(cut);
        assert_eq!(found.is_ok(), between, "{cut}");
        let found = RegisterHistory::from_edn(&vector[..end + 1]).unwrap_err();
        assert!(found.line >= 1 && found.line <= cut.lines().count().max(1), "{found}");
    }
    let error = RegisterHistory::from_edn(&vector[..vector.len() - 1]).unwrap_err();
    assert_eq!(error.problem, "the bracket of the history is not closed by ]");
}

#[test]
fn what_is_no_history_in_edn() {
    let begun = "{:process 0, :type :invoke, :f :write, :value 3}\n";
    let cases = [
        ("{:process 0 :type :ok}".to_owned(), "the event has no :f; expected is a map as in"),
        ("7".to_owned(), "the event has no :process; expected is a map"),
        (
            format!("{begun}{{:process 0 :type :ok :f :write :value 4}}"),
            "it ends another operation",
        ),
        (format!("{begun}{begun}"), "process 0 invokes write 3 at 2 while its write 3"),
        (format!("[{begun}] {begun}"), "the history is over, and something follows"),
        (
            format!("{begun}{{:process 1 :type :invoke :f :read :time 5}}"),
            "some events have a :time and some do not",
        ),
        (
            "{:process 0 :type :invoke :f :read :time 5}\n\
             {:process 1 :type :invoke :f :read :time 4}"
                .to_owned(),
            "process 1 has an event at 0.000000004, but what comes before",
        ),
        (
            "{:process 0 :type :invoke :f :txn :value [[:r 1 nil]]}".to_owned(),
            "this is no call that",
        ),
    ];
    for (text, problem) in cases {
        let error = RegisterHistory::from_edn(&text).unwrap_err();
        assert!(error.problem.starts_with(problem), "{error}");
    }
}

#[test]
fn other_objects_in_edn() {
    let event = |process: usize, kind: &str, function: &str, value: &str| {
        format!("{{:process {process} :type :{kind} :f :{function} :value {value}}}")
    };
    let both = |function: &str, asked: &str, answered: &str| {
        event(0, "invoke", function, asked) + &event(0, "ok", function, answered)
    };
    let store = both("write", "[7 1]", "[7 1]")
        + &both("cas", "[7 [1 2]]", "[7 [1 2]]")
        + &both("read", "[7 nil]", "[7 2]")
        + &both("read", "[8 nil]", "[8 nil]")
        + "{:process :nemesis :type :info :f :start :value [:isolated {\"n1\" #{\"n2\"}}]}";
    let store = KeyValueHistory::from_edn(&store).unwrap();
    assert_eq!((store.len(), store.notes().len()), (4, 1));
    assert!(Checker::new().check(&KeyValueSpec, &store).is_linearizable());
    let counter = both("add", "2", "2") + &both("read", "nil", "2");
    let counter: History<CounterCall, CounterReply> = History::from_edn(&counter).unwrap();
    assert!(Checker::new().check(&CounterSpec, &counter).is_linearizable());
    let set = both("add", "2", "2") + &both("add", "1", "1") + &both("read", "nil", "#{1 2}");
    let set: History<SetCall, SetReply> = History::from_edn(&set).unwrap();
    assert!(Checker::new().check(&SetSpec, &set).is_linearizable());
    assert_eq!(set.operations()[2].label(), "read → {1 2}");
    let queue =
        both("enqueue", "2", "2") + &both("dequeue", "nil", "2") + &both("dequeue", "nil", "nil");
    let queue: History<QueueCall, QueueReply> = History::from_edn(&queue).unwrap();
    assert!(Checker::new().check(&QueueSpec, &queue).is_linearizable());
    let wrong = both("read", "[7 nil]", "[8 1]");
    let error = KeyValueHistory::from_edn(&wrong).unwrap_err();
    assert!(error.problem.contains("another operation than process 0 began: read k7"), "{error}");
}
