//! Query strings: parameters, and the page of a list that they ask for.

use super::refusal::Refusal;
use libproc::http::{percent_decode, Request};

/// A decoded query string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Of a request.
    ///
    /// # Errors
    /// 400 for an escape that is none, or text that is not UTF-8.
    pub fn of(request: &Request) -> Result<Query, Refusal> {
        let pairs = request.query.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent_decode(key)?, percent_decode(value)?))
        });
        let decoded: Option<Vec<_>> = decoded.collect();
        decoded.map(Query).ok_or_else(|| Refusal::bad_request("Failed to decode the query string"))
    }

    /// The first value of a parameter; none if it is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    /// A parameter that is an integer; none if it is absent or empty.
    ///
    /// # Errors
    /// 400 if it is no integer, or does not fit 64 bits.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                Refusal::bad_request(format!("Failed to parse {name}: it is not an integer"))
            }),
        }
    }
}

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The oldest.
    Ascending,
    /// The newest.
    Descending,
}

/// The part of a list that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most so many.
    pub limit: usize,
    /// Without so many at the beginning.
    pub offset: usize,
    /// In this order.
    pub order: Order,
}

/// How long a page is that does not say.
pub const PAGE: usize = 100;

impl Page {
    /// `limit` (100; negative is no limit), `offset` (0) and `order` (`asc`, or `des`, the
    /// default, also spelt `desc`).
    ///
    /// # Errors
    /// 400 for what is none of these.
    pub fn of(query: &Query) -> Result<Page, Refusal> {
        let limit = match query.integer("limit")? {
            None => PAGE,
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let offset = query.integer("offset")?.unwrap_or(0);
        let offset = usize::try_from(offset)
            .map_err(|_| Refusal::bad_request("Failed to parse offset: it is negative"))?;
        let order = match query.get("order") {
            Some("asc") => Order::Ascending,
            None | Some("" | "des" | "desc") => Order::Descending,
            Some(_) => {
                return Err(Refusal::bad_request("Failed to parse order: expecting 'asc' or 'des'"))
            }
        };
        Ok(Page { limit, offset, order })
    }

    /// The page of a list that is in order already.
    pub fn cut<T>(&self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        items.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::request;
    use libproc::http::Method;

    fn query(text: &str) -> Result<Query, Refusal> {
        let mut request = request(Method::GET, &[], b"");
        request.query = text.into();
        Query::of(&request)
    }

    #[test]
    fn bad_input_3_1_escapes_are_decoded_or_refused() {
        for (text, path) in [
            ("path=/a%20b", Some("/a b")),
            ("path=a+b", Some("a b")),
            ("path=%2e%2e", Some("..")),
            ("path=%252e", Some("%2e")),
            ("path=%00", Some("\0")),
            ("x=1&path=a=b", Some("a=b")),
            ("path=1&path=2", Some("1")),
            ("path", Some("")),
            ("&&", None),
            ("p%61th=x", Some("x")),
        ] {
            assert_eq!(query(text).unwrap().get("path"), path, "{text}");
        }
        for bad in ["path=%", "path=%4", "path=%zz", "%ff=1", "path=%c3%28", "x=%+1"] {
            assert_eq!(query(bad).unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn leg_01_pages() {
        let page = |text: &str| Page::of(&query(text).unwrap());
        let cut = |text: &str| page(text).unwrap().cut(0..250);
        assert_eq!(cut("").len(), 100);
        assert_eq!(cut("limit=2&offset=3"), [3, 4]);
        assert_eq!(cut("limit=-1").len(), 250);
        assert_eq!(cut("limit=0").len(), 0);
        assert_eq!(cut("limit=9223372036854775807&offset=249"), [249]);
        assert_eq!(cut("offset=9223372036854775807").len(), 0);
        assert_eq!(page("order=asc").unwrap().order, Order::Ascending);
        assert_eq!(page("order=des&limit=").unwrap().order, Order::Descending);
        for bad in ["limit=x", "limit=1e3", "offset=-1", "order=up", "limit=9223372036854775808"] {
            assert_eq!(page(bad).unwrap_err().status, 400, "{bad}");
        }
    }
}
