//! What the replies of an object should be, if it did one operation after the other.

use super::linearizable::judge;
use super::{Checker, History, Verdict};
use std::fmt::Display;
use std::hash::Hash;

/// A sequential specification: a state machine. It says what one client alone would see; a checker
/// says whether what many saw can be explained by it.
///
/// ```
/// # use pillars_models::state::consistency::*;
/// struct Lock;
/// impl Specification for Lock {
///     type Call = &'static str; // "lock", "unlock"
///     type Reply = bool; // whether it was granted
///     type State = bool; // whether it is held
///     fn initial(&self) -> bool {
///         false
///     }
///     fn step(&self, held: &bool, call: &&'static str, reply: Option<&bool>) -> Option<bool> {
///         let granted = (*call == "lock") != *held;
///         let agrees = reply.is_none_or(|reply| *reply == granted);
///         agrees.then_some(if granted { !held } else { *held })
///     }
/// }
/// let mut history = History::new();
/// history.invoke(0, "lock", 0.0).invoke(1, "lock", 1.0);
/// history.returns(0, true, 2.0).returns(1, true, 3.0);
/// assert!(Checker::new().check(&Lock, &history).is_violation());
/// ```
pub trait Specification {
    /// What may be asked.
    type Call: Clone + Eq + Hash + Display;
    /// What may be answered.
    type Reply: Clone + Eq + Hash + Display;
    /// What the object remembers.
    type State: Clone + Eq + Hash;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// The state after `call`, or `None` if the object would not have given this reply in this
    /// state. Without a reply (the operation is pending) any is right. For one state and call there
    /// must be one next state, whatever the reply, if it is right.
    fn step(
        &self,
        state: &Self::State,
        call: &Self::Call,
        reply: Option<&Self::Reply>,
    ) -> Option<Self::State>;

    /// Which of many independent objects the call is about: each is then checked by itself, which
    /// is as good (Herlihy and Wing, 1990: linearizability is local) and much faster. `None` if the
    /// object is one.
    fn partition(&self, _call: &Self::Call) -> Option<u64> {
        None
    }

    /// What is known of an operation beforehand. Right answers make a check faster, by much where
    /// many operations are concurrent; wrong ones make it wrong.
    fn hint(&self, _call: &Self::Call, _reply: Option<&Self::Reply>) -> Hint {
        Hint::Nothing
    }

    /// What a checker says of a history: [`Checker::check`]. The objects of the library write it
    /// down again, with the same body: so it is compiled here, at full speed, and not in the
    /// reader's cell.
    fn judge(&self, checker: &Checker, history: &History<Self::Call, Self::Reply>) -> Verdict
    where
        Self: Sized,
    {
        judge(self, checker, history)
    }
}

macro_rules! judged_here {
    () => {
        fn judge(
            &self,
            checker: &$crate::state::consistency::Checker,
            history: &$crate::state::consistency::History<Self::Call, Self::Reply>,
        ) -> $crate::state::consistency::Verdict {
            $crate::state::consistency::judge(self, checker, history)
        }
    };
}
pub(crate) use judged_here;

/// What is known of an operation beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    Nothing,
    /// It never changes the state: it is a read.
    OnlyReads,
    /// The object (of those that [`Specification::partition`] tells apart) is a register.
    Register(RegisterHint),
}

/// An operation on a register, which holds one value, nil at first. Of a pending operation it is
/// what may come of it if it changes the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterHint {
    /// When the reply is right.
    pub finds: Finds,
    /// What the register holds then; what it held before, if none.
    pub leaves: Option<i64>,
}

/// What a register must hold for a reply to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finds {
    /// Anything.
    Anything,
    /// This, or nil.
    Only(Option<i64>),
    /// Anything but this.
    NotThis(i64),
}

impl Hint {
    /// Whether it says that the operation never changes the state.
    pub(super) const fn only_reads(self) -> bool {
        matches!(self, Self::OnlyReads | Self::Register(RegisterHint { leaves: None, .. }))
    }

    /// What it says if there are several registers.
    pub(super) const fn forget_register(&mut self) {
        *self = if self.only_reads() { Self::OnlyReads } else { Self::Nothing };
    }
}
