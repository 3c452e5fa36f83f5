//! The words of the control file that are not sessions.
//!
//! Each module works over its region of the mapping, a slice of atomic words, and over
//! [`Owners`](crate::segment::owner::Owners), which reports the death of processes.

pub(crate) mod leases;
pub(crate) mod purges;
pub(crate) mod ticket_ring;
