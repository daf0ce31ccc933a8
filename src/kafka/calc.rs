//! `brokersim calc`: where would this key go, who would get what?
//!
//! **Invariant.** What is printed is what the partitioner and the assignors of a simulation decide; nothing
//! is decided here. A line that makes no sense ends the run with its number and what to do about it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::assignor::{Assignment, Assignor, Member, TopicInfo, TopicPartition, Topics};
use super::partitioner::{murmur2, partition_for_key};

/// The most partitions that one line may name, over all its topics.
const PARTITIONS_MAX: i64 = 1_000_000;

/// Why a calculation ended early.
#[derive(Debug, thiserror::Error)]
pub enum CalcError {
    /// Reading or writing failed.
    #[error("reading or writing failed: {0}")]
    Io(#[from] io::Error),
    /// A topic of no partitions has none for a key.
    #[error("a topic has at least one partition: give `--partitions` 1 or more")]
    NoPartitions,
    /// There is no assignor of this name.
    #[error("there is no assignor `{name}`{hint}; the names are {}", assignor_names())]
    UnknownAssignor {
        /// The name as given.
        name: String,
        /// A question whether a similar name was meant, or nothing.
        hint: String,
    },
    /// A line is not hexadecimal.
    #[error(
        "line {line}: {problem}; with `--hex` each line is a key as pairs of the digits 0-9 and a-f, such as `6b6579`"
    )]
    Hex {
        /// The line's number, from one.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A line is not JSON of the right form.
    #[error(
        "line {line}: {problem}; each line is one JSON object such as {{\"topics\":{{\"t1\":3}},\"members\":{{\"c1\":{{\"topics\":[\"t1\"]}}}}}}"
    )]
    Json {
        /// The line's number, from one.
        line: usize,
        /// What the parser says, with the field's name and the column.
        problem: String,
    },
    /// A number of partitions is negative, or beyond reason.
    #[error(
        "line {line}: topic `{topic}` has {partitions} partitions; give 0 to {PARTITIONS_MAX} over all topics, or leave out a topic that does not exist"
    )]
    PartitionCount {
        /// The line's number, from one.
        line: usize,
        /// The topic.
        topic: String,
        /// The number as given.
        partitions: i64,
    },
    /// A partition is misspelt, or is not among the topics.
    #[error("line {line}: `{field}` {problem}")]
    Partition {
        /// The line's number, from one.
        line: usize,
        /// The field, and whose it is.
        field: String,
        /// What is wrong and how to mend it.
        problem: String,
    },
}

/// Reads keys, one a line, and prints key, hash and partition, separated by tabs.
///
/// A line is the bytes up to `\n`, so an empty line is the empty key. With `hex` a line is the key in
/// hexadecimal digits, and printed as it was given.
///
/// # Errors
/// When `partitions` is zero, a line is not hexadecimal though it should be, or reading or writing fails.
pub fn partition(
    partitions: u32,
    hex: bool,
    mut keys: impl BufRead,
    mut out: impl Write,
) -> Result<(), CalcError> {
    if partitions == 0 {
        return Err(CalcError::NoPartitions);
    }
    let (mut given, mut line) = (Vec::new(), 0);
    while keys.read_until(b'\n', &mut given)? > 0 {
        line += 1;
        given.pop_if(|byte| *byte == b'\n');
        let decoded = if hex { Some(unhex(&given, line)?) } else { None };
        let key = decoded.as_ref().unwrap_or(&given);
        out.write_all(&given)?;
        writeln!(out, "\t{}\t{}", murmur2(key), partition_for_key(key, partitions))?;
        given.clear();
    }
    Ok(out.flush()?)
}

/// Reads groups, one JSON object a line, and prints what the assignor of this name (or Java class) gives
/// each member, as `{"result": ...}` in the form of the oracles' vector files: partitions by name for the
/// clients' assignors, partition numbers by topic for the coordinator's.
///
/// The fields are `topics`, `members` and, if wanted, `partition_racks`; a vector's other fields are
/// passed over, and empty lines too. A topic that members name but `topics` does not has no partitions.
///
/// # Errors
/// When there is no such assignor, a line makes no sense, or reading or writing fails.
pub fn assign(assignor: &str, groups: impl BufRead, mut out: impl Write) -> Result<(), CalcError> {
    let assignor = assignor_named(assignor)?;
    for (index, text) in groups.lines().enumerate() {
        let (text, line) = (text?, index + 1);
        if text.trim().is_empty() {
            continue;
        }
        let written: GroupWritten =
            serde_json::from_str(&text).map_err(|error| CalcError::json(line, &error))?;
        let (topics, members) = written.meant(assignor, line)?;
        let assignment = assignor.assign(&topics, &members);
        let answer = Answer { result: Shape::of(assignor, &assignment) };
        writeln!(out, "{}", serde_json::to_string(&answer).expect("names and numbers are always JSON"))?;
    }
    Ok(out.flush()?)
}

