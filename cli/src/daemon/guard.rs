//! Who may bind where. Pure.

use anyhow::bail;
use std::net::IpAddr;

/// Refuses an address that others reach, unless it is known who they are or the operator says
/// that it does not matter. `secured` is whether credentials are configured.
pub fn bind(ip: IpAddr, secured: bool, insecure: bool) -> anyhow::Result<()> {
    if ip.is_loopback() || secured || insecure {
        return Ok(());
    }
    bail!(
        "refusing to listen on {ip} without credentials: anyone who reaches it would command the \
         cluster; configure credentials, or give --insecure if that is meant"
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
        for (ip, secured, insecure, allowed) in [
            ("127.0.0.1", false, false, true),
            ("::1", false, false, true),
            ("10.0.0.1", false, false, false),
            ("0.0.0.0", false, false, false),
            ("10.0.0.1", true, false, true),
            ("10.0.0.1", false, true, true),
        ] {
            let done = bind(ip.parse().unwrap(), secured, insecure);
            assert_eq!(done.is_ok(), allowed, "{ip} {secured} {insecure}");
        }
        assert_eq!(address("::1".parse().unwrap(), 5050), "[::1]:5050");
    }
}
