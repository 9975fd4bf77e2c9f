//! A file of JSON lines, for programs on the same machine that carry logs away.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::{Deliver, Delivered, Message, Trouble};

/// How far back the end of the last whole line is looked for.
const LONGEST_LINE: u64 = 1024 * 1024;

/// A file that grows. It is opened by name for each batch, so that it can be renamed away at any time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLines {
    path: PathBuf,
}

impl JsonLines {
    /// A file, which is made readable by its owner alone if it does not exist.
    ///
    /// # Errors
    /// It cannot be opened for writing.
    pub fn new(path: PathBuf) -> Result<Self, Trouble> {
        let sink = Self { path };
        sink.open().map_err(|error| sink.trouble(&error))?;
        Ok(sink)
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)
    }

    fn trouble(&self, error: &io::Error) -> Trouble {
        Trouble::new(format!("{}: {error}", self.path.display()))
    }

    fn append(&self, text: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        let end = whole_lines(&mut file)?;
        if file.metadata()?.len() != end {
            file.set_len(end)?;
        }
        let written = file.write_all(text).and_then(|()| file.sync_all());
        if written.is_err() {
            // Half a line would be read as one: as well as a full disk allows, nothing stays of it.
            let _ = file.set_len(end);
        }
        written?;
        sync_folder(&self.path)
    }
}

/// Where the last whole line ends. What a crash left behind it was never acknowledged and is written again.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LONGEST_LINE);
    if length == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(length - 1))?;
    let mut last = [0_u8; 1];
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(length);
    }
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(LONGEST_LINE).read_to_end(&mut tail)?;
    let kept = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    Ok(from + u64::try_from(kept).unwrap_or_default())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[async_trait]
impl Deliver for JsonLines {
    async fn deliver(&self, messages: &[Message]) -> Delivered {
        let count = messages.len();
        if count == 0 {
            return Delivered::default();
        }
        let text: String = messages.iter().map(|message| message.to_json() + "\n").collect();
        let sink = self.clone();
        let done = tokio::task::spawn_blocking(move || sink.append(text.as_bytes())).await;
        match done.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => Delivered::all(count),
            Err(error) => Delivered::until(0, count, self.trouble(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use clock::Timestamp;
    use serde_json::json;

    use super::*;

    fn message(seq: i64) -> Message {
        Message {
            id: format!("evt_{seq}"),
            seq: Some(seq),
            kind: "test".to_owned(),
            object: "sink:file".to_owned(),
            at: Timestamp::from_millis(0),
            data: json!({}),
            urgent: false,
        }
    }

    fn numbers(path: &Path) -> Vec<i64> {
        let text = std::fs::read_to_string(path).unwrap();
        let value = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        text.lines().map(|line| value(line)["seq"].as_i64().unwrap()).collect()
    }

    #[tokio::test]
    async fn lines_are_appended_also_after_the_file_was_renamed_away_or_half_a_line_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let sink = JsonLines::new(path.clone()).unwrap();
        assert_eq!(sink.deliver(&[message(1), message(2)]).await, Delivered::all(2));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let rotated = folder.path().join("events.jsonl.1");
        std::fs::rename(&path, &rotated).unwrap();
        sink.deliver(&[message(3)]).await;
        assert_eq!((numbers(&rotated), numbers(&path)), (vec![1, 2], vec![3]));
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"id\":\"evt_4\",\"se").unwrap();
        sink.deliver(&[message(4)]).await;
        assert_eq!(numbers(&path), [3, 4]);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_is_trouble_and_nothing_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let sink = JsonLines::new(folder.path().join("events.jsonl")).unwrap();
        std::fs::remove_file(folder.path().join("events.jsonl")).unwrap();
        std::fs::create_dir(folder.path().join("events.jsonl")).unwrap();
        let outcome = sink.deliver(&[message(1)]).await;
        assert_eq!(outcome.taken, [false]);
        assert!(outcome.trouble.is_some());
        assert!(JsonLines::new(folder.path().join("no/such/folder")).is_err());
    }
}
