//! What has no meaning with ZeroMQ.

use super::super::error::Finding;
use super::Check;

pub(super) fn check(cx: &mut Check<'_>) {
    let foreign = [
        ("group", "ZeroMQ has no consumer groups: a message goes to one of the PULL sockets"),
        ("commit", "ZeroMQ has nothing to commit: a message that was received is gone"),
        ("outbox", "a PUSH socket tells nobody what became of a message"),
        (
            "consumer",
            "these are Kafka's settings; ZeroMQ's options stand in [zeromq] or [zeromq.channels.NAME]",
        ),
        (
            "producer",
            "these are Kafka's settings; ZeroMQ's options stand in [zeromq] or [zeromq.channels.NAME]",
        ),
    ];
    for kind in ["generator", "processor", "sink"] {
        for written in cx.entries(kind) {
            for (name, why) in foreign {
                let Some(entry) = written.table.and_then(|table| table.get(name)) else { continue };
                cx.report(
                    Finding::new("zeromq::foreign", format!("`{name}` has no meaning with ZeroMQ"))
                        .at(entry.place, "leave it out")
                        .help(why),
                );
            }
        }
    }
}
