//! Calls and replies in words, as they stand in messages and drawings.

use super::{
    CounterCall, CounterReply, KeyValueCall, MultiValueReply, QueueCall, QueueReply, RegisterCall,
    RegisterReply, SetCall, SetReply,
};
use std::collections::BTreeSet;
use std::fmt::{self, Display};

/// As "read", "write 3", "cas 1 2".
impl Display for RegisterCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => write!(f, "read"),
            Self::Write(value) => write!(f, "write {value}"),
            Self::CompareAndSet(from, to) => write!(f, "cas {from} {to}"),
        }
    }
}

/// As "3", "nil", "ok", "refused".
impl Display for RegisterReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{}", or_nil(*value)),
            Self::Written | Self::Swapped(true) => write!(f, "ok"),
            Self::Swapped(false) => write!(f, "refused"),
        }
    }
}

/// As "read k7", "write k7 3", "cas k7 1 2".
impl Display for KeyValueCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key;
        match self.call {
            RegisterCall::Read => write!(f, "read k{key}"),
            RegisterCall::Write(value) => write!(f, "write k{key} {value}"),
            RegisterCall::CompareAndSet(from, to) => write!(f, "cas k{key} {from} {to}"),
        }
    }
}

/// As "3", "nil", "{1 2}", "ok".
impl Display for MultiValueReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(values) if values.len() > 1 => write!(f, "{}", in_braces(values)),
            Self::Values(values) => write!(f, "{}", or_nil(values.first().copied())),
            Self::Written => write!(f, "ok"),
        }
    }
}

impl Display for CounterCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => write!(f, "read"),
            Self::Add(amount) => write!(f, "add {amount}"),
        }
    }
}

impl Display for CounterReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Added => write!(f, "ok"),
        }
    }
}

impl Display for SetCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => write!(f, "read"),
            Self::Contains(element) => write!(f, "contains {element}"),
            Self::Add(element) => write!(f, "add {element}"),
            Self::Remove(element) => write!(f, "remove {element}"),
        }
    }
}

/// As "{1 2 3}", "yes", "no", "ok".
impl Display for SetReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elements(elements) => write!(f, "{}", in_braces(elements)),
            Self::Contained(is) => write!(f, "{}", if *is { "yes" } else { "no" }),
            Self::Changed => write!(f, "ok"),
        }
    }
}

impl Display for QueueCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enqueue(element) => write!(f, "enqueue {element}"),
            Self::Dequeue => write!(f, "dequeue"),
        }
    }
}

/// As "ok", "3", "empty".
impl Display for QueueReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enqueued => write!(f, "ok"),
            Self::Dequeued(None) => write!(f, "empty"),
            Self::Dequeued(Some(element)) => write!(f, "{element}"),
        }
    }
}

fn in_braces(elements: &BTreeSet<i64>) -> String {
    let texts: Vec<String> = elements.iter().map(i64::to_string).collect();
    format!("{{{}}}", texts.join(" "))
}

/// An integer, or nil.
fn or_nil(value: Option<i64>) -> String {
    value.map_or_else(|| "nil".to_owned(), |value| value.to_string())
}
