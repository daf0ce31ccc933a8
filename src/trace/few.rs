//! A few things, seldom more than one.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A list of which the only element needs no memory of its own: most batches that are sent for themselves have one
/// record, most records are read by one group, and there are millions of them.
#[derive(Clone, Debug)]
pub enum Few<T> {
    /// The only one.
    One(T),
    /// None, or more than one; seldom one.
    Many(Vec<T>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(things) => things,
        }
    }
}

impl<T> DerefMut for Few<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::One(only) => std::slice::from_mut(only),
            Self::Many(things) => things,
        }
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T> Few<T> {
    /// One more at the end.
    #[inline]
    pub fn push(&mut self, thing: T) {
        *self = match std::mem::take(self) {
            Self::One(first) => Self::Many(vec![first, thing]),
            Self::Many(things) if things.is_empty() => Self::One(thing),
            Self::Many(mut things) => {
                things.push(thing);
                Self::Many(things)
            }
        };
    }

    /// Hands over each of them, in order.
    #[inline]
    pub fn for_each(self, mut take: impl FnMut(T)) {
        match self {
            Self::One(only) => take(only),
            Self::Many(things) => things.into_iter().for_each(take),
        }
    }

    /// The same number of other things.
    #[inline]
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Few<U> {
        match self {
            Self::One(only) => Few::One(change(only)),
            Self::Many(things) => Few::Many(things.into_iter().map(change).collect()),
        }
    }
}

impl<T> From<Few<T>> for Arc<[T]> {
    #[inline]
    fn from(few: Few<T>) -> Self {
        match few {
            Few::One(only) => Arc::new([only]),
            Few::Many(things) => things.into(),
        }
    }
}

impl<T> From<Vec<T>> for Few<T> {
    /// As they come; memory that is there already is kept.
    fn from(things: Vec<T>) -> Self {
        Self::Many(things)
    }
}

impl<T> FromIterator<T> for Few<T> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut things = things.into_iter();
        let Some(first) = things.next() else { return Self::default() };
        let Some(second) = things.next() else { return Self::One(first) };
        let mut many = Vec::with_capacity(2 + things.size_hint().0);
        many.extend([first, second]);
        many.extend(things);
        Self::Many(many)
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_comes_out_as_it_went_in() {
        for count in 0..4 {
            let few: Few<u32> = (0..count).collect();
            assert!(few.iter().copied().eq(0..count));
            assert_eq!(
                (few.len(), few.is_empty(), few.first()),
                (count as usize, count == 0, (0..count).next().as_ref())
            );
            assert_eq!(few, Few::from((0..count).collect::<Vec<_>>()), "equal whatever they lie in");
            let mut pushed = Few::default();
            (0..count).for_each(|number| pushed.push(number));
            assert_eq!(pushed, few);
            let mut handed = Vec::new();
            few.clone().for_each(|number| handed.push(number));
            assert_eq!((&handed[..], &*Arc::from(few.clone())), (&few[..], &few[..]));
            assert_eq!(few.map(|number| number + 1), (1..=count).collect());
        }
    }

    #[test]
    fn the_only_one_needs_no_memory_of_its_own() {
        let mut few: Few<u32> = [7].into_iter().collect();
        assert!(matches!(few, Few::One(7)));
        few[0] = 8;
        few.push(9);
        assert_eq!(few[..], [8, 9]);
    }
}
