//! Who cuts paths in a story, to the microsecond: what no scenario file can ask for.

use brokersim::kernel::{
    ActorId, Cast, Command, Crash, Desk, Effect, Input, Machine, NodeId, Parts, Resident, Time, Vocabulary,
};
use brokersim::wire::Brokersim;

use super::seconds;

/// Nothing passes from one node to the other for a while; nobody is told.
#[derive(Clone, Copy)]
pub struct Cut {
    pub from: &'static str,
    pub to: &'static str,
    pub at: f64,
    pub until: f64,
}

/// Gives commands at their times.
#[derive(Clone)]
struct Stagehand {
    orders: Vec<(Time, Command)>,
}

impl Resident<Brokersim> for Stagehand {
    fn handle(
        &mut self,
        _: ActorId,
        _: Time,
        input: Input<<Brokersim as Vocabulary>::Msg>,
        effects: &mut Vec<Effect<Brokersim>>,
    ) {
        match input {
            Input::Start => {
                let timers = self.orders.iter().zip(0..).map(|((at, _), slot)| Effect::Arm(slot, *at));
                effects.extend(timers);
            }
            Input::Wake(slot) => effects.push(Effect::Command(self.orders[slot as usize].1)),
            Input::Message(..) | Input::Disconnected(_) => {}
        }
    }

    fn crash(&mut self, _: Time, _: Crash) {}

    fn machine(&mut self, _: Time, _: Machine) {}

    fn duplicate(&self) -> Box<dyn Resident<Brokersim>> {
        Box::new(self.clone())
    }
}

/// Puts a stagehand into a system, behind everybody else.
pub fn set_up(parts: &mut Parts<Brokersim>, cuts: &[Cut]) {
    let orders: Vec<_> = cuts.iter().flat_map(|cut| cut.orders(&parts.cast)).collect();
    if orders.is_empty() {
        return;
    }
    let node = NodeId(parts.cast.nodes.len() as u32);
    parts.cast.nodes.push("stagehand".to_owned());
    assert_eq!(ActorId(parts.residents.len() as u32), ActorId(parts.cast.actors.len() as u32));
    parts.cast.actors.push(("stagehand".to_owned(), node));
    parts.residents.push((Box::new(Stagehand { orders }), Desk::default()));
}

impl Cut {
    fn orders(&self, cast: &Cast) -> [(Time, Command); 2] {
        let node = |name: &str| {
            let index = cast.nodes.iter().position(|other| other == name);
            NodeId(index.unwrap_or_else(|| panic!("no node {name}")) as u32)
        };
        let (from, to) = (node(self.from), node(self.to));
        [(seconds(self.at), Command::Cut(from, to)), (seconds(self.until), Command::Heal(from, to))]
    }
}
