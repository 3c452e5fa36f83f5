//! Owners: the processes that use a segment, and how the others learn of their death.

/// The highest owner number. 0 is no owner.
pub(crate) const MAX_OWNERS: u32 = (1 << NUMBER_BITS) - 1;

const NUMBER_BITS: u32 = 10;
const INCARNATION_BITS: u32 = 14;
const MAX_INCARNATION: u32 = (1 << INCARNATION_BITS) - 1;

/// The bits of an owner in a word.
pub(crate) const OWNER_BITS: u32 = NUMBER_BITS + INCARNATION_BITS;

/// A process that has a segment open: its number, and how often the number was given before.
///
/// A number is given again at once, so two owners are the same only if both parts are equal. All zeros is no owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Owner(u32);

impl Owner {
    /// No process.
    pub(crate) const NONE: Self = Self(0);

    /// Only the low bits count: 10 of the number and 14 of the incarnation.
    pub(crate) const fn new(number: u32, incarnation: u32) -> Self {
        Self((number & MAX_OWNERS) << INCARNATION_BITS | incarnation & MAX_INCARNATION)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0 >> INCARNATION_BITS
    }

    pub(crate) const fn incarnation(self) -> u32 {
        self.0 & MAX_INCARNATION
    }

    /// Returns the [`OWNER_BITS`] low bits that stand for it in a word.
    pub(crate) const fn to_bits(self) -> u64 {
        self.0 as u64
    }

    /// Restores it from the low bits of a word. The others do not count.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self((bits & ((1 << OWNER_BITS) - 1)) as u32)
    }
}

/// What a process knows of the owners of a segment.
pub(crate) trait Owners: Send + Sync {
    /// Returns the calling process, for all of its threads. It is never [`Owner::NONE`].
    fn mine(&self) -> Owner;

    /// True unless the process has ended. In doubt it is true. A suspended process is alive.
    fn is_alive(&self, owner: Owner) -> bool;

    /// Runs `recover` while no process can get the number of a dead owner. Returns `None`, and runs nothing, if the owner
    /// may be alive or another thread is burying.
    ///
    /// `recover` must take over by compare-and-swap of a word that names the owner with its incarnation, and must not
    /// call `bury`.
    fn bury<R>(&self, owner: Owner, recover: impl FnOnce() -> R) -> Option<R>
    where
        Self: Sized;
}

/// Owners without files, for tests: an owner is dead if the test has said so.
#[cfg(test)]
pub(crate) struct TestOwners {
    mine: Owner,
    dead: std::sync::Arc<std::sync::Mutex<std::collections::HashSet<Owner>>>,
}

#[cfg(test)]
impl TestOwners {
    /// Makes the view of the process with this number and incarnation 1.
    pub(crate) fn new(number: u32) -> Self {
        Self { mine: Owner::new(number, 1), dead: std::sync::Arc::default() }
    }

    /// Makes the view of another process that knows the same deaths.
    pub(crate) fn other(&self, number: u32, incarnation: u32) -> Self {
        Self { mine: Owner::new(number, incarnation), dead: std::sync::Arc::clone(&self.dead) }
    }

    /// Declares an owner dead.
    pub(crate) fn kill(&self, owner: Owner) {
        self.dead.lock().unwrap().insert(owner);
    }
}

#[cfg(test)]
impl Owners for TestOwners {
    fn mine(&self) -> Owner {
        self.mine
    }

    fn is_alive(&self, owner: Owner) -> bool {
        owner.number() != 0 && !self.dead.lock().unwrap().contains(&owner)
    }

    fn bury<R>(&self, owner: Owner, recover: impl FnOnce() -> R) -> Option<R> {
        (!self.is_alive(owner)).then(recover)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_survives_a_word() {
        for (number, incarnation) in [(1, 1), (MAX_OWNERS, MAX_INCARNATION), (7, 0)] {
            let owner = Owner::new(number, incarnation);
            assert_eq!((owner.number(), owner.incarnation()), (number, incarnation));
            assert_eq!(Owner::from_bits(owner.to_bits() | u64::MAX << OWNER_BITS), owner);
        }
        assert_eq!(Owner::new(MAX_OWNERS + 1, MAX_INCARNATION + 1), Owner::NONE);
    }
}
