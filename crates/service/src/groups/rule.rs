//! Rules for groups: a CEL expression over what is known of one device. Pure: no database, no clock.

mod check;
mod context;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::parser::PrattParser;
use cel::{Env, ExecutionError, IdedExpr, Value};

pub use context::Subject;

/// Bytes that a rule may have at most.
pub const LONGEST: usize = 4096;
/// Parts that a rule may have at most.
const MOST_NODES: usize = 400;
/// How deeply parentheses may be nested.
const DEEPEST: u16 = 32;
/// Characters of an explanation at most.
const EXPLANATION: usize = 300;

/// What is wrong with a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct RuleError {
    /// The line, from 1.
    pub line: usize,
    /// The character in that line, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// What a rule says of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It belongs to the group.
    Member,
    /// It does not.
    NotMember,
    /// The rule has no answer, and why: a fact is missing or has another form than the rule expects. Nothing follows from it.
    Trouble(String),
}

/// A rule that can be evaluated.
pub struct Rule {
    expression: IdedExpr,
    env: Arc<Env>,
}

impl Rule {
    /// Reads a rule and checks everything that can be checked without a device.
    ///
    /// # Errors
    /// Where it is wrong: too long, not CEL, a name that does not exist, a loop in a loop, an answer that is not yes or no.
    pub fn compile(text: &str) -> Result<Self, RuleError> {
        if text.trim().is_empty() {
            return Err(check::error(1, 1, "the rule is empty"));
        }
        if text.len() > LONGEST {
            return Err(check::error(1, 1, format!("a rule may have at most {LONGEST} bytes")));
        }
        let expression = parse(text)?;
        check::check(text, &expression)?;
        let rule = Self { expression, env: Arc::new(Env::stdlib()) };
        rule.check_answer()?;
        Ok(rule)
    }

    /// What the rule says of a device.
    #[must_use]
    pub fn evaluate(&self, subject: &Subject) -> Outcome {
        match self.value(subject) {
            Ok(Value::Bool(true)) => Outcome::Member,
            Ok(Value::Bool(false)) => Outcome::NotMember,
            Ok(other) => Outcome::Trouble(not_boolean(&other)),
            Err(why) => Outcome::Trouble(why),
        }
    }

    /// Evaluates against a device that has everything but facts and labels, to find what fails with every device.
    fn check_answer(&self) -> Result<(), RuleError> {
        let whole = |reason: String| Err(check::error(1, 1, reason));
        match self.run(&Subject::specimen()) {
            Ok(Ok(Value::Bool(_))) => Ok(()),
            Ok(Ok(other)) => whole(not_boolean(&other)),
            Ok(Err(error @ (ExecutionError::NoSuchOverload(_) | ExecutionError::FunctionError { .. }))) => {
                whole(explain(&error))
            }
            Ok(Err(_)) => Ok(()),
            Err(()) => whole("the rule cannot be evaluated".to_owned()),
        }
    }

    fn value(&self, subject: &Subject) -> Result<Value, String> {
        match self.run(subject) {
            Ok(outcome) => outcome.map_err(|error| explain(&error)),
            Err(()) => Err("the rule cannot be evaluated".to_owned()),
        }
    }

    /// A rule is somebody's text: should the interpreter stumble over it, one answer is missing and nothing else happens.
    fn run(&self, subject: &Subject) -> Result<Result<Value, ExecutionError>, ()> {
        let attempt = || {
            let context = context::of(&self.env, subject)?;
            Value::resolve(&self.expression, &context)
        };
        catch_unwind(AssertUnwindSafe(attempt)).map_err(drop)
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rule")
    }
}

fn parse(text: &str) -> Result<IdedExpr, RuleError> {
    let attempt = || {
        PrattParser::new()
            .max_recursion_depth(DEEPEST)
            .error_reporting_limit(1)
            .max_expression_node_count(MOST_NODES)
            .parse(text)
    };
    let parsed =
        catch_unwind(AssertUnwindSafe(attempt)).map_err(|_| check::error(1, 1, "the rule cannot be read"))?;
    parsed.map_err(|errors| {
        let first = errors.errors.into_iter().next();
        let (line, column) = first.as_ref().map_or((1, 1), |error| error.pos);
        let reason = first.map_or_else(|| "the rule cannot be read".to_owned(), |error| error.msg);
        check::error(
            usize::try_from(line).unwrap_or(1),
            usize::try_from(column).unwrap_or(1),
            shortened(&reason),
        )
    })
}

fn not_boolean(value: &Value) -> String {
    let kind = match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Null => "nothing",
        _ => "something else",
    };
    format!("a rule answers yes or no, and this one gives {kind}: compare it with something")
}

fn explain(error: &ExecutionError) -> String {
    let text = match error {
        ExecutionError::NoSuchKey(key) => format!("'{key}' is not known of this device"),
        ExecutionError::UndeclaredReference(name) => format!("there is no '{name}'"),
        ExecutionError::NoSuchOverload(overload) => {
            let types = overload.argument_types().join(" and ");
            let operator = overload.function().trim_matches(|c| matches!(c, '_' | '@')).to_owned();
            format!("'{operator}' does not work with {types}")
        }
        ExecutionError::FunctionError { message, .. } => message.clone(),
        ExecutionError::ValuesNotComparable(..) | ExecutionError::UnsupportedBinaryOperator(..) => {
            "two values of different kinds are compared".to_owned()
        }
        other => other.to_string(),
    };
    shortened(&text)
}

fn shortened(text: &str) -> String {
    text.chars().take(EXPLANATION).collect()
}

#[cfg(test)]
mod tests;
