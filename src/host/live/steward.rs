//! The thread of the actors, and the one who hands out what is due and what came through the door.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::SyncSender;
use std::thread::{self, JoinHandle};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};
use tokio::sync::Notify;

use super::Hands;
use super::alarm::Alarm;
use super::place::Place;
use super::world::{Slice, World};
use crate::host::door::{Clock, Knock};
use crate::kernel::{Parts, Vocabulary};

/// What the thread of the actors is given.
pub(super) struct Setup<V: Vocabulary> {
    pub(super) parts: Parts<V>,
    pub(super) clock: Clock,
    pub(super) hands: Box<dyn Hands>,
    pub(super) show: SyncSender<Slice<V::Fact>>,
    pub(super) inputs: Arc<AtomicU64>,
    pub(super) alarm: Arc<Alarm>,
}

/// Something may be due.
pub(super) struct Ring;

impl Message for Ring {
    type Result = ();
}

/// What came through the door, and where to say that it was taken up.
pub(super) struct Group<V: Vocabulary> {
    pub(super) knocks: Vec<Knock<V>>,
    pub(super) taken: SyncSender<()>,
}

impl<V: Vocabulary> Message for Group<V> {
    type Result = ();
}

/// Starts the thread and all actors on it; it ends after the last ring.
pub(super) fn begin<V: Vocabulary>(setup: Setup<V>) -> (JoinHandle<()>, Addr<Steward<V>>) {
    let (tell, told) = std::sync::mpsc::channel();
    let live = move || {
        actix::System::new().block_on(async move {
            let ended = Arc::new(Notify::new());
            let (world, steward) = people(setup, &ended);
            // Who began the run waits for this.
            let _ = tell.send(steward);
            ended.notified().await;
            let world = world.borrow();
            assert!(!world.is_broken(), "an actor broke an invariant: see above");
        });
    };
    let thread = thread::Builder::new().name("actors".to_owned()).spawn(live);
    let thread = thread.expect("the machine has a thread for the actors");
    let steward = told.recv().expect("the thread of the actors begins");
    (thread, steward)
}

/// A shared world.
pub(super) type Shared<V> = Rc<RefCell<World<V>>>;

/// The runtime survives an actor that panics; a run must not.
pub(super) struct Watch<V: Vocabulary>(Shared<V>);

impl<V: Vocabulary> Watch<V> {
    pub(super) fn over(world: &Shared<V>) -> Self {
        Self(Rc::clone(world))
    }
}

impl<V: Vocabulary> Drop for Watch<V> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.borrow_mut().break_down();
        }
    }
}

/// Everybody at their place, and the clock running.
fn people<V: Vocabulary>(setup: Setup<V>, ended: &Arc<Notify>) -> (Shared<V>, Addr<Steward<V>>) {
    let Setup { parts, clock, hands, show, inputs, alarm } = setup;
    let Parts { seed: _, cast, residents, network } = parts;
    let world = World::new(&cast, network, clock.clone(), hands, show, Arc::clone(&alarm), Arc::clone(ended));
    let world = Rc::new(RefCell::new(world));
    let steward = Steward { world: Rc::clone(&world), alarm }.start();
    clock.begin();
    let places =
        residents.into_iter().zip(&cast.actors).enumerate().map(|(id, ((resident, desk), (_, home)))| {
            Place::new(id as u32, *home, resident, desk, Rc::clone(&world), Arc::clone(&inputs)).start()
        });
    let places = places.collect();
    world.borrow_mut().open(places, steward.clone());
    (world, steward)
}

/// Hands out what is due and what came through the door.
pub(super) struct Steward<V: Vocabulary> {
    world: Shared<V>,
    alarm: Arc<Alarm>,
}

impl<V: Vocabulary> Unpin for Steward<V> {}

impl<V: Vocabulary> Actor for Steward<V> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.notify(Ring);
    }
}

impl<V: Vocabulary> Handler<Ring> for Steward<V> {
    type Result = ();

    fn handle(&mut self, _: Ring, _: &mut Self::Context) {
        let _watch = Watch::over(&self.world);
        if self.alarm.is_over() {
            return self.world.borrow_mut().end();
        }
        let next = self.world.borrow_mut().hand_out();
        self.alarm.heard(next);
    }
}

impl<V: Vocabulary> Handler<Group<V>> for Steward<V> {
    type Result = ();

    fn handle(&mut self, group: Group<V>, _: &mut Self::Context) {
        let _watch = Watch::over(&self.world);
        let mut world = self.world.borrow_mut();
        for knock in group.knocks {
            match knock {
                Knock::Said { from, to, msg } => world.hear(from, to, msg),
                Knock::Seen { at, actor, fact } => world.see(at, actor, fact),
            }
        }
        // Nobody waits for that any more when the run is over.
        let _ = group.taken.try_send(());
    }
}
