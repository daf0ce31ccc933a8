//! What processors and sinks share: the poll loop of an application that reads, and what can go wrong in it.
//!
//! ```text
//! Away -> Polling -> (records) -> Working -> (results safe?) -> Committing -> Polling
//!  ^         |                       |
//!  +- close -+                       +-> the process exits, or a handler throws
//! ```
//!
//! The loop asks for records, works on them one after the other, settles by its policy, and asks again. A
//! record in work is a timer, so that the application can be told things meanwhile: to hang, to be slow, to end.
//!
//! **Invariant.** Each record that was handed over is worked on at most once for each time it was handed over,
//! in order unless there are workers. Nothing is said to the client between a `Next` and its answer but `Leave`.
//!
//! With `workers` the poll loop hands records to threads and polls again at once: what is committed then by
//! `enable.auto.commit` is what was handed over, not what was processed (oracle 13, row 24).
//!
//! **Not modelled:** retries inside a handler (write them as a longer `service`), threads that share cores.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::{Actor, Addr, Command, Crash, Cx, Duration, Law, Machine, NodeId, Time};
use crate::trace::{GroupId, Ids, Life, PlaceId, Reason, Span};
use crate::wire::Brokersim;
use crate::wire::operator::{PerMille, ToApplication, ToSupervisor};
use crate::wire::port::{Delivery, FromSubscriber, ToSubscriber};

/// When an application tells the system that it is done with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The client does it by itself (`enable.auto.commit`).
    Auto,
    /// After the work, before the next poll: at least once.
    After,
    /// Before the work: at most once.
    Before,
}

/// What an application does when its handler throws an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Nobody catches it: the process exits.
    Crash,
    /// It is logged, and the next record is taken up.
    Skip,
    /// The loop ends: `close()` in `finally`, which commits what was handed over where commits are automatic
    /// (oracle 13, row 24).
    Stop,
    /// The record is put aside, and the next one is taken up.
    DeadLetter,
}

/// Where in the loop a process exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// As soon as the record is processed.
    AtOnce,
    /// When the batch is processed, before anything is settled or polled.
    BeforeCommit,
    /// When the next settlement has been confirmed.
    AfterCommit,
}

/// A process that exits when it has processed so many records; once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPlan {
    /// So many records, by all its incarnations together; at least 1.
    pub after: u64,
    /// Where in the loop.
    pub point: CrashPoint,
}

/// The setting of a poll loop.
#[derive(Clone, Debug)]
pub struct ReaderSetup {
    /// Which group it belongs to.
    pub group: GroupId,
    /// Whether what it has not settled is handed out again; where not, what dies in its hands is lost.
    pub settles: bool,
    /// Through whom it reads.
    pub subscriber: Addr<ToSubscriber>,
    /// How long it works on a record.
    pub service: Law,
    /// When it settles.
    pub commit: Commit,
    /// When it begins to read; [`Time::NEVER`] when it waits to be told.
    pub start: Time,
    /// When it leaves in good order; [`Time::NEVER`] when it stays.
    pub stop: Time,
    /// Threads that records are handed to; 0 when the poll loop does the work.
    pub workers: u32,
    /// What it does about exceptions.
    pub on_error: OnError,
    /// When its process exits by itself.
    pub crash: Option<CrashPlan>,
    /// Its own node.
    pub node: NodeId,
    /// Who starts its process again when it has exited, and after how long; none: nobody.
    pub supervisor: Option<(Addr<ToSupervisor>, Duration)>,
}

/// What an application that reads is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReaderTimer {
    /// Begin.
    Start,
    /// Leave.
    Stop,
    /// A record is processed: by this thread, 0 when the poll loop does the work.
    Work(u32),
}

/// Records that wait for workers at most: then the poll loop waits, too (a bounded queue with a blocking put).
const QUEUE: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Has not begun, or has left.
    Away,
    /// In `poll()`.
    Polling,
    /// Works on what it was handed.
    Working,
    /// Waits until its results are safe.
    Flushing,
    /// In `commitSync()`; `true`: the work comes after it.
    Committing(bool),
    /// The workers' queue is full.
    Full,
}

