//! Clients and the leader (Ongaro 2014, chapter 6).

use super::log::{ClientCommand, Command, CommandId};
use super::message::RaftMessage;
use super::replica::Raft;
use super::settings::Reads;
use super::store::Known;
use crate::state::cluster::{Outbox, Request};
use crate::state::consistency::{KeyValueCall, RegisterCall, RegisterReply};

/// What a client of this node has asked and has not been answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    request: Request,
    call: KeyValueCall,
    /// When the leader was last told.
    told: f64,
}

impl Raft {
    /// A client of this node asks.
    pub(super) fn asked(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        let serial = self.serial;
        self.serial += 1;
        self.open.insert(serial, Open { request, call, told: f64::NEG_INFINITY });
        self.tells_leader(serial, out);
        self.set_retry_timer(out);
    }

    /// The leader is told of an open request, if there is one that is known.
    fn tells_leader(&mut self, serial: u64, out: &mut Outbox<Self>) {
        let Some(leader) = self.leader else { return };
        let Some((&oldest, _)) = self.open.first_key_value() else { return };
        let Some(open) = self.open.get_mut(&serial) else { return };
        open.told = out.now();
        let id = CommandId { node: self.node, session: self.session, serial };
        let command = ClientCommand { id, oldest, call: open.call };
        if leader == self.node {
            self.takes(command, out);
        } else {
            out.send(leader, RaftMessage::Forward(command));
        }
    }

    /// There is a new leader: it is told of all that is open.
    pub(super) fn asks_leader(&mut self, out: &mut Outbox<Self>) {
        self.asks_since(f64::INFINITY, out);
    }

    /// Time to tell the leader again what may have been lost.
    pub(super) fn asks_again(&mut self, out: &mut Outbox<Self>) {
        self.retries = false;
        self.asks_since(out.now() - self.settings.heartbeat, out);
        if !self.open.is_empty() {
            self.set_retry_timer(out);
        }
    }

    fn asks_since(&mut self, time: f64, out: &mut Outbox<Self>) {
        let open = self.open.iter().filter(|(_, open)| open.told <= time);
        let serials: Vec<u64> = open.map(|(serial, _)| *serial).collect();
        for serial in serials {
            self.tells_leader(serial, out);
        }
    }

    /// A client's command reaches this node, which may be the leader.
    pub(super) fn takes(&mut self, command: ClientCommand, out: &mut Outbox<Self>) {
        // Another's mistake: it will ask again.
        if !self.is_leader() {
            return;
        }
        match self.store.known(command.id) {
            Known::Replied(reply) if !self.settings.broken.applies_twice => {
                return self.answers(command.id, reply, out);
            }
            Known::Forgotten => return,
            _ => {}
        }
        if !self.under_way.insert(command.id) && !self.settings.broken.applies_twice {
            return;
        }
        match (command.call.call, self.settings.reads) {
            (RegisterCall::Read, Reads::Unchecked) => {
                self.reads.push((f64::NEG_INFINITY, command));
                self.reads_now(out);
            }
            (RegisterCall::Read, Reads::Confirmed | Reads::Leased(_)) => {
                self.reads.push((out.now(), command));
                self.reads_now(out);
                if !self.reads.is_empty() {
                    self.tells_all(out);
                }
            }
            _ => self.writes(Command::Client(command), out),
        }
    }

    /// Answers the reads that may be answered: the leader knows all that was committed before its
    /// term, and that it still led after they came (Ongaro 2014, section 6.4).
    pub(super) fn reads_now(&mut self, out: &mut Outbox<Self>) {
        if self.reads.is_empty() {
            return;
        }
        let is_unchecked = self.settings.reads == Reads::Unchecked;
        if !is_unchecked && self.log.term(self.commit) != Some(self.term) {
            return;
        }
        let now = out.now();
        let led_until = match self.settings.reads {
            Reads::Unchecked => f64::INFINITY,
            // Nobody is elected before the followers' time-out, by whatever clock (section 6.4.1).
            Reads::Leased(bound)
                if now < self.followed_since(now) + self.settings.timeouts.0 / bound =>
            {
                now
            }
            _ => self.followed_since(now),
        };
        let ready = self.reads.partition_point(|(came, _)| *came <= led_until);
        for (_, ClientCommand { id, call, .. }) in self.reads.drain(..ready).collect::<Vec<_>>() {
            self.under_way.remove(&id);
            let reply = self.store.read(call.key);
            self.answers(id, reply, out);
        }
    }

    /// The reply to a command: the leader sends it, and whoever asked hears it.
    pub(super) fn answers(&mut self, id: CommandId, reply: RegisterReply, out: &mut Outbox<Self>) {
        let CommandId { node, session, serial } = id;
        if node != self.node {
            if self.is_leader() {
                out.send(node, RaftMessage::Reply { session, serial, reply });
            }
        } else if session == self.session {
            self.answered(serial, reply, out);
        }
    }

    /// The reply to a request of this node's clients.
    pub(super) fn answered(&mut self, serial: u64, reply: RegisterReply, out: &mut Outbox<Self>) {
        if let Some(open) = self.open.remove(&serial) {
            out.reply(open.request, reply);
        }
    }
}
