//! The laws of the kernel, held against the simulated host: puppets do what they are told, and what is seen is
//! compared to the millisecond.

use brokersim::host::Simulation;
use brokersim::kernel::{
    Actor, ActorId, Addr, Builder, Burden, Command, Crash, Cx, Desk, Digest, Duration, Event, Law, Machine,
    Network, NodeId, Payload, Physics, Rng, Seat, Shape, Time, Vocabulary,
};
use serde::Serialize;

#[derive(Clone, Debug)]
struct Theatre;

impl Vocabulary for Theatre {
    type Msg = Said;
    type Fact = Seen;
}

/// What a puppet is told to do, in order.
#[derive(Clone, Debug)]
struct Said(Vec<Order>);

impl Payload for Said {
    fn bytes(&self) -> u32 {
        100
    }
}

/// Times in milliseconds.
#[derive(Clone, Debug)]
enum Order {
    Say(u32),
    Work(u64),
    Arm(u8, u64),
    Disarm(u8),
    Tell(Addr<Said>, Said),
    Do(Command),
}
use Order::{Arm, Disarm, Do, Say, Tell, Work};

#[derive(Clone, Debug, PartialEq, Serialize)]
enum Seen {
    Physics(Physics),
    /// Started, for the how-manieth time.
    Born(u32),
    Mark(u32),
    Woke(u8),
    Reset(NodeId),
    /// How it died, or how its machine was, before it was born again.
    Past(Crash, Machine),
}

impl From<Physics> for Seen {
    fn from(fact: Physics) -> Self {
        Self::Physics(fact)
    }
}

#[derive(Clone, Default)]
struct Puppet {
    lives: u32,
    deaths: Vec<Crash>,
    machine: Machine,
    /// What it does at the beginning of a life.
    at_birth: Vec<Order>,
}

fn obey(cx: &mut Cx<'_, Puppet>, orders: Vec<Order>) {
    for order in orders {
        match order {
            Say(mark) => cx.emit(Seen::Mark(mark)),
            Work(millis) => cx.work(Duration::from_millis(millis)),
            Arm(key, millis) => cx.arm(key, Duration::from_millis(millis)),
            Disarm(key) => cx.disarm(key),
            Tell(to, said) => cx.send(to, said),
            Do(command) => cx.command(command),
        }
    }
}

impl Actor for Puppet {
    type Vocab = Theatre;
    type Msg = Said;
    type Timer = u8;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.lives += 1;
        cx.emit(Seen::Born(self.lives));
        for how in std::mem::take(&mut self.deaths) {
            cx.emit(Seen::Past(how, self.machine));
        }
        obey(cx, self.at_birth.clone());
    }
    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, Said(orders): Said) {
        obey(cx, orders);
    }
    fn wake(&mut self, cx: &mut Cx<'_, Self>, timer: u8) {
        cx.emit(Seen::Woke(timer));
    }
    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        cx.emit(Seen::Reset(peer));
    }
    fn crash(&mut self, _: Time, how: Crash) {
        self.deaths.push(how);
    }
    fn machine(&mut self, _: Time, machine: Machine) {
        self.machine = machine;
    }
}

/// Says at set times what the puppets shall do.
#[derive(Clone)]
struct Director {
    script: Vec<(u64, Addr<Said>, Vec<Order>)>,
}

impl Actor for Director {
    type Vocab = Theatre;
    type Msg = Said;
    type Timer = usize;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        for (step, (at, ..)) in self.script.iter().enumerate() {
            cx.arm_at(step, Time::from_millis(*at));
        }
    }
    fn receive(&mut self, _: &mut Cx<'_, Self>, _: ActorId, _: Said) {}
    fn wake(&mut self, cx: &mut Cx<'_, Self>, step: usize) {
        let (_, to, orders) = self.script[step].clone();
        let command = |order: &Order| if let Do(command) = order { Some(*command) } else { None };
        for command in orders.iter().filter_map(command) {
            cx.command(command);
        }
        let orders: Vec<_> = orders.into_iter().filter(|order| command(order).is_none()).collect();
        if !orders.is_empty() {
            cx.send(to, Said(orders));
        }
    }
}

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);

