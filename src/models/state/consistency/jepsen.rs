//! Histories as Jepsen writes them: its text logs, and EDN.

use super::edn::{Edn, Reader, Wrong};
use super::history::{End, History};
use super::history_error::HistoryError;
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;

/// A call that can be read from Jepsen's histories.
pub trait JepsenCall: Sized + PartialEq + Display {
    /// What it is answered with.
    type Reply;
    /// What is understood, for the sentence that says what is not.
    const FORMS: &'static str;

    /// The call with this `:f` and `:value`.
    fn call(function: &str, value: &Edn) -> Option<Self>;

    /// The reply to it when it is `:ok`, with this `:value`.
    fn reply(&self, value: &Edn) -> Option<Self::Reply>;

    /// The reply that a text log means by `:fail`, if it does not mean that the operation did not
    /// happen.
    fn refusal(&self) -> Option<Self::Reply> {
        None
    }
}

/// Why a history cannot be read.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadError {
    /// The file, if it is one.
    pub file: Option<String>,
    /// The line, from 1 on; 0 if the file cannot be opened.
    pub line: usize,
    /// What the line says.
    pub text: String,
    /// What is wrong with it, and what is expected.
    pub problem: String,
}

impl<Call: JepsenCall> History<Call, Call::Reply> {
    /// Reads a file: EDN if its name ends in `.edn`, otherwise a text log, which must end with a
    /// line feed (else the last line may be half of one).
    ///
    /// # Errors
    /// If the file cannot be opened, or as [`History::from_edn`] and [`History::from_log`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        Self::open_path(path.as_ref())
    }

    fn open_path(path: &Path) -> Result<Self, ReadError> {
        let file = Some(path.display().to_string());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let problem = format!("the file cannot be read: {error}");
                return Err(ReadError { file, line: 0, text: String::new(), problem });
            }
        };
        let read = if path.extension().is_some_and(|it| it == "edn") {
            Self::from_edn(&text)
        } else if !text.is_empty() && !text.ends_with('\n') {
            let problem = "the file ends within this line; it may be cut, get the whole of it";
            Err(ReadError::at(&text, text.len(), problem.to_owned()))
        } else {
            Self::from_log(&text)
        };
        read.map_err(|error| ReadError { file, ..error })
    }

    /// Reads a text log of Jepsen, with lines as `INFO  jepsen.util - 0 :invoke :write 3` (process,
    /// what happens, function, value; blanks or tabs between them). The number of a line is its
    /// time.
    ///
    /// `:ok` is a reply; `:info` a timeout, after which the operation may still take effect at any
    /// time; `:fail` says that it did not happen, but of a compare-and-set that it found another
    /// value. What the nemesis does becomes a note.
    ///
    /// Passed over are empty lines, lines of other loggers (a level, then a name with a dot in it,
    /// then ` - ` or `: `), words of this logger (what follows ` - ` begins with a letter), and
    /// stack traces (lines that begin with `Caused by:`, or with blanks and `at ` or `...`).
    ///
    /// # Errors
    /// If a line is none of these, or the events make no history.
    pub fn from_log(text: &str) -> Result<Self, ReadError> {
        let mut reading = Reading::new();
        let mut begin = 0;
        for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
            let wrong = |problem| ReadError::at(text, begin, problem);
            match logged(line.trim_end()) {
                Some(said) if said.starts_with(|c: char| c.is_alphabetic()) => {}
                Some(said) => {
                    let event = LogLine::of(said).map_err(wrong)?;
                    let LogLine { process, kind, function, value } = &event;
                    let at = f64::from(number);
                    reading.event(process, kind, function, value, at, true).map_err(wrong)?;
                }
                None if is_other_output(line) => {}
                None => return Err(wrong(format!("this is no line of a log; {LOG_LINE}"))),
            }
            begin += line.len();
        }
        Ok(reading.history)
    }

    /// Reads a history in EDN: maps with `:process`, `:type`, `:f`, `:value`, and `:time` in
    /// nanoseconds, one after the other or in a vector. Other keys are passed over. Times become
    /// seconds; without any the places of the events are their times.
    ///
    /// `:ok` is a reply; `:info` a timeout, after which the operation may still take effect at any
    /// time; `:fail` says that it did not happen. What the nemesis does becomes a note.
    ///
    /// # Errors
    /// If it is no EDN, a map is no event, or the events make no history.
    pub fn from_edn(text: &str) -> Result<Self, ReadError> {
        let mut reader = Reader::new(text);
        let mut reading = Reading::new();
        let mut timed = None;
        let mut count = 0u32;
        let of = |wrong: Wrong| ReadError::at(text, wrong.at, wrong.problem);
        let opens = reader.begin().map_err(of)?;
        let bracket = [('[', ']'), ('(', ')')].into_iter().find(|&(open, _)| reader.takes(open));
        loop {
            let Some(begin) = reader.begin().map_err(of)? else {
                let Some((_, close)) = bracket else { return Ok(reading.history) };
                let problem = format!("the bracket of the history is not closed by {close}");
                return Err(ReadError::at(text, opens.unwrap_or_default(), problem));
            };
            let wrong = |problem| ReadError::at(text, begin, problem);
            if bracket.is_some_and(|(_, close)| reader.takes(close)) {
                let Some(at) = reader.begin().map_err(of)? else { return Ok(reading.history) };
                let problem = "the history is over, and something follows".to_owned();
                return Err(ReadError::at(text, at, problem));
            }
            let map = reader.value().map_err(of)?;
            let field = |name| {
                let missing = || wrong(format!("the event has no :{name}; {EDN_EVENT}"));
                map.get(name).ok_or_else(missing)
            };
            let (process, kind, function) = (field("process")?, field("type")?, field("f")?);
            let value = map.get("value").unwrap_or(&Edn::Nil);
            let time = map.get("time").and_then(Edn::int);
            if *timed.get_or_insert(time.is_some()) != time.is_some() {
                return Err(wrong("some events have a :time and some do not".to_owned()));
            }
            count += 1;
            let at = time.map_or(f64::from(count), |nanoseconds| nanoseconds as f64 / 1e9);
            reading.event(process, kind, function, value, at, false).map_err(wrong)?;
        }
    }
}

