//! Who may bind where. Pure.

use anyhow::bail;
use std::net::IpAddr;

/// Refuses an address that others reach, unless it is known who they are or the operator says
/// that it does not matter. `open` says what is open to anybody, over libproc or HTTP.
pub fn bind(ip: IpAddr, open: &[String], insecure: bool) -> anyhow::Result<()> {
    if ip.is_loopback() || open.is_empty() || insecure {
        return Ok(());
    }
    bail!(
        "refusing to listen on {ip} without credentials: anyone who reaches it would command the \
         cluster ({}); configure credentials, or give --insecure if that is meant",
        open.join(", ")
    )
}

/// `ip:port` as it is bound and dialled.
pub fn address(ip: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(ip, port).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_something_must_be_said() {
        let open: &[String] = &["a is off".into(), "b is off".into()];
        for (ip, open, insecure, allowed) in [
            ("127.0.0.1", open, false, true),
            ("::1", open, false, true),
            ("10.0.0.1", open, false, false),
            ("0.0.0.0", open, false, false),
            ("10.0.0.1", &open[1..], false, false),
            ("10.0.0.1", &[], false, true),
            ("10.0.0.1", open, true, true),
        ] {
            let done = bind(ip.parse().unwrap(), open, insecure);
            assert_eq!(done.is_ok(), allowed, "{ip} {open:?} {insecure}");
            if let Err(refused) = done {
                assert!(refused.to_string().contains(&open.join(", ")), "{refused}");
            }
        }
        assert_eq!(address("::1".parse().unwrap(), 5050), "[::1]:5050");
    }
}
