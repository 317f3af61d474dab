//! A queue in blocks, from whoever puts in to whoever takes out.
//!
//! [`Chain`] is the end that grows, [`Batch`] the end that is emptied; all that waits changes
//! hands at once. Nothing is copied as it grows, so that a push costs the same behind ten messages
//! as behind a million, and a block's memory goes with its last message. A flood leaves two blocks.

use std::collections::VecDeque;
use std::mem::{replace, swap, take};

/// Messages per block: 512 bytes of boxes, which the system's allocator still gives from its small
/// bins. For 1 kB and more it first merges all small memory that was freed, which a flood of
/// messages then pays for one by one.
const BLOCK: usize = 32;

/// What was put in.
pub(crate) struct Chain<T> {
    /// The newest; empty only if all is.
    newest: VecDeque<T>,
    /// Newest first.
    full: Blocks<T>,
}

/// What was taken out, to be used one by one.
pub(crate) struct Batch<T> {
    next: VecDeque<T>,
    /// Oldest first.
    rest: Blocks<T>,
}

struct Blocks<T>(Option<Box<Block<T>>>);

struct Block<T> {
    items: VecDeque<T>,
    behind: Blocks<T>,
}

impl<T> Blocks<T> {
    fn push(&mut self, items: VecDeque<T>) {
        let behind = take(self);
        self.0 = Some(Box::new(Block { items, behind }));
    }

    fn pop(&mut self) -> Option<VecDeque<T>> {
        let block = *self.0.take()?;
        *self = block.behind;
        Some(block.items)
    }
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Blocks(None)
    }
}

/// One after another: a long chain is deeper than a stack.
impl<T> Drop for Blocks<T> {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut block) = next {
            next = block.behind.0.take();
        }
    }
}

impl<T> Default for Chain<T> {
    fn default() -> Self {
        Chain { newest: VecDeque::new(), full: Blocks::default() }
    }
}

impl<T> Chain<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, item: T) {
        if self.newest.len() == BLOCK {
            self.another();
        }
        self.newest.push_back(item);
    }

    #[inline(never)]
    fn another(&mut self) {
        let full = replace(&mut self.newest, VecDeque::with_capacity(BLOCK));
        self.full.push(full);
    }

    /// Hands over all of it, and takes the memory of the batch that was used up; `batch` is to be
    /// put in order before it is used.
    #[inline(always)]
    pub(crate) fn hand_over(&mut self, batch: &mut Batch<T>) {
        debug_assert!(batch.next.is_empty() && batch.rest.0.is_none(), "it is used up");
        swap(&mut self.newest, &mut batch.next);
        swap(&mut self.full, &mut batch.rest);
    }
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Batch { next: VecDeque::new(), rest: Blocks::default() }
    }
}

impl<T> Batch<T> {
    /// What was handed over is newest first, block by block; from here on oldest first.
    #[inline(always)]
    pub(crate) fn put_in_order(&mut self) {
        if self.rest.0.is_some() {
            self.turn_round();
        }
    }

    fn turn_round(&mut self) {
        let mut ordered = Blocks::default();
        ordered.push(take(&mut self.next));
        let mut from = take(&mut self.rest);
        while let Some(mut block) = from.0.take() {
            from = replace(&mut block.behind, take(&mut ordered));
            ordered.0 = Some(block);
        }
        self.rest = ordered;
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<T> {
        match self.next.pop_front() {
            Some(item) => Some(item),
            None => self.pop_of_next_block(),
        }
    }

    #[inline(never)]
    fn pop_of_next_block(&mut self) -> Option<T> {
        self.next = self.rest.pop()?;
        self.next.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts in and takes out in turns; what comes out is all of it, in order.
    #[test]
    fn order_is_kept_over_any_number_of_blocks() {
        let (mut chain, mut batch) = (Chain::default(), Batch::default());
        let (mut put, mut expected) = (0, 0);
        for count in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 0, 3 * BLOCK, 1, 1000 * BLOCK + 7, 2] {
            for _ in 0..count {
                chain.push(put);
                put += 1;
            }
            assert_eq!(chain.is_empty(), count == 0);
            chain.hand_over(&mut batch);
            batch.put_in_order();
            assert!(chain.is_empty());
            while let Some(item) = batch.pop() {
                assert_eq!(item, expected);
                expected += 1;
            }
            assert_eq!(expected, put);
        }
    }

    #[test]
    fn a_flood_leaves_little_memory() {
        let (mut chain, mut batch) = (Chain::default(), Batch::default());
        (0..100_000).for_each(|item| chain.push(item));
        chain.hand_over(&mut batch);
        batch.put_in_order();
        while batch.pop().is_some() {}
        assert!(chain.newest.capacity() + batch.next.capacity() <= 2 * BLOCK);
        assert!(chain.full.0.is_none() && batch.rest.0.is_none());
    }

    /// As deep as a chain gets, were it dropped by recursion.
    #[test]
    fn a_long_chain_is_dropped() {
        let mut chain = Chain::default();
        (0..2_000_000).for_each(|item: u64| chain.push(item));
        let mut batch = Batch::default();
        chain.hand_over(&mut batch);
        batch.put_in_order();
        assert_eq!(batch.pop(), Some(0));
    }
}
