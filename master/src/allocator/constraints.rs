//! [`Constraints`]: of which agents a framework wants offers in one role (ALL-16).
//!
//! Groups of clauses, of which one must hold in full. A clause asks one thing of an agent: of the
//! first attribute of a name, or of its hostname, region or zone. What an attribute is not text
//! for, the clauses on its text let pass.
//!
//! Patterns are of the `regex` crate, which takes time in proportion to the text and knows no
//! look-around; they match bytes, and the whole of a text. Their size is bounded, since they are
//! others' and stay here for as long as their framework does.

use super::traits::AgentTraits;
use meseta_api::v1::scheduler::attribute_constraint::predicate::Predicate as Predicates;
use meseta_api::v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector};
use meseta_api::v1::scheduler::offer_constraints::RoleConstraints;
use meseta_api::v1::scheduler::AttributeConstraint;
use meseta_api::v1::value::Type as ValueType;
use regex::bytes::{Regex, RegexBuilder};
use std::fmt;

/// Most clauses of one framework in one role. Each is asked once of each agent, and again when
/// that changes.
pub const MAX_CLAUSES: usize = 1000;

/// Most bytes of one pattern, as it was written.
const MAX_PATTERN: usize = 1024;

/// Most bytes of one pattern, as it is kept: enough for some hundred states.
const MAX_PROGRAM: usize = 32 << 10;

/// Of which agents a framework wants offers in one role.
#[derive(Clone, Debug)]
pub struct Constraints {
    /// As its scheduler said it.
    said: RoleConstraints,
    groups: Vec<Vec<Clause>>,
}

/// Equal if the same was said.
impl PartialEq for Constraints {
    fn eq(&self, other: &Self) -> bool {
        self.said == other.said
    }
}

/// One thing that is asked of an agent.
#[derive(Clone, Debug)]
struct Clause {
    selector: Selector,
    predicate: Predicate,
}

#[derive(Clone, Debug)]
enum Predicate {
    Exists,
    NotExists,
    Equals(String),
    NotEquals(String),
    Matches(Pattern),
    NotMatches(Pattern),
}

#[derive(Clone, Debug)]
struct Pattern {
    said: String,
    whole: Regex,
}

/// What an agent has of what a clause asks about.
#[derive(Clone, Copy, Debug)]
enum Found<'a> {
    Nothing,
    Text(&'a str),
    /// An attribute that is not text.
    Other,
}

impl Constraints {
    /// Reads the constraints of a role.
    ///
    /// # Errors
    /// What is wrong with them, for the framework's author.
    pub fn parse(said: RoleConstraints) -> Result<Self, String> {
        if said.groups.is_empty() {
            return Err("has no 'groups'".to_owned());
        }
        let clauses: usize =
            said.groups.iter().map(|group| group.attribute_constraints.len()).sum();
        if clauses > MAX_CLAUSES {
            return Err(format!("has {clauses} 'attribute_constraints', more than {MAX_CLAUSES}"));
        }
        let mut groups = Vec::with_capacity(said.groups.len());
        for (at, group) in said.groups.iter().enumerate() {
            if group.attribute_constraints.is_empty() {
                return Err(format!("has no 'attribute_constraints' in group {at}"));
            }
            let clauses = group.attribute_constraints.iter().enumerate().map(|(n, clause)| {
                let wrong = |why| format!("attribute constraint {n} of group {at}: {why}");
                Clause::parse(clause).map_err(wrong)
            });
            groups.push(clauses.collect::<Result<_, _>>()?);
        }
        Ok(Constraints { said, groups })
    }

    /// Whether offers of this agent are wanted.
    pub fn admit(&self, agent: &AgentTraits) -> bool {
        self.groups.iter().any(|group| group.iter().all(|clause| clause.holds(agent)))
    }

    /// Of each group the first clause that does not hold of an agent, and what the agent has
    /// instead; empty if offers of it are wanted.
    pub fn unmet(&self, agent: &AgentTraits) -> Vec<String> {
        let first = |group: &Vec<Clause>| group.iter().find(|clause| !clause.holds(agent)).cloned();
        let unmet: Option<Vec<Clause>> = self.groups.iter().map(first).collect();
        let unmet = unmet.unwrap_or_default();
        let say = |clause: &Clause| match clause.find(agent) {
            Found::Nothing => format!("{clause}, and the agent has none"),
            Found::Text(text) => format!("{clause}, and the agent has \"{}\"", text.escape_debug()),
            Found::Other => format!("{clause}, and the agent has one that is not text"),
        };
        unmet.iter().map(say).collect()
    }
}

