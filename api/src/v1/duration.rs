//! `google.protobuf.Duration`, as the v1 API uses it.

/// A span of time; written by hand, because `prost_types`' own has no named form.
///
/// Both members are optional here, which is the same on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, optional, tag = "1")]
    pub seconds: Option<i64>,
    /// What exceeds them, in nanoseconds, of the same sign.
    #[prost(int32, optional, tag = "2")]
    pub nanos: Option<i32>,
}
