//! The scan of an XML property list. It reads markup only and refuses every form in which two XML readers could disagree about
//! where markup ends, so that a parser cannot see more than was counted here.

use memchr::{memchr, memchr2, memmem};

use crate::{Census, Error, Limits};

/// Counts the elements of `text`, which begins with its first markup character.
pub(crate) fn scan(text: &[u8], limits: &Limits) -> Result<Census, Error> {
    let mut scan = Scan { text, at: 0, open: 0, roots: 0, census: Census { elements: 0, depth: 0 }, limits };
    while let Some(offset) = memchr2(b'<', b'&', scan.rest(scan.at)) {
        scan.at += offset;
        match scan.rest(scan.at) {
            [b'&', ..] => scan.entity()?,
            [b'<', b'?', ..] => scan.declaration()?,
            [b'<', b'!', ..] => scan.comment_or_document_type()?,
            [b'<', b'/', ..] => scan.end_tag()?,
            _ => scan.start_tag()?,
        }
    }
    Ok(scan.census)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    open: usize,
    roots: usize,
    census: Census,
    limits: &'a Limits,
}

impl<'a> Scan<'a> {
    fn rest(&self, from: usize) -> &'a [u8] {
        self.text.get(from..).unwrap_or_default()
    }

    fn markup(&self) -> Error {
        Error::Markup { at: self.at }
    }

    fn entity(&mut self) -> Result<(), Error> {
        let rest = self.rest(self.at + 1);
        let window = rest.get(..12).unwrap_or(rest);
        let name = memchr(b';', window).and_then(|end| window.get(..end));
        match name {
            Some(name) if is_known_entity(name) => {
                self.at += name.len() + 2;
                Ok(())
            }
            _ => Err(Error::Entity { at: self.at }),
        }
    }

    fn declaration(&mut self) -> Result<(), Error> {
        let rest = self.rest(self.at);
        // Only at the beginning: a second one could change the encoding for a reader that obeys it.
        if self.at != 0 || !rest.starts_with(b"<?xml ") {
            return Err(self.markup());
        }
        let end = memmem::find(rest, b"?>").ok_or_else(|| self.markup())?;
        let body = rest.get(6..end).unwrap_or_default();
        if memchr2(b'<', b'>', body).is_some() {
            return Err(self.markup());
        }
        if !names_utf8(body) {
            return Err(Error::Encoding);
        }
        self.at += end + 2;
        Ok(())
    }

    fn comment_or_document_type(&mut self) -> Result<(), Error> {
        let rest = self.rest(self.at);
        if rest.starts_with(b"<![") {
            return Err(Error::CData { at: self.at });
        }
        if let Some(body) = rest.strip_prefix(b"<!--") {
            // `<!-->` and `<!--->` end a comment for some readers only.
            if body.starts_with(b">") || body.starts_with(b"->") {
                return Err(self.markup());
            }
            let end = memmem::find(body, b"-->").ok_or_else(|| self.markup())?;
            self.at += 4 + end + 3;
            return Ok(());
        }
        let refused = Error::DocumentType { at: self.at };
        let Some(body) = rest.strip_prefix(b"<!DOCTYPE ") else { return Err(refused) };
        let end = memchr(b'>', body).ok_or_else(|| refused.clone())?;
        let body = body.get(..end).unwrap_or_default();
        if body.iter().any(|byte| matches!(byte, b'[' | b'<')) || !quotes_are_closed(body) {
            return Err(refused);
        }
        self.at += 10 + end + 1;
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), Error> {
        let (name, rest, length) = self.tag(2)?;
        if !rest.trim_ascii().is_empty() {
            return Err(self.markup());
        }
        if is_container(name) {
            self.open = self.open.checked_sub(1).ok_or_else(|| self.markup())?;
        }
        self.at += length;
        Ok(())
    }

    fn start_tag(&mut self) -> Result<(), Error> {
        let (name, rest, length) = self.tag(1)?;
        if name == b"plist" {
            self.roots += 1;
            if self.roots > 1 || memchr(b'<', rest).is_some() || !quotes_are_closed(rest) {
                return Err(self.markup());
            }
            self.at += length;
            return Ok(());
        }
        let closed = rest == b"/";
        if !rest.trim_ascii().is_empty() && !closed {
            return Err(self.markup());
        }
        self.count(name, closed)?;
        if name == b"date" && !closed && !is_utc_date(self.rest(self.at + length)) {
            return Err(Error::Date { at: self.at });
        }
        self.at += length;
        Ok(())
    }

    fn count(&mut self, name: &[u8], closed: bool) -> Result<(), Error> {
        self.census.elements += 1;
        if self.census.elements > self.limits.max_elements {
            return Err(Error::TooManyElements { max: self.limits.max_elements });
        }
        if is_container(name) {
            let depth = self.open + 1;
            if depth > self.limits.max_depth {
                return Err(Error::TooDeep { at: self.at, max: self.limits.max_depth });
            }
            self.census.depth = self.census.depth.max(depth);
            if !closed {
                self.open = depth;
            }
        }
        Ok(())
    }

    /// The name of the tag, what follows it, and the length of the whole tag. `skip` is 1 for `<`, 2 for `</`.
    fn tag(&self, skip: usize) -> Result<(&'a [u8], &'a [u8], usize), Error> {
        let inner = self.rest(self.at + skip);
        let end = memchr(b'>', inner).ok_or_else(|| self.markup())?;
        let inner = inner.get(..end).unwrap_or_default();
        let split =
            inner.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(inner.len());
        let (name, rest) = inner.split_at_checked(split).unwrap_or((inner, &[]));
        if !is_element(name) {
            return Err(Error::UnknownElement { at: self.at });
        }
        Ok((name, rest.trim_ascii_start(), skip + end + 1))
    }
}

