#![doc = include_str!("../README.md")]

mod binary;
mod error;
mod limits;
mod parse;
mod write;
mod xml;

pub use error::Error;
pub use limits::{Census, Limits};
pub use parse::{
    check, check_binary, is_binary, parse_any_dictionary, parse_dictionary, parse_dictionary_within,
};
pub use write::{write_xml, write_xml_value};