/// What puppets on nodes A and B report while the script is played, as (millisecond, puppet, what).
struct Stage {
    builder: Builder<Theatre>,
    puppets: [Addr<Said>; 2],
    seats: Vec<Seat<Puppet>>,
    servers: u32,
    births: [Vec<Order>; 2],
}

impl Stage {
    fn new() -> Self {
        Self::with(1, Law::ZERO)
    }

    fn with(seed: u64, latency: Law) -> Self {
        let mut builder = Builder::new(seed, Network::new(Shape { latency, ..Shape::IDEAL }, seed));
        let nodes = [builder.node("a"), builder.node("b")];
        assert_eq!(nodes, [A, B]);
        let seats: Vec<Seat<Puppet>> = vec![builder.reserve(A, "puppet-a"), builder.reserve(B, "puppet-b")];
        let puppets = [seats[0].addr(), seats[1].addr()];
        Self { builder, puppets, seats, servers: 1, births: [Vec::new(), Vec::new()] }
    }

    fn servers(mut self, servers: u32) -> Self {
        self.servers = servers;
        self
    }

    fn at_birth(mut self, puppet: usize, orders: Vec<Order>) -> Self {
        self.births[puppet] = orders;
        self
    }

    fn ready(mut self, script: Vec<(u64, usize, Vec<Order>)>) -> Simulation<Theatre> {
        let desk = Desk { servers: self.servers };
        for (seat, at_birth) in self.seats.drain(..).zip(self.births) {
            self.builder.install(seat, Puppet { at_birth, ..Puppet::default() }, desk);
        }
        // The director has a node of its own for each puppet's sake: a reset would reach it, too.
        let node = self.builder.node("director");
        let script =
            script.into_iter().map(|(at, puppet, orders)| (at, self.puppets[puppet], orders)).collect();
        let seat = self.builder.reserve(node, "director");
        self.builder.install(seat, Director { script }, Desk::default());
        Simulation::new(self.builder.finish())
    }

    fn play(self, script: Vec<(u64, usize, Vec<Order>)>) -> Vec<(u64, usize, Seen)> {
        let mut events: Vec<Event<Seen>> = Vec::new();
        self.ready(script).run_until(Time::from_secs(10), &mut events);
        let own = |event: &Event<Seen>| {
            event.actor.0 < 2 && !matches!(event.fact, Seen::Born(1) | Seen::Past(..) | Seen::Physics(_))
        };
        events
            .into_iter()
            .filter(own)
            .map(|event| (event.at.as_millis(), event.actor.0 as usize, event.fact))
            .collect()
    }
}

use Seen::{Born, Mark, Reset, Woke};

fn kill(node: NodeId) -> Order {
    Do(Command::Crash(node, Crash::Process))
}
fn power_off(node: NodeId) -> Order {
    Do(Command::Crash(node, Crash::Power))
}
fn restart(node: NodeId) -> Order {
    Do(Command::Restart(node))
}

#[test]
fn work_delays_what_follows_and_makes_inputs_wait() {
    let script = vec![(0, 0, vec![Say(1), Work(10), Say(2), Work(5), Say(3)]), (3, 0, vec![Say(4)])];
    let seen = Stage::new().play(script.clone());
    assert_eq!(seen, [(0, 0, Mark(1)), (10, 0, Mark(2)), (15, 0, Mark(3)), (15, 0, Mark(4))]);
    let seen = Stage::new().servers(2).play(script);
    assert_eq!(seen, [(0, 0, Mark(1)), (3, 0, Mark(4)), (10, 0, Mark(2)), (15, 0, Mark(3))]);
}

#[test]
fn a_crash_in_the_middle_of_work_drops_what_was_put_aside_and_what_waits() {
    let seen = Stage::new().play(vec![
        (0, 0, vec![Say(1), Work(10), Say(2)]),
        (3, 0, vec![Say(3)]),
        (5, 0, vec![kill(A)]),
        (7, 0, vec![restart(A)]),
        (20, 0, vec![Say(4)]),
    ]);
    assert_eq!(seen, [(0, 0, Mark(1)), (7, 0, Born(2)), (20, 0, Mark(4))]);
}

