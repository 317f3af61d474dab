//! [`KeptInfo`]: what an agent said about itself, kept small.
//!
//! Its resources are in its books already and are left out here, or bytes where it wrote them in
//! another way than the master does. Everything else stays as it is: offers show it.

use meseta_api::codec::Codec;
use meseta_api::resources::Resources;
use meseta_api::v1;
use std::mem::take;

/// A [`v1::AgentInfo`] without resources, and those.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptInfo {
    /// All but its resources.
    pub rest: v1::AgentInfo,
    /// An `AgentInfo` of nothing else, if they are not those of the books.
    resources: Option<Box<[u8]>>,
}

impl KeptInfo {
    /// Of an agent of which the books have `total`.
    pub fn new(info: &v1::AgentInfo, total: &Resources) -> Self {
        let mut rest = info.clone();
        let resources = take(&mut rest.resources);
        let resources = (total.to_v1() != resources).then(|| {
            let alone = v1::AgentInfo { resources, ..Default::default() };
            Codec::Protobuf.encode(&alone).into()
        });
        KeptInfo { rest, resources }
    }

    /// Its total is about to become another one than `before`, that of [`KeptInfo::new`]: what it
    /// said stays.
    pub fn keep(&mut self, before: &Resources) {
        if self.resources.is_none() {
            let alone = v1::AgentInfo { resources: before.to_v1(), ..Default::default() };
            self.resources = Some(Codec::Protobuf.encode(&alone).into());
        }
    }

    /// As the agent said it; `total` is that of [`KeptInfo::new`].
    pub fn whole(&self, total: &Resources) -> v1::AgentInfo {
        let resources = match &self.resources {
            None => total.to_v1(),
            // What this file encoded can be decoded.
            Some(bytes) => {
                let alone = Codec::Protobuf.decode::<v1::AgentInfo>(bytes);
                alone.map(|alone| alone.resources).unwrap_or_default()
            }
        };
        v1::AgentInfo { resources, ..self.rest.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_survives_however_its_resources_were_written() {
        let total = Resources::parse("cpus:4;mem:1024;ports:[1-10]").unwrap();
        let written = total.to_v1();
        let mut turned = written.clone();
        turned.reverse();
        let roles = total.to_v1_pre_refinement().unwrap();
        for resources in [written, turned, roles, vec![]] {
            let info = v1::AgentInfo {
                hostname: "a".to_owned(),
                port: Some(1),
                resources,
                id: Some("S0".into()),
                ..Default::default()
            };
            let mut kept = KeptInfo::new(&info, &total);
            assert_eq!(kept.whole(&total), info);
            kept.keep(&total);
            assert_eq!(kept.whole(&Resources::parse("cpus:1").unwrap()), info);
        }
    }
}
