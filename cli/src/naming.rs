//! How a person names one of many: exactly before roughly, and never by guess.

/// What a text names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Nothing.
    Nothing,
    /// The one at this place.
    One(usize),
    /// Those at these places.
    Several(Vec<usize>),
}

/// Looks among `count` things with one test after another; the first that anything passes decides.
pub(crate) fn by_stages(count: usize, stages: &[&dyn Fn(usize) -> bool]) -> Named {
    for matches in stages {
        let found: Vec<usize> = (0..count).filter(|at| matches(*at)).collect();
        match found[..] {
            [] => {}
            [one] => return Named::One(one),
            _ => return Named::Several(found),
        }
    }
    Named::Nothing
}
