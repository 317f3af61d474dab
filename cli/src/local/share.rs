//! One machine divided among its agents. Pure.

use meseta_api::resources::{Resources, ResourcesError};

/// The `--resources` of each of `agents` agents, of `total`, such as `cpus:2;mem:1000;ports:[1-9]`:
/// equal shares of cpus, mem and disk, rounded down, and disjoint ports.
pub fn divide(total: &str, agents: usize) -> Result<Vec<String>, ResourcesError> {
    let total = Resources::parse(total)?;
    let count = i64::try_from(agents).unwrap_or(i64::MAX).max(1);
    let cpus = total.cpus().millis() / count;
    let whole = |millis: i64| millis / 1000 / count;
    let (mem, disk) = (whole(total.mem().millis()), whole(total.disk().millis()));
    let ports: Vec<u64> = total.ports().values().collect();
    let each = ports.len() / agents.max(1);
    let share = |index: usize| {
        let (whole, thousandths) = (cpus / 1000, cpus % 1000);
        let mut text = format!("cpus:{whole}.{thousandths:03};mem:{mem};disk:{disk}");
        let mine = &ports[index * each..(index + 1) * each];
        if !mine.is_empty() {
            text += &format!(";ports:[{}]", ranges(mine));
        }
        text
    };
    Ok((0..agents).map(share).collect())
}

/// `1-3,7-7`, of ascending numbers.
fn ranges(ports: &[u64]) -> String {
    let runs = ports.chunk_by(|a, b| a + 1 == *b);
    let texts: Vec<String> =
        runs.filter_map(|run| Some(format!("{}-{}", run.first()?, run.last()?))).collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTAL: &str = "cpus:2;mem:1000;disk:9000;ports:[31000-31005,31010-31012]";

    #[test]
    fn shares_are_equal_and_ports_disjoint() {
        assert_eq!(
            divide(TOTAL, 3).unwrap(),
            [
                "cpus:0.666;mem:333;disk:3000;ports:[31000-31002]",
                "cpus:0.666;mem:333;disk:3000;ports:[31003-31005]",
                "cpus:0.666;mem:333;disk:3000;ports:[31010-31012]",
            ]
        );
        assert_eq!(
            divide(TOTAL, 2).unwrap()[1],
            "cpus:1.000;mem:500;disk:4500;ports:[31004-31005,31010-31011]"
        );
        assert!(divide(TOTAL, 0).unwrap().is_empty());
        assert!(divide("cpus:x", 1).is_err());
    }
}
