//! The gateway's actors: what they hear goes to their tasks.
//!
//! **Invariant.** A task is told everything in the order in which the actor heard it, and nothing twice.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::hears;
use crate::kernel::{Actor, ActorId, Crash, Cx, Time};
use crate::wire::Brokersim;
use crate::wire::port::{ToPublisher, ToSubscriber};

/// What a task is told.
#[derive(Clone, Debug)]
pub(super) enum Order<M> {
    /// The process begins.
    Begin,
    /// The application says something.
    Said(M),
    /// The process ends: in good order, or not.
    End {
        /// With DISCONNECT.
        in_order: bool,
    },
}

/// Orders for a task. How many wait is bounded by the port: one who publishes stops when told `Blocked`, one who reads
/// says one thing at a time.
pub(super) type Orders<M> = UnboundedReceiver<Order<M>>;

macro_rules! forwards {
    ($(#[$doc:meta])* $actor:ident, $mail:ident, $msg:ty) => {
        hears! {
            /// What it hears: its application.
            $mail {
                /// From its application.
                App($msg),
            }
        }

        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $actor {
            task: UnboundedSender<Order<$msg>>,
        }

        impl $actor {
            pub(super) fn new() -> (Self, Orders<$msg>) {
                let (task, orders) = unbounded_channel();
                (Self { task }, orders)
            }

            /// Nothing when the run is over.
            fn tell(&self, order: Order<$msg>) {
                let _ = self.task.send(order);
            }
        }

        impl Actor for $actor {
            type Vocab = Brokersim;
            type Msg = $mail;
            type Timer = ();

            fn start(&mut self, _: &mut Cx<'_, Self>) {
                self.tell(Order::Begin);
            }

            fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, $mail::App(msg): $mail) {
                self.tell(Order::Said(msg));
            }

            fn crash(&mut self, _: Time, how: Crash) {
                self.tell(Order::End { in_order: how == Crash::Exit });
            }
        }
    };
}

forwards! {
    /// The seat of a publishing client.
    PublishingActor, PublishingMail, ToPublisher
}
forwards! {
    /// The seat of a subscribing client.
    SubscribingActor, SubscribingMail, ToSubscriber
}
