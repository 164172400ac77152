//! Terraform's language with places, by the parser of `hcl-rs`, which keeps them (`hcl-edit`). Nothing is evaluated: what
//! only Terraform knows is [`Value::Unknown`], and `jsonencode(...)` is [`Value::Encoded`].

use hcl_edit::Span;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey};
use hcl_edit::parser::{parse_body, parse_expr};
use hcl_edit::structure::{Block, Body, Structure};

use crate::profile::foundry::located::{Lines, Member, Node, Place, Syntax, Value, check_depth};

/// A block `resource "TYPE" "NAME" { ... }`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resource {
    /// `azapi_resource`, say.
    pub kind: String,
    /// Its attributes; inner blocks are left out.
    pub attributes: Node,
}

/// Reads the resources of a file.
///
/// # Errors
/// When it is not Terraform's language, or nested too deeply.
pub(crate) fn resources(text: &str) -> Result<Vec<Resource>, Syntax> {
    let body = parse_body(text).map_err(|error| Syntax {
        place: Place { line: error.location().line(), column: error.location().column() },
        message: error.message().replace('\n', ", "),
    })?;
    let reader = Reader(Lines::of(text));
    body.blocks().filter(|block| block.ident.as_str() == "resource").map(|block| reader.resource(block)).collect()
}

/// The value of a text of JSON with `${...}` in it; all of it stands where the text stands.
#[must_use]
pub(crate) fn interpolation(text: &str, place: Place) -> Value {
    let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let Some(expression) = inner.and_then(|inner| parse_expr(inner).ok()) else { return Value::Unknown };
    let reader = Reader(Lines::of(text));
    reader.expression(&expression, 0).map_or(Value::Unknown, |node| moved(node, place).value)
}

/// The same, all of it at one place.
fn moved(node: Node, place: Place) -> Node {
    let value = match node.value {
        Value::List(items) => Value::List(items.into_iter().map(|item| moved(item, place)).collect()),
        Value::Table(members) => {
            let member = |member: Member| Member { place, value: moved(member.value, place), ..member };
            Value::Table(members.into_iter().map(member).collect())
        }
        Value::Encoded(inner) => Value::Encoded(Box::new(moved(*inner, place))),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Unknown) => other,
    };
    Node { place, value }
}

struct Reader<'t>(Lines<'t>);

impl Reader<'_> {
    fn place(&self, spanned: &impl Span) -> Place {
        spanned.span().map_or(Place::START, |span| self.0.at(span.start))
    }

    fn resource(&self, block: &Block) -> Result<Resource, Syntax> {
        let kind = block.labels.first().map_or(String::new(), |label| label.as_str().to_owned());
        Ok(Resource { kind, attributes: Node { place: self.place(block), value: self.body(&block.body)? } })
    }

    fn body(&self, body: &Body) -> Result<Value, Syntax> {
        let members = body.iter().filter_map(|structure| match structure {
            Structure::Attribute(attribute) => Some(attribute),
            Structure::Block(_) => None,
        });
        let members = members.map(|attribute| {
            let value = self.expression(&attribute.value, 1)?;
            Ok(Member { key: attribute.key.as_str().to_owned(), place: self.place(&attribute.key), value })
        });
        Ok(Value::Table(members.collect::<Result<_, _>>()?))
    }

    fn expression(&self, expression: &Expression, depth: usize) -> Result<Node, Syntax> {
        let place = self.place(expression);
        check_depth(depth, place)?;
        let value = match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(flag) => Value::Bool(*flag.value()),
            Expression::Number(number) => Value::Number(number.value().to_string()),
            Expression::String(text) => Value::Text(text.value().clone()),
            Expression::Array(array) => {
                let items = array.iter().map(|item| self.expression(item, depth + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Expression::Object(object) => {
                let members = object.iter().map(|(key, value)| {
                    let value = self.expression(value.expr(), depth + 1)?;
                    Ok(Member { key: key_of(key), place: self.place(key), value })
                });
                Value::Table(members.collect::<Result<_, _>>()?)
            }
            Expression::Parenthesis(inner) => return self.expression(inner.inner(), depth + 1),
            Expression::FuncCall(call) => self.call(call, depth)?,
            Expression::HeredocTemplate(heredoc) => {
                let mut parts = heredoc.template.iter();
                match (parts.next().and_then(|part| part.as_literal()), parts.next()) {
                    (Some(text), None) => Value::Text(text.value().clone()),
                    _ => Value::Unknown,
                }
            }
            Expression::StringTemplate(_)
            | Expression::Variable(_)
            | Expression::Conditional(_)
            | Expression::Traversal(_)
            | Expression::UnaryOp(_)
            | Expression::BinaryOp(_)
            | Expression::ForExpr(_) => Value::Unknown,
        };
        Ok(Node { place, value })
    }

    /// `jsonencode` is known, and so are those that change nothing of what is looked at here.
    fn call(&self, call: &FuncCall, depth: usize) -> Result<Value, Syntax> {
        let Some(first) = call.args.get(0).filter(|_| call.args.len() == 1) else { return Ok(Value::Unknown) };
        Ok(match call.name.name.as_str() {
            "jsonencode" => Value::Encoded(Box::new(self.expression(first, depth + 1)?)),
            "sensitive" | "nonsensitive" | "tostring" => self.expression(first, depth + 1)?.value,
            _ => Value::Unknown,
        })
    }
}

fn key_of(key: &ObjectKey) -> String {
    match key {
        ObjectKey::Ident(ident) => ident.as_str().to_owned(),
        ObjectKey::Expression(Expression::String(text)) => text.value().clone(),
        ObjectKey::Expression(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "variable \"key\" {}\n\nresource \"azapi_resource\" \"a\" {\n  type = \"T\"\n  body = {\n    metadata = {\n      \
                        models = jsonencode([{ name = \"m\" }])\n      \"Quoted\" : var.key\n      t = \"x-${var.key}\"\n    }\n  }\n}\n";

    #[test]
    fn attributes_know_their_places_and_nothing_is_evaluated() {
        let resources = resources(TEXT).expect("HCL");
        assert_eq!(resources.len(), 1);
        let metadata = resources[0].attributes.get("body").and_then(|body| body.get("metadata")).expect("metadata");
        let models = metadata.member("models").expect("models");
        assert_eq!((models.place, models.value.kind()), (Place { line: 7, column: 7 }, "a text of JSON"));
        assert_eq!(metadata.get("Quoted").expect("Quoted").value, Value::Unknown);
        assert_eq!(metadata.get("t").expect("t").value, Value::Unknown);
        assert_eq!(metadata.get("t").expect("t").place, Place { line: 9, column: 11 });
    }

    #[test]
    fn what_is_no_hcl_or_too_deep_is_refused_in_a_line() {
        let deep = |open: &str, close: &str, n: usize| {
            format!("resource \"a\" \"b\" {{\n x = {}1{}\n}}\n", open.repeat(n), close.repeat(n))
        };
        for text in [
            "resource {".to_owned(),
            "x = = 1".to_owned(),
            deep("[", "]", 20_000),
            deep("(", ")", 20_000),
            deep("jsonencode(", ")", 20_000),
            deep("{ a = ", " }", 20_000),
            deep("!", "", 20_000),
            deep("\"${", "}\"", 20_000),
            "x = 1 ? 2 : ".repeat(20_000),
        ] {
            let syntax = resources(&text).expect_err("refused");
            assert!(!syntax.message.contains('\n') && syntax.message.len() < 400, "{syntax:?}");
        }
    }
}
