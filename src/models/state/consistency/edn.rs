//! EDN, the notation of Clojure's data, as far as histories need it.

/// A value in EDN. Tags are dropped: `#jepsen.history.Op{..}` is a map.
#[derive(Clone, Debug, PartialEq)]
pub enum Edn {
    /// `nil`
    Nil,
    /// `true`, `false`
    Bool(bool),
    /// `7`, `-7N`
    Int(i64),
    /// `0.5`, `1e-3`, `2M`
    Float(f64),
    /// `"text"`, `\c`
    Text(String),
    /// `:read`, without the colon
    Keyword(String),
    /// `unknown`
    Symbol(String),
    /// `[1 2]`, `(1 2)`
    List(Vec<Edn>),
    /// `#{1 2}`
    Set(Vec<Edn>),
    /// `{:f :read, :value nil}`
    Map(Vec<(Edn, Edn)>),
}

impl Edn {
    /// The value of a keyword in a map.
    pub fn get(&self, keyword: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        let is = |key: &Self| matches!(key, Self::Keyword(name) if name == keyword);
        entries.iter().find(|(key, _)| is(key)).map(|(_, value)| value)
    }

    /// The integer, if it is one.
    pub const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The two elements of a list of two.
    pub fn pair(&self) -> Option<(&Self, &Self)> {
        match self {
            Self::List(items) => match items.as_slice() {
                [first, second] => Some((first, second)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Lists in lists in lists: more of them than any history needs.
const DEEPEST: usize = 64;

/// Reads one value after the other.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// In so many values.
    depth: usize,
}

/// What is wrong with a text, and from which byte on.
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) problem: String,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Where the next value begins, if there is one.
    pub(super) fn begin(&mut self) -> Result<Option<usize>, Wrong> {
        loop {
            let blank = |c: char| c.is_whitespace() || c == ',';
            self.at = self.text.len() - self.rest().trim_start_matches(blank).len();
            if self.rest().starts_with(';') {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if self.rest().starts_with("#_") {
                self.at += 2;
                self.value()?;
            } else {
                return Ok((!self.rest().is_empty()).then_some(self.at));
            }
        }
    }

    /// Takes this character, if it is the next.
    pub(super) fn takes(&mut self, character: char) -> bool {
        let is = self.rest().starts_with(character);
        if is {
            self.at += character.len_utf8();
        }
        is
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<Edn, Wrong> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let problem = format!("there are more than {DEEPEST} values in one another");
            return Err(self.wrong(self.at, problem));
        }
        let value = self.any_value();
        self.depth -= 1;
        value
    }

    fn any_value(&mut self) -> Result<Edn, Wrong> {
        let Some(begin) = self.begin()? else {
            return Err(self.wrong(self.at, "the text ends where a value should be".to_owned()));
        };
        if self.takes('[') {
            return self.items(begin, ']').map(Edn::List);
        }
        if self.takes('(') {
            return self.items(begin, ')').map(Edn::List);
        }
        if self.takes('{') {
            return self.map(begin);
        }
        if self.takes('"') {
            return self.string(begin);
        }
        if self.takes('#') {
            if self.takes('{') {
                return self.items(begin, '}').map(Edn::Set);
            }
            self.word();
            return self.value();
        }
        if self.takes('\\') {
            let first = self.rest().chars().next().map_or(0, char::len_utf8);
            self.at += first;
            self.word();
            return Ok(Edn::Text(self.text[begin + 1..self.at].to_owned()));
        }
        let word = self.word();
        match word {
            "" => {
                let found: String = self.rest().chars().take(1).collect();
                Err(self.wrong(begin, format!("there is no value that begins with {found}")))
            }
            "nil" => Ok(Edn::Nil),
            "true" => Ok(Edn::Bool(true)),
            "false" => Ok(Edn::Bool(false)),
            ":" => Err(self.wrong(begin, "a keyword has no name".to_owned())),
            _ => match word.strip_prefix(':') {
                Some(name) => Ok(Edn::Keyword(name.to_owned())),
                None => self.number(begin, word),
            },
        }
    }

    fn number(&self, begin: usize, word: &str) -> Result<Edn, Wrong> {
        let signless = word.trim_start_matches(['+', '-']);
        if !signless.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Edn::Symbol(word.to_owned()));
        }
        let whole = word.strip_suffix('N').unwrap_or(word).parse().map(Edn::Int);
        let any = || word.strip_suffix('M').unwrap_or(word).parse().map(Edn::Float);
        let of_digits = signless.trim_end_matches('N').bytes().all(|it| it.is_ascii_digit());
        match whole {
            Ok(number) => Ok(number),
            Err(_) if !of_digits && let Ok(number) = any() => Ok(number),
            Err(_) => Err(self.wrong(begin, format!("{word} is no number of 64 bits"))),
        }
    }

