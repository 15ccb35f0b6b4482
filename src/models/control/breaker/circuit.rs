//! The machine: closed, open, half-open.

use super::{Breaker, Call, Rule, hear};

/// In which state a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Calls go through.
    Closed,
    /// Calls are refused.
    Open,
    /// Probes go through, one after the other.
    HalfOpen,
}

/// A breaker at work: it is asked before each call, and told how the call ended.
///
/// ```
/// use pillars_models::control::{Breaker, CircuitState};
/// let mut circuit = Breaker::consecutive(2).open_for(10.0).start();
/// for now in [0.0, 1.0] {
///     assert!(circuit.allows(now));
///     circuit.hears(now, false);
/// }
/// assert!(!circuit.allows(5.0));
/// assert!(circuit.allows(11.0) && circuit.state() == CircuitState::HalfOpen);
/// circuit.hears(11.5, true);
/// assert_eq!((circuit.state(), circuit.trips()), (CircuitState::Closed, 1));
/// ```
pub struct Circuit {
    breaker: Breaker,
    memory: Memory,
    state: CircuitState,
    /// When it was opened or closed.
    since: f64,
    probing: bool,
    succeeded: u32,
    trips: u32,
}

/// What the rule remembers of the calls since the circuit closed.
enum Memory {
    Row(u32),
    Last(u64, u32),
    Window { number: f64, calls: u32, failures: u32 },
    Own(Box<dyn FnMut(Call) -> bool + Send>),
}

impl Memory {
    fn of(rule: &Rule) -> Self {
        match rule {
            Rule::Consecutive(_) => Self::Row(0),
            Rule::LastCalls { .. } => Self::Last(0, 0),
            Rule::Windows { .. } => Self::Window { number: 0.0, calls: 0, failures: 0 },
            Rule::Own { fresh, .. } => Self::Own(fresh()),
        }
    }

    /// Whether it trips on this call; `since` is when the circuit closed.
    fn hears(&mut self, rule: &Rule, since: f64, call: Call) -> bool {
        match (self, rule) {
            (Self::Row(run), Rule::Consecutive(k)) => {
                *run = if call.ok { 0 } else { *run + 1 };
                *run >= *k
            }
            (Self::Last(bits, seen), Rule::LastCalls { share, calls, least }) => {
                let trips;
                (*bits, *seen, trips) = hear(*bits, *seen, call.ok, *share, *calls, *least);
                trips
            }
            (Self::Window { number, calls, failures }, Rule::Windows { share, window, least }) => {
                let current = ((call.at - since) / window).floor();
                let mut trips = false;
                if current > *number {
                    // The same small allowance as in the formula.
                    let worst = share * f64::from(*calls) - 1e-9;
                    trips = *calls >= *least && f64::from(*failures) >= worst;
                    (*number, *calls, *failures) = (current, 0, 0);
                }
                *calls += 1;
                *failures += u32::from(!call.ok);
                trips
            }
            (Self::Own(rule), _) => rule(call),
            _ => unreachable!("a memory is made for its rule"),
        }
    }
}

impl Circuit {
    pub(super) fn new(breaker: Breaker) -> Self {
        Self {
            memory: Memory::of(&breaker.rule),
            breaker,
            state: CircuitState::Closed,
            since: 0.0,
            probing: false,
            succeeded: 0,
            trips: 0,
        }
    }

    /// Whether a call may be made now, in seconds; who was allowed tells how it ended.
    pub fn allows(&mut self, now: f64) -> bool {
        if self.state == CircuitState::Open && now - self.since >= self.breaker.open {
            self.state = CircuitState::HalfOpen;
            (self.probing, self.succeeded) = (false, 0);
        }
        match self.state {
            CircuitState::Closed => true,
            CircuitState::Open => false,
            CircuitState::HalfOpen => !std::mem::replace(&mut self.probing, true),
        }
    }

    /// A call has ended. Calls that were made before it opened, and end while it is open, are not
    /// listened to.
    pub fn hears(&mut self, now: f64, ok: bool) {
        match self.state {
            CircuitState::Closed => {
                let call = Call { at: now, ok };
                if self.memory.hears(&self.breaker.rule, self.since, call) {
                    self.trips += 1;
                    (self.state, self.since) = (CircuitState::Open, now);
                }
            }
            CircuitState::Open => {}
            CircuitState::HalfOpen => {
                self.probing = false;
                if !ok {
                    (self.state, self.since) = (CircuitState::Open, now);
                    return;
                }
                self.succeeded += 1;
                if self.succeeded >= self.breaker.probes {
                    (self.state, self.since) = (CircuitState::Closed, now);
                    self.memory = Memory::of(&self.breaker.rule);
                }
            }
        }
    }

    /// In which state it is, as far as it has noticed.
    pub fn state(&self) -> CircuitState {
        self.state
    }

    /// How often it has gone from closed to open.
    pub fn trips(&self) -> u32 {
        self.trips
    }
}