/// One record to work on.
#[derive(Clone, Debug)]
struct Task {
    place: PlaceId,
    offset: u64,
    one: Span,
}

/// A record in work.
#[derive(Clone, Debug)]
struct Job {
    task: Task,
    done_at: Time,
    /// How long it takes yet, while the handler hangs.
    left: Option<Duration>,
}

/// A poll loop.
#[derive(Clone, Debug)]
pub struct Reader {
    setup: Arc<ReaderSetup>,
    phase: Phase,
    /// Handed over and not begun, by delivery, and how much of the first is begun.
    batch: VecDeque<Delivery>,
    begun: u32,
    /// What workers have not taken up.
    queue: VecDeque<Task>,
    jobs: Vec<Option<Job>>,
    /// What was lost with the last life of the process.
    buried: Vec<Ids>,
    slow: PerMille,
    /// How slow its machine is.
    cpu: PerMille,
    stuck: bool,
    closing: bool,
    /// Told to begin; so it does after a restart, too.
    invited: bool,
    /// By all incarnations.
    processed: u64,
    crash_due: bool,
}

/// An application around a poll loop.
pub(super) trait Application: Actor<Vocab = Brokersim, Timer = ReaderTimer> {
    /// Its loop.
    fn reader(&mut self) -> &mut Reader;
    /// Whether anything comes of the work on a record.
    const HANDLES: bool;
    /// The work on one record, which came from there, is done: what comes of it.
    fn handle(&mut self, cx: &mut Cx<'_, Self>, one: &Span, at: (PlaceId, u64));
    /// Sees to it that the results are safe before what they came from is settled; false when they are.
    fn secure(&mut self, cx: &mut Cx<'_, Self>) -> bool;
}

impl Reader {
    /// The group that it reads in.
    pub(super) fn group(&self) -> GroupId {
        self.setup.group
    }

    /// A loop that has not begun.
    pub fn new(setup: ReaderSetup) -> Self {
        let threads = setup.workers.max(1) as usize;
        Self {
            phase: Phase::Away,
            batch: VecDeque::new(),
            begun: 0,
            queue: VecDeque::new(),
            jobs: vec![None; threads],
            buried: Vec::new(),
            slow: PerMille::USUAL,
            cpu: PerMille::USUAL,
            stuck: false,
            closing: false,
            invited: false,
            processed: 0,
            crash_due: setup.crash.is_some(),
            setup: Arc::new(setup),
        }
    }

    /// The process has died: what it held is gone; what is wrong with its surroundings stays.
    pub(super) fn crash(&mut self) {
        self.phase = Phase::Away;
        let lost = self.drop_work();
        self.buried.extend(lost);
        (self.stuck, self.closing) = (false, false);
    }

    /// Its machine is in this state: what is begun from now on takes so long there.
    pub(super) fn machine(&mut self, machine: Machine) {
        self.cpu = PerMille::new(machine.cpu);
    }

    /// Lets go of what it has in hand: that of it which nobody hands out again.
    fn drop_work(&mut self) -> Vec<Ids> {
        let begun = std::mem::take(&mut self.begun);
        let rest = self.batch.drain(..).enumerate().map(|(at, Delivery { span, .. })| {
            let from = if at == 0 { span.from + begun } else { span.from };
            Span { from, ..span }
        });
        let tasks = self.jobs.iter_mut().filter_map(|job| Some(job.take()?.task)).chain(self.queue.drain(..));
        let held: Vec<_> = tasks.map(|task| task.one).chain(rest).map(Ids::Span).collect();
        if self.setup.settles { Vec::new() } else { held }
    }

    /// Whether the process exits here.
    fn dies_at(&self, point: CrashPoint) -> bool {
        let plan = self.setup.crash.filter(|_| self.crash_due);
        plan.is_some_and(|plan| plan.point == point && self.processed >= plan.after)
    }

    /// The next record of the batch, cut off from it.
    fn next_task(&mut self) -> Option<Task> {
        let delivery = self.batch.front()?;
        let Span { batch, from, to } = &delivery.span;
        let index = from + self.begun;
        let task = Task {
            place: delivery.place,
            offset: delivery.offset + u64::from(self.begun),
            one: Span { batch: Arc::clone(batch), from: index, to: index + 1 },
        };
        self.begun += 1;
        if index + 1 == *to {
            self.batch.pop_front();
            self.begun = 0;
        }
        Some(task)
    }

    /// A whole delivery that takes no time and in which nothing can go wrong.
    fn next_whole(&mut self) -> Option<Delivery> {
        let plain = self.setup.service.is_zero() && !self.stuck && !self.crash_due && self.begun == 0;
        let delivery = self.batch.front().filter(|_| plain)?;
        if delivery.span.records().iter().any(crate::trace::Record::is_poison) {
            return None;
        }
        self.batch.pop_front()
    }
}

/// The process begins: arms what begins and ends reading. After a restart it begins at once.
pub(super) fn begin<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    let reader = app.reader();
    bury(cx, std::mem::take(&mut reader.buried));
    let setup = Arc::clone(&reader.setup);
    let start = if reader.invited { Time::ZERO } else { setup.start };
    if cx.now() < setup.stop && start < Time::NEVER {
        cx.arm_at(ReaderTimer::Start, start);
    }
    if setup.stop < Time::NEVER {
        cx.arm_at(ReaderTimer::Stop, setup.stop);
    }
}

/// Says what was lost in the hands of this process.
fn bury<A: Application>(cx: &mut Cx<'_, A>, lost: Vec<Ids>) {
    for ids in lost {
        cx.emit(Life::Dropped { ids, why: Reason::PeerDied });
    }
}

/// A timer has run out.
pub(super) fn ring<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, timer: ReaderTimer) {
    match timer {
        ReaderTimer::Start => enter(app, cx),
        ReaderTimer::Stop => close(app, cx),
        ReaderTimer::Work(thread) => worked(app, cx, thread as usize),
    }
}

