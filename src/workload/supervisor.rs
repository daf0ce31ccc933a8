//! The supervisor: whoever starts a process again that has exited by itself (systemd, Kubernetes).
//!
//! **Not modelled:** back-off between restarts: each is the same time after its exit.

use crate::kernel::{Actor, ActorId, Command, Cx, NodeId};
use crate::wire::Brokersim;
use crate::wire::operator::ToSupervisor;

/// The actor that restarts processes. On a node of its own, so that it outlives them.
#[derive(Clone, Debug, Default)]
pub struct Supervisor;

crate::hears! {
    /// What a supervisor hears.
    SupervisorMail {
        /// From an application that ends.
        Application(ToSupervisor),
    }
}

impl Actor for Supervisor {
    type Vocab = Brokersim;
    type Msg = SupervisorMail;
    /// The node that is started.
    type Timer = NodeId;

    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, msg: SupervisorMail) {
        let SupervisorMail::Application(ToSupervisor::Exited { node, restart_after }) = msg;
        cx.arm(node, restart_after);
    }

    fn wake(&mut self, cx: &mut Cx<'_, Self>, node: NodeId) {
        cx.command(Command::Restart(node));
    }
}
