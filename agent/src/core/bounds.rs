//! What one executor may make the agent keep: an executor is a tenant's program, and the agent
//! serves every tenant of its machine.

use crate::status_updates::Load;
use meseta_api::v1::TaskStatus;
use prost::Message;

/// Bytes of `data` in one status.
const DATA: usize = 1 << 20;
/// Bytes of everything else in one status: message, labels and the rest.
const BESIDE_DATA: usize = 128 << 10;
/// Tasks, in the life of an executor, that nobody but itself knew before it spoke of them.
pub(super) const STRANGERS: usize = 1_000;
/// Updates of one executor that are not acknowledged.
const UPDATES: usize = 20_000;
/// Bytes of these.
const BYTES: usize = 64 << 20;
/// Bytes of the same of all executors together, from which on none may add to more than its share.
const ALL_BYTES: usize = 256 << 20;
/// What an executor may keep in any case, in bytes.
const LEAST_SHARE: usize = 1 << 20;

/// Whether a status may be this large.
pub(super) fn size(status: &TaskStatus) -> Result<(), String> {
    let data = status.data.as_ref().map_or(0, |data| data.len());
    if data > DATA {
        return Err(format!("status.data: {data} bytes, at most {DATA} are taken"));
    }
    let beside = status.encoded_len().saturating_sub(data);
    if beside > BESIDE_DATA {
        return Err(format!(
            "status: message, labels and all else but data are {beside} bytes, at most \
             {BESIDE_DATA} are taken"
        ));
    }
    Ok(())
}

/// Whether one more update of an executor may wait beside what waits of it, and of each that
/// anything waits of.
pub(super) fn one_more(load: Load, all: impl ExactSizeIterator<Item = Load>) -> Result<(), String> {
    if load.updates >= UPDATES {
        return Err(format!("{} of its updates await acknowledgement", load.updates));
    }
    if load.bytes >= BYTES {
        return Err(format!("{} bytes of its updates await acknowledgement", load.bytes));
    }
    if load.bytes < LEAST_SHARE {
        return Ok(());
    }
    let share = (ALL_BYTES / all.len().max(1)).max(LEAST_SHARE);
    if load.bytes >= share && all.map(|each| each.bytes).sum::<usize>() >= ALL_BYTES {
        return Err(format!(
            "{} bytes of its updates await acknowledgement, where the agent has room for {share} \
             of each executor",
            load.bytes
        ));
    }
    Ok(())
}

/// Whether one more task may be known from its executor alone.
pub(super) fn one_more_stranger(strangers: usize) -> Result<(), String> {
    if strangers >= STRANGERS {
        return Err(format!("it spoke of more than {STRANGERS} tasks that it was not given"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_bounded_in_its_data_and_in_all_else() {
        let data = |bytes| TaskStatus { data: Some(vec![0; bytes].into()), ..Default::default() };
        assert_eq!(size(&data(DATA)), Ok(()));
        assert!(size(&data(DATA + 1)).unwrap_err().starts_with("status.data"));
        let message = |bytes| TaskStatus { message: Some("x".repeat(bytes)), ..data(DATA) };
        assert_eq!(size(&message(BESIDE_DATA / 2)), Ok(()));
        assert!(size(&message(BESIDE_DATA)).unwrap_err().starts_with("status: message"));
    }

    #[test]
    fn what_waits_is_bounded_in_number_and_in_bytes() {
        for (updates, bytes, taken) in
            [(UPDATES - 1, BYTES - 1, true), (UPDATES, 0, false), (1, BYTES, false)]
        {
            let load = Load { updates, bytes };
            assert_eq!(one_more(load, [load].into_iter()).is_ok(), taken, "{updates} {bytes}");
        }
    }

    #[test]
    fn executors_that_fill_the_agent_together_are_held_to_their_shares() {
        let of = |bytes| Load { updates: 1, bytes };
        let (much, little) = (of(BYTES - 1), of(LEAST_SHARE - 1));
        let share = ALL_BYTES / 8;
        for (own, others, taken) in [
            // There is room.
            (much, vec![much, little], true),
            // There is none: five keep more than an eighth, and may not add to it.
            (much, vec![much, much, much, much, little, little, little], false),
            // Nor may who keeps just that, but who keeps less may.
            (of(share), vec![much, much, much, much, little, little, little], false),
            (of(share - 1), vec![much, much, much, much, little, little, little], true),
            // However many they are.
            (little, vec![of(LEAST_SHARE); 1_000], true),
            (of(LEAST_SHARE), vec![of(LEAST_SHARE); 1_000], false),
        ] {
            let all: Vec<Load> = others.into_iter().chain([own]).collect();
            let count = all.len();
            assert_eq!(one_more(own, all.into_iter()).is_ok(), taken, "{own:?} of {count}");
        }
    }
}
