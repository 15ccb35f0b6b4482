//! Who did what when, and who told whom: the material of a space-time diagram (Lamport, 1978).

/// Processes side by side, time, and the messages between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpaceTime {
    /// Their names, in the order of their lanes.
    pub processes: Vec<String>,
    /// What the processes did, in the order of time.
    pub events: Vec<LocalEvent>,
    /// The messages, in the order in which they were sent.
    pub messages: Vec<Arrow>,
    /// Whiles in which something was the matter with a process: it was down, it led.
    pub whiles: Vec<During>,
}

/// Something that a process did.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalEvent {
    /// Which process, by its lane.
    pub process: usize,
    /// When.
    pub time: f64,
    /// What is written beside it; often nothing.
    pub label: String,
    /// It is what the diagram is about: drawn so that it is seen.
    pub is_marked: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrow {
    /// Who sent it, by its lane, and when.
    pub from: usize,
    /// When it was sent.
    pub sent: f64,
    /// To whom.
    pub to: usize,
    /// When it arrived.
    pub arrived: Option<f64>,
    /// When it was lost. If it has neither arrived nor been lost, it is under way at the end.
    pub lost: Option<f64>,
    /// What is written beside it.
    pub label: String,
}

/// A while of a process.
#[derive(Clone, Debug, PartialEq)]
pub struct During {
    /// Which process, by its lane.
    pub process: usize,
    /// From when.
    pub from: f64,
    /// Until when.
    pub to: f64,
    /// What was the matter: "down".
    pub label: String,
}

impl SpaceTime {
    /// Lanes of these processes, and nothing that happens.
    pub fn of(processes: &[&str]) -> Self {
        let processes = processes.iter().map(|&name| name.to_owned()).collect();
        Self { processes, ..Self::default() }
    }

    /// What happened in a while alone; messages that were under way at its borders are kept.
    pub fn during(&self, from: f64, to: f64) -> Self {
        let within = |time: f64| (from..=to).contains(&time);
        Self {
            processes: self.processes.clone(),
            events: self.events.iter().filter(|event| within(event.time)).cloned().collect(),
            messages: self
                .messages
                .iter()
                .filter(|it| within(it.sent) || it.arrived.is_some_and(within))
                .cloned()
                .collect(),
            whiles: self
                .whiles
                .iter()
                .filter(|it| it.from <= to && it.to >= from)
                .map(|it| During { from: it.from.max(from), to: it.to.min(to), ..it.clone() })
                .collect(),
        }
    }
}
