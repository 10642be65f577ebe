//! Strings to types: the properties of a resource, read once, with every finding collected.
//!
//! CloudFormation delivers every scalar as a string ("true", "443").
//! An empty string counts as absent, because that is how a template passes an optional parameter on.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// What a text must look like, in a sentence and as a test.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Completes "expected …".
    pub expects: &'static str,
    /// True for a text that fits.
    pub accepts: fn(&str) -> bool,
}

/// All that is wrong with the properties, one sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings(Vec<String>);

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

impl std::error::Error for Findings {}

impl Findings {
    pub(crate) fn of(sentence: &str) -> Self {
        Self(vec![sentence.to_owned()])
    }
}

/// CloudFormation's own, which sit among the properties of every custom resource.
const RESERVED: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// A reader of properties: ask for each by name, then [`Properties::finish`].
#[derive(Debug)]
pub struct Properties<'a> {
    value: &'a Value,
    known: Vec<&'static str>,
    findings: Vec<String>,
}

impl<'a> Properties<'a> {
    /// A reader over the `ResourceProperties` of an event.
    pub fn new(value: &'a Value) -> Self {
        let findings = match value {
            Value::Object(_) => Vec::new(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                vec!["The properties are not an object.".to_owned()]
            }
        };
        Self { value, known: Vec::new(), findings }
    }

    /// A text that must be there and fit the rule.
    pub fn required(&mut self, name: &'static str, rule: &Rule) -> Option<String> {
        let text = self.optional(name, rule);
        if text.is_none() && self.is_absent(name) {
            self.find(format!("Property {name} is missing: expected {}.", rule.expects));
        }
        text
    }

    /// A text that must fit the rule if it is there.
    pub fn optional(&mut self, name: &'static str, rule: &Rule) -> Option<String> {
        let text = self.scalar(name)?;
        if (rule.accepts)(&text) {
            return Some(text);
        }
        self.find(format!("Property {name} is {}: expected {}.", quoted(&text), rule.expects));
        None
    }

    /// Like [`Properties::optional`], for a value that must not be repeated in a finding.
    pub fn confidential(&mut self, name: &'static str, rule: &Rule) -> Option<String> {
        let text = self.scalar(name)?;
        if (rule.accepts)(&text) {
            return Some(text);
        }
        self.find(format!("Property {name} does not fit: expected {}.", rule.expects));
        None
    }