#[test]
fn a_timer_that_is_armed_again_fires_once_at_its_last_deadline() {
    for (first, again, fires) in [(10, 20, 25), (50, 10, 15), (20, 15, 20)] {
        let seen = Stage::new().play(vec![(0, 0, vec![Arm(7, first)]), (5, 0, vec![Arm(7, again)])]);
        assert_eq!(seen, [(fires, 0, Woke(7))], "{first} ms, then {again} ms at 5");
    }
}

#[test]
fn a_timer_that_was_disarmed_while_it_waited_at_a_busy_desk_does_not_fire() {
    let with = |last: Vec<Order>| {
        Stage::new().play(vec![(0, 0, vec![Arm(1, 10)]), (5, 0, vec![Work(20)]), (6, 0, last)])
    };
    assert_eq!(with(vec![Say(1)]), [(25, 0, Mark(1)), (25, 0, Woke(1))], "not disarmed");
    assert_eq!(with(vec![Say(1), Disarm(1)]), [(25, 0, Mark(1))]);
    assert_eq!(with(vec![Arm(1, 3)]), [(28, 0, Woke(1))], "moved");
    let seen = Stage::new().play(vec![(0, 0, vec![Arm(1, 10)]), (5, 0, vec![Work(20), Disarm(1)])]);
    assert_eq!(seen, [], "disarmed by the work itself");
}

/// Two servers: while one is at work, the other takes inputs. What the first asked of a timer holds at once.
#[test]
fn what_is_asked_of_a_timer_after_work_holds_also_for_the_other_server() {
    let with = |second: Vec<Order>, third: Vec<Order>| {
        Stage::new().servers(2).play(vec![(0, 0, vec![Arm(1, 10)]), (5, 0, second), (6, 0, third)])
    };
    assert_eq!(with(vec![Work(20), Disarm(1)], vec![]), [], "disarmed");
    assert_eq!(with(vec![Work(20), Arm(1, 30)], vec![]), [(35, 0, Woke(1))], "moved");
    // The slot of a disarmed timer goes to the next one, which is not the old one's to disarm.
    assert_eq!(with(vec![Work(20), Disarm(1)], vec![Arm(2, 50)]), [(56, 0, Woke(2))]);
}

#[test]
fn a_timer_set_after_work_counts_from_when_the_input_was_taken_up() {
    let seen = Stage::new().play(vec![(0, 0, vec![Work(10), Arm(1, 30), Arm(2, 5)])]);
    assert_eq!(seen, [(10, 0, Woke(2)), (30, 0, Woke(1))]);
}

/// A tells B something, so there is a connection; then A dies.
fn death(how: Order) -> Vec<(u64, usize, Seen)> {
    let stage = Stage::with(1, Law::Constant(Duration::from_millis(1)));
    let b = stage.puppets[1];
    let tell = vec![Tell(b, Said(vec![Say(1)]))];
    stage.play(vec![(0, 0, tell), (10, 0, vec![how]), (50, 0, vec![restart(A)])])
}

#[test]
fn a_killed_process_resets_its_peers_at_once_and_a_power_cut_is_silent_until_the_restart() {
    assert_eq!(death(kill(A)), [(2, 1, Mark(1)), (11, 1, Reset(A)), (50, 0, Born(2))]);
    assert_eq!(death(power_off(A)), [(2, 1, Mark(1)), (50, 0, Born(2)), (51, 1, Reset(A))]);
}

#[test]
fn who_talks_to_a_dead_process_is_refused_and_who_talks_to_a_dead_machine_hears_nothing() {
    for (how, answers) in [(kill(A), vec![(22, 1, Reset(A))]), (power_off(A), vec![])] {
        let stage = Stage::with(1, Law::Constant(Duration::from_millis(1)));
        let a = stage.puppets[0];
        let seen = stage.play(vec![(10, 0, vec![how]), (19, 1, vec![Tell(a, Said(vec![Say(1)]))])]);
        assert_eq!(seen, answers);
    }
}