impl Clause {
    fn parse(said: &AttributeConstraint) -> Result<Self, String> {
        let selector = match &said.selector.selector {
            None => {
                return Err("'selector' needs 'attribute_name' or 'pseudoattribute_type'".into())
            }
            Some(Selector::PseudoattributeType(kind)) => {
                match PseudoattributeType::try_from(*kind) {
                    Ok(PseudoattributeType::Unknown) | Err(_) => {
                        return Err("Unknown pseudoattribute type".into())
                    }
                    Ok(_) => Selector::PseudoattributeType(*kind),
                }
            }
            Some(Selector::AttributeName(name)) => Selector::AttributeName(name.clone()),
        };
        let predicate = match &said.predicate.predicate {
            None => return Err("Unknown predicate type".into()),
            Some(Predicates::Exists(_)) => Predicate::Exists,
            Some(Predicates::NotExists(_)) => Predicate::NotExists,
            Some(Predicates::TextEquals(of)) => Predicate::Equals(of.value.clone()),
            Some(Predicates::TextNotEquals(of)) => Predicate::NotEquals(of.value.clone()),
            Some(Predicates::TextMatches(of)) => Predicate::Matches(Pattern::parse(&of.regex)?),
            Some(Predicates::TextNotMatches(of)) => {
                Predicate::NotMatches(Pattern::parse(&of.regex)?)
            }
        };
        Ok(Clause { selector, predicate })
    }

    fn find<'a>(&self, agent: &'a AgentTraits) -> Found<'a> {
        let text = |text: Option<&'a String>| text.map_or(Found::Nothing, |text| Found::Text(text));
        match &self.selector {
            Selector::AttributeName(name) => {
                let mut attributes = agent.attributes.iter();
                match attributes.find(|attribute| attribute.name == *name) {
                    None => Found::Nothing,
                    Some(found) if found.r#type() == ValueType::Text => {
                        Found::Text(found.text.as_ref().map_or("", |text| &text.value))
                    }
                    Some(_) => Found::Other,
                }
            }
            Selector::PseudoattributeType(kind) => match PseudoattributeType::try_from(*kind) {
                Ok(PseudoattributeType::Hostname) => Found::Text(&agent.hostname),
                Ok(PseudoattributeType::Region) => text(agent.region.as_ref()),
                Ok(PseudoattributeType::Zone) => text(agent.zone.as_ref()),
                Ok(PseudoattributeType::Unknown) | Err(_) => Found::Nothing,
            },
        }
    }

    fn holds(&self, agent: &AgentTraits) -> bool {
        use Predicate::*;
        match (&self.predicate, self.find(agent)) {
            (Exists, found) => !matches!(found, Found::Nothing),
            (NotExists, found) => matches!(found, Found::Nothing),
            (Equals(_) | Matches(_), Found::Nothing) => false,
            (NotEquals(_) | NotMatches(_), Found::Nothing) => true,
            (_, Found::Other) => true,
            (Equals(value), Found::Text(text)) => text == value,
            (NotEquals(value), Found::Text(text)) => text != value,
            (Matches(pattern), Found::Text(text)) => pattern.matches(text),
            (NotMatches(pattern), Found::Text(text)) => !pattern.matches(text),
        }
    }
}

/// As `rack TextMatches "r[12]"`.
impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::AttributeName(name) => write!(f, "{} ", name.escape_debug())?,
            Selector::PseudoattributeType(kind) => {
                let kind = PseudoattributeType::try_from(*kind).unwrap_or_default();
                write!(f, "{} ", kind.as_str_name())?;
            }
        }
        let (name, value) = match &self.predicate {
            Predicate::Exists => return f.write_str("Exists"),
            Predicate::NotExists => return f.write_str("NotExists"),
            Predicate::Equals(value) => ("TextEquals", value),
            Predicate::NotEquals(value) => ("TextNotEquals", value),
            Predicate::Matches(pattern) => ("TextMatches", &pattern.said),
            Predicate::NotMatches(pattern) => ("TextNotMatches", &pattern.said),
        };
        write!(f, "{name} \"{}\"", value.escape_debug())
    }
}

