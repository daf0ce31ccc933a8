//! Who listens at a port, when it is no Kafka broker: asked in the languages of those who are usually taken for one.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long one of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A request, how its answer begins, who answers so, and what to do.
type Guess = (&'static [u8], &'static [u8], &'static str);

/// MQTT 3.1.1, 3.1: CONNECT with a clean session and no name.
const MQTT_CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00";
const HTTP_GET: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

const GUESSES: [Guess; 4] = [
    (HTTP_GET, b"HTTP/", "a web server answers there: Kafka's port is another one, usually 9092"),
    (HTTP_GET, b"AMQP", "RabbitMQ answers there, and not Kafka: is the port right?"),
    // An alert of TLS 1.0 to 1.3: RFC 8446, 6.
    (HTTP_GET, b"\x15\x03", "it expects TLS: say --client-property security.protocol=SSL or SASL_SSL"),
    (MQTT_CONNECT, b"\x20\x02", "an MQTT broker answers there: try --on mqtt://, with a scenario about MQTT"),
];

/// Who listens at `host:port`, and what to do about it; none when nobody known answers.
pub(super) fn who_listens(server: &str) -> Option<&'static str> {
    [HTTP_GET, MQTT_CONNECT].into_iter().find_map(|asked| {
        let answer = ask(server, asked)?;
        let is_it = |guess: &&Guess| guess.0 == asked && answer.starts_with(guess.1);
        GUESSES.iter().find(is_it).map(|guess| guess.2)
    })
}

/// The first bytes of an answer.
fn ask(server: &str, request: &[u8]) -> Option<Vec<u8>> {
    let address = server.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = vec![0; 16];
    let read = stream.read(&mut answer).ok()?;
    answer.truncate(read);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// Somebody who answers everything alike.
    fn listener(answer: &'static [u8]) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it has an address").to_string();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let mut stream = stream.expect("somebody connects");
                let mut asked = [0; 64];
                let _ = stream.read(&mut asked).and_then(|_| stream.write(answer));
            }
        });
        (address, thread)
    }

    #[test]
    fn a_web_server_is_known_by_its_answer() {
        let (address, _thread) = listener(b"HTTP/1.0 400 Bad Request\r\n");
        assert!(who_listens(&address).is_some_and(|who| who.contains("a web server")));
    }

    #[test]
    fn an_mqtt_broker_is_known_by_its_answer_and_who_talks_nonsense_by_none() {
        let (address, _thread) = listener(b"\x20\x02\x00\x00");
        assert!(who_listens(&address).is_some_and(|who| who.contains("mqtt://")));
        let (address, _thread) = listener(b"What?");
        assert_eq!(who_listens(&address), None);
    }
}
