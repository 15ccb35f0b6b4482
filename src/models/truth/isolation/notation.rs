//! Histories as text, in the notation of Adya (1999, section 3.1): `r1(x0) w1(x1) c1 [x1<<x2]`.

use super::history::{Event, Transactions, Version};
use std::error::Error;
use std::fmt;

/// A history that does not read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotationError {
    /// The part that does not read.
    pub part: String,
    /// What is the matter with it.
    pub what: String,
}

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?}: {}", self.part, self.what)
    }
}

impl Error for NotationError {}

const FORM: &str = "a history has parts like r1(x0), w1(x1), c1, a2 and [x1<<x2], with spaces \
                    between them";

impl Transactions {
    /// Reads a history: `w1(x1)` transaction 1 writes x, `r2(x1)` transaction 2 reads what it wrote
    /// (`r2(x0)` what was there before), `c1` it commits, `a2` it aborts. A second write to the same
    /// object by one transaction is `w1(x1.2)`, and so is what it wrote read. `[x2<<x1]` says that
    /// the version of transaction 2 comes before that of transaction 1; otherwise versions are in
    /// the order of the commits.
    ///
    /// # Errors
    /// If a part does not read, names what is not there, or comes after its transaction's end.
    pub fn parse(text: &str) -> Result<Self, NotationError> {
        let mut history = Self::new();
        // Spaces within an order are not those between parts.
        let text = text.replace(" << ", "<<").replace("<< ", "<<").replace(" <<", "<<");
        for part in text.split_whitespace() {
            let fails = |what: String| NotationError { part: part.to_owned(), what };
            match part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) {
                Some(order) => history.parse_order(order).map_err(fails)?,
                None => history.parse_event(part).map_err(fails)?,
            }
        }
        Ok(history)
    }

    fn parse_event(&mut self, part: &str) -> Result<(), String> {
        let kind = part.chars().next().unwrap_or_default();
        if !matches!(kind, 'r' | 'w' | 'c' | 'a') {
            return Err(FORM.to_owned());
        }
        let rest = &part[1..];
        let (number, object) = match rest.split_once('(') {
            None => (rest, None),
            Some((number, object)) => {
                let object = object.strip_suffix(')').ok_or("the bracket is not closed")?;
                (number, Some(versioned(object)?))
            }
        };
        let transaction: usize = number.parse().map_err(|_| FORM.to_owned())?;
        if transaction == 0 {
            return Err("transaction 0 is what was there before; number them from 1".to_owned());
        }
        let ended = self.events().iter().any(
            |event| matches!(event, Event::Commit(it) | Event::Abort(it) if *it == transaction),
        );
        if ended {
            return Err(format!("transaction {transaction} has ended before"));
        }
        let writes = |history: &Self, writer: usize, object: &str| {
            let is_it = |event: &&Event| matches!(event, Event::Write(it, of, _) if *it == writer && of == object);
            if writer == 0 { 1 } else { history.events().iter().filter(is_it).count() }
        };
        match (kind, object) {
            ('c', None) => drop(self.commit(transaction)),
            ('a', None) => drop(self.abort(transaction)),
            ('r', Some((object, version))) => {
                if !(1..=writes(self, version.writer, &object)).contains(&version.number) {
                    return Err(format!(
                        "transaction {} has not written that version of {object} before",
                        version.writer
                    ));
                }
                self.read_version(transaction, &object, version);
            }
            ('w', Some((object, version))) => {
                let number = writes(self, transaction, &object) + 1;
                let is = Version { writer: transaction, number };
                if version != is {
                    return Err(format!("the version that it writes must be {object}{is}"));
                }
                self.write(transaction, &object);
            }
            _ => return Err(FORM.to_owned()),
        }
        Ok(())
    }

    fn parse_order(&mut self, part: &str) -> Result<(), String> {
        let (mut objects, mut writers) = (vec![], vec![]);
        for version in part.split("<<") {
            let (object, version) = versioned(version)?;
            objects.push(object);
            writers.push(version.writer);
        }
        if objects.iter().any(|object| *object != objects[0]) {
            return Err("an order is of the versions of one object".to_owned());
        }
        let is_twice = |at: usize| writers[..at].contains(&writers[at]);
        if (0..writers.len()).any(is_twice) {
            return Err("a writer is named twice; each has one place in the order".to_owned());
        }
        self.order(&objects[0], &writers);
        Ok(())
    }
}

/// "x1" or "x1.2": the object, and the version.
fn versioned(text: &str) -> Result<(String, Version), String> {
    let object: String = text.chars().take_while(|c| !c.is_ascii_digit()).collect();
    let version = &text[object.len()..];
    let (writer, number) = version.split_once('.').unwrap_or((version, "1"));
    match (object.is_empty(), writer.parse(), number.parse()) {
        (false, Ok(writer), Ok(number)) => Ok((object, Version { writer, number })),
        _ => Err(FORM.to_owned()),
    }
}
