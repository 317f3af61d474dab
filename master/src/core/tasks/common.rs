//! [`Common`]: what many tasks have in common, kept once.
//!
//! A set of byte strings, each with the number of tasks that it is part of; it goes with the last
//! of them, so that the set is never larger than what its tasks say, whatever frameworks send.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Byte strings that tasks share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Common {
    uses: BTreeMap<Arc<[u8]>, usize>,
}

impl Common {
    /// Makes `bytes` share the memory of equal ones, and counts the use.
    pub(super) fn share(&mut self, bytes: &mut Arc<[u8]>) {
        if let Some((known, _)) = self.uses.get_key_value(bytes) {
            *bytes = known.clone();
        }
        *self.uses.entry(bytes.clone()).or_default() += 1;
    }

    /// Ends one use; the user may keep what it has.
    pub(super) fn release(&mut self, bytes: &Arc<[u8]>) {
        let Some(uses) = self.uses.get_mut(bytes) else {
            return;
        };
        *uses = uses.saturating_sub(1);
        if *uses == 0 {
            self.uses.remove(bytes);
        }
    }

    /// The uses of all.
    pub(super) fn uses(&self) -> usize {
        self.uses.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_is_kept_once_and_goes_with_its_last_user() {
        let bytes = |text: &str| -> Arc<[u8]> { Arc::from(text.as_bytes()) };
        let mut common = Common::default();
        let (mut a, mut b, mut other) = (bytes("same"), bytes("same"), bytes("other"));
        for each in [&mut a, &mut b, &mut other] {
            common.share(each);
        }
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!((common.uses.len(), common.uses()), (2, 3));
        common.release(&a);
        common.release(&other);
        assert_eq!((common.uses.len(), common.uses()), (1, 1));
        common.release(&b);
        common.release(&bytes("never there"));
        assert_eq!(common, Common::default());
    }
}
