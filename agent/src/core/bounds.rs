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

/// Whether one more update may wait beside these.
pub(super) fn one_more(load: Load) -> Result<(), String> {
    if load.updates >= UPDATES {
        return Err(format!("{} of its updates await acknowledgement", load.updates));
    }
    if load.bytes >= BYTES {
        return Err(format!("{} bytes of its updates await acknowledgement", load.bytes));
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
            assert_eq!(one_more(Load { updates, bytes }).is_ok(), taken, "{updates} {bytes}");
        }
    }
}