/// Latencies of 1 to 40 ms: old words, then the reset, then the words of the next life.
#[test]
fn a_reset_overtakes_nothing_and_nothing_overtakes_it() {
    for seed in 0..200 {
        let law = Law::Uniform(Duration::from_millis(1), Duration::from_millis(40));
        let stage = Stage::with(seed, law);
        let b = stage.puppets[1];
        let stage = stage.at_birth(0, vec![Tell(b, Said(vec![Say(1)]))]);
        let seen = stage.play(vec![(5, 0, vec![kill(A)]), (6, 0, vec![restart(A)])]);
        let heard: Vec<_> =
            seen.into_iter().filter(|(_, puppet, _)| *puppet == 1).map(|(.., what)| what).collect();
        assert_eq!(heard, [Mark(1), Reset(A), Mark(1)], "seed {seed}");
    }
}

#[test]
fn a_pause_holds_inputs_timers_and_work() {
    let paused = |until| {
        Stage::new().play(vec![
            (0, 0, vec![Arm(1, 12), Work(8), Say(1)]),
            (5, 0, vec![Do(Command::Pause(A))]),
            (6, 0, vec![Say(2)]),
            (until, 0, vec![Do(Command::Resume(A))]),
        ])
    };
    assert_eq!(paused(30), [(30, 0, Mark(1)), (30, 0, Mark(2)), (30, 0, Woke(1))]);
    assert_eq!(paused(7), [(8, 0, Mark(1)), (8, 0, Mark(2)), (12, 0, Woke(1))], "over before it mattered");
}

#[test]
fn a_cut_swallows_one_direction_in_silence() {
    let stage = Stage::new();
    let [a, b] = stage.puppets;
    let tell = |to| vec![Tell(to, Said(vec![Say(1)]))];
    let seen = stage.play(vec![
        (1, 0, vec![Do(Command::Cut(A, B))]),
        (2, 0, tell(b)),
        (2, 1, tell(a)),
        (3, 0, vec![Do(Command::Heal(A, B))]),
        (4, 0, tell(b)),
    ]);
    assert_eq!(seen, [(2, 0, Mark(1)), (4, 1, Mark(1))]);
}

#[test]
fn a_refusal_resets_what_there_is_and_whoever_tries_again() {
    let stage = Stage::new();
    let [_, b] = stage.puppets;
    let tell = || vec![Tell(b, Said(vec![Say(1)]))];
    let seen = stage.play(vec![
        (1, 0, vec![Do(Command::Refuse(A, B))]),
        (2, 0, tell()),
        (3, 0, vec![Do(Command::Accept(A, B))]),
        (4, 0, tell()),
    ]);
    let both_ends = [(1, 0, Reset(B)), (1, 1, Reset(A))];
    let mut at_once = seen[..2].to_vec();
    at_once.sort_by_key(|(_, puppet, _)| *puppet);
    assert_eq!(at_once, both_ends);
    assert_eq!(seen[2..], [(2, 0, Reset(B)), (4, 1, Mark(1))]);
}

#[test]
fn work_on_a_slow_machine_takes_as_many_times_as_long() {
    let slow = |cpu| Do(Command::Machine(A, Machine { cpu, ..Machine::SOUND }));
    let seen = Stage::new().play(vec![
        (1, 0, vec![slow(2_500)]),
        (2, 0, vec![Work(4), Say(1)]),
        (2, 1, vec![Work(4), Say(2)]),
        (20, 0, vec![slow(1_000)]),
        (21, 0, vec![Work(4), Say(3)]),
    ]);
    assert_eq!(seen, [(6, 1, Mark(2)), (12, 0, Mark(1)), (25, 0, Mark(3))]);
}

