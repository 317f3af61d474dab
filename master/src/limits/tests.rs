//! Limits of requests (LIM-01): who pays for whom, and what is wrong with what operators write.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn meter(json: &str) -> Meter {
    Meter::new(RequestLimits::parse(json).unwrap_or_else(|error| panic!("{error}")))
}

/// How many of so many requests at once are taken.
fn taken(meter: &mut Meter, principal: Option<&str>, requests: usize, now: Instant) -> usize {
    (0..requests).filter(|_| meter.admit(principal, now).is_ok()).count()
}

#[test]
fn without_limits_everything_is_taken() {
    let mut meter = Meter::default();
    assert_eq!(taken(&mut meter, Some("a"), 10_000, Instant::ZERO), 10_000);
    assert_eq!(taken(&mut meter, None, 10_000, Instant::ZERO), 10_000);
    assert!(meter.each.is_empty());
}

#[test]
fn a_principal_has_its_limit_and_pays_for_nobody_else() {
    let mut meter = meter(
        r#"{"limits": [{"principal": "a", "qps": 2, "capacity": 5}, {"principal": "ops"}],
            "aggregate_default_qps": 1}"#,
    );
    let now = Instant::ZERO + SECOND;
    assert_eq!(taken(&mut meter, Some("a"), 9, now), 5);
    assert_eq!(taken(&mut meter, Some("ops"), 999, now), 999, "it has no limit");
    // All others share one request per second, whoever they are.
    assert_eq!(taken(&mut meter, Some("b"), 9, now), 1);
    assert_eq!(taken(&mut meter, None, 9, now), 0);
    let refused = meter.admit(Some("a"), now).unwrap_err();
    assert_eq!(refused.to_string(), "too many requests of principal 'a': try again in 1 s");
    assert_eq!(refused.retry_after, SECOND / 2);
    let refused = meter.admit(Some("b"), now).unwrap_err();
    let who = "all that have no limit of their own, together";
    assert_eq!((refused.who.as_str(), refused.retry_after), (who, SECOND));
    assert_eq!(taken(&mut meter, Some("a"), 9, now + SECOND), 2);
}

#[test]
fn each_other_principal_has_its_share_of_what_all_may() {
    let mut meter = meter(
        r#"{"default_qps": 1, "default_capacity": 3,
            "aggregate_default_qps": 4, "aggregate_default_capacity": 5}"#,
    );
    let now = Instant::ZERO + SECOND;
    // One that asks for everything leaves the others theirs.
    assert_eq!(taken(&mut meter, Some("greedy"), 99, now), 3);
    assert_eq!(taken(&mut meter, Some("b"), 99, now), 2, "all together may 5");
    assert_eq!(taken(&mut meter, None, 1, now), 0);
    // What all together had no room for cost b nothing.
    let later = now + SECOND / 4;
    assert_eq!(taken(&mut meter, Some("greedy"), 1, later), 0);
    assert_eq!(taken(&mut meter, Some("b"), 9, later), 1);
}

#[test]
fn what_is_remembered_of_principals_is_bounded() {
    let mut meter = meter(r#"{"default_qps": 1, "default_capacity": 2}"#);
    for n in 0..MOST_OTHERS {
        assert_eq!(taken(&mut meter, Some(&format!("p{n}")), 1, Instant::ZERO), 1);
    }
    // Whoever comes now shares one limit with all that come now.
    assert_eq!(taken(&mut meter, Some("late"), 9, Instant::ZERO), 2);
    assert_eq!(taken(&mut meter, Some("later"), 9, Instant::ZERO), 0);
    assert!(meter.each.len() <= MOST_OTHERS + 1, "{}", meter.each.len());
    // Once those before have their whole capacity again they are forgotten.
    let now = Instant::ZERO + 5 * SECOND;
    assert_eq!(taken(&mut meter, Some("later"), 9, now), 2);
    assert_eq!(meter.each.len(), 1);
}

#[test]
fn as_many_metrics_as_limits() {
    let mut meter = meter(r#"{"limits": [{"principal": "a", "qps": 1}], "default_qps": 1}"#);
    for principal in ["a", "b", "c", "d"] {
        taken(&mut meter, Some(principal), 3, Instant::ZERO + SECOND);
    }
    let mut seen = Observation::default();
    meter.observe(&mut seen);
    let plain: Vec<_> = seen.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(plain, [("master/requests_taken", 4.0), ("master/requests_limited", 8.0)]);
    let of_a: Vec<_> = seen.labelled.iter().map(|m| (m.name.as_str(), m.value)).collect();
    let expected = [
        ("master/principals/a/requests_taken", 1.0),
        ("master/principals/a/requests_limited", 2.0),
    ];
    assert_eq!(of_a, expected);
    assert_eq!(seen.labelled[0].labels, [("principal", "a".to_owned())]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (json, words) in [
        ("{", "line 1 column 1"),
        ("7", "invalid type"),
        (r#"{"limit": []}"#, "unknown field `limit`"),
        (r#"{"limits": [{"qps": 1}]}"#, "missing field `principal`"),
        (r#"{"limits": [{"principal": "a", "rate": 1}]}"#, "unknown field `rate`"),
        (r#"{"limits": [{"principal": ""}]}"#, "limits[0]: 'principal' is empty"),
        (
            r#"{"limits": [{"principal": "a"}, {"principal": "a", "qps": 1}]}"#,
            "limits[1]: principal 'a' has a limit already",
        ),
        (
            r#"{"limits": [{"principal": "a", "qps": 0}]}"#,
            "limits[0] of principal 'a': 'qps' is 0: expecting a number of requests per second",
        ),
        (r#"{"default_qps": -1}"#, "the document: 'default_qps' is -1"),
        (r#"{"aggregate_default_qps": 1e7}"#, "'aggregate_default_qps' is 10000000"),
        (r#"{"default_qps": 1, "default_capacity": 0}"#, "'default_capacity' is 0: expecting"),
        (r#"{"limits": [{"principal": "a", "capacity": 9}]}"#, "'capacity' is given without 'qps'"),
        (r#"{"default_qps": 1, "default_capacity": -1}"#, "invalid value"),
    ] {
        let error = RequestLimits::parse(json).expect_err(json);
        let said = meseta_node::causes::with_causes(&error);
        assert!(said.contains(words), "{json}: {said}");
    }
    assert!(!RequestLimits::parse("{}").unwrap().limit_anything());
}
