//! What the functions and values of Jepsen's histories mean for the usual objects.

use super::edn::Edn;
use super::jepsen::JepsenCall;
use super::objects::{
    CounterCall, CounterReply, KeyValueCall, QueueCall, QueueReply, RegisterCall, RegisterReply,
    SetCall, SetReply,
};

impl JepsenCall for RegisterCall {
    type Reply = RegisterReply;
    const FORMS: &'static str =
        ":read with nil or an integer, :write with an integer, or :cas with two, as [1 2]";

    fn call(function: &str, value: &Edn) -> Option<Self> {
        match function {
            "read" => Some(Self::Read),
            "write" => value.int().map(Self::Write),
            "cas" => {
                let (from, to) = value.pair()?;
                Some(Self::CompareAndSet(from.int()?, to.int()?))
            }
            _ => None,
        }
    }

    fn reply(&self, value: &Edn) -> Option<RegisterReply> {
        match (self, value) {
            (Self::Read, Edn::Nil) => Some(RegisterReply::Value(None)),
            (Self::Read, _) => value.int().map(|value| RegisterReply::Value(Some(value))),
            (Self::Write(_), _) => Some(RegisterReply::Written),
            (Self::CompareAndSet(..), _) => Some(RegisterReply::Swapped(true)),
        }
    }

    fn refusal(&self) -> Option<RegisterReply> {
        matches!(self, Self::CompareAndSet(..)).then_some(RegisterReply::Swapped(false))
    }
}

impl JepsenCall for KeyValueCall {
    type Reply = RegisterReply;
    const FORMS: &'static str = ":read with a key and nil or an integer, as [7 nil], :write with a \
                                 key and an integer, or :cas with a key and two, as [7 [1 2]]";

    fn call(function: &str, value: &Edn) -> Option<Self> {
        let (key, value) = value.pair()?;
        let key = u64::try_from(key.int()?).ok()?;
        RegisterCall::call(function, value).map(|call| Self { key, call })
    }

    fn reply(&self, value: &Edn) -> Option<RegisterReply> {
        self.call.reply(value.pair()?.1)
    }

    fn refusal(&self) -> Option<RegisterReply> {
        self.call.refusal()
    }
}

impl JepsenCall for CounterCall {
    type Reply = CounterReply;
    const FORMS: &'static str = ":read or :add with an integer";

    fn call(function: &str, value: &Edn) -> Option<Self> {
        match function {
            "read" => Some(Self::Read),
            "add" => value.int().map(Self::Add),
            _ => None,
        }
    }

    fn reply(&self, value: &Edn) -> Option<CounterReply> {
        match self {
            Self::Read => value.int().map(CounterReply::Value),
            Self::Add(_) => Some(CounterReply::Added),
        }
    }
}

impl JepsenCall for SetCall {
    type Reply = SetReply;
    const FORMS: &'static str =
        ":add or :remove with an integer, or :read with a set of integers, as #{1 2}";

    fn call(function: &str, value: &Edn) -> Option<Self> {
        match function {
            "read" => Some(Self::Read),
            "add" => value.int().map(Self::Add),
            "remove" => value.int().map(Self::Remove),
            _ => None,
        }
    }

    fn reply(&self, value: &Edn) -> Option<SetReply> {
        match (self, value) {
            (Self::Read, Edn::Set(items) | Edn::List(items)) => {
                items.iter().map(Edn::int).collect::<Option<_>>().map(SetReply::Elements)
            }
            (Self::Add(_) | Self::Remove(_), _) => Some(SetReply::Changed),
            _ => None,
        }
    }
}

impl JepsenCall for QueueCall {
    type Reply = QueueReply;
    const FORMS: &'static str = ":enqueue with an integer, or :dequeue with nil or an integer";

    fn call(function: &str, value: &Edn) -> Option<Self> {
        match function {
            "enqueue" => value.int().map(Self::Enqueue),
            "dequeue" => Some(Self::Dequeue),
            _ => None,
        }
    }

    fn reply(&self, value: &Edn) -> Option<QueueReply> {
        match (self, value) {
            (Self::Enqueue(_), _) => Some(QueueReply::Enqueued),
            (Self::Dequeue, Edn::Nil) => Some(QueueReply::Dequeued(None)),
            (Self::Dequeue, _) => value.int().map(|value| QueueReply::Dequeued(Some(value))),
        }
    }
}
