//! What a model is to the search: states, and steps between them.

use super::condition::Condition;
use super::diagram::Happening;
use super::explored::{Explored, Path, PathOf};
use super::search::{Search, explored};
use std::fmt::Debug;
use std::hash::Hash;

/// A model: a system as a graph of states. Whatever may happen next is a step; which of them does
/// is nobody's choice, and the search takes all.
pub trait Model: Sized {
    /// All that there is to know at one moment. States that are equal are one.
    type State: Clone + Eq + Hash + Debug;
    /// What happens in a step.
    type Action: Clone + Debug;

    /// Where it may begin.
    fn initial(&self) -> Vec<Self::State>;

    /// Adds all that may happen in a state, each with the state after it. The same steps must come
    /// in the same order whenever the same state is asked about.
    fn steps(&self, state: &Self::State, steps: &mut Vec<(Self::Action, Self::State)>);

    /// What is asked of the model whoever searches it. By default nothing.
    fn conditions(&self) -> Vec<Condition<'_, Self::State>> {
        vec![]
    }

    /// The names of the processes, which are the lanes of a space-time diagram. By default there
    /// is one.
    fn processes(&self) -> Vec<String> {
        vec!["model".to_owned()]
    }

    /// What a step looks like in a space-time diagram. By default something that the first process
    /// does, labelled with the action.
    fn happening(
        &self,
        _before: &Self::State,
        action: &Self::Action,
        _after: &Self::State,
    ) -> Happening {
        Happening { label: format!("{action:?}"), ..Happening::default() }
    }

    /// The way that actions take, one after the other, from the first state in which the model may
    /// begin: a schedule written by hand. [`Path::broken`] judges it.
    ///
    /// # Errors
    /// If one of them cannot be taken where it stands: which, and what can.
    fn follow(&self, actions: &[Self::Action]) -> Result<PathOf<Self>, String>
    where
        Self::Action: PartialEq,
    {
        let start = self.initial().into_iter().next();
        let start = start.ok_or("the model has no state to begin with".to_owned())?;
        let mut path = Path { start, steps: vec![] };
        for (number, action) in (1..).zip(actions) {
            let mut steps = vec![];
            self.steps(path.last(), &mut steps);
            let found = steps.iter().position(|(other, _)| other == action);
            let Some(found) = found else {
                let can: Vec<&Self::Action> = steps.iter().map(|(action, _)| action).collect();
                return Err(format!(
                    "step {number}, {action:?}, cannot be taken; what can is {can:?}"
                ));
            };
            path.steps.push(steps.swap_remove(found));
        }
        Ok(path)
    }

    /// Carries a search out. The library's own models write it down again, with the same body: so
    /// it is compiled with them, at full speed, and not in the reader's cell.
    fn explored(search: &Search<'_, Self>) -> Explored<Self::State, Self::Action> {
        explored(search)
    }
}

/// Within an implementation of [`Model`]: its searches are compiled here.
macro_rules! explored_here {
    () => {
        fn explored(
            search: &$crate::truth::explore::Search<'_, Self>,
        ) -> $crate::truth::explore::Explored<Self::State, Self::Action> {
            $crate::truth::explore::explored(search)
        }
    };
}
pub(crate) use explored_here;
