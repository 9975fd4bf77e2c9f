//! The walk through a binary property list's object table, in the order in which a parser would unfold it, with a budget.

use crate::{Census, Error, Limits};

const MAGIC: &[u8] = b"bplist00";
const TRAILER: usize = 32;
/// 0001-01-01 and 9999-12-31T23:59:59 in seconds since 2001: dates outside cannot be written as XML.
const FIRST_DATE: f64 = -63_113_904_000.0;
const LAST_DATE: f64 = 252_423_993_599.0;

/// Walks every object as often as it is referred to.
pub(crate) fn walk(file: &[u8], limits: &Limits) -> Result<Census, Error> {
    let mut walk = Walk::new(file, limits)?;
    walk.object(walk.root, 0)?;
    Ok(walk.census)
}

struct Walk<'a> {
    file: &'a [u8],
    limits: &'a Limits,
    /// End of objects, begin of the trailer.
    end: usize,
    offset_size: usize,
    ref_size: usize,
    objects: usize,
    root: usize,
    table: usize,
    bytes: usize,
    census: Census,
}

impl<'a> Walk<'a> {
    fn new(file: &'a [u8], limits: &'a Limits) -> Result<Self, Error> {
        let end = file.len().checked_sub(TRAILER).filter(|end| *end > MAGIC.len() && file.starts_with(MAGIC));
        let end = end.ok_or(Error::MalformedBinary { at: 0 })?;
        let mut walk = Self {
            file,
            limits,
            end: file.len(),
            offset_size: 0,
            ref_size: 0,
            objects: 0,
            root: 0,
            table: 0,
            bytes: 0,
            census: Census { elements: 0, depth: 0 },
        };
        walk.offset_size = walk.number(end + 6, 1)?;
        walk.ref_size = walk.number(end + 7, 1)?;
        walk.objects = walk.number(end + 8, 8)?;
        walk.root = walk.number(end + 16, 8)?;
        walk.table = walk.number(end + 24, 8)?;
        walk.end = end;
        let table_end =
            walk.objects.checked_mul(walk.offset_size).and_then(|size| size.checked_add(walk.table));
        if table_end.is_none_or(|table_end| table_end > end) {
            return Err(Error::MalformedBinary { at: end });
        }
        Ok(walk)
    }

    fn object(&mut self, object: usize, depth: usize) -> Result<(), Error> {
        self.census.elements += 1;
        if self.census.elements > self.limits.max_elements {
            return Err(Error::TooManyElements { max: self.limits.max_elements });
        }
        if object >= self.objects {
            return Err(Error::MalformedBinary { at: self.table });
        }
        let at = self.number(self.table + object * self.offset_size, self.offset_size)?;
        let token = self.number(at, 1)?;
        match (token >> 4, token & 15) {
            (0x0, 8 | 9) | (0x1, 0..=4) | (0x2, 2 | 3) => Ok(()),
            (0x3, 3) => self.date(at),
            (0x4 | 0x5, _) => self.content(at, token, 1),
            (0x6, _) => self.content(at, token, 2),
            (0xA, _) => self.children(at, token, 1, depth + 1),
            (0xD, _) => self.children(at, token, 2, depth + 1),
            // Unique ids, sets, nulls and fills: no profile or command has them.
            _ => Err(Error::MalformedBinary { at }),
        }
    }

    fn date(&self, at: usize) -> Result<(), Error> {
        let bytes: [u8; 8] = self.slice(at + 1, 8)?.try_into().map_err(|_| Error::MalformedBinary { at })?;
        if (FIRST_DATE..=LAST_DATE).contains(&f64::from_be_bytes(bytes)) {
            Ok(())
        } else {
            Err(Error::Date { at })
        }
    }

    fn content(&mut self, at: usize, token: usize, unit: usize) -> Result<(), Error> {
        let (length, start) = self.length(at, token)?;
        let bytes = length.checked_mul(unit).ok_or(Error::MalformedBinary { at })?;
        self.slice(start, bytes)?;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.max_bytes {
            return Err(Error::TooLarge { bytes: self.bytes, max: self.limits.max_bytes });
        }
        Ok(())
    }

    fn children(&mut self, at: usize, token: usize, per_item: usize, depth: usize) -> Result<(), Error> {
        if depth > self.limits.max_depth {
            return Err(Error::TooDeep { at, max: self.limits.max_depth });
        }
        self.census.depth = self.census.depth.max(depth);
        let (length, start) = self.length(at, token)?;
        let children = length.checked_mul(per_item).ok_or(Error::MalformedBinary { at })?;
        let bytes = children.checked_mul(self.ref_size).ok_or(Error::MalformedBinary { at })?;
        self.slice(start, bytes)?;
        for child in 0..children {
            let object = self.number(start + child * self.ref_size, self.ref_size)?;
            self.object(object, depth)?;
        }
        Ok(())
    }

    /// The length of an object and where its content starts: in the token, or in an integer behind it.
    fn length(&self, at: usize, token: usize) -> Result<(usize, usize), Error> {
        if token & 15 != 15 {
            return Ok((token & 15, at + 1));
        }
        let size = 1 << (self.number(at + 1, 1)? & 3);
        Ok((self.number(at + 2, size)?, at + 2 + size))
    }

    fn number(&self, at: usize, size: usize) -> Result<usize, Error> {
        if !matches!(size, 1..=4 | 8) {
            return Err(Error::MalformedBinary { at });
        }
        let value = self.slice(at, size)?.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).map_err(|_| Error::MalformedBinary { at })
    }

    fn slice(&self, at: usize, length: usize) -> Result<&'a [u8], Error> {
        let end = at.checked_add(length).filter(|end| *end <= self.end);
        end.and_then(|end| self.file.get(at..end)).ok_or(Error::MalformedBinary { at })
    }
}

#[cfg(test)]
mod tests;
