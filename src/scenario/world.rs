//! Where a scenario runs: in the simulation, in real time, or bound to real brokers.

use std::fmt;
use std::str::FromStr;

/// A world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum World {
    /// Everything simulated, under virtual time.
    #[default]
    Simulated,
    /// Everything simulated, in real time.
    Live,
    /// Real clients, on a real Kafka cluster.
    Kafka(Vec<Server>),
    /// Real clients, on a real MQTT broker.
    Mqtt(Server),
    /// Real clients, on a broker within this process.
    Embedded,
}

/// Where a broker listens.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// A name or an address; an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// User and password, where a URL says them (MQTT). The password, which may be empty, is shown nowhere.
    pub login: Option<(String, String)>,
    /// Whether TLS is spoken there (`mqtts://`).
    pub tls: bool,
}

impl Server {
    /// Whether it is on this machine, by its name.
    pub fn is_here(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `host:port`
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl World {
    /// Whether time is that of the clock.
    pub fn is_real_time(&self) -> bool {
        *self != Self::Simulated
    }

    /// The servers that are named.
    pub fn servers(&self) -> &[Server] {
        match self {
            Self::Simulated | Self::Live | Self::Embedded => &[],
            Self::Kafka(servers) => servers,
            Self::Mqtt(server) => std::slice::from_ref(server),
        }
    }
}

/// As on the command line.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated => f.write_str("simulation"),
            Self::Live => f.write_str("live"),
            Self::Kafka(servers) => {
                let servers: Vec<String> = servers.iter().map(Server::to_string).collect();
                write!(f, "kafka://{}", servers.join(","))
            }
            Self::Mqtt(server) if server.tls => write!(f, "mqtts://{server}"),
            Self::Mqtt(server) => write!(f, "mqtt://{server}"),
            Self::Embedded => f.write_str("embedded"),
        }
    }
}

/// Kafka's and MQTT's usual ports.
const KAFKA_PORT: u16 = 9092;
const MQTT_PORT: u16 = 1883;
const MQTTS_PORT: u16 = 8883;

impl FromStr for World {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "simulation" => return Ok(Self::Simulated),
            "live" => return Ok(Self::Live),
            "embedded" => return Ok(Self::Embedded),
            _ => {}
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("there is no world `{text}`; {WORLDS}"));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        match scheme {
            "kafka" => {
                let servers =
                    rest.split(',').map(|text| server(text, KAFKA_PORT)).collect::<Result<_, _>>()?;
                Ok(Self::Kafka(servers))
            }
            "mqtt" | "mqtts" => {
                let (login, rest) = login(rest)?;
                let tls = scheme == "mqtts";
                let usual = if tls { MQTTS_PORT } else { MQTT_PORT };
                Ok(Self::Mqtt(Server { login, tls, ..server(rest, usual)? }))
            }
            "ws" | "wss" => Err(format!(
                "MQTT is spoken over TCP, and `{scheme}://` is not built in: name a listener without WebSockets, as \
                 `mqtt://HOST:PORT` or `mqtts://HOST:PORT`"
            )),
            _ => Err(format!("nothing is known of `{scheme}://`; {WORLDS}")),
        }
    }
}

const WORLDS: &str = "there are `simulation`, `live`, `kafka://HOST:PORT[,HOST:PORT]`, `mqtt://[USER:PASSWORD@]HOST:PORT` (`mqtts://` with TLS) and `embedded`";

/// User and password.
type Login = (String, String);

/// What stands before the last `@`, which a password may contain, and what follows.
fn login(text: &str) -> Result<(Option<Login>, &str), String> {
    let Some((login, rest)) = text.rsplit_once('@') else { return Ok((None, text)) };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    if user.is_empty() {
        return Err(format!("the user is missing before `@{rest}`"));
    }
    Ok((Some((user.to_owned(), password.to_owned())), rest))
}

/// `host`, `host:port`, `[address]:port`.
fn server(text: &str, usual: u16) -> Result<Server, String> {
    let wrong = |why: &str| format!("`{text}` is not HOST:PORT: {why}");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(|| wrong("`]` is missing"))?;
            (
                host,
                if port.is_empty() {
                    None
                } else {
                    Some(port.strip_prefix(':').ok_or_else(|| wrong("`:` comes after `]`"))?)
                },
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(wrong("the host is missing"));
    }
    if host.contains(['/', '@', ' ', '?']) {
        return Err(wrong("there can be nothing but a host and a port"));
    }
    let port = match port.map(str::parse::<u16>) {
        None => usual,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return Err(wrong("a port is 1 to 65535")),
    };
    Ok(Server { host: host.to_owned(), port, login: None, tls: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_shown_as_it_is_written() {
        for text in [
            "simulation",
            "live",
            "embedded",
            "kafka://a:1,b:2",
            "mqtt://localhost:1884",
            "mqtts://localhost:8884",
            "kafka://[::1]:9092",
        ] {
            assert_eq!(text.parse::<World>().map(|world| world.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_port_that_is_not_given_is_the_usual_one() {
        assert_eq!(
            "kafka://broker".parse::<World>().map(|world| world.to_string()),
            Ok("kafka://broker:9092".into())
        );
        assert_eq!(
            "mqtt://[::1]/".parse::<World>().map(|world| world.to_string()),
            Ok("mqtt://[::1]:1883".into())
        );
        assert_eq!("mqtts://a".parse::<World>().map(|world| world.to_string()), Ok("mqtts://a:8883".into()));
    }

    #[test]
    fn what_is_no_world_is_refused_with_what_there_is() {
        for text in [
            "",
            "kafka",
            "amqp://a:1",
            "kafka://",
            "kafka://a:0",
            "kafka://a:1,",
            "mqtt://a:99999",
            "kafka://u@a",
            "mqtt://@a",
            "mqtt://:secret@a",
            "ssl://a",
            "wss://a",
        ] {
            assert!(text.parse::<World>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_taken_and_shown_nowhere() {
        let world = "mqtt://me:s@cret:1@broker:1884".parse::<World>().expect("a world");
        let World::Mqtt(server) = &world else { panic!("{world}") };
        assert_eq!(server.login, Some(("me".to_owned(), "s@cret:1".to_owned())));
        for shown in [world.to_string(), format!("{world:?}")] {
            assert!(shown.contains("broker:1884") && !shown.contains("cret"), "{shown}");
        }
        let World::Mqtt(server) = "mqtt://me@broker".parse().expect("a world") else { panic!("not MQTT") };
        assert_eq!(server.login, Some(("me".to_owned(), String::new())));
    }

    #[test]
    fn websockets_are_refused_with_what_to_do() {
        let why = "wss://broker".parse::<World>().expect_err("it is not built in");
        assert!(why.contains("WebSockets") && why.contains("mqtts://HOST:PORT"), "{why}");
    }

    #[test]
    fn this_machine_is_told_from_others_by_name() {
        let here = |text: &str| text.parse::<World>().expect("a world").servers()[0].is_here();
        assert_eq!([here("mqtt://localhost"), here("mqtt://127.0.0.2:1"), here("mqtt://[::1]")], [true; 3]);
        assert_eq!([here("mqtt://localhost.example.com"), here("kafka://10.0.0.1:9092")], [false; 2]);
    }
}
