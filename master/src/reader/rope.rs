//! [`Rope`]: long text in parts that others may share.

use bytes::Bytes;

/// What is shorter is copied: a part costs more than that.
const SHORT: usize = 2 * 1024;

/// Bytes in parts.
#[derive(Clone, Debug, Default)]
pub struct Rope {
    parts: Vec<Bytes>,
    tail: Vec<u8>,
    len: usize,
}

impl Rope {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a copy.
    pub fn write(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Adds bytes that are shared.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.len() < SHORT {
            return self.write(&bytes);
        }
        self.len += bytes.len();
        self.close();
        self.parts.push(bytes);
    }

    /// Adds another rope.
    pub fn append(&mut self, other: Rope) {
        for part in other.parts {
            self.push(part);
        }
        self.push(other.tail.into());
    }

    fn close(&mut self) {
        if !self.tail.is_empty() {
            self.parts.push(std::mem::take(&mut self.tail).into());
        }
    }

    /// The parts; none is empty.
    pub fn into_parts(mut self) -> Vec<Bytes> {
        self.close();
        self.parts
    }

    /// All in one.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len);
        self.parts.iter().for_each(|part| all.extend_from_slice(part));
        all.extend_from_slice(&self.tail);
        all
    }

    /// Adds an element of a JSON array, or several, with what separates it from the one before.
    pub fn element(&mut self, encoded: Bytes) {
        if encoded.is_empty() {
            return;
        }
        if !self.is_empty() {
            self.write(b",");
        }
        self.push(encoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_bytes_are_copied_together_and_long_ones_shared() {
        let long = Bytes::from(vec![b'x'; SHORT]);
        let mut rope = Rope::default();
        rope.write(b"a");
        rope.push(Bytes::from_static(b"b"));
        rope.push(long.clone());
        let mut other = Rope::default();
        other.element(Bytes::new());
        other.element(Bytes::from_static(b"1"));
        other.element(Bytes::from_static(b"2"));
        rope.append(other);
        assert_eq!(rope.len(), 2 + SHORT + 3);
        assert_eq!(rope.to_vec().len(), rope.len());
        let parts = rope.into_parts();
        assert_eq!((&parts[0][..], &parts[2][..]), (&b"ab"[..], &b"1,2"[..]));
        assert_eq!(parts[1].as_ptr(), long.as_ptr());
    }
}
