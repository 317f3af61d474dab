//! [`Memo`]: what a reader made of blocks of a [`Shelf`](super::shelf::Shelf), kept while the
//! blocks are as they were.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

struct Known<B, T> {
    /// Keeps the address from being used again, and its content from being changed in place, so
    /// that the address names the content.
    _block: Weak<B>,
    made: T,
    used: bool,
}

/// By the block's address.
pub struct Memo<B, T>(BTreeMap<usize, Known<B, T>>);

impl<B, T> Default for Memo<B, T> {
    fn default() -> Self {
        Memo(BTreeMap::new())
    }
}

impl<B, T: Clone> Memo<B, T> {
    /// What was made of a block; made now if it is not known.
    pub fn of(&mut self, block: &Arc<B>, make: impl FnOnce(&B) -> T) -> T {
        let at = Arc::as_ptr(block).addr();
        let known = self.0.entry(at).or_insert_with(|| Known {
            _block: Arc::downgrade(block),
            made: make(block),
            used: true,
        });
        known.used = true;
        known.made.clone()
    }

    /// As [`Memo::of`], made anew if what is known is not `fitting` any more.
    pub fn fitting(
        &mut self,
        block: &Arc<B>,
        fitting: impl FnOnce(&T) -> bool,
        make: impl FnOnce(&B) -> T,
    ) -> T {
        let at = Arc::as_ptr(block).addr();
        if self.0.get(&at).is_some_and(|known| !fitting(&known.made)) {
            self.0.remove(&at);
        }
        self.of(block, make)
    }

    /// Forgets what was not asked for since the last time.
    pub fn sweep(&mut self) {
        self.0.retain(|_, known| std::mem::take(&mut known.used));
    }

    /// How many blocks are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_made_of_once_and_again_when_it_changed() {
        let mut memo = Memo::default();
        let mut block = Arc::new(1);
        let mut made = 0;
        let mut of = |memo: &mut Memo<i32, i32>, block: &Arc<i32>| {
            memo.of(block, |n| {
                made += 1;
                n * 10
            })
        };
        assert_eq!((of(&mut memo, &block), of(&mut memo, &block)), (10, 10));
        *Arc::make_mut(&mut block) = 2;
        assert_eq!(of(&mut memo, &block), 20);
        assert_eq!(made, 2);
        assert_eq!(memo.fitting(&block, |made| *made == 20, |_| 30), 20);
        assert_eq!(memo.fitting(&block, |made| *made != 20, |_| 30), 30);
        assert_eq!(memo.len(), 2, "the first is not forgotten yet");
        memo.sweep();
        assert_eq!(memo.of(&block, |_| 40), 30);
        memo.sweep();
        assert_eq!(memo.len(), 1);
        memo.sweep();
        assert!(memo.is_empty());
    }
}
