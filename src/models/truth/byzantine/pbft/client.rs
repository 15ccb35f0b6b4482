//! The client at a replica's side. It is no part of the replica, and honest whatever that is.

use super::{Pbft, PbftMessage};
use crate::state::cluster::{Outbox, Replica, Request};
use crate::state::consistency::RegisterReply;
use crate::truth::paxos::Command;

/// A request without an answer that can be believed.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub request: Request,
    /// Who said what.
    pub replies: Vec<(usize, RegisterReply)>,
}

impl Pbft {
    /// Asks a replica.
    pub(super) fn asks(&mut self, to: usize, number: usize, out: &mut Outbox<Self>) {
        let command = Command::Call { node: self.node, number, call: self.asked[number] };
        match to == self.node {
            true => self.message(to, PbftMessage::Request { command }, out),
            false => out.send(to, PbftMessage::Request { command }),
        }
    }

    /// What came of a request; the client believes what f + 1 say.
    pub(super) fn hears_reply(
        &mut self,
        from: usize,
        number: usize,
        reply: RegisterReply,
        out: &mut Outbox<Self>,
    ) {
        let needed = self.most_faults(out.nodes()) + 1;
        let Some(pending) = self.pending.get_mut(&number) else { return };
        if !pending.replies.contains(&(from, reply)) {
            pending.replies.push((from, reply));
        }
        if pending.replies.iter().filter(|(_, other)| *other == reply).count() >= needed {
            out.reply(pending.request, reply);
            self.pending.remove(&number);
        }
    }
}
