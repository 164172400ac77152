//! Lists that come in pages.

use hyper::Uri;
use serde_json::{Value, json};

use super::error::ApiError;
use super::query::query;

/// Which part of a list is wanted.
pub(crate) struct Page<'a> {
    limit: usize,
    descending: bool,
    after: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// What a query wants: 20 items in `order` unless told otherwise, and never more than `most`.
    pub(crate) fn of(uri: &'a Uri, order: &str, most: usize) -> Result<Self, ApiError> {
        let limit = match query(uri, "limit").map(str::parse::<usize>) {
            None => 20,
            Some(Ok(limit)) if (1..=most).contains(&limit) => limit,
            Some(_) => return Err(wrong(&format!("'limit' must be from 1 to {most}."), "limit")),
        };
        let descending = match query(uri, "order").unwrap_or(order) {
            "asc" => false,
            "desc" => true,
            _ => return Err(wrong("'order' must be 'asc' or 'desc'.", "order")),
        };
        Ok(Self { limit, descending, after: query(uri, "after") })
    }

    /// The page of `items`, which come the oldest first and have ids.
    pub(crate) fn cut(&self, mut items: Vec<Value>) -> Result<Value, ApiError> {
        if self.descending {
            items.reverse();
        }
        if let Some(after) = self.after {
            let place = items.iter().position(|item| item["id"] == after);
            let place = place.ok_or_else(|| wrong("'after' names nothing in this list.", "after"))?;
            items.drain(..=place);
        }
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let id = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
        let (first, last) = (id(items.first()), id(items.last()));
        Ok(json!({"object": "list", "data": items, "first_id": first, "last_id": last, "has_more": more}))
    }
}

fn wrong(message: &str, param: &'static str) -> ApiError {
    ApiError::invalid(message, param)
}
