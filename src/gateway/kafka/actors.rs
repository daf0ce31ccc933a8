//! The controller's seat, as far as faults and operators speak to it. Those of brokers are in `seat`: they answer from
//! the metadata that the watch has seen last.

use std::sync::mpsc::Sender;

use crate::kernel::{Actor, ActorId, Cx};
use crate::trace::PlaceId;
use crate::wire::Brokersim;
use crate::wire::kafka::ToController;

/// What an operator asks of the cluster.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// A topic gets these partitions.
    CreatePartitions {
        /// The first place of the topic.
        first: PlaceId,
        /// How many there are to be.
        count: u32,
    },
    /// The run ends: what is open is to be read.
    CloseBooks,
    /// The run is over.
    End,
}

/// The seat of the controller.
#[derive(Clone, Debug)]
pub struct ControllerSeat {
    /// Who does what is asked.
    pub watch: Sender<Order>,
}

impl Actor for ControllerSeat {
    type Vocab = Brokersim;
    type Msg = ToController;
    type Timer = ();

    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, msg: ToController) {
        if let ToController::CreatePartitions { first, count } = msg {
            let _ = self.watch.send(Order::CreatePartitions { first, count });
        }
    }
}