    /// One of a few texts, in any case of letters.
    pub fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.scalar(name)?;
        let chosen = choices.iter().find(|(choice, _)| choice.eq_ignore_ascii_case(&text));
        if chosen.is_none() {
            let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            let meant = did_you_mean(&text, names.iter().copied());
            self.find(format!(
                "Property {name} is {}: expected {}.{meant}",
                quoted(&text),
                names.join(" or ")
            ));
        }
        chosen.map(|(_, value)| *value)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.choice(name, &[("true", true), ("false", false)])
    }

    /// A whole number within limits. `unit` is what is counted, for the finding.
    pub fn whole(
        &mut self,
        name: &'static str,
        limits: RangeInclusive<u64>,
        unit: &'static str,
    ) -> Option<u64> {
        let text = self.scalar(name)?;
        let number = text.parse().ok().filter(|number| limits.contains(number));
        if number.is_none() {
            self.find(format!(
                "Property {name} is {}: expected a whole number of {unit} from {} to {}.",
                quoted(&text),
                limits.start(),
                limits.end()
            ));
        }
        number
    }

    /// A list of texts that must fit the rule each; one text is a list of one. Empty ones and repetitions are left out.
    pub fn list(&mut self, name: &'static str, rule: &Rule) -> Vec<String> {
        let entries = match self.value.get(name) {
            Some(Value::Array(entries)) => {
                self.known.push(name);
                entries.clone()
            }
            Some(_) | None => self.scalar(name).map(Value::String).into_iter().collect(),
        };
        let mut texts: Vec<String> = Vec::new();
        for entry in entries {
            match entry {
                Value::String(text) if text.is_empty() || texts.contains(&text) => {}
                Value::String(text) if (rule.accepts)(&text) => texts.push(text),
                Value::String(text) => self.find(format!(
                    "Property {name} contains {}: expected {}.",
                    quoted(&text),
                    rule.expects
                )),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    self.find(format!("Property {name} contains something else than a text."));
                }
            }
        }
        texts
    }

    /// An object, as it is; empty when it is absent.
    pub fn object(&mut self, name: &'static str) -> Map<String, Value> {
        self.known.push(name);
        match self.value.get(name) {
            Some(Value::Object(members)) => return members.clone(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                self.find(format!("Property {name} is not an object."));
            }
            Some(Value::String(text)) if !text.is_empty() => {
                self.find(format!("Property {name} is {}: expected an object.", quoted(text)));
            }
            Some(Value::String(_) | Value::Null) | None => {}
        }
        Map::new()
    }

    /// Adds a finding of the kind's own, about several properties together. A whole sentence.
    pub fn find(&mut self, sentence: String) {
        self.findings.push(sentence);
    }

    /// All findings, those about properties nobody asked for included.
    pub fn finish(mut self) -> Result<(), Findings> {
        let mut unknown = Vec::new();
        for name in self.value.as_object().into_iter().flat_map(serde_json::Map::keys) {
            if !self.known.contains(&name.as_str()) && !RESERVED.contains(&name.as_str()) {
                let meant = did_you_mean(name, self.known.iter().copied());
                unknown.push(format!("Property {} is unknown.{meant}", short(name)));
            }
        }
        // The order of an object's members depends on who built the parser; a Reason must not.
        unknown.sort();
        self.findings.append(&mut unknown);
        if self.findings.is_empty() { Ok(()) } else { Err(Findings(self.findings)) }
    }

    fn is_absent(&self, name: &str) -> bool {
        match self.value.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
        }
    }

    fn scalar(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        if self.is_absent(name) {
            return None;
        }
        match self.value.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(value) => Some(value.to_string()),
            Value::Null => None,
            Value::Array(_) => {
                self.find(format!("Property {name} is a list: expected one value."));
                None
            }
            Value::Object(_) => {
                self.find(format!("Property {name} is an object: expected one value."));
                None
            }
        }
    }
}

/// A text that is quoted back.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", short(text))
}

