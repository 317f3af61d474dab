//! Addresses that mean another machine on each machine.

use std::net::IpAddr;

/// Whether `host:port`, or a host alone, is the loopback of whoever reads it. A name other than
/// `localhost` is taken to be known to all.
pub fn is_loopback(address: &str) -> bool {
    let host = match address.rsplit_once(':') {
        // An IPv6 address without a port has no brackets.
        Some((host, port)) if port.parse::<u16>().is_ok() && !bare_v6(address) => host,
        _ => address,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn bare_v6(address: &str) -> bool {
    address.parse::<std::net::Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_in_each_spelling() {
        for here in [
            "127.0.0.1:5051",
            "127.1.2.3",
            "localhost:1",
            "[::1]:5051",
            "::1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in ["10.0.0.1:5051", "host:5051", "localhost.example:1", "", "0.0.0.0:1"] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
