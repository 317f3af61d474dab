//! [`Constraints`]: of which agents a framework wants offers in one role (ALL-16).
//!
//! Groups of clauses, of which one must hold in full. A clause asks one thing of an agent: of the
//! first attribute of a name, or of its hostname, region or zone. What an attribute is not text
//! for, the clauses on its text let pass.
//!
//! Patterns are of the `regex` crate, which takes time in proportion to the text and knows no
//! look-around; they match bytes, and the whole of a text. Their size is bounded, since they are
//! others' and stay here for as long as their framework does. So is how many a framework has, in all
//! of its roles ([`Allowance`]).

use super::traits::AgentTraits;
use meseta_api::v1::scheduler::attribute_constraint::predicate::Predicate as Predicates;
use meseta_api::v1::scheduler::attribute_constraint::selector::{PseudoattributeType, Selector};
use meseta_api::v1::scheduler::offer_constraints::RoleConstraints;
use meseta_api::v1::scheduler::AttributeConstraint;
use meseta_api::v1::value::Type as ValueType;
use regex::bytes::{Regex, RegexBuilder};
use std::fmt;

/// Most clauses of one framework, in all of its roles. Each is asked once of each agent that the
/// framework may be granted, and again when that changes.
const MAX_CLAUSES: usize = 256;

/// Most of them that match a pattern.
const MAX_PATTERNS: usize = 32;

/// Most bytes of one pattern, as it was written.
const MAX_PATTERN: usize = 1024;

/// Most bytes of one pattern, as it is kept: enough for some hundred states.
const MAX_PROGRAM: usize = 8 << 10;

/// Most capture groups of one pattern. A search keeps two places in the text for each, in each state.
const MAX_GROUPS: usize = 10;

/// What a clause with a pattern costs to ask, in looks; any other costs one.
const MATCH: usize = 32;

/// How much more one framework may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    clauses: usize,
    patterns: usize,
}

/// Of a framework that asks for nothing yet.
impl Default for Allowance {
    fn default() -> Self {
        Allowance { clauses: MAX_CLAUSES, patterns: MAX_PATTERNS }
    }
}

/// Of which agents a framework wants offers in one role.
#[derive(Clone, Debug)]
pub struct Constraints {
    /// As its scheduler said it.
    said: RoleConstraints,
    groups: Vec<Vec<Clause>>,
    looks: usize,
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
    /// Reads the constraints of a role, and takes them off what its framework may have.
    ///
    /// # Errors
    /// What is wrong with them, for the framework's author.
    pub fn parse(said: RoleConstraints, allowance: &mut Allowance) -> Result<Self, String> {
        if said.groups.is_empty() {
            return Err("has no 'groups'".to_owned());
        }
        let clauses: usize =
            said.groups.iter().map(|group| group.attribute_constraints.len()).sum();
        let Some(left) = allowance.clauses.checked_sub(clauses) else {
            return Err(format!(
                "has {clauses} 'attribute_constraints', more than {} that are left of a \
                 framework's {MAX_CLAUSES}",
                allowance.clauses
            ));
        };
        allowance.clauses = left;
        let mut groups = Vec::with_capacity(said.groups.len());
        for (at, group) in said.groups.iter().enumerate() {
            if group.attribute_constraints.is_empty() {
                return Err(format!("has no 'attribute_constraints' in group {at}"));
            }
            let clauses = group.attribute_constraints.iter().enumerate().map(|(n, clause)| {
                let wrong = |why| format!("attribute constraint {n} of group {at}: {why}");
                Clause::parse(clause, allowance).map_err(wrong)
            });
            groups.push(clauses.collect::<Result<_, _>>()?);
        }
        let looks = groups.iter().flatten().map(Clause::looks).sum();
        Ok(Constraints { said, groups, looks })
    }

    /// What it costs at most to ask an agent, in looks.
    pub(super) fn looks(&self) -> usize {
        self.looks
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
    fn parse(said: &AttributeConstraint, allowance: &mut Allowance) -> Result<Self, String> {
        let mut pattern = |said: &str| {
            let Some(left) = allowance.patterns.checked_sub(1) else {
                return Err(format!("regex is one more than a framework's {MAX_PATTERNS}"));
            };
            allowance.patterns = left;
            Pattern::parse(said)
        };
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
            Some(Predicates::TextMatches(of)) => Predicate::Matches(pattern(&of.regex)?),
            Some(Predicates::TextNotMatches(of)) => Predicate::NotMatches(pattern(&of.regex)?),
        };
        Ok(Clause { selector, predicate })
    }