impl Pattern {
    fn parse(said: &str) -> Result<Self, String> {
        if said.len() > MAX_PATTERN {
            return Err(format!("regex has {} bytes, more than {MAX_PATTERN}", said.len()));
        }
        let compile = |pattern: &str| {
            let mut builder = RegexBuilder::new(pattern);
            // Classes are of ASCII, as the reference's are. No table is built as texts are
            // searched: it could be as large as this allows, and each agent is asked once.
            builder.unicode(false).size_limit(MAX_PROGRAM).dfa_size_limit(0).build()
        };
        let whole = compile(said).and_then(|_| compile(&format!(r"\A(?:{said})\z")));
        let whole = whole.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                format!("regex '{}' is too complex", said.escape_debug())
            }
            error => format!("regex '{}': {error}", said.escape_debug()),
        });
        Ok(Pattern { said: said.to_owned(), whole: whole? })
    }

    fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{clause, constraints};
    use super::*;
    use meseta_api::attributes;

    fn agent(attributes: &str) -> AgentTraits {
        AgentTraits {
            hostname: "a1.example".to_owned(),
            region: Some("eu".to_owned()),
            zone: None,
            attributes: attributes::parse(attributes).unwrap(),
            remote: false,
        }
    }

    #[test]
    fn all_16_every_predicate_on_text_on_other_things_and_on_nothing() {
        // Of rack:r1, of rack:7, and of no rack.
        for (said, expected) in [
            ("rack exists", [true, true, false]),
            ("rack not-exists", [false, false, true]),
            ("rack equals r1", [true, true, false]),
            ("rack equals r2", [false, true, false]),
            ("rack not-equals r1", [false, true, true]),
            ("rack not-equals r2", [true, true, true]),
            ("rack matches r[0-9]", [true, true, false]),
            ("rack matches r", [false, true, false]),
            ("rack matches x|r.", [true, true, false]),
            ("rack not-matches r[0-9]", [false, true, true]),
            ("rack not-matches x", [true, true, true]),
        ] {
            let constraints = Constraints::parse(constraints(said)).unwrap();
            for (attributes, expected) in ["rack:r1", "rack:7", ""].iter().zip(expected) {
                let agent = agent(attributes);
                assert_eq!(constraints.admit(&agent), expected, "{said} of '{attributes}'");
                assert_eq!(constraints.unmet(&agent).is_empty(), expected, "{said}");
            }
        }
    }

    #[test]
    fn all_16_hostname_region_and_zone_are_asked_like_attributes() {
        let holds = |said: &str| Constraints::parse(constraints(said)).unwrap().admit(&agent(""));
        assert!(holds("@hostname equals a1.example"));
        assert!(holds(r"@hostname matches a\d\..*"));
        assert!(holds("@region equals eu"));
        assert!(!holds("@region not-equals eu"));
        assert!(holds("@zone not-exists"));
        assert!(!holds("@zone equals z"));
        // An attribute of that name is another thing.
        assert!(!holds("hostname exists"));
    }

    #[test]
    fn all_16_the_first_attribute_of_a_name_counts() {
        let two = agent("rack:r1;rack:r2");
        let holds = |said: &str| Constraints::parse(constraints(said)).unwrap().admit(&two);
        assert!(holds("rack equals r1"));
        assert!(!holds("rack equals r2"));
    }

    #[test]
    fn all_16_one_group_that_holds_in_full_is_enough() {
        let said = "rack equals r1 & level exists | @region equals us";
        let constraints = Constraints::parse(constraints(said)).unwrap();
        assert!(constraints.admit(&agent("rack:r1;level:3")));
        assert!(!constraints.admit(&agent("rack:r1")));
        assert_eq!(
            constraints.unmet(&agent("rack:r1")),
            [
                "level Exists, and the agent has none",
                "REGION TextEquals \"us\", and the agent has \"eu\""
            ]
        );
        let other = agent("rack:7;level:1");
        assert!(constraints.admit(&other), "what is not text passes");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |said: RoleConstraints| Constraints::parse(said).unwrap_err();
        assert_eq!(wrong(RoleConstraints::default()), "has no 'groups'");
        let mut empty = constraints("rack exists");
        empty.groups.push(Default::default());
        assert_eq!(wrong(empty), "has no 'attribute_constraints' in group 1");
        let with = |change: &dyn Fn(&mut AttributeConstraint)| {
            let mut said = constraints("rack exists");
            change(&mut said.groups[0].attribute_constraints[0]);
            wrong(said)
        };
        let at = "attribute constraint 0 of group 0: ";
        assert_eq!(
            with(&|clause| clause.predicate = Default::default()),
            format!("{at}Unknown predicate type")
        );
        assert!(
            with(&|clause| clause.selector = Default::default()).contains("needs 'attribute_name'")
        );
        for kind in [PseudoattributeType::Unknown as i32, 99] {
            let why = with(&|clause| {
                clause.selector.selector = Some(Selector::PseudoattributeType(kind));
            });
            assert_eq!(why, format!("{at}Unknown pseudoattribute type"));
        }
        let pattern = |regex: &str| with(&|of| *of = clause(&format!("rack matches {regex}")));
        assert!(pattern("(a").contains("regex '(a'"));
        // What closes the group that makes it whole does not get out of it.
        assert!(pattern("a)|(b").contains("regex 'a)|(b'"));
        assert!(pattern("(?=a)").contains("regex"));
        assert!(pattern(&"a".repeat(1025)).contains("1025 bytes, more than 1024"));
        assert!(pattern("(a{100}){100}").contains("too complex"));
        let many = vec!["rack exists"; MAX_CLAUSES + 1].join(" & ");
        assert!(wrong(constraints(&many)).contains("more than 1000"));
    }

    #[test]
    fn constraints_are_equal_if_the_same_was_said() {
        let of = |said: &str| Constraints::parse(constraints(said)).unwrap();
        assert_eq!(of("rack matches r."), of("rack matches r."));
        assert_ne!(of("rack matches r."), of("rack matches r"));
    }
}
