//! A few things, seldom more than one.

/// A list whose first element needs no memory of its own: most records are read by one group, and there are millions
/// of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Few<T> {
    first: Option<T>,
    /// Empty where there is no first.
    others: Vec<T>,
}

impl<T> Few<T> {
    /// The first.
    pub fn first(&self) -> Option<&T> {
        self.first.as_ref()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.first.iter().len() + self.others.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.others)
    }

    /// The same number of other things.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Few<U> {
        self.first.into_iter().chain(self.others).map(change).collect()
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut things = things.into_iter();
        Self { first: things.next(), others: things.collect() }
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
            assert_eq!(few.map(|number| number + 1), (1..=count).collect());
        }
    }
}