    fn items(&mut self, begin: usize, end: char) -> Result<Vec<Edn>, Wrong> {
        let mut items = vec![];
        loop {
            if self.begin()?.is_none() {
                return Err(self.wrong(begin, format!("the bracket is not closed by {end}")));
            }
            if self.takes(end) {
                return Ok(items);
            }
            items.push(self.value()?);
        }
    }

    fn map(&mut self, begin: usize) -> Result<Edn, Wrong> {
        let items = self.items(begin, '}')?;
        if items.len() % 2 == 1 {
            return Err(self.wrong(begin, "the last key of the map has no value".to_owned()));
        }
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Ok(Edn::Map(entries))
    }

    fn string(&mut self, begin: usize) -> Result<Edn, Wrong> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 1;
                    return Ok(Edn::Text(text));
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                })),
                _ => text.push(character),
            }
        }
        Err(self.wrong(begin, "the string is not closed".to_owned()))
    }

    /// What there is up to a blank or a bracket.
    fn word(&mut self) -> &'a str {
        let ends = |c: char| c.is_whitespace() || ",;\"()[]{}\\".contains(c);
        let rest = self.rest();
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    const fn wrong(&self, at: usize, problem: String) -> Wrong {
        Wrong { at, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Edn, String> {
        Reader::new(text).value().map_err(|wrong| format!("{}: {}", wrong.at, wrong.problem))
    }

    #[test]
    fn values() {
        let ints = |of: &[i64]| of.iter().copied().map(Edn::Int).collect::<Vec<_>>();
        let cases = [
            ("nil", Edn::Nil),
            (" , ; said\n true", Edn::Bool(true)),
            ("-12", Edn::Int(-12)),
            ("12N", Edn::Int(12)),
            ("1.5e3", Edn::Float(1500.0)),
            ("2M", Edn::Float(2.0)),
            (":timed-out", Edn::Keyword("timed-out".to_owned())),
            ("-", Edn::Symbol("-".to_owned())),
            ("\"a \\\"b\\\" \\n\"", Edn::Text("a \"b\" \n".to_owned())),
            ("\\newline", Edn::Text("newline".to_owned())),
            ("[3 0]", Edn::List(ints(&[3, 0]))),
            ("(3, 0)", Edn::List(ints(&[3, 0]))),
            ("#{3 0}", Edn::Set(ints(&[3, 0]))),
            ("#inst \"2013\"", Edn::Text("2013".to_owned())),
            ("[1 #_ 2 3]", Edn::List(ints(&[1, 3]))),
        ];
        for (text, value) in cases {
            assert_eq!(read(text), Ok(value), "{text}");
        }
        let map = read("#jepsen.history.Op{:f :read, :value nil}").unwrap();
        assert_eq!(map.get("value"), Some(&Edn::Nil));
        assert_eq!(map.get("time"), None);
    }

    #[test]
    fn what_is_no_value() {
        let cases = [
            ("", "0: the text ends where a value should be"),
            ("[1 2", "0: the bracket is not closed by ]"),
            ("[1 {:f}]", "3: the last key of the map has no value"),
            ("[1 }", "3: there is no value that begins with }"),
            ("\"ab", "0: the string is not closed"),
            ("12ab", "0: 12ab is no number of 64 bits"),
            ("99999999999999999999", "0: 99999999999999999999 is no number of 64 bits"),
            ("[: ]", "1: a keyword has no name"),
        ];
        for (text, problem) in cases {
            assert_eq!(read(text), Err(problem.to_owned()), "{text}");
        }
        assert!(
            read(&"[".repeat(100_000)).unwrap_err().contains("more than 64 values in one another")
        );
        assert!(read(&"#_".repeat(100_000)).unwrap_err().contains("more than 64"));
        assert!(read(&"#a ".repeat(100_000)).unwrap_err().contains("more than 64"));
    }
}