const LOG_LINE: &str = "expected is \"INFO  jepsen.util - \", then process, :invoke, :ok, :fail or \
                        :info, function, and value, as in 0 :invoke :write 3";
const EDN_EVENT: &str = "expected is a map as in {:process 0, :type :invoke, :f :write, :value 3}";

/// What Jepsen's logger of operations says in a line, if the line is of it.
fn logged(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("jepsen.util")?;
    if !before.is_empty() && !has_level(before) {
        return None;
    }
    let said = after.trim_start();
    said.strip_prefix('-').or_else(|| said.strip_prefix(':')).map(str::trim_start)
}

fn has_level(text: &str) -> bool {
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    text.split_whitespace().any(|word| levels.contains(&word))
}

/// Whether a line that is not of Jepsen's logger is clearly something else.
fn is_other_output(line: &str) -> bool {
    let trimmed = line.trim();
    if trimmed.is_empty() || trimmed.starts_with("Caused by:") {
        return true;
    }
    if line.starts_with([' ', '\t']) && (trimmed.starts_with("at ") || trimmed.starts_with("...")) {
        return true;
    }
    let separated = trimmed.split_once(" - ").or_else(|| trimmed.split_once(": "));
    separated.is_some_and(|(before, _)| {
        let logger = before.split_whitespace().next_back().unwrap_or_default();
        has_level(before) && logger.contains('.')
    })
}

/// What a line of the log says of an operation.
struct LogLine {
    process: Edn,
    kind: Edn,
    function: Edn,
    value: Edn,
}

impl LogLine {
    fn of(said: &str) -> Result<Self, String> {
        let mut reader = Reader::new(said);
        let mut next = |what| {
            let missing = |problem| format!("there is no {what}: {problem}; {LOG_LINE}");
            reader.value().map_err(|wrong| missing(wrong.problem))
        };
        let (process, kind) = (next("process")?, next("type")?);
        let function = next("function")?;
        let value = match (&process, next("value")) {
            (Edn::Keyword(_), Err(_)) => Edn::Nil, // the nemesis may say anything
            (_, value) => value?,
        };
        // After an operation that failed, or timed out, the log may say why.
        let told = matches!(&kind, Edn::Keyword(name) if name == "invoke" || name == "ok");
        if told && !matches!(reader.begin(), Ok(None)) {
            return Err(format!("there is more than a value; {LOG_LINE}"));
        }
        Ok(Self { process, kind, function, value })
    }
}