/// The client says something.
pub(super) fn hear<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, msg: FromSubscriber) {
    match msg {
        FromSubscriber::Deliver(deliveries) => take(app, cx, &deliveries),
        FromSubscriber::Settled { .. } => settled(app, cx),
        FromSubscriber::Assigned(_) | FromSubscriber::Revoked(_) => {}
    }
}

/// Somebody from outside says something. What only concerns those who publish is not said to who only reads.
pub(super) fn obey<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, told: ToApplication) {
    match told {
        ToApplication::Slow(factor) => app.reader().slow = factor,
        ToApplication::Stuck(stuck) => hang(app, cx, stuck),
        ToApplication::Close => close(app, cx),
        ToApplication::Join => {
            app.reader().invited = true;
            enter(app, cx);
        }
        ToApplication::Burst(_)
        | ToApplication::Rate(_)
        | ToApplication::Offer(_)
        | ToApplication::Skew(_)
        | ToApplication::Poison(_) => {}
    }
}

/// The results of the batch are safe.
pub(super) fn secured<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    if app.reader().phase == Phase::Flushing {
        commit(app, cx, false);
    }
}

fn enter<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    if app.reader().phase == Phase::Away {
        app.reader().closing = false;
        poll(app, cx);
    }
}

/// Back at the top of the loop.
fn poll<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    let reader = app.reader();
    if reader.closing {
        return leave(app, cx, ToSubscriber::Close);
    }
    reader.phase = Phase::Polling;
    cx.send(reader.setup.subscriber, ToSubscriber::Next);
}

