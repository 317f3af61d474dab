//! Whether an agent may go on under the id that its work directory has (RES-21, policy `equal`).

use meseta_api::attributes::Shown;
use meseta_api::resources::Resources;
use meseta_api::v1;

/// The first difference between the agent that was registered and the one that starts, in words.
pub(super) fn check(before: &v1::AgentInfo, now: &v1::AgentInfo) -> Result<(), String> {
    let (was, is) = (resources(before), resources(now));
    if was != is {
        return Err(format!("resources were {was} and are {is}"));
    }
    if before.attributes != now.attributes {
        let (was, is) = (Shown(&before.attributes), Shown(&now.attributes));
        return Err(format!("attributes were \"{was}\" and are \"{is}\""));
    }
    if before.domain != now.domain {
        return Err(format!("the domain was {:?} and is {:?}", before.domain, now.domain));
    }
    Ok(())
}

/// In normal form, so that notation makes no difference.
fn resources(info: &v1::AgentInfo) -> String {
    match Resources::from_v1(&info.resources) {
        Ok(resources) => resources.to_string(),
        Err(_) => format!("{:?}", info.resources),
    }
}