fn is_element(name: &[u8]) -> bool {
    is_container(name)
        || matches!(
            name,
            b"plist" | b"key" | b"string" | b"integer" | b"real" | b"true" | b"false" | b"date" | b"data"
        )
}

fn is_container(name: &[u8]) -> bool {
    matches!(name, b"dict" | b"array")
}

fn is_known_entity(name: &[u8]) -> bool {
    if matches!(name, b"amp" | b"lt" | b"gt" | b"quot" | b"apos") {
        return true;
    }
    let number = match name {
        [b'#', b'x', digits @ ..] => {
            std::str::from_utf8(digits).ok().and_then(|d| u32::from_str_radix(d, 16).ok())
        }
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()),
        _ => None,
    };
    number.is_some_and(|number| number != 0 && char::from_u32(number).is_some())
}

/// Whether every quoted text is closed with the mark that it was opened with, and only one kind of mark is used.
fn quotes_are_closed(text: &[u8]) -> bool {
    let double = text.iter().filter(|byte| **byte == b'"').count();
    let single = text.iter().filter(|byte| **byte == b'\'').count();
    double.is_multiple_of(2) && single.is_multiple_of(2) && (double == 0 || single == 0)
}

fn names_utf8(declaration: &[u8]) -> bool {
    let Some(found) = memmem::find(declaration, b"encoding") else { return true };
    let value = declaration.get(found + 8..).unwrap_or_default().trim_ascii_start();
    let Some(value) = value.strip_prefix(b"=") else { return false };
    match value.trim_ascii_start() {
        [quote @ (b'"' | b'\''), value @ ..] => {
            let end = memchr(*quote, value).unwrap_or(value.len());
            let name = value.get(..end).unwrap_or_default();
            name.eq_ignore_ascii_case(b"utf-8")
                || name.eq_ignore_ascii_case(b"utf8")
                || name.eq_ignore_ascii_case(b"us-ascii")
        }
        _ => false,
    }
}

/// Whether the text up to the end tag is a time in UTC. Other zones are refused: at the ends of the calendar their conversion
/// leaves what the date type of the parser can hold, and it panics.
fn is_utc_date(rest: &[u8]) -> bool {
    let window = rest.get(..48).unwrap_or(rest);
    let Some(end) = memchr(b'<', window) else { return false };
    let text = window.get(..end).unwrap_or_default().trim_ascii();
    text.ends_with(b"Z") && window.get(end + 1) == Some(&b'/')
}
