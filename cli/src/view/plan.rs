//! What calls would do.

use super::{document, render, DocFormat, Format, Row};
use meseta_api::internal::master::{
    DrainForeseen, Foreseen, KillForeseen, OfferForeseen, Quantities, QuotaForeseen,
    RoleQuotaForeseen, ShareForeseen, WeightsForeseen,
};
use std::collections::BTreeMap;

/// What is foreseen, as it is printed.
pub fn show(foreseen: &Foreseen, format: DocFormat) -> anyhow::Result<String> {
    if format != DocFormat::Table {
        return match foreseen {
            Foreseen::Quota(quota) => document(quota, format),
            Foreseen::Weights(weights) => document(weights, format),
            Foreseen::Drain(drain) => document(drain, format),
        };
    }
    match foreseen {
        Foreseen::Quota(quota) => show_quota(quota),
        Foreseen::Weights(weights) => show_weights(weights),
        Foreseen::Drain(drain) => show_drain(drain),
    }
}

fn show_quota(quota: &QuotaForeseen) -> anyhow::Result<String> {
    let mut text = String::new();
    match quota.needs_force.as_slice() {
        [] => text += "it would be taken\n",
        objections => {
            for objection in objections {
                text += &format!("refused: {objection}\n");
            }
        }
    }
    text += &format!(
        "all guarantees together: {} of {}\n\n",
        amounts(&quota.guaranteed),
        amounts(&quota.capacity)
    );
    text += &render(&quota.roles, Format::Table)?;
    text += &format!("\n{} offers would be taken back\n", count(&quota.rescinded, quota.left_out));
    if !quota.rescinded.is_empty() {
        text += &render(&quota.rescinded, Format::Table)?;
    }
    Ok(text + "\n" + &render(&quota.shares, Format::Table)?)
}

fn show_weights(weights: &WeightsForeseen) -> anyhow::Result<String> {
    let shares = render(&weights.shares, Format::Table)?;
    Ok(format!("{} offers would be taken back\n\n{shares}", weights.rescinded))
}

fn show_drain(drain: &DrainForeseen) -> anyhow::Result<String> {
    let end = if drain.mark_gone { ", and then be gone for good" } else { "" };
    let mut text = format!(
        "agent {} at {} would be offered no more{end}\n{} offers would be taken back\n",
        drain.agent_id, drain.hostname, drain.rescinded
    );
    if !drain.short.is_empty() {
        text += &format!(
            "guarantees would lack {}: they are {}, and the other agents have {}\n",
            amounts(&drain.short),
            amounts(&drain.guaranteed),
            amounts(&drain.capacity)
        );
    }
    text += &format!("{} tasks would be killed\n", count(&drain.killed, drain.left_out));
    let mut by_framework: BTreeMap<&str, usize> = BTreeMap::new();
    for kill in &drain.killed {
        *by_framework.entry(kill.framework_id.as_str()).or_default() += 1;
    }
    for (framework, tasks) in by_framework {
        text += &format!("  {tasks} of framework {framework}\n");
    }
    if !drain.killed.is_empty() {
        text += &format!("\n{}", render(&drain.killed, Format::Table)?);
    }
    Ok(text)
}

fn count<T>(named: &[T], left_out: u64) -> u64 {
    named.len() as u64 + left_out
}

/// `cpus:4;mem:1024`, or a dash.
fn amounts(quantities: &Quantities) -> String {
    let parts: Vec<String> =
        quantities.iter().map(|(name, amount)| format!("{name}:{amount}")).collect();
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join(";")
    }
}

impl Row for RoleQuotaForeseen {
    const TITLES: &'static [&'static str] =
        &["ROLE", "GUARANTEE", "LIMIT", "CONSUMED", "OFFERED", "OVER", "LACKS"];

    fn cells(&self) -> Vec<String> {
        let all =
            [&self.guarantee, &self.limit, &self.consumed, &self.offered, &self.over, &self.lacks];
        [self.role.to_string()].into_iter().chain(all.map(amounts)).collect()
    }
}

impl Row for OfferForeseen {
    const TITLES: &'static [&'static str] = &["OFFER", "FRAMEWORK", "ROLE", "AGENT", "RESOURCES"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.offer_id.to_string(),
            self.framework_id.to_string(),
            self.role.to_string(),
            self.agent_id.to_string(),
            self.resources.clone(),
        ]
    }
}

impl Row for ShareForeseen {
    const TITLES: &'static [&'static str] = &["ROLE", "WEIGHT", "THEN", "SHARE", "THEN"];

    fn cells(&self) -> Vec<String> {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        vec![
            self.role.to_string(),
            self.weight_before.to_string(),
            self.weight_after.to_string(),
            percent(self.share_before),
            percent(self.share_after),
        ]
    }
}

impl Row for KillForeseen {
    const TITLES: &'static [&'static str] = &["TASK", "FRAMEWORK", "STATE", "GRACE"];

    fn cells(&self) -> Vec<String> {
        let grace = self.grace.map_or("its executor's".to_owned(), |grace| format!("{grace} s"));
        vec![
            self.task_id.to_string(),
            self.framework_id.to_string(),
            self.state.as_str_name().to_owned(),
            grace,
        ]
    }
}