    fn looks(&self) -> usize {
        match &self.predicate {
            Predicate::Matches(_) | Predicate::NotMatches(_) => MATCH,
            _ => 1,
        }
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
        let shown = said.escape_debug();
        // On its own, so that nothing in it closes the group that it is put into.
        let syntax = regex_syntax::ast::parse::Parser::new().parse(said);
        syntax.map_err(|error| format!("regex '{shown}': {error}"))?;
        let mut builder = RegexBuilder::new(&format!(r"\A(?:{said})\z"));
        // Classes are of ASCII, as the reference's are. No table is built as texts are
        // searched: it could be as large as this allows, and each agent is asked once.
        builder.unicode(false).size_limit(MAX_PROGRAM).dfa_size_limit(0);
        let whole = builder.build().map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("regex '{shown}' is too complex"),
            error => format!("regex '{shown}': {error}"),
        })?;
        // One is the whole.
        let groups = whole.captures_len() - 1;
        if groups > MAX_GROUPS {
            return Err(format!(
                "regex '{shown}' has {groups} capture groups, more than {MAX_GROUPS}"
            ));
        }
        Ok(Pattern { said: said.to_owned(), whole })
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

    fn read(said: &str) -> Result<Constraints, String> {
        Constraints::parse(constraints(said), &mut Allowance::default())
    }

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
            let constraints = read(said).unwrap();
            for (attributes, expected) in ["rack:r1", "rack:7", ""].iter().zip(expected) {
                let agent = agent(attributes);
                assert_eq!(constraints.admit(&agent), expected, "{said} of '{attributes}'");
                assert_eq!(constraints.unmet(&agent).is_empty(), expected, "{said}");
            }
        }
    }

    #[test]
    fn all_16_hostname_region_and_zone_are_asked_like_attributes() {
        let holds = |said: &str| read(said).unwrap().admit(&agent(""));
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
        let holds = |said: &str| read(said).unwrap().admit(&two);
        assert!(holds("rack equals r1"));
        assert!(!holds("rack equals r2"));
    }

    #[test]
    fn all_16_one_group_that_holds_in_full_is_enough() {
        let said = "rack equals r1 & level exists | @region equals us";
        let constraints = read(said).unwrap();
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
        let wrong = |said: RoleConstraints| {
            Constraints::parse(said, &mut Allowance::default()).unwrap_err()
        };
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
        assert!(pattern("a{1000}").contains("too complex"));
        assert!(pattern(&"()".repeat(11)).contains("has 11 capture groups, more than 10"));
        assert!(read(&format!("rack matches {}", "(a)".repeat(10))).is_ok());
    }

    #[test]
    fn a_framework_has_so_many_clauses_and_patterns_in_all_of_its_roles() {
        let of = |clause: &str, count: usize| constraints(&vec![clause; count].join(" & "));
        let mut allowance = Allowance::default();
        assert!(Constraints::parse(of("rack matches r", 31), &mut allowance).is_ok());
        assert!(Constraints::parse(of("rack not-matches r", 1), &mut allowance).is_ok());
        assert_eq!(
            Constraints::parse(of("rack matches r", 1), &mut allowance).unwrap_err(),
            "attribute constraint 0 of group 0: regex is one more than a framework's 32"
        );
        let mut allowance = Allowance::default();
        assert!(Constraints::parse(of("rack exists", 200), &mut allowance).is_ok());
        assert_eq!(
            Constraints::parse(of("rack exists", 57), &mut allowance).unwrap_err(),
            "has 57 'attribute_constraints', more than 56 that are left of a framework's 256"
        );
        assert!(Constraints::parse(of("rack exists", 56), &mut allowance).is_ok());
    }

    #[test]
    fn constraints_are_equal_if_the_same_was_said() {
        let of = |said: &str| read(said).unwrap();
        assert_eq!(of("rack matches r."), of("rack matches r."));
        assert_ne!(of("rack matches r."), of("rack matches r"));
    }
}