/// A request to end: `wakeup()` in `poll()`, else a flag that the loop looks at.
fn close<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    cx.disarm(ReaderTimer::Start);
    let reader = app.reader();
    match reader.phase {
        Phase::Away => {}
        Phase::Polling => leave(app, cx, ToSubscriber::Leave),
        Phase::Full => leave(app, cx, ToSubscriber::Close),
        Phase::Working | Phase::Flushing | Phase::Committing(_) => reader.closing = true,
    }
}

/// `close()`, from inside `poll()` or not.
fn leave<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, how: ToSubscriber) {
    let reader = app.reader();
    reader.phase = Phase::Away;
    reader.closing = false;
    cx.send(reader.setup.subscriber, how);
}

fn take<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, deliveries: &[Delivery]) {
    let reader = app.reader();
    if reader.phase != Phase::Polling {
        // It left while they were on their way, and said so with `Leave`.
        return;
    }
    reader.batch.extend(deliveries.iter().cloned());
    match reader.setup.commit {
        _ if reader.setup.workers > 0 => hand_on(app, cx),
        Commit::Before => commit(app, cx, true),
        Commit::Auto | Commit::After => proceed(app, cx),
    }
}

/// Hands everything to the workers and polls again.
fn hand_on<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    let reader = app.reader();
    while let Some(task) = reader.next_task() {
        reader.queue.push_back(task);
    }
    for thread in 0..app.reader().jobs.len() {
        if !staff(app, cx, thread) {
            return;
        }
    }
    let reader = app.reader();
    if reader.queue.len() < QUEUE { poll(app, cx) } else { reader.phase = Phase::Full }
}

/// An idle worker takes up what waits; false when that ended everything.
fn staff<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, thread: usize) -> bool {
    while app.reader().jobs[thread].is_none() {
        let Some(task) = app.reader().queue.pop_front() else { return true };
        if !start(app, cx, thread, task) {
            return false;
        }
    }
    true
}

/// Takes up the next records of the batch, or ends it.
fn proceed<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    app.reader().phase = Phase::Working;
    loop {
        if let Some(whole) = app.reader().next_whole() {
            process_whole(app, cx, &whole);
            continue;
        }
        let Some(task) = app.reader().next_task() else { return finish_batch(app, cx) };
        if !start(app, cx, 0, task) || app.reader().jobs[0].is_some() {
            return;
        }
    }
}

fn process_whole<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, delivery: &Delivery) {
    let reader = app.reader();
    let (group, place, offset) = (reader.setup.group, delivery.place, delivery.offset);
    reader.processed += u64::from(delivery.span.len());
    cx.emit(Life::Processed { ids: Ids::Span(delivery.span.clone()), group, place, offset });
    let handled = if A::HANDLES { delivery.span.from..delivery.span.to } else { 0..0 };
    for (from, offset) in handled.zip(offset..) {
        app.handle(
            cx,
            &Span { batch: Arc::clone(&delivery.span.batch), from, to: from + 1 },
            (place, offset),
        );
    }
}

/// A thread begins to work on a record, or has done with it already; false when that ended everything.
fn start<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, thread: usize, task: Task) -> bool {
    let reader = app.reader();
    let cost = reader.cpu.of(reader.slow.of(reader.setup.service.sample(cx.rng())));
    if cost.is_zero() && !reader.stuck {
        return finish(app, cx, &task);
    }
    let left = reader.stuck.then_some(cost);
    let done_at = cx.now() + cost;
    reader.jobs[thread] = Some(Job { task, done_at, left });
    if left.is_none() {
        cx.arm_at(ReaderTimer::Work(thread as u32), done_at);
    }
    true
}

fn worked<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, thread: usize) {
    let job = app.reader().jobs[thread].take().expect("a thread that is done had work");
    if !finish(app, cx, &job.task) {
        return;
    }
    if app.reader().setup.workers == 0 {
        return proceed(app, cx);
    }
    if !staff(app, cx, thread) {
        return;
    }
    let reader = app.reader();
    if reader.phase == Phase::Full && reader.queue.len() < QUEUE {
        poll(app, cx);
    }
}

