//! What operators write of limits: [`RequestLimits`].
//!
//! ```json
//! {"limits": [{"principal": "marathon", "qps": 100, "capacity": 500}, {"principal": "ops"}],
//!  "default_qps": 10, "default_capacity": 50,
//!  "aggregate_default_qps": 200, "aggregate_default_capacity": 400}
//! ```
//! The words are the reference's; `default_…`, for each other principal by itself, is ours, since a
//! limit that all others share lets one of them use it up.

use super::rate::Rate;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Rates that are a limit and that arithmetic can hold.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=1_000_000.0;
/// As many requests at once.
const MOST_AT_ONCE: u32 = 1_000_000;

/// Who may make how many requests. The default is no limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestLimits {
    /// None is no limit.
    named: BTreeMap<String, Option<Rate>>,
    each_other: Option<Rate>,
    others: Option<Rate>,
}

/// What is written is no limits.
#[derive(Debug, thiserror::Error)]
pub enum BadLimits {
    /// It is no JSON of this form; the error says in which line.
    #[error("not limits of requests")]
    Form(#[from] serde_json::Error),
    /// A principal without a name.
    #[error("limits[{at}]: 'principal' is empty")]
    Nobody {
        /// Which, from 0.
        at: usize,
    },
    /// A principal has two limits.
    #[error("limits[{at}]: principal '{}' has a limit already", principal.escape_debug())]
    Twice {
        /// Which, from 0.
        at: usize,
        /// Whose.
        principal: String,
    },
    /// A rate that is none.
    #[error("{place}: '{field}' is {value}: expecting a number of requests per second, 0.001 to 1000000")]
    Rate {
        /// Where in the document.
        place: String,
        /// Which member.
        field: &'static str,
        /// What it is.
        value: f64,
    },
    /// A capacity that is none.
    #[error("{place}: '{field}' is {value}: expecting a number of requests, 1 to 1000000")]
    Capacity {
        /// Where in the document.
        place: String,
        /// Which member.
        field: &'static str,
        /// What it is.
        value: u64,
    },
    /// A capacity of no rate.
    #[error("{place}: '{field}' is given without '{rate}'")]
    NoRate {
        /// Where in the document.
        place: String,
        /// Which member.
        field: &'static str,
        /// Which member is missing.
        rate: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    limits: Vec<WrittenLimit>,
    default_qps: Option<f64>,
    default_capacity: Option<u64>,
    aggregate_default_qps: Option<f64>,
    aggregate_default_capacity: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimit {
    principal: String,
    qps: Option<f64>,
    capacity: Option<u64>,
}

impl RequestLimits {
    /// Reads them.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(json: &str) -> Result<Self, BadLimits> {
        let written: Written = serde_json::from_str(json)?;
        let mut named = BTreeMap::new();
        for (at, limit) in written.limits.into_iter().enumerate() {
            let WrittenLimit { principal, qps, capacity } = limit;
            if principal.is_empty() {
                return Err(BadLimits::Nobody { at });
            }
            let place = format!("limits[{at}] of principal '{}'", principal.escape_debug());
            let rate = rate(&place, ("qps", qps), ("capacity", capacity))?;
            if named.insert(principal.clone(), rate).is_some() {
                return Err(BadLimits::Twice { at, principal });
            }
        }
        let each_other = rate(
            "the document",
            ("default_qps", written.default_qps),
            ("default_capacity", written.default_capacity),
        )?;
        let others = rate(
            "the document",
            ("aggregate_default_qps", written.aggregate_default_qps),
            ("aggregate_default_capacity", written.aggregate_default_capacity),
        )?;
        Ok(RequestLimits { named, each_other, others })
    }

    /// Who has a limit of its own, or expressly none.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    pub(super) fn of(&self, principal: &str) -> Option<Rate> {
        self.named.get(principal).copied().flatten()
    }

    /// Of each whom no limit names.
    pub(super) fn each_other(&self) -> Option<Rate> {
        self.each_other
    }

    /// Of all whom no limit names, together.
    pub(super) fn others(&self) -> Option<Rate> {
        self.others
    }

    /// Whether there is any.
    pub fn limit_anything(&self) -> bool {
        *self != RequestLimits::default()
    }
}

/// One limit of the document. Without a capacity it is what a second brings, and at least one.
fn rate(
    place: &str,
    (rate, per_second): (&'static str, Option<f64>),
    (field, capacity): (&'static str, Option<u64>),
) -> Result<Option<Rate>, BadLimits> {
    let Some(value) = per_second else {
        return match capacity {
            None => Ok(None),
            Some(_) => Err(BadLimits::NoRate { place: place.to_owned(), field, rate }),
        };
    };
    if !RATES.contains(&value) {
        return Err(BadLimits::Rate { place: place.to_owned(), field: rate, value });
    }
    let at_once = match capacity {
        None => value.ceil() as u32,
        Some(value) => u32::try_from(value)
            .ok()
            .filter(|at_once| (1..=MOST_AT_ONCE).contains(at_once))
            .ok_or_else(|| BadLimits::Capacity { place: place.to_owned(), field, value })?,
    };
    Ok(Some(Rate::new(value, at_once)))
}
