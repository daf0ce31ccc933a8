//! What can be said and to whom: one enum for each hearer, one file for each system.

pub mod fault;
pub mod kafka;
pub mod operator;
pub mod port;
pub mod zeromq;

use crate::kernel::{Digest, Payload, Vocabulary};
use crate::trace::Fact;

/// The alphabets of brokersim.
#[derive(Clone, Copy, Debug)]
pub struct Brokersim;

impl Vocabulary for Brokersim {
    type Msg = Msg;
    type Fact = Fact;

    #[inline]
    fn digest(fact: &Fact, digest: &mut Digest) {
        fact.feed(digest);
    }
}

/// Everything that may be said.
#[derive(Clone, Debug)]
pub enum Msg {
    /// From an application to the client that publishes for it.
    ToPublisher(port::ToPublisher),
    /// From that client to its application.
    FromPublisher(port::FromPublisher),
    /// From an application to the client that reads for it.
    ToSubscriber(port::ToSubscriber),
    /// From that client to its application.
    FromSubscriber(port::FromSubscriber),
    /// From a Kafka client or broker to a broker.
    ToBroker(kafka::ToBroker),
    /// From a broker to whoever asked it.
    FromBroker(kafka::FromBroker),
    /// From a broker to the controller.
    ToController(kafka::ToController),
    /// From the controller to a broker.
    FromController(kafka::FromController),
    /// From a ZeroMQ socket to another.
    Frame(zeromq::Frame),
    /// From a fault or an operator to an application.
    ToApplication(operator::ToApplication),
    /// From an application to whoever watches over its process.
    ToSupervisor(operator::ToSupervisor),
    /// From a person to what makes things go wrong.
    ToInjector(fault::ToInjector),
}

/// Bytes of a message that carries no records: headers and a few fields.
const SMALL: u32 = 64;

impl Payload for Msg {
    fn bytes(&self) -> u32 {
        match self {
            Self::ToBroker(msg) => msg.bytes(),
            Self::FromBroker(msg) => msg.bytes(),
            Self::Frame(msg) => msg.bytes(),
            Self::ToPublisher(_)
            | Self::FromPublisher(_)
            | Self::ToSubscriber(_)
            | Self::FromSubscriber(_)
            | Self::ToController(_)
            | Self::FromController(_)
            | Self::ToApplication(_)
            | Self::ToSupervisor(_)
            | Self::ToInjector(_) => SMALL,
        }
    }
}

/// What one kind of hearer is told. A look at a message tells whether it is that, without moving it.
pub trait Speech: TryFrom<Msg, Error = Msg> {
    /// Whether the message is of this kind.
    fn is(msg: &Msg) -> bool;
}

macro_rules! spoken {
    ($($variant:ident($type:ty)),* $(,)?) => {$(
        impl Speech for $type {
            #[inline]
            fn is(msg: &Msg) -> bool {
                matches!(msg, Msg::$variant(_))
            }
        }
        impl From<$type> for Msg {
            fn from(msg: $type) -> Self {
                Self::$variant(msg)
            }
        }
        impl TryFrom<Msg> for $type {
            type Error = Msg;
            #[inline]
            fn try_from(msg: Msg) -> Result<Self, Msg> {
                match msg {
                    Msg::$variant(msg) => Ok(msg),
                    other => Err(other),
                }
            }
        }
    )*};
}
spoken! {
    ToPublisher(port::ToPublisher), FromPublisher(port::FromPublisher),
    ToSubscriber(port::ToSubscriber), FromSubscriber(port::FromSubscriber),
    ToBroker(kafka::ToBroker), FromBroker(kafka::FromBroker),
    ToController(kafka::ToController), FromController(kafka::FromController),
    Frame(zeromq::Frame),
    ToApplication(operator::ToApplication), ToSupervisor(operator::ToSupervisor),
    ToInjector(fault::ToInjector),
}

/// Declares what an actor hears, by speaker: an enum with conversions from each alphabet and from [`Msg`].
#[macro_export]
macro_rules! hears {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident($type:ty)),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub enum $name {
            $($(#[$variant_doc])* $variant($type),)*
        }
        $(
            impl From<$type> for $name {
                fn from(msg: $type) -> Self {
                    Self::$variant(msg)
                }
            }
        )*
        impl TryFrom<$crate::wire::Msg> for $name {
            type Error = $crate::wire::Msg;
            #[inline]
            fn try_from(msg: $crate::wire::Msg) -> Result<Self, $crate::wire::Msg> {
                $(
                    if <$type as $crate::wire::Speech>::is(&msg) {
                        return <$type>::try_from(msg).map(Self::$variant);
                    }
                )*
                Err(msg)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_fits_in_three_quarters_of_a_cache_line() {
        assert!(size_of::<Msg>() <= 48, "{}", size_of::<Msg>());
    }
}