#[test]
fn a_burden_is_carried_one_way_until_it_is_taken_off() {
    let stage = Stage::new();
    let [a, b] = stage.puppets;
    let tell = |to| vec![Tell(to, Said(vec![Say(1)]))];
    let late = Burden::Delay(Duration::from_millis(5));
    let seen = stage.play(vec![
        (1, 0, vec![Do(Command::Burden(A, B, late))]),
        (2, 0, tell(b)),
        (2, 1, tell(a)),
        (10, 0, vec![Do(Command::Relieve(A, B, late))]),
        (11, 0, tell(b)),
    ]);
    assert_eq!(seen, [(2, 0, Mark(1)), (7, 1, Mark(1)), (11, 1, Mark(1))]);
}

#[test]
fn what_happens_to_a_dead_process_s_machine_is_there_when_it_comes_back() {
    let full = Machine { disk_full: true, ..Machine::SOUND };
    let past = |second: Crash| {
        let script = vec![
            (1, 0, vec![kill(A)]),
            (2, 0, vec![Do(Command::Crash(A, second))]),
            (3, 0, vec![Do(Command::Machine(A, full))]),
            (4, 0, vec![restart(A)]),
        ];
        let mut events: Vec<Event<Seen>> = Vec::new();
        Stage::new().ready(script).run_until(Time::from_secs(1), &mut events);
        let past = events.into_iter().filter(|event| matches!(event.fact, Seen::Past(..)));
        past.map(|event| event.fact).collect::<Vec<_>>()
    };
    let killed = Seen::Past(Crash::Process, full);
    assert_eq!(past(Crash::Process), std::slice::from_ref(&killed), "a dead process cannot be killed");
    assert_eq!(past(Crash::Power), [killed.clone(), Seen::Past(Crash::Power, full)], "its page cache can");
    assert_eq!(past(Crash::DiskLoss), [killed, Seen::Past(Crash::DiskLoss, full)]);
}

/// A puppet with a will of its own: sends, works, arms and disarms at random, for ever.
#[derive(Clone)]
struct Gossip {
    friends: Vec<Addr<Said>>,
}

impl Gossip {
    fn chatter(&mut self, cx: &mut Cx<'_, Self>) {
        let mark = cx.rng().below(1_000) as u32;
        cx.emit(Mark(mark));
        if cx.rng().chance(0.4) {
            let cost = Law::Exponential { mean: Duration::from_micros(300) }.sample(cx.rng());
            cx.work(cost);
        }
        let friend = self.friends[cx.rng().below(self.friends.len() as u64) as usize];
        cx.send(friend, Said(vec![Say(mark); mark as usize % 3]));
        let key = cx.rng().below(4) as u8;
        if cx.rng().chance(0.2) {
            cx.disarm(key);
        }
        let after = Law::Exponential { mean: Duration::from_millis(1) }.sample(cx.rng());
        cx.arm(key, after);
        cx.emit(Mark(mark + 1_000));
    }
}

impl Actor for Gossip {
    type Vocab = Theatre;
    type Msg = Said;
    type Timer = u8;

    fn start(&mut self, cx: &mut Cx<'_, Self>) {
        self.chatter(cx);
    }
    fn receive(&mut self, cx: &mut Cx<'_, Self>, _: ActorId, Said(orders): Said) {
        if !orders.is_empty() {
            self.chatter(cx);
        }
    }
    fn wake(&mut self, cx: &mut Cx<'_, Self>, _: u8) {
        self.chatter(cx);
    }
    fn disconnected(&mut self, cx: &mut Cx<'_, Self>, peer: NodeId) {
        cx.emit(Reset(peer));
    }
}

