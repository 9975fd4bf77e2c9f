//! The leave to send one thing, once.

use catalog::{Class, Classification};

use crate::ExitKind;

/// The gate's leave for one thing to go out, once. The functions that send take it by value.
///
/// Only [`crate::Gate::decide`] makes one: the fields are private and there is no constructor. Who has one can look at
/// it and pass it on:
///
/// ```
/// # use gate::{ExitKind, Permit};
/// fn send(permit: Permit) -> ExitKind {
///     permit.kind()
/// }
/// ```
///
/// Who has none cannot make one:
///
/// ```compile_fail,E0451
/// # use gate::{ExitKind, Permit};
/// let forged = Permit { kind: ExitKind::Command, class: panic!() };
/// ```
///
/// It cannot be used for two things:
///
/// ```compile_fail,E0599
/// # fn f(permit: gate::Permit) {
/// let second = permit.clone();
/// # }
/// ```
///
/// ```compile_fail,E0382
/// # fn send(_: gate::Permit) {}
/// # fn f(permit: gate::Permit) {
/// send(permit);
/// send(permit);
/// # }
/// ```
///
/// Nor can it be had by default:
///
/// ```compile_fail,E0277
/// # fn default<T: Default>() -> T { T::default() }
/// let forged = default::<gate::Permit>();
/// ```
#[must_use = "a permit that is not used was a decision for nothing"]
#[derive(Debug)]
pub struct Permit {
    kind: ExitKind,
    class: Classification,
}

impl Permit {
    pub(crate) const fn new(kind: ExitKind, class: Classification) -> Self {
        Self { kind, class }
    }

    /// For which exit it is.
    #[must_use]
    pub const fn kind(&self) -> ExitKind {
        self.kind
    }

    /// The effect class of what leaves. Recorded with the hand-out, in its transaction.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class.class
    }

    /// Why it has that class.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.class.reason
    }
}