/// A text cut short, so that one long value cannot hide the other findings.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// " Did you mean `X`?" for a near miss, nothing otherwise.
pub(crate) fn did_you_mean<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> String {
    let (text, length) = (text.to_lowercase(), text.chars().count());
    let allowed = |name: &str| 1 + name.len() / 4;
    known
        // The distance takes room and time of both lengths multiplied, and is at least their difference.
        .filter(|name| name.len().abs_diff(length) <= allowed(name))
        .map(|name| (strsim::damerau_levenshtein(&text, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= allowed(name))
        .min()
        .map(|(_, name)| format!(" Did you mean `{name}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAME: Rule =
        Rule { expects: "lower-case letters", accepts: |text| text.bytes().all(|b| b.is_ascii_lowercase()) };

    #[track_caller]
    fn check(properties: &Value, read: fn(&mut Properties<'_>), expected: &[&str]) {
        let mut reader = Properties::new(properties);
        read(&mut reader);
        let found = reader.finish().map_or_else(|Findings(found)| found, |()| Vec::new());
        assert_eq!(found, expected, "{properties}");
    }

    #[test]
    fn every_finding_is_reported_and_names_what_came_and_what_is_expected() {
        let read = |reader: &mut Properties<'_>| {
            reader.required("Name", &NAME);
            reader.required("Other", &NAME);
            reader.flag("Adopt");
        };
        check(
            &json!({"Name": "a", "Other": "b", "Adopt": "true", "ServiceToken": "x", "ServiceTimeout": "9"}),
            read,
            &[],
        );
        check(
            &json!({"Name": "UPPER", "Adopt": "ture", "Nmae": "x"}),
            read,
            &[
                "Property Name is `UPPER`: expected lower-case letters.",
                "Property Other is missing: expected lower-case letters.",
                "Property Adopt is `ture`: expected true or false. Did you mean `true`?",
                "Property Nmae is unknown. Did you mean `Name`?",
            ],
        );
    }

    #[test]
    fn a_wrong_type_is_a_finding_and_not_also_missing() {
        check(
            &json!({"Name": ["a"]}),
            |reader| drop(reader.required("Name", &NAME)),
            &["Property Name is a list: expected one value."],
        );
        check(&json!([1]), |_| (), &["The properties are not an object."]);
    }

    #[test]
    fn a_list_is_read_without_what_is_empty_or_repeated() {
        check(
            &json!({"Names": ["a", "", "b", "a"], "One": "c"}),
            |reader| {
                assert_eq!(reader.list("Names", &NAME), ["a", "b"]);
                assert_eq!(reader.list("One", &NAME), ["c"]);
                assert_eq!(reader.list("None", &NAME), Vec::<String>::new());
            },
            &[],
        );
        check(
            &json!({"Names": ["A", 7]}),
            |reader| drop(reader.list("Names", &NAME)),
            &[
                "Property Names contains `A`: expected lower-case letters.",
                "Property Names contains something else than a text.",
            ],
        );
    }

    #[test]
    fn an_object_is_read_as_it_is() {
        check(
            &json!({"Settings": {"index.number_of_replicas": "0"}, "Empty": ""}),
            |reader| {
                assert_eq!(reader.object("Settings")["index.number_of_replicas"], "0");
                assert!(reader.object("Empty").is_empty() && reader.object("None").is_empty());
            },
            &[],
        );
        check(
            &json!({"Settings": "x", "Other": []}),
            |reader| drop((reader.object("Settings"), reader.object("Other"))),
            &["Property Settings is `x`: expected an object.", "Property Other is not an object."],
        );
    }

    #[test]
    fn a_whole_number_keeps_within_its_limits() {
        check(
            &json!({"Text": "7", "Number": 7, "Empty": ""}),
            |reader| {
                assert_eq!(reader.whole("Text", 1..=9, "documents"), Some(7));
                assert_eq!(reader.whole("Number", 1..=9, "documents"), Some(7));
                assert_eq!(reader.whole("Empty", 1..=9, "documents"), None);
            },
            &[],
        );
        check(
            &json!({"Many": "10", "Half": "1.5"}),
            |reader| {
                assert_eq!(reader.whole("Many", 1..=9, "documents"), None);
                assert_eq!(reader.whole("Half", 1..=9, "documents"), None);
            },
            &[
                "Property Many is `10`: expected a whole number of documents from 1 to 9.",
                "Property Half is `1.5`: expected a whole number of documents from 1 to 9.",
            ],
        );
    }

    #[test]
    fn an_empty_text_is_absent_because_templates_pass_optional_parameters_so() {
        check(&json!({"Name": ""}), |reader| assert_eq!(reader.optional("Name", &NAME), None), &[]);
    }

    #[test]
    fn scalars_that_were_not_made_strings_are_read_all_the_same() {
        check(&json!({"Adopt": true}), |reader| assert_eq!(reader.flag("Adopt"), Some(true)), &[]);
    }

    #[test]
    fn a_confidential_value_is_not_repeated() {
        check(
            &json!({"Secret": "S3CRET"}),
            |reader| drop(reader.confidential("Secret", &NAME)),
            &["Property Secret does not fit: expected lower-case letters."],
        );
    }

    #[test]
    fn a_value_of_any_length_leaves_room_for_the_other_findings() {
        check(
            &json!({"Name": "É".repeat(3000)}),
            |reader| drop(reader.required("Name", &NAME)),
            &[&format!("Property Name is `{}…`: expected lower-case letters.", "É".repeat(60))],
        );
        check(
            &json!({"N".repeat(1 << 20): ""}),
            |reader| drop(reader.optional("Name", &NAME)),
            &[&format!("Property {}… is unknown.", "N".repeat(60))],
        );
    }
}
