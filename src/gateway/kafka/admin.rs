//! Making and removing topics, and asking what a cluster is like.

#![expect(clippy::disallowed_types, reason = "it waits for a real cluster")]

use std::future::Future;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use super::stranger::who_listens;

/// How long one question to the cluster may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A topic to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name on the cluster.
    pub topic: String,
    /// How many partitions.
    pub partitions: u32,
    /// How many replicas each.
    pub replication_factor: u32,
    /// Settings by Kafka's names.
    pub settings: Vec<(String, String)>,
}

/// Somebody who may make and remove topics.
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Admin {
    /// With these properties. Who is asked about a topic must not make it by that, as brokers with
    /// `auto.create.topics.enable` do for whoever lets them, and librdkafka's admin clients do unless told.
    ///
    /// # Errors
    /// When librdkafka does not take them.
    pub fn new(config: &ClientConfig) -> Result<Self, KafkaError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        let mut config = config.clone();
        config.set("allow.auto.create.topics", "false");
        Ok(Self { client: config.create()?, runtime })
    }

    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// The cluster's brokers, and a topic or all of them.
    ///
    /// # Errors
    /// When nobody answers in time.
    pub fn metadata(&self, topic: Option<&str>, patience: Duration) -> Result<Metadata, KafkaError> {
        self.client.inner().fetch_metadata(topic, patience)
    }

    /// The log's start and the high watermark of a partition.
    ///
    /// # Errors
    /// When its leader does not answer in time.
    pub fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
        self.client.inner().fetch_watermarks(topic, partition, PATIENCE)
    }

    /// Waits until a topic has so many partitions and each a leader; false when it does not in time.
    pub fn await_leaders(&self, topic: &str, partitions: u32, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Ok(metadata) = self.metadata(Some(topic), patience)
                && let Some(told) = metadata.topics().first()
                && told.partitions().len() == partitions as usize
                && told.partitions().iter().all(|partition| partition.leader() >= 0)
            {
                return true;
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        false
    }

    /// Makes topics, or asks whether they could be made; for each the reason why not, if there is one.
    ///
    /// # Errors
    /// When the question itself fails.
    pub fn create(
        &self,
        plans: &[Plan],
        validate_only: bool,
    ) -> Result<Vec<Option<RDKafkaErrorCode>>, KafkaError> {
        let topics: Vec<NewTopic<'_>> = plans.iter().map(new_topic).collect();
        let options = options().validate_only(validate_only);
        let made = self.wait(self.client.create_topics(&topics, &options))?;
        let outcome = |plan: &Plan| {
            made.iter().find_map(|result| match result {
                Err((name, code)) if *name == plan.topic => Some(*code),
                Err(_) | Ok(_) => None,
            })
        };
        Ok(plans.iter().map(outcome).collect())
    }

    /// Removes topics; those that could not be removed, with the reason.
    ///
    /// # Errors
    /// When the question itself fails.
    pub fn delete(&self, topics: &[String]) -> Result<Vec<(String, RDKafkaErrorCode)>, KafkaError> {
        let names: Vec<_> = topics.iter().map(String::as_str).collect();
        let gone = self.wait(self.client.delete_topics(&names, &options()))?;
        Ok(gone.into_iter().filter_map(Result::err).collect())
    }

    /// Removes groups; those that could not be removed, with the reason. A group that is not there is removed.
    ///
    /// # Errors
    /// When the question itself fails.
    pub fn delete_groups(&self, groups: &[String]) -> Result<Vec<(String, RDKafkaErrorCode)>, KafkaError> {
        let names: Vec<_> = groups.iter().map(String::as_str).collect();
        let gone = self.wait(self.client.delete_groups(&names, &options()))?;
        let failed = gone.into_iter().filter_map(Result::err);
        Ok(failed.filter(|(_, code)| *code != RDKafkaErrorCode::GroupIdNotFound).collect())
    }

    /// Gives a topic so many partitions.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub fn grow(&self, topic: &str, partitions: u32) -> Result<(), KafkaError> {
        let wanted = NewPartitions::new(topic, partitions as usize);
        let done = self.wait(self.client.create_partitions([&wanted], &options()))?;
        match done.into_iter().find_map(Result::err) {
            Some((_, code)) => Err(KafkaError::AdminOp(code)),
            None => Ok(()),
        }
    }

    /// The settings of a broker.
    ///
    /// # Errors
    /// When it does not tell.
    pub fn broker_settings(&self, id: i32) -> Result<ConfigResource, KafkaError> {
        let asked = ResourceSpecifier::Broker(id);
        let mut told = self.wait(self.client.describe_configs([&asked], &options()))?;
        match told.pop() {
            Some(Ok(settings)) => Ok(settings),
            Some(Err(code)) => Err(KafkaError::AdminOp(code)),
            None => Err(KafkaError::Canceled),
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn new_topic(plan: &Plan) -> NewTopic<'_> {
    let replication = TopicReplication::Fixed(plan.replication_factor as i32);
    let topic = NewTopic::new(&plan.topic, plan.partitions as i32, replication);
    plan.settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
}

/// What it means when somebody listens and does not talk Kafka.
pub fn silence(servers: &str, error: &KafkaError, complaints: &[String]) -> String {
    let said = complaints.iter().find(|line| !line.contains("ll broker connections are down"));
    let said = said.map_or_else(|| error.to_string(), Clone::clone);
    let lower = said.to_ascii_lowercase();
    // What the broker says itself comes before what can be told of its port.
    let hint = if lower.contains("authentication failed") || lower.contains("authentication error") {
        "check sasl.mechanism, sasl.username and sasl.password"
    } else if lower.contains("certificate verify failed") {
        "say who vouches for it: --client-property ssl.ca.location=FILE; its certificate has to be for the host that \
         it names"
    } else if let Some(who) = servers.split(',').find_map(who_listens) {
        who
    } else if lower.contains("ssl") || lower.contains("disconnected while requesting apiversion") {
        "the listener may expect TLS or SASL: set security.protocol with --client-property"
    } else if lower.contains("authentication") || lower.contains("sasl") {
        "check sasl.mechanism, sasl.username and sasl.password"
    } else if lower.contains("resolve") {
        "the broker names itself (advertised.listeners) in a way that is not known here"
    } else if lower.contains("connect to") || lower.contains("refused") {
        "the broker names itself (advertised.listeners) where it cannot be reached from here"
    } else {
        "is it a Kafka broker, and this its listener for clients?"
    };
    format!("{servers} listens, but does not answer as a Kafka broker: {said}; {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_by_name_hears_what_was_refused_and_not_of_the_port() {
        let hint = |said: &str| {
            let why = KafkaError::MetadataFetch(RDKafkaErrorCode::BrokerTransportFailure);
            silence("127.0.0.1:1", &why, &[said.to_owned()])
        };
        let wrong = hint("SASL authentication error: Authentication failed: invalid credentials");
        assert!(wrong.ends_with("check sasl.mechanism, sasl.username and sasl.password"), "{wrong}");
        let untrusted = hint("SSL handshake failed: certificate verify failed");
        assert!(untrusted.contains("ssl.ca.location=FILE"), "{untrusted}");
        let deaf = hint("Disconnected while requesting ApiVersion");
        assert!(deaf.contains("security.protocol"), "{deaf}");
    }
}
