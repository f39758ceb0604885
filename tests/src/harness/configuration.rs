//! A configuration file, put together.

use std::fmt;

use serde_json::{Map, Value, json};

/// A configuration: validators, rules, and other settings. JSON, which is YAML.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    validators: Vec<Value>,
    rules: Vec<Value>,
    settings: Map<String, Value>,
}

impl Configuration {
    /// Nothing, which is not valid yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a Notary server under the name `default`, with one trust root `default`.
    #[must_use]
    pub fn notary(self, url: &str, authority: Option<&str>, key: &str) -> Self {
        self.validator("default", url, authority, &[("default", key)])
    }

    /// Adds a Notary server with trust roots by name. `authority` is the PEM certificate of the server's certificate
    /// authority.
    #[must_use]
    pub fn validator(
        mut self,
        name: &str,
        url: &str,
        authority: Option<&str>,
        keys: &[(&str, &str)],
    ) -> Self {
        let roots: Vec<Value> = keys
            .iter()
            .map(|(name, key)| json!({"name": name, "key": key}))
            .collect();
        let mut validator =
            json!({"name": name, "type": "notaryv1", "host": url, "trustRoots": roots});
        if let (Some(authority), Some(validator)) = (authority, validator.as_object_mut()) {
            validator.insert("cert".to_owned(), authority.into());
        }
        self.validators.push(validator);
        self
    }

    /// Adds a validator that always says the same.
    #[must_use]
    pub fn fixed(mut self, name: &str, approve: bool) -> Self {
        let validator = json!({"name": name, "type": "static", "approve": approve});
        self.validators.push(validator);
        self
    }

    /// Sets a key of the validator that was added last.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        if let Some(Value::Object(validator)) = self.validators.last_mut() {
            validator.insert(key.to_owned(), value);
        }
        self
    }

    /// Adds a rule that asks the validator `default`.
    #[must_use]
    pub fn rule(self, pattern: &str) -> Self {
        self.rule_of(json!({"pattern": pattern}))
    }

    /// Adds a rule that asks the validator `default` in one namespace, about these delegations.
    #[must_use]
    pub fn rule_in(self, namespace: &str, pattern: &str, delegations: &[&str]) -> Self {
        let with = json!({"delegations": delegations});
        self.rule_of(json!({"pattern": pattern, "namespaces": [namespace], "with": with}))
    }

    /// Adds any rule.
    #[must_use]
    pub fn rule_of(mut self, rule: Value) -> Self {
        self.rules.push(rule);
        self
    }

    /// Sets anything else, such as `sync`.
    #[must_use]
    pub fn setting(mut self, key: &str, value: Value) -> Self {
        self.settings.insert(key.to_owned(), value);
        self
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = self.settings.clone();
        all.insert(
            "validators".to_owned(),
            Value::from(self.validators.clone()),
        );
        all.insert("policy".to_owned(), Value::from(self.rules.clone()));
        write!(f, "{:#}", Value::from(all))
    }
}