/// The assignor of this name or Java class name.
///
/// # Errors
/// When there is none; the error says which name is most like it.
pub fn assignor_named(name: &str) -> Result<Assignor, CalcError> {
    Assignor::parse(name)
        .ok_or_else(|| CalcError::UnknownAssignor { name: name.to_owned(), hint: did_you_mean(name) })
}

impl CalcError {
    /// The parser counts lines within the one line it is given: keep the column alone.
    fn json(line: usize, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let problem = text.strip_suffix(&place).unwrap_or(&text);
        Self::Json { line, problem: format!("{problem} at column {}", error.column()) }
    }
}

fn did_you_mean(name: &str) -> String {
    let names = Assignor::ALL.iter().flat_map(|assignor| [assignor.name(), assignor.class_name()]);
    let closest = names
        .map(|other| (strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase()), other))
        .min()
        .expect("there are assignors");
    if closest.0 <= 3 { format!("; did you mean `{}`?", closest.1) } else { String::new() }
}

fn assignor_names() -> String {
    Assignor::ALL.map(Assignor::name).join(", ")
}

fn unhex(text: &[u8], line: usize) -> Result<Vec<u8>, CalcError> {
    let error = |problem| CalcError::Hex { line, problem };
    let digit = |byte: &u8| {
        let value = char::from(*byte).to_digit(16);
        value.ok_or_else(|| error(format!("{:?} is not a hexadecimal digit", char::from(*byte))))
    };
    let digits: Vec<u32> = text.iter().map(digit).collect::<Result<_, _>>()?;
    if digits.len() % 2 == 1 {
        return Err(error(format!("{} digits are not whole bytes", digits.len())));
    }
    Ok(digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

/// A group as written: the fields of a vector, of which only the first three matter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupWritten {
    topics: BTreeMap<String, i64>,
    members: BTreeMap<String, MemberWritten>,
    #[serde(default)]
    partition_racks: BTreeMap<String, Vec<String>>,
    #[serde(rename = "test")]
    _test: Option<IgnoredAny>,
    #[serde(rename = "call")]
    _call: Option<IgnoredAny>,
    #[serde(rename = "invocation")]
    _invocation: Option<IgnoredAny>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
    #[serde(rename = "assignor")]
    _assignor: Option<IgnoredAny>,
    #[serde(rename = "subscription_type")]
    _subscription_type: Option<IgnoredAny>,
    #[serde(rename = "result")]
    _result: Option<IgnoredAny>,
    #[serde(rename = "props")]
    _props: Option<IgnoredAny>,
    #[serde(rename = "error")]
    _error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberWritten {
    topics: Vec<String>,
    #[serde(default)]
    owned: Vec<String>,
    generation: Option<i32>,
    group_instance_id: Option<String>,
    rack: Option<String>,
    userdata_owned: Option<Vec<String>>,
    userdata_generation: Option<i32>,
    #[serde(default)]
    current: BTreeMap<String, Vec<u32>>,
}

impl GroupWritten {
    fn meant(self, assignor: Assignor, line: usize) -> Result<(Topics, Vec<Member>), CalcError> {
        let mut topics = topics_meant(self.topics, line)?;
        for (partition, racks) in self.partition_racks {
            place_racks(&mut topics, &partition, racks, line)?;
        }
        let members = self.members.into_iter().map(|(id, member)| member.meant(id, assignor, line));
        Ok((topics, members.collect::<Result<_, _>>()?))
    }
}

fn topics_meant(written: BTreeMap<String, i64>, line: usize) -> Result<Topics, CalcError> {
    let (mut topics, mut left) = (Topics::new(), PARTITIONS_MAX);
    for (topic, partitions) in written {
        let fits = (0..=left).contains(&partitions).then(|| u32::try_from(partitions).ok()).flatten();
        let Some(count) = fits else { return Err(CalcError::PartitionCount { line, topic, partitions }) };
        left -= partitions;
        topics.insert(topic, TopicInfo::new(count));
    }
    Ok(topics)
}

fn place_racks(topics: &mut Topics, written: &str, racks: Vec<String>, line: usize) -> Result<(), CalcError> {
    let field = || "partition_racks".to_owned();
    let TopicPartition { topic, partition } = partition_meant(written, line, field)?;
    let info = topics.get_mut(&topic).filter(|info| partition < info.partitions).ok_or_else(|| {
        let problem = format!("names `{written}`, which is not a partition of any of the `topics`");
        CalcError::Partition { line, field: field(), problem }
    })?;
    info.racks.resize_with(info.partitions as usize, Vec::new);
    info.racks[partition as usize] = racks;
    Ok(())
}

fn partition_meant(
    written: &str,
    line: usize,
    field: impl FnOnce() -> String,
) -> Result<TopicPartition, CalcError> {
    let parsed: Result<TopicPartition, _> = written.parse();
    parsed.map_err(|problem| CalcError::Partition {
        line,
        field: field(),
        problem: format!("is wrong: {problem}"),
    })
}

impl MemberWritten {
    fn meant(mut self, id: String, assignor: Assignor, line: usize) -> Result<Member, CalcError> {
        // The sticky assignor goes by its user data, the cooperative one by the protocol's own fields.
        let sticky = assignor == Assignor::Sticky;
        let user_data = self.userdata_owned.take().filter(|_| sticky);
        let written = user_data.unwrap_or_else(|| std::mem::take(&mut self.owned));
        let mut owned = Vec::new();
        for partition in written {
            owned.push(partition_meant(&partition, line, || format!("owned of member {id}"))?);
        }
        for (topic, partitions) in self.current {
            owned.extend(partitions.into_iter().map(|partition| TopicPartition::new(&topic, partition)));
        }
        let generation = match assignor {
            Assignor::Sticky => self.userdata_generation.or(self.generation),
            Assignor::Range
            | Assignor::RoundRobin
            | Assignor::CooperativeSticky
            | Assignor::ServerRange
            | Assignor::ServerUniform
            | Assignor::ServerSimple => self.generation.or(self.userdata_generation),
        };
        Ok(Member {
            id,
            instance_id: self.group_instance_id,
            rack: self.rack,
            topics: self.topics,
            owned,
            generation,
        })
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    result: Shape<'a>,
}

/// A result in the form of the vector files.
#[derive(Serialize)]
#[serde(untagged)]
enum Shape<'a> {
    Client(BTreeMap<&'a str, Vec<String>>),
    Server(BTreeMap<&'a str, BTreeMap<&'a str, Vec<u32>>>),
}

impl<'a> Shape<'a> {
    fn of(assignor: Assignor, assignment: &'a Assignment) -> Self {
        let members = assignment.iter();
        if assignor.is_server_side() {
            return Self::Server(
                members.map(|(member, partitions)| (member, by_topic(partitions))).collect(),
            );
        }
        let names = |partitions: &[TopicPartition]| partitions.iter().map(ToString::to_string).collect();
        Self::Client(members.map(|(member, partitions)| (member, names(partitions))).collect())
    }
}

fn by_topic(partitions: &[TopicPartition]) -> BTreeMap<&str, Vec<u32>> {
    let mut topics: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for TopicPartition { topic, partition } in partitions {
        topics.entry(topic).or_default().push(*partition);
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions_of(keys: &[u8], hex: bool) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        partition(10, hex, keys, &mut out).map_err(|error| error.to_string())?;
        Ok(out)
    }

    fn assigned(assignor: &str, groups: &str) -> Result<String, String> {
        let mut out = Vec::new();
        assign(assignor, groups.as_bytes(), &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).expect("JSON is UTF-8"))
    }

    #[test]
    fn keys_are_lines_and_an_empty_line_is_the_empty_key() {
        let expected = b"foobar\t-790332482\t6\n\t275646681\t1\nabc\t479470107\t7\n";
        assert_eq!(partitions_of(b"foobar\n\nabc", false).unwrap(), expected);
        assert_eq!(partitions_of(b"", false).unwrap(), b"");
    }

    #[test]
    fn only_the_line_feed_is_stripped_and_keys_need_not_be_text() {
        let out = partitions_of(b"abc\r\n\xff\n", false).unwrap();
        let expected = format!("\t{}\t", murmur2(b"abc\r"));
        assert!(out.starts_with(b"abc\r\t") && out[4..].starts_with(expected.as_bytes()));
        assert!(out.windows(2).any(|pair| pair == b"\xff\t"));
    }

    #[test]
    fn hexadecimal_keys_are_decoded_and_printed_as_given() {
        let expected = b"666F6f626172\t-790332482\t6\n\t275646681\t1\n";
        assert_eq!(partitions_of(b"666F6f626172\n\n", true).unwrap(), expected);
    }

    #[test]
    fn what_is_not_hexadecimal_is_refused_with_its_line() {
        let error = partitions_of(b"00\n0\n", true).unwrap_err();
        assert!(error.starts_with("line 2: 1 digits are not whole bytes; with `--hex`"), "{error}");
        let error = partitions_of(b"0g\n", true).unwrap_err();
        assert!(error.starts_with("line 1: 'g' is not a hexadecimal digit"), "{error}");
        let error = partitions_of(b"00\r\n", true).unwrap_err();
        assert!(error.starts_with("line 1: '\\r' is not"), "{error}");
    }

    #[test]
    fn zero_partitions_are_refused() {
        let error = partition(0, false, &b"key\n"[..], Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "a topic has at least one partition: give `--partitions` 1 or more");
    }

    const TWO: &str =
        r#"{"topics":{"t1":3,"t2":3},"members":{"c1":{"topics":["t1","t2"]},"c2":{"topics":["t1","t2"]}}}"#;

    #[test]
    fn client_side_results_name_partitions() {
        let expected =
            "{\"result\":{\"c1\":[\"t1-0\",\"t1-1\",\"t2-0\",\"t2-1\"],\"c2\":[\"t1-2\",\"t2-2\"]}}\n";
        assert_eq!(assigned("range", TWO).unwrap(), expected);
        assert_eq!(assigned("RangeAssignor", &format!("{TWO}\n\n{TWO}\n")).unwrap(), expected.repeat(2));
    }

    #[test]
    fn server_side_results_list_partitions_by_topic() {
        let expected = "{\"result\":{\"c1\":{\"t1\":[0,1],\"t2\":[0,1]},\"c2\":{\"t1\":[2],\"t2\":[2]}}}\n";
        assert_eq!(assigned("server.RangeAssignor", TWO).unwrap(), expected);
        assert_eq!(assigned("server-range", TWO).unwrap(), expected);
    }

    #[test]
    fn racks_and_what_members_own_are_taken_in() {
        let racks = r#"{"topics":{"t":2},"partition_racks":{"t-0":["b"],"t-1":["a"]},
            "members":{"c1":{"topics":["t"],"rack":"a"},"c2":{"topics":["t"],"rack":"b"}}}"#;
        let line = racks.replace('\n', "");
        assert_eq!(assigned("range", &line).unwrap(), "{\"result\":{\"c1\":[\"t-1\"],\"c2\":[\"t-0\"]}}\n");
        let owned =
            r#"{"topics":{"t":2},"members":{"c1":{"topics":["t"]},"c2":{"topics":["t"],"owned":["t-0"]}}}"#;
        assert_eq!(assigned("sticky", owned).unwrap(), "{\"result\":{\"c1\":[\"t-1\"],\"c2\":[\"t-0\"]}}\n");
    }

    #[test]
    fn a_topic_that_is_not_given_has_no_partitions() {
        let line = r#"{"topics":{},"members":{"c1":{"topics":["gone"]}}}"#;
        assert_eq!(assigned("sticky", line).unwrap(), "{\"result\":{\"c1\":[]}}\n");
        assert_eq!(assigned("server-range", line).unwrap(), "{\"result\":{\"c1\":{}}}\n");
    }

    #[test]
    fn an_unknown_assignor_is_refused_with_a_guess() {
        let error = assigned("stiky", TWO).unwrap_err();
        let expected = "there is no assignor `stiky`; did you mean `sticky`?; the names are range, roundrobin, \
                        sticky, cooperative-sticky, server-range, server-uniform, server-simple";
        assert_eq!(error, expected);
        assert!(!assigned("entirely different", TWO).unwrap_err().contains("did you mean"));
    }

    #[test]
    fn lines_that_make_no_sense_are_refused_with_number_and_name() {
        let rows = [
            (r#"{"topics":{"t":-1},"members":{}}"#, "line 2: topic `t` has -1 partitions; give 0 to"),
            (r#"{"topics":{"t":1000001},"members":{}}"#, "line 2: topic `t` has 1000001 partitions"),
            (r#"{"topics":{},"members":{"c":{"topics":[],"colour":1}}}"#, "line 2: unknown field `colour`"),
            (r#"{"topics":{},"members":{},"topicz":1}"#, "line 2: unknown field `topicz`"),
            (
                r#"{"topics":{}}"#,
                "line 2: missing field `members` at column 13; each line is one JSON object",
            ),
            (r#"{"topics":"#, "line 2: EOF while parsing"),
            (
                r#"{"topics":{},"members":{"c":{"topics":[],"owned":["t0"]}}}"#,
                "line 2: `owned of member c` is wrong: `t0` is not a topic and a partition",
            ),
            (
                r#"{"topics":{"t":1},"members":{},"partition_racks":{"t-1":[]}}"#,
                "line 2: `partition_racks` names `t-1`, which is not a partition of any of the `topics`",
            ),
        ];
        for (line, expected) in rows {
            let error = assigned("sticky", &format!("{TWO}\n{line}")).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
