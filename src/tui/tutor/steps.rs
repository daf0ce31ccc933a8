//! The steps.

use super::{Scene, Step};
use crate::observe::NodeState;
use crate::observe::lens::FateFilter;
use crate::tui::keys::Action;
use crate::tui::model::{Clock, Mode, Page, Pane};
use crate::tui::update::hands::Hand;
use crate::tui::update::{Order, Seek};

/// All steps, in order.
pub const STEPS: &[Step] = &[
    Step {
        title: "Stop time",
        text: "On the left is who publishes, in the middle the brokers, on the right who reads. A minute and a half of a \
               shop's orders pass here in seconds. Press {0} to stop time.",
        keys: &[Action::Order(Order::Toggle)],
        // Whoever is quick stops it before anything has happened.
        done: |scene| {
            let stands = scene.model.report.clock == Clock::Paused && scene.model.snapshot().facts > 0;
            stands || scene.order == Some(Order::Toggle)
        },
    },
    Step {
        title: "One thing at a time",
        text: "Nothing moves now. Press {0} to let exactly one thing happen: a message that arrives, a timer that rings.",
        keys: &[Action::Order(Order::Seek(Seek::Event))],
        done: |scene| scene.order == Some(Order::Seek(Seek::Event)),
    },
    Step {
        title: "Backwards",
        text: "Press {0} to take it back. Time goes both ways, and what happens is the same each time: a run is a \
               function of its scenario and its seed.",
        keys: &[Action::Order(Order::Seek(Seek::EventBack))],
        done: |scene| scene.order == Some(Order::Seek(Seek::EventBack)),
    },
    Step {
        title: "Look at the logs",
        text: "Press {0} for topics and partitions: who leads each partition, which replicas are in sync, and what each \
               of them has in its log.",
        keys: &[Action::Page(1)],
        done: |scene| scene.model.page == Page::Topics,
    },
    Step {
        title: "A broker dies",
        text: "This scenario kills the leader of a partition after 30 s. Press {0} to go there: as fast as it can be \
               computed, and no further. Where that has passed already, {1} goes back to it.",
        keys: &[Action::Leap(Seek::Fault), Action::Leap(Seek::FaultBack)],
        done: |scene| a_node_is_down(scene),
    },
    Step {
        title: "The moment before",
        text: "It is dead. Press {0} a few times, until it lives again: this is what every replica had when it died. \
               ({1} does the same in steps of 100 ms.)",
        keys: &[
            Action::Order(Order::Seek(Seek::EventBack)),
            Action::Order(Order::Seek(Seek::Back(crate::tui::keys::STEP))),
        ],
        done: |scene| !a_node_is_down(scene) && scene.model.snapshot().now < scene.model.report.front,
    },
    Step {
        title: "Remember this moment",
        text: "Press {0} and then a: a mark. {1} and then a comes back here from anywhere.",
        keys: &[Action::SetMark, Action::ToMark],
        done: |scene| !scene.model.marks.is_empty(),
    },
    Step {
        title: "Until records are lost",
        text: "A new leader was elected that did not have the newest records, although their producer was told that \
               they are safe. Press {0} and type goto 40s, then Enter: watch \"lost\" in the first row.",
        keys: &[Action::Command],
        done: |scene| scene.model.snapshot().lost > 0,
    },
    Step {
        title: "Which records?",
        text: "Press {0} for the messages, and then {1} until the list shows those that were lost: each has its fate, \
               its place and its cause.",
        keys: &[Action::Page(3), Action::View],
        done: |scene| scene.model.page == Page::Messages && scene.model.fate != FateFilter::All,
    },
    Step {
        title: "The way of one record",
        text: "Press {0} on a record for its way through the system, choose a step of it with {1}, and press {0} again: \
               time goes to that instant.",
        keys: &[Action::Open, Action::Move(1)],
        done: |scene| {
            scene.model.page == Page::Messages
                && scene.model.pane() == Pane::Trace
                && matches!(scene.order, Some(Order::Seek(Seek::Fact(..))))
        },
    },
    Step {
        title: "Why?",
        text: "Press {0} for the story: what led to the loss, step by step, and what would have kept the records. Outside \
               of this screen `brokersim why` tells the same. Esc closes it.",
        keys: &[Action::Why],
        done: |scene| scene.model.mode == Mode::Why,
    },
    Step {
        title: "Who had to wait?",
        text: "Press {0} for the groups: how far behind their readers were, and each rebalance with its reason, its \
               length and what moved.",
        keys: &[Action::Page(2)],
        done: |scene| scene.model.page == Page::Groups,
    },
    Step {
        title: "All keys",
        text: "Press {0} for every key there is; typing filters them. Esc closes it.",
        keys: &[Action::Help],
        done: |scene| matches!(scene.model.mode, Mode::Help { .. }),
    },
    Step {
        title: "Back to the mark",
        text: "Close the help with Esc, then press {0} and a: the moment before the broker died. Everything is as it \
               was.",
        keys: &[Action::ToMark],
        done: |scene| {
            let now = scene.model.snapshot().now;
            scene.model.marks.values().any(|mark| *mark == now) && scene.model.mode == Mode::Screen
        },
    },
    Step {
        title: "Break it yourself",
        text: "Press {0} for all that can go wrong, each with its key and whom it would strike, and then the key of kill: a \
               broker dies here. That is a branch of the run: the course that you know stays as it is. ({1} takes it back.)",
        keys: &[Action::Hand(Hand::Faults), Action::Hand(Hand::TakeBack)],
        done: |scene| scene.model.report.courses.injected() > 0,
    },
    Step {
        title: "What difference does it make?",
        text: "Let it run for a while with {0}, and press {1}: this branch and the course that it came from, side by side at \
               the same instant. Esc closes it.",
        keys: &[Action::Order(Order::Toggle), Action::Hand(Hand::Differ)],
        done: |scene| matches!(scene.model.mode, Mode::Diff(..)),
    },
];

/// Whether a broker, or an application, is down.
fn a_node_is_down(scene: &Scene<'_>) -> bool {
    scene.model.snapshot().nodes.iter().any(|node| node.state == NodeState::Down)
}