/// A history that is being read.
struct Reading<Call: JepsenCall> {
    history: History<Call, Call::Reply>,
    /// Of each process the function of the operation that it began last.
    functions: BTreeMap<usize, String>,
}

impl<Call: JepsenCall> Reading<Call> {
    const fn new() -> Self {
        Self { history: History::new(), functions: BTreeMap::new() }
    }

    fn event(
        &mut self,
        process: &Edn,
        kind: &Edn,
        function: &Edn,
        value: &Edn,
        at: f64,
        is_log: bool,
    ) -> Result<(), String> {
        let (Edn::Keyword(kind), Edn::Keyword(function)) = (kind, function) else {
            return Err(
                "the type and the function must be keywords, as :invoke and :read".to_owned()
            );
        };
        if let Edn::Keyword(name) | Edn::Symbol(name) | Edn::Text(name) = process {
            self.history.note(at, &format!("{name} {function}"));
            return Ok(());
        }
        let Some(process) = process.int().and_then(|number| usize::try_from(number).ok()) else {
            return Err("the process must be a number from 0 on, or :nemesis".to_owned());
        };
        let call = Call::call(function, value);
        if kind == "invoke" {
            let call = call.ok_or_else(|| {
                format!("this is no call that is known here: expected is {}", Call::FORMS)
            })?;
            self.functions.insert(process, function.clone());
            return self.history.try_invoke(process, call, at).map_err(said);
        }
        let Some(open) = self.history.waits_for(process) else {
            return Err(said(HistoryError::NotInvoked { process, at }));
        };
        // An end need not repeat the value: it may say `:timed-out` instead.
        let same = match &call {
            Some(call) => call == open,
            None => self.functions.get(&process).is_some_and(|known| known == function),
        };
        if !same {
            return Err(format!("it ends another operation than process {process} began: {open}"));
        }
        let end = match kind.as_str() {
            "ok" => match call.and_then(|call| call.reply(value)) {
                Some(reply) => End::Returned(reply),
                None => {
                    return Err(format!(
                        "this value is no reply to {open}: expected is {}",
                        Call::FORMS
                    ));
                }
            },
            "fail" => match open.refusal().filter(|_| is_log && call.is_some()) {
                Some(refusal) => End::Returned(refusal),
                None => End::Failed,
            },
            "info" => End::TimedOut,
            _ => {
                return Err(format!(
                    "there is no :{kind}; expected is :invoke, :ok, :fail or :info"
                ));
            }
        };
        self.history.try_end(process, end, at).map_err(said)
    }
}

fn said(error: HistoryError) -> String {
    error.to_string()
}

impl ReadError {
    /// In the line of this byte.
    fn at(text: &str, byte: usize, problem: String) -> Self {
        let before = &text.as_bytes()[..byte.min(text.len())];
        let line = 1 + before.iter().filter(|&&it| it == b'\n').count();
        // At the end of a text that ends with a line feed it is the last line that counts.
        let line = line.min(text.lines().count().max(1));
        let text = text.lines().nth(line - 1).unwrap_or_default().trim();
        let short: String = text.chars().take(LONGEST).collect();
        let dots = if short.len() < text.len() { ".." } else { "" };
        Self { file: None, line, text: format!("{short}{dots}"), problem }
    }
}

/// So many characters of a line are shown.
const LONGEST: usize = 100;

/// As "etcd.log, line 3: INFO  jepsen.util - 0 :inv: there is no :inv; expected is ..".
impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}{}", if self.line > 0 { ", " } else { ": " })?;
        }
        if self.line > 0 {
            write!(f, "line {}: \"{}\": ", self.line, self.text)?;
        }
        write!(f, "{}", self.problem)
    }
}

/// The sentence too: it is what a cell shows of an error.
impl fmt::Debug for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for ReadError {}
