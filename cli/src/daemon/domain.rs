//! `--domain`: the fault domain of a daemon.

use anyhow::{bail, Context};
use meseta_api::codec::Codec;
use meseta_api::v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
use meseta_api::v1::domain_info::FaultDomain;
use meseta_api::v1::DomainInfo;

/// Reads `region/zone`, or Mesos' JSON of a `DomainInfo`.
///
/// # Errors
/// What of it is no domain.
pub fn parse(text: &str) -> anyhow::Result<DomainInfo> {
    if text.trim_start().starts_with('{') {
        let domain: DomainInfo =
            Codec::Json.decode(text.as_bytes()).context("expecting the JSON of a DomainInfo")?;
        if domain.fault_domain.is_none() {
            bail!("the JSON has no `fault_domain`");
        }
        return Ok(domain);
    }
    let Some((region, zone)) = text.split_once('/') else {
        bail!("expecting region/zone, such as eu-central/a");
    };
    if region.is_empty() || zone.is_empty() || zone.contains('/') {
        bail!("expecting region/zone, such as eu-central/a");
    }
    let fault_domain = FaultDomain {
        region: RegionInfo { name: region.to_owned() },
        zone: ZoneInfo { name: zone.to_owned() },
    };
    Ok(DomainInfo { fault_domain: Some(fault_domain) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dom_01_a_domain_is_two_names_or_json() {
        let short = parse("eu-central/a").unwrap();
        let json = r#"{"fault_domain": {"region": {"name": "eu-central"}, "zone": {"name": "a"}}}"#;
        assert_eq!(parse(json).unwrap(), short);
        for bad in ["", "eu", "eu/", "/a", "eu/a/b", "{}", "{", r#"{"fault_domain": {}}"#] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
