//! What a transaction is to do.

/// A transaction before it runs: its steps, and then it commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub(super) steps: Vec<Step>,
}

/// A step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It reads an object.
    Read(String),
    /// It writes a value to an object.
    Set(String, i64),
    /// It writes what it has read of an object last, and so much more.
    Add(String, i64),
    /// It commits here if the sum of what it has read is below this.
    StopIfSumBelow(i64),
    /// It aborts by itself.
    Abort,
}

impl Program {
    /// One that does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an object.
    ///
    /// # Panics
    /// As for all steps: if the object's name is not made of letters.
    #[track_caller]
    pub fn read(self, object: &str) -> Self {
        let object = name("Program::read", object);
        self.step(Step::Read(object))
    }

    /// Writes a value to an object.
    #[track_caller]
    pub fn set(self, object: &str, value: i64) -> Self {
        let object = name("Program::set", object);
        self.step(Step::Set(object, value))
    }

    /// Writes to an object what was read of it last, and so much more.
    ///
    /// # Panics
    /// Also if it has not been read.
    #[track_caller]
    pub fn add(self, object: &str, amount: i64) -> Self {
        let object = name("Program::add", object);
        assert!(
            self.steps.contains(&Step::Read(object.clone())),
            "Program::add: {object} must be read before something can be added to what was read; \
             put Program::read before it"
        );
        self.step(Step::Add(object, amount))
    }

    /// Does nothing more, and commits, if the sum of what has been read is below this.
    pub fn stop_if_sum_below(self, sum: i64) -> Self {
        self.step(Step::StopIfSumBelow(sum))
    }

    /// Aborts.
    pub fn abort(self) -> Self {
        self.step(Step::Abort)
    }

    pub(super) fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// A doctor on call who wants to go home: looks who is on call, and goes if there are at least
    /// two (Cahill, Röhm and Fekete 2008, section 2.1). Doctors are objects that hold 1 while they
    /// are on call.
    ///
    /// # Panics
    /// If the doctor is not among them.
    #[track_caller]
    pub fn goes_home(doctor: &str, doctors: &[&str]) -> Self {
        assert!(
            doctors.contains(&doctor),
            "Program::goes_home: {doctor:?} must be one of the doctors, but they are {doctors:?}"
        );
        let looks = doctors.iter().fold(Self::new(), |program, doctor| program.read(doctor));
        looks.stop_if_sum_below(2).set(doctor, 0)
    }
}

/// A name of an object: letters alone, as a number after it is that of a version.
#[track_caller]
pub(super) fn name(place: &str, object: &str) -> String {
    assert!(
        !object.is_empty() && object.chars().all(char::is_alphabetic),
        "{place}: an object's name is made of letters, as in \"x\", but it is {object:?}"
    );
    object.to_owned()
}
