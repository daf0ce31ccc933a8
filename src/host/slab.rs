//! Numbered places for what is under way.

/// Values in slots that are used again, so that the agenda can hold small numbers instead.
#[derive(Clone)]
pub(super) struct Slab<T> {
    values: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { values: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    #[inline]
    pub(super) fn put(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.values[slot as usize] = Some(value);
            return slot;
        }
        self.values.push(Some(value));
        u32::try_from(self.values.len() - 1).expect("fewer than 2^32 things under way")
    }

    /// How many slots there are, used or not.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Looks whether something lies there.
    #[inline]
    pub(super) fn holds(&self, slot: u32) -> bool {
        self.values[slot as usize].is_some()
    }

    #[inline]
    pub(super) fn take(&mut self, slot: u32) -> T {
        self.free.push(slot);
        self.values[slot as usize].take().expect("a slot is taken once")
    }
}