/// A record's time is over: it is processed, or the handler throws; false when that ended everything.
fn finish<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, task: &Task) -> bool {
    let reader = app.reader();
    let (group, place, offset) = (reader.setup.group, task.place, task.offset);
    let ids = Ids::Span(task.one.clone());
    if task.one.records()[0].is_poison() {
        cx.emit(Life::Failed { ids, group, place, offset, why: Reason::HandlerFailed });
        return thrown(app, cx, task);
    }
    reader.processed += 1;
    cx.emit(Life::Processed { ids, group, place, offset });
    app.handle(cx, &task.one, (place, offset));
    !exits_at(app, cx, CrashPoint::AtOnce)
}

/// What the application does about an exception; false when it does nothing any more.
fn thrown<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, task: &Task) -> bool {
    match app.reader().setup.on_error {
        OnError::Skip => true,
        OnError::DeadLetter => {
            cx.emit(Life::DeadLettered { ids: Ids::Span(task.one.clone()), why: Reason::HandlerFailed });
            true
        }
        OnError::Stop => {
            let reader = app.reader();
            bury(cx, reader.drop_work());
            for thread in 0..reader.jobs.len() {
                cx.disarm(ReaderTimer::Work(thread as u32));
            }
            leave(app, cx, ToSubscriber::Close);
            false
        }
        OnError::Crash => {
            exit(app, cx);
            false
        }
    }
}

/// Everything of the batch is processed.
fn finish_batch<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    let policy = app.reader().setup.commit;
    match policy {
        Commit::After => {
            app.reader().phase = Phase::Flushing;
            if !app.secure(cx) {
                commit(app, cx, false);
            }
        }
        Commit::Auto if exits_at(app, cx, CrashPoint::BeforeCommit) => {}
        Commit::Auto | Commit::Before => poll(app, cx),
    }
}

/// `commitSync()`
fn commit<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, work_follows: bool) {
    if exits_at(app, cx, CrashPoint::BeforeCommit) {
        return;
    }
    let reader = app.reader();
    reader.phase = Phase::Committing(work_follows);
    cx.send(reader.setup.subscriber, ToSubscriber::Settle);
}

/// `commitSync()` has returned, or has thrown: either way the loop goes on.
fn settled<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    let Phase::Committing(work_follows) = app.reader().phase else { return };
    if exits_at(app, cx, CrashPoint::AfterCommit) {
        return;
    }
    if work_follows { proceed(app, cx) } else { poll(app, cx) }
}

/// The handlers hang, or go on with what they had left to do.
fn hang<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, stuck: bool) {
    let (reader, now) = (app.reader(), cx.now());
    if reader.phase == Phase::Away || std::mem::replace(&mut reader.stuck, stuck) == stuck {
        return;
    }
    for (thread, job) in reader.jobs.iter_mut().enumerate() {
        let timer = ReaderTimer::Work(thread as u32);
        let Some(job) = job else { continue };
        match job.left.take() {
            None => {
                job.left = Some(job.done_at.since(now));
                cx.disarm(timer);
            }
            Some(left) => {
                job.done_at = now + left;
                cx.arm_at(timer, job.done_at);
            }
        }
    }
}

/// Ends the process when it is time for that here.
fn exits_at<A: Application>(app: &mut A, cx: &mut Cx<'_, A>, point: CrashPoint) -> bool {
    let dies = app.reader().dies_at(point);
    if dies {
        app.reader().crash_due = false;
        exit(app, cx);
    }
    dies
}

/// The process ends without a goodbye. What it had asked for before is still done.
fn exit<A: Application>(app: &mut A, cx: &mut Cx<'_, A>) {
    let reader = app.reader();
    reader.phase = Phase::Away;
    let node = reader.setup.node;
    if let Some((supervisor, restart_after)) = reader.setup.supervisor {
        cx.send(supervisor, ToSupervisor::Exited { node, restart_after });
    }
    cx.command(Command::Crash(node, Crash::Process));
}
