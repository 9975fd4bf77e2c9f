//! What can be said against a rule without a device: names that do not exist, and shapes that could cost too much.

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr};

use super::RuleError;

/// How deep the parts of a rule may lie inside each other.
const DEEPEST: usize = 64;
/// Loops of a rule at most.
const MOST_LOOPS: usize = 8;

/// What a rule may speak of.
const ROOTS: [&str; 5] = ["device", "place", "owner", "labels", "facts"];
/// What is known of a device itself.
pub(super) const DEVICE: [&str; 12] = [
    "serial",
    "udid",
    "name",
    "platform",
    "model",
    "product",
    "os",
    "supervised",
    "ownership",
    "enrollment",
    "lost_mode",
    "shared_ipad",
];
/// What is known of its place.
pub(super) const PLACE: [&str; 4] = ["name", "code", "kind", "path"];
/// What is known of its owner.
pub(super) const OWNER: [&str; 3] = ["name", "email", "external_id"];
/// Functions that a rule may call.
const FUNCTIONS: [&str; 9] =
    ["contains", "startsWith", "endsWith", "size", "version", "os_at_least", "int", "double", "string"];

/// A part that is still to be looked at.
struct Part<'a> {
    expression: &'a Expr,
    depth: usize,
    inside: Option<&'a ComprehensionExpr>,
}

/// Looks at every part of the rule, without recursion.
///
/// # Errors
/// The first objection.
pub(super) fn check(text: &str, root: &IdedExpr) -> Result<(), RuleError> {
    let mut loops = 0_usize;
    let mut parts = vec![Part { expression: &root.expr, depth: 1, inside: None }];
    while let Some(part) = parts.pop() {
        if part.depth > DEEPEST {
            return Err(error(
                1,
                1,
                "the rule is nested too deeply; for many values write x in [\"a\", \"b\"]",
            ));
        }
        if let Expr::Comprehension(comprehension) = part.expression {
            loops = loops.saturating_add(1);
            check_loop(part.inside, comprehension, loops)?;
        }
        check_part(text, &part)?;
        push_children(&part, &mut parts);
    }
    Ok(())
}

fn check_loop(
    inside: Option<&ComprehensionExpr>,
    comprehension: &ComprehensionExpr,
    loops: usize,
) -> Result<(), RuleError> {
    if inside.is_some() {
        return Err(error(1, 1, "one loop (exists, all, exists_one) cannot stand inside another"));
    }
    if loops > MOST_LOOPS {
        return Err(error(
            1,
            1,
            format!("a rule may have at most {MOST_LOOPS} loops (exists, all, exists_one)"),
        ));
    }
    if matches!(comprehension.accu_init.expr, Expr::List(_) | Expr::Map(_)) {
        return Err(error(1, 1, "map and filter are not for rules; use exists, all or exists_one"));
    }
    Ok(())
}

fn check_part(text: &str, part: &Part<'_>) -> Result<(), RuleError> {
    match part.expression {
        Expr::Ident(name) => {
            let bound = part.inside.is_some_and(|outer| {
                *name == outer.iter_var || *name == outer.accu_var || outer.iter_var2.as_ref() == Some(name)
            });
            if bound || ROOTS.contains(&name.as_str()) {
                return Ok(());
            }
            Err(at_word(text, name, format!("there is no '{name}'; a rule may use {}", ROOTS.join(", "))))
        }
        Expr::Select(select) => {
            let Expr::Ident(root) = &select.operand.expr else { return Ok(()) };
            let known: &[&str] = match root.as_str() {
                "device" => &DEVICE,
                "place" => &PLACE,
                "owner" => &OWNER,
                _ => return Ok(()),
            };
            if known.contains(&select.field.as_str()) {
                return Ok(());
            }
            let reason = format!("there is no '{root}.{}'; there is {}", select.field, known.join(", "));
            Err(at_word(text, &select.field, reason))
        }
        Expr::Call(call) => {
            let is_operator = !call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
            if is_operator || FUNCTIONS.contains(&call.func_name.as_str()) {
                return Ok(());
            }
            let reason =
                format!("there is no function '{}'; a rule may use {}", call.func_name, FUNCTIONS.join(", "));
            Err(at_word(text, &call.func_name, reason))
        }
        Expr::Struct(_) | Expr::Unspecified => Err(error(1, 1, "a rule makes no objects")),
        Expr::Comprehension(_) | Expr::List(_) | Expr::Literal(_) | Expr::Map(_) => Ok(()),
    }
}

fn push_children<'a>(part: &Part<'a>, parts: &mut Vec<Part<'a>>) {
    let depth = part.depth.saturating_add(1);
    let mut push = |child: &'a IdedExpr, inside| parts.push(Part { expression: &child.expr, depth, inside });
    match part.expression {
        Expr::Call(call) => {
            call.target.iter().for_each(|target| push(target, part.inside));
            call.args.iter().for_each(|argument| push(argument, part.inside));
        }
        Expr::Comprehension(comprehension) => {
            push(&comprehension.iter_range, part.inside);
            let inner = [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result];
            inner.into_iter().for_each(|child| push(child, Some(comprehension)));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| push(element, part.inside)),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    push(&entry.key, part.inside);
                    push(&entry.value, part.inside);
                }
            }
        }
        Expr::Select(select) => push(&select.operand, part.inside),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

/// An objection at a place.
pub(super) fn error(line: usize, column: usize, reason: impl Into<String>) -> RuleError {
    RuleError { line: line.max(1), column: column.max(1), reason: reason.into() }
}

/// An objection where `word` stands first as a word of its own.
fn at_word(text: &str, word: &str, reason: String) -> RuleError {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let found = text.match_indices(word).map(|(start, _)| start).find(|start| {
        let before = text.get(..*start).and_then(|text| text.chars().next_back());
        let after = text.get(start.saturating_add(word.len())..).and_then(|text| text.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    });
    let upto = found.and_then(|start| text.get(..start)).unwrap_or_default();
    let line = upto.matches('\n').count().saturating_add(1);
    let column = upto.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    error(line, column, reason)
}
