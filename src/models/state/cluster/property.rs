//! What must hold in every state of a run.

/// A safety property of a protocol: asked after each step of a replica. It may remember what was
/// (that something never changes is a property too).
pub trait Property<R> {
    /// Its name, and where it comes from: "election safety (Ongaro 2014, fig. 3.2)".
    fn name(&self) -> &'static str;

    /// `node` has just done something; these are all replicas. An error says what contradicts it,
    /// with nodes and numbers.
    ///
    /// # Errors
    /// If the property does not hold.
    fn check(&mut self, node: usize, replicas: &[R]) -> Result<(), String>;
}

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Its name.
    pub property: &'static str,
    /// What contradicts it.
    pub what: String,
    /// When, in milliseconds.
    pub at: f64,
    /// After so many steps of all replicas.
    pub step: u64,
}