/// Eight gossips on four nodes, desks of one and two servers, and everything that can go wrong.
fn village(seed: u64) -> Simulation<Theatre> {
    let latency = Law::lognormal(Duration::from_micros(200), Duration::from_millis(2));
    let mut builder = Builder::new(seed, Network::new(Shape { latency, ..Shape::IDEAL }, seed));
    let nodes: Vec<_> = (0..4).map(|at| builder.node(format!("house-{at}"))).collect();
    let seats: Vec<Seat<Gossip>> =
        (0..8).map(|at| builder.reserve(nodes[at % 4], format!("gossip-{at}"))).collect();
    let friends: Vec<_> = seats.iter().map(Seat::addr).collect();
    for (at, seat) in seats.into_iter().enumerate() {
        builder.install(seat, Gossip { friends: friends.clone() }, Desk { servers: 1 + at as u32 % 2 });
    }
    let [a, b, c, d] = [0, 1, 2, 3].map(|at| nodes[at]);
    let wrong = [
        (50, Command::Crash(a, Crash::Process)),
        (80, Command::Pause(b)),
        (90, Command::Restart(a)),
        (100, Command::Cut(c, d)),
        (120, Command::Resume(b)),
        (130, Command::Crash(d, Crash::Power)),
        (105, Command::Machine(c, Machine { cpu: 3_000, ..Machine::SOUND })),
        (110, Command::Burden(a, c, Burden::Jitter(Duration::from_millis(2)))),
        (115, Command::Burden(a, c, Burden::Bandwidth(200_000))),
        (125, Command::Refuse(b, a)),
        (145, Command::Accept(b, a)),
        (150, Command::Heal(c, d)),
        (160, Command::Restart(d)),
        (170, Command::Relieve(a, c, Burden::Bandwidth(200_000))),
        (180, Command::Crash(b, Crash::Exit)),
        (190, Command::Restart(b)),
    ];
    let script = wrong.into_iter().map(|(at, command)| (at, friends[0], vec![Do(command)])).collect();
    let node = builder.node("director");
    let seat = builder.reserve(node, "director");
    builder.install(seat, Director { script }, Desk::default());
    Simulation::new(builder.finish())
}

const END: Time = Time::from_millis(300);

fn digest_in_one_go(seed: u64) -> (Digest, u64) {
    let mut run = village(seed);
    run.run_until(END, &mut ());
    (run.digest(), run.facts())
}

#[test]
fn two_runs_of_a_seed_are_equal_and_runs_of_two_seeds_are_not() {
    let (digest, facts) = digest_in_one_go(1);
    assert!(facts > 5_000, "{facts} facts: the village is alive");
    assert_eq!((digest, facts), digest_in_one_go(1));
    assert_ne!(digest, digest_in_one_go(2).0);
}

#[test]
fn a_snapshot_taken_anywhere_resumes_to_the_same_digest() {
    let expected = digest_in_one_go(3);
    let mut run = village(3);
    for at in 0..30 {
        run.run_until(Time::from_millis(at * 10), &mut ());
        let mut copy = run.clone();
        assert_eq!(copy.digest(), run.digest());
        copy.run_until(END, &mut ());
        assert_eq!((copy.digest(), copy.facts()), expected, "taken at {} ms", at * 10);
    }
}

#[test]
fn a_snapshot_taken_between_two_events_of_one_instant_resumes_to_the_same_digest() {
    let expected = digest_in_one_go(4);
    let mut run = village(4);
    for _ in 0..200 {
        run.step(23, END, &mut ());
        run = run.clone();
    }
    run.run_until(END, &mut ());
    assert_eq!((run.digest(), run.facts()), expected);
}

#[test]
fn many_small_slices_are_one_run() {
    let expected = digest_in_one_go(5);
    let mut rng = Rng::named(5, "slices");
    let mut run = village(5);
    while run.now() < END {
        let slice = Time::from_nanos(run.now().as_nanos() + rng.below(2_000_000));
        run.step(rng.below(40), slice, &mut ());
        run.run_until(slice.min(END), &mut ());
    }
    run.run_until(END, &mut ());
    assert_eq!((run.digest(), run.facts()), expected);
}

#[test]
fn observers_are_shown_every_event_once_in_order_with_earlier_causes() {
    let mut events: Vec<Event<Seen>> = Vec::new();
    let mut run = village(6);
    run.run_until(END, &mut events);
    assert_eq!(events.len() as u64, run.facts());
    for (event, serial) in events.iter().zip(1..) {
        assert!(event.serial == serial && event.cause < serial, "{event:?}");
    }
    assert!(events.is_sorted_by_key(|event| event.at));
}
