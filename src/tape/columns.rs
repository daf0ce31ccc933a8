//! Columns under construction: what all tables share.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, DictionaryArray, Int32Builder, Int64Builder, PrimitiveBuilder, RecordBatch,
    StringArray,
};
use arrow::datatypes::{DataType, Field};

use crate::kernel::{ActorId, Cast, NodeId, Time};
use crate::trace::{ChannelId, GroupId, PlaceId, Stage};

/// A table under construction.
pub(super) trait Columns {
    /// How many rows are waiting.
    fn len(&self) -> usize;
    /// Takes them out.
    fn finish(&mut self) -> RecordBatch;
}

/// A field without nulls.
pub(super) fn required(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

/// A field with nulls.
pub(super) fn optional(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

/// The type of a column of [`Names`]. In the file it is a plain string.
pub(super) fn names() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Nanoseconds, none when it never came.
pub(super) fn nanos(time: Time) -> Option<i64> {
    (time != Time::NEVER).then_some(time.as_nanos() as i64)
}

/// So many rows with the same value, or none.
#[inline]
pub(super) fn repeat<T: ArrowPrimitiveType>(
    column: &mut PrimitiveBuilder<T>,
    value: Option<T::Native>,
    rows: usize,
) {
    match value {
        Some(value) if rows == 1 => column.append_value(value),
        Some(value) => column.append_value_n(value, rows),
        None => column.append_nulls(rows),
    }
}

/// So many rows with a value and those that follow it.
#[inline]
pub(super) fn climb(column: &mut Int64Builder, first: i64, rows: usize) {
    (first..first + rows as i64).for_each(|value| column.append_value(value));
}

/// A column of few names that come again and again. No string is copied for a row.
pub(super) struct Names {
    keys: Int32Builder,
    values: Vec<String>,
    /// Words met so far. Told apart by where they lie first, because that is fast.
    met: Vec<(&'static str, i32)>,
    /// The values as an array, until a new one comes.
    array: Option<Arc<StringArray>>,
}

impl Names {
    /// A column of words, each numbered when it is first met.
    pub(super) fn words() -> Self {
        Self { keys: Int32Builder::new(), values: Vec::new(), met: Vec::new(), array: None }
    }

    /// A column of these names, by number; a number beyond them is `?`.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let values = names.chain(["?"]).map(str::to_owned).collect();
        Self { values, ..Self::words() }
    }

    /// A row with the name of this number.
    #[inline]
    pub(super) fn number(&mut self, number: u32) {
        self.maybe(Some(number));
    }

    /// A row with the name of this number, or none.
    #[inline]
    pub(super) fn maybe(&mut self, number: Option<u32>) {
        self.repeat(number, 1);
    }

    /// So many rows with the name of this number, or none.
    #[inline]
    pub(super) fn repeat(&mut self, number: Option<u32>, rows: usize) {
        let key = number.map(|number| number.min(self.values.len() as u32 - 1) as i32);
        repeat(&mut self.keys, key, rows);
    }

    /// A row with this word, or none.
    #[inline]
    pub(super) fn word(&mut self, word: Option<&'static str>) {
        self.repeat_word(word, 1);
    }

    /// So many rows with this word, or none.
    #[inline]
    pub(super) fn repeat_word(&mut self, word: Option<&'static str>, rows: usize) {
        let key = word.map(|word| self.key(word));
        repeat(&mut self.keys, key, rows);
    }

    #[inline]
    fn key(&mut self, word: &'static str) -> i32 {
        let same = |met: &&(&'static str, i32)| std::ptr::eq(met.0, word);
        match self.met.iter().find(same) {
            Some((_, key)) => *key,
            None => self.meet(word),
        }
    }

    /// The same word may lie in two places.
    fn meet(&mut self, word: &'static str) -> i32 {
        let known = self.values.iter().position(|value| value == word);
        let key = known.unwrap_or_else(|| {
            self.values.push(word.to_owned());
            self.array = None;
            self.values.len() - 1
        });
        self.met.push((word, key as i32));
        key as i32
    }

    /// Takes the rows out.
    pub(super) fn finish(&mut self) -> ArrayRef {
        let values = self.array.get_or_insert_with(|| Arc::new(StringArray::from_iter_values(&self.values)));
        let keys = self.keys.finish();
        Arc::new(
            DictionaryArray::try_new(keys, Arc::clone(values) as ArrayRef).expect("each key has a value"),
        )
    }
}

/// What numbers are called.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    stage: Arc<Stage>,
    cast: Cast,
    /// Channel and number in it, by place.
    places: Vec<(ChannelId, i32)>,
    /// The groups that read it, by channel.
    readers: Vec<Vec<GroupId>>,
}

impl Labels {
    pub(super) fn new(stage: Arc<Stage>, cast: Cast) -> Self {
        let place = |place| {
            let channel = stage.channel_of(PlaceId(place));
            (channel, (place - stage.channels[channel.index()].first_place.0) as i32)
        };
        let places = (0..stage.places()).map(place).collect();
        let channels = (0..stage.channels.len() as u32).map(ChannelId);
        let readers = channels.map(|channel| stage.readers(channel).collect()).collect();
        Self { places, readers, stage, cast }
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The channel of a place, and its number in it.
    #[inline]
    pub(super) fn place(&self, place: PlaceId) -> (ChannelId, i32) {
        self.places[place.index()]
    }

    /// The groups that read a channel.
    pub(super) fn readers(&self, channel: ChannelId) -> &[GroupId] {
        &self.readers[channel.index()]
    }

    /// Whether some channel is read by more than one group.
    pub(super) fn has_many_readers(&self) -> bool {
        self.readers.iter().any(|readers| readers.len() > 1)
    }

    /// The node on which an actor lives.
    #[inline]
    pub(super) fn node_of(&self, actor: ActorId) -> Option<NodeId> {
        self.cast.actors.get(actor.0 as usize).map(|(_, node)| *node)
    }

    pub(super) fn node(&self, node: NodeId) -> &str {
        self.cast.node(node)
    }

    pub(super) fn actor(&self, actor: ActorId) -> &str {
        self.cast.actor(actor)
    }

    /// Columns of names.
    pub(super) fn actors(&self) -> Names {
        Names::of(self.cast.actors.iter().map(|(name, _)| &name[..]))
    }

    pub(super) fn nodes(&self) -> Names {
        Names::of(self.cast.nodes.iter().map(|name| &name[..]))
    }

    pub(super) fn channels(&self) -> Names {
        Names::of(self.stage.channels.iter().map(|channel| &channel.name[..]))
    }

    pub(super) fn groups(&self) -> Names {
        Names::of(self.stage.groups.iter().map(|group| &group.name[..]))
    }

    pub(super) fn sources(&self) -> Names {
        Names::of(self.stage.sources.iter().map(|name| &name[..]))
    }
}
