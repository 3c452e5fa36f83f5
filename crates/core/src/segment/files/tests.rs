#![allow(unsafe_code)]

use std::ffi::c_int;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::MetadataExt;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::own_file::OwnFile;
use super::*;
use crate::segment::layout::{CONTROL_WORDS, LEASES, SESSIONS_VERSION, WORD, header, locks};
use crate::segment::owner::{Owner, Owners};
use crate::segment::sync::Ordering;
use crate::segment::{SegmentErrorKind, SegmentKind, SegmentOptions};
use crate::{Capacity, MaxSession};

/// A folder on tmpfs that is removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let name = format!("/dev/shm/tls-resumption-test-{}-{serial}", std::process::id());
        fs::create_dir(&name).unwrap();
        Self(name.into())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.join("cache")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options(path: impl AsRef<std::path::Path>) -> SegmentOptions {
    SegmentOptions::new(path, SegmentKind::Clients).with_max(Capacity::new(100))
}

fn kind_of(options: &SegmentOptions) -> SegmentErrorKind {
    ControlFile::open(options).err().expect("it is refused").kind()
}

/// Waits until an owner is dead. A child that another test starts keeps the locks of the process between fork and exec.
fn wait_for_death(file: &ControlFile, owner: Owner) {
    let started = Instant::now();
    while file.is_alive(owner) {
        assert!(started.elapsed() < Duration::from_secs(10), "the owner stays alive");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_file_is_made_once_and_opened_by_all() {
    let folder = Folder::new();
    let options = options(folder.path());
    let one = ControlFile::open(&options).unwrap();
    let other = ControlFile::open(&options).unwrap();
    assert_eq!((one.id(), one.header()), (other.id(), other.header()));
    assert_eq!((one.mine().number(), other.mine().number()), (1, 2));
    one.region(LEASES)[3].store(7, Ordering::SeqCst);
    assert_eq!(other.region(LEASES)[3].load(Ordering::SeqCst), 7);

    let (one, other) = (
        SessionFile::open(&one, SESSIONS_VERSION).unwrap(),
        SessionFile::open(&other, SESSIONS_VERSION).unwrap(),
    );
    let word = one.layout.sessions.slots;
    one.mapping[word].store(7, Ordering::SeqCst);
    assert_eq!(other.mapping[word].load(Ordering::SeqCst), 7);
    assert!(one.mapping.is_excluded_from_core_dumps());
}

#[test]
fn an_owner_is_alive_while_its_file_is_open() {
    let folder = Folder::new();
    let options = options(folder.path());
    let one = ControlFile::open(&options).unwrap();
    let other = ControlFile::open(&options).unwrap();
    let owner = other.mine();
    assert!(one.is_alive(owner) && other.is_alive(owner) && other.is_alive(one.mine()));
    assert_eq!(one.bury(owner, || ()), None);
    assert_eq!(one.processes(), [std::process::id(); 2]);
    drop(other);
    wait_for_death(&one, owner);
    assert_eq!(one.bury(owner, || 3), Some(3));
    // The number is given again at once, and the earlier owner stays dead.
    let next = ControlFile::open(&options).unwrap();
    assert_eq!(next.mine(), Owner::new(2, 2));
    assert!(!one.is_alive(owner) && one.is_alive(next.mine()) && !next.is_alive(owner));
    assert_eq!((one.bury(owner, || 4), next.bury(owner, || 5)), (Some(4), Some(5)));
    assert_eq!((one.bury(next.mine(), || ()), next.bury(next.mine(), || ())), (None, None));
    // No owner is dead, and a number that was never given is, too.
    assert!(!one.is_alive(Owner::NONE) && !one.is_alive(Owner::new(9, 1)));
    assert_eq!(
        (one.bury(Owner::NONE, || ()), one.bury(Owner::new(9, 1), || ())),
        (Some(()), Some(()))
    );
}

#[test]
fn the_number_of_a_dead_owner_is_not_given_while_it_is_buried() {
    let folder = Folder::new();
    let options = options(folder.path());
    let one = ControlFile::open(&options).unwrap();
    let dead = ControlFile::open(&options).unwrap().mine();
    wait_for_death(&one, dead);
    let next = one.bury(dead, || ControlFile::open(&options).unwrap().mine().number());
    assert_eq!(next, Some(3));
}

#[test]
fn other_options_than_those_of_the_file_are_an_error_that_names_both() {
    let folder = Folder::new();
    let made = options(folder.path()).with_single_use(true).with_max_session(MaxSession::new(2048));
    let open = ControlFile::open(&made).unwrap();
    assert!(open.header().single_use);
    // What is not asked for takes the value of the file.
    ControlFile::open(&SegmentOptions::new(folder.path(), SegmentKind::Clients)).unwrap();
    let asked = SegmentOptions::new(folder.path(), SegmentKind::Servers)
        .with_max(Capacity::new(200))
        .with_max_session(MaxSession::new(4096))
        .with_single_use(false);
    let error = ControlFile::open(&asked).err().unwrap();
    assert_eq!(error.kind(), SegmentErrorKind::Options);
    assert_eq!(error.expected(), "kind clients, singleUse true, maxSession 2048, max 100");
    assert_eq!(error.found(), "kind servers, singleUse false, maxSession 4096, max 200");
}

#[test]
fn what_is_no_file_of_the_user_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    let path = folder.path();
    let refused = || kind_of(&options(&path));
    fs::create_dir(&path).unwrap();
    assert_eq!(refused(), SegmentErrorKind::FileType);
    fs::remove_dir(&path).unwrap();
    symlink("/dev/shm/elsewhere", &path).unwrap();
    assert_eq!(refused(), SegmentErrorKind::FileType);
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(refused(), SegmentErrorKind::FileType);
    fs::remove_file(&path).unwrap();

    let restrict = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    fs::write(&path, vec![0; CONTROL_WORDS * WORD]).unwrap();
    for mode in [0o644, 0o640, 0o400, 0o700] {
        restrict(mode);
        assert_eq!(refused(), SegmentErrorKind::Mode);
    }
    restrict(0o600);
    assert_eq!(refused(), SegmentErrorKind::Content);
    fs::hard_link(&path, path.with_extension("other")).unwrap();
    assert_eq!(refused(), SegmentErrorKind::Links);
    fs::remove_file(path.with_extension("other")).unwrap();
    fs::write(&path, b"short").unwrap();
    assert_eq!(refused(), SegmentErrorKind::Content);
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_ok() {
        assert_eq!(refused(), SegmentErrorKind::Owner);
    }
    assert_eq!(kind_of(&options("/dev/shm/no-such-folder/cache")), SegmentErrorKind::Path);
    assert_eq!(kind_of(&options("")), SegmentErrorKind::Path);
    assert_eq!(kind_of(&options("/proc/cache")), SegmentErrorKind::FileSystem);
}

#[test]
fn a_file_system_that_is_not_tmpfs_is_refused() {
    let path = std::env::temp_dir().join(format!("segment-{}", std::process::id()));
    let refused = kind_of(&options(&path));
    // The folder may be on tmpfs.
    assert!(refused == SegmentErrorKind::FileSystem, "{refused:?}");
    assert!(!path.exists());
}

#[test]
fn a_damaged_header_is_refused() {
    use std::os::unix::fs::FileExt;
    let folder = Folder::new();
    let path = folder.path();
    drop(ControlFile::open(&options(&path)).unwrap());
    let file = fs::File::options().write(true).open(&path).unwrap();
    for word in [0, 1, 2, 5, 9, 12] {
        let mut before = [0; WORD];
        fs::File::open(&path).unwrap().read_exact_at(&mut before, word * 8).unwrap();
        file.write_all_at(&[before[0] ^ 1], word * 8).unwrap();
        assert_eq!(kind_of(&options(&path)), SegmentErrorKind::Content, "word {word}");
        file.write_all_at(&before, word * 8).unwrap();
    }
    ControlFile::open(&options(&path)).unwrap();
}

#[test]
fn a_session_file_of_another_control_file_is_replaced() {
    let folder = Folder::new();
    let options = options(folder.path());
    let control = ControlFile::open(&options).unwrap();
    let sessions = SessionFile::open(&control, SESSIONS_VERSION).unwrap();
    assert!(control.is_current() && sessions.is_current());
    fs::remove_file(folder.path()).unwrap();
    assert!(!control.is_current() && sessions.is_current());
    let next = ControlFile::open(&options.clone().with_max(Capacity::new(100))).unwrap();
    assert_ne!(next.header().file_id, control.header().file_id);
    let next_sessions = SessionFile::open(&next, SESSIONS_VERSION).unwrap();
    assert!(!sessions.is_current() && next_sessions.is_current());
    assert_eq!(
        SessionFile::open(&control, SESSIONS_VERSION).err().unwrap().kind(),
        SegmentErrorKind::Busy
    );
}

#[test]
fn a_file_that_is_no_session_file_is_not_removed() {
    let folder = Folder::new();
    let control = ControlFile::open(&options(folder.path())).unwrap();
    let path = folder.path().with_extension("v2");
    let write = |content: &[u8]| {
        use std::os::unix::fs::PermissionsExt;
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    for content in [&b"a letter to the user"[..], b"abc"] {
        write(content);
        let error = SessionFile::open(&control, SESSIONS_VERSION).err().unwrap();
        assert_eq!((error.kind(), error.path()), (SegmentErrorKind::Content, &*path));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    // One that was truncated is made again.
    write(b"");
    assert!(SessionFile::open(&control, SESSIONS_VERSION).unwrap().is_current());
}

#[test]
fn a_file_whose_header_was_written_over_is_not_current() {
    for word in [header::FILE_ID, header::FILE_ID + 1, header::CHECKSUM] {
        let folder = Folder::new();
        let control = ControlFile::open(&options(folder.path())).unwrap();
        assert!(control.is_current());
        control.mapping[word].fetch_add(1, Ordering::SeqCst);
        assert!(!control.is_current(), "word {word}");
    }
}

/// Closes a descriptor as other code of the process may do by mistake, and gives its number to another file.
fn replace_descriptor(descriptor: c_int, by: &fs::File) {
    // SAFETY: both descriptors are open.
    assert_eq!(unsafe { libc::dup2(by.as_raw_fd(), descriptor) }, descriptor);
}

#[test]
fn without_its_descriptor_a_process_takes_no_owner_for_dead() {
    let folder = Folder::new();
    let options = options(folder.path());
    let one = ControlFile::open(&options).unwrap();
    let descriptor = one.file.get().unwrap().as_raw_fd();
    replace_descriptor(descriptor, &fs::File::open("/dev/null").unwrap());
    assert!(!one.is_current(), "the process is to open the file again");
    let next = ControlFile::open(&options).unwrap();
    // The mapping keeps the open file, and with it the lock of the number.
    assert_eq!((one.mine().number(), next.mine().number()), (1, 2));
    assert!(one.is_alive(next.mine()) && next.is_alive(one.mine()));
    assert_eq!(one.bury(next.mine(), || ()), None);
    let owner = one.mine();
    drop(one);
    wait_for_death(&next, owner);
}

#[test]
fn a_file_that_has_the_descriptor_of_another_is_neither_changed_nor_closed() {
    let folder = Folder::new();
    let control = ControlFile::open(&options(folder.path())).unwrap();
    let sessions = SessionFile::open(&control, SESSIONS_VERSION).unwrap();
    let innocent = fs::File::create(folder.path().with_extension("other")).unwrap();
    let descriptor = sessions.file.get().unwrap().as_raw_fd();
    replace_descriptor(descriptor, &innocent);
    assert!(!sessions.is_current());
    assert!(!sessions.allocate(sessions.layout.sessions.pieces, 512));
    assert_eq!(innocent.metadata().unwrap().blocks(), 0);
    drop(sessions);
    // SAFETY: it reads the flags of a descriptor, if it is open.
    assert_ne!(unsafe { libc::fcntl(descriptor, libc::F_GETFD) }, -1);
}

#[test]
fn a_file_does_not_close_the_same_file_that_was_opened_again_with_its_descriptor() {
    let folder = Folder::new();
    let file = fs::File::create(folder.path()).unwrap();
    let id = FileId::of(&file.metadata().unwrap());
    let descriptor = file.as_raw_fd();
    let earlier = OwnFile::new(file, id);
    replace_descriptor(descriptor, &fs::File::open(folder.path()).unwrap());
    // SAFETY: the descriptor is open, and the earlier file has lost it.
    let next = OwnFile::new(unsafe { fs::File::from_raw_fd(descriptor) }, id);
    assert!(earlier.get().is_none() && next.get().is_some());
    drop(earlier);
    assert!(next.get().is_some(), "it is open");
}

#[test]
fn a_panic_while_a_process_is_buried_leaves_its_number_free() {
    let folder = Folder::new();
    let options = options(folder.path());
    let one = ControlFile::open(&options).unwrap();
    let dead = ControlFile::open(&options).unwrap().mine();
    wait_for_death(&one, dead);
    let burial = AssertUnwindSafe(|| one.bury(dead, || std::panic::resume_unwind(Box::new(()))));
    assert!(std::panic::catch_unwind(burial).is_err());
    assert_eq!(one.bury(dead, || 3), Some(3));
    assert_eq!(ControlFile::open(&options).unwrap().mine().number(), dead.number());
}

#[test]
fn a_process_that_ends_while_it_buries_another_leaves_both_to_the_next() {
    let folder = Folder::new();
    let options = options(folder.path());
    let one = ControlFile::open(&options).unwrap();
    let ended = ControlFile::open(&options).unwrap();
    let burier = ControlFile::open(&options).unwrap();
    let (dead, burier_owner) = (ended.mine(), burier.mine());
    drop(ended);
    wait_for_death(&one, dead);
    // It holds the byte of the dead owner, and never gives it up itself.
    let held = sys::lock(burier.file.get().unwrap(), locks::OWNERS + i64::from(dead.number()));
    assert!(held.unwrap() && one.is_alive(dead));
    assert_eq!(one.bury(dead, || ()), None, "its burier may be at work");
    drop(burier);
    wait_for_death(&one, burier_owner);
    wait_for_death(&one, dead);
    assert_eq!((one.bury(dead, || 1), one.bury(burier_owner, || 2)), (Some(1), Some(2)));
}

#[test]
fn a_process_that_is_suspended_while_it_makes_a_file_keeps_no_other_from_making_it() {
    let folder = Folder::new();
    let options = options(folder.path());
    let suspended = ControlFile::open(&options).unwrap();
    assert!(sys::lock(suspended.file.get().unwrap(), locks::SESSIONS).unwrap());
    let control = ControlFile::open(&options).unwrap();
    let sessions = SessionFile::open(&control, SESSIONS_VERSION).unwrap();
    assert!(sessions.is_current());
    // Nor from opening it.
    let began = Instant::now();
    assert!(SessionFile::open(&control, SESSIONS_VERSION).unwrap().is_current());
    assert!(began.elapsed() < MAX_WAIT);
}

#[test]
fn an_allocation_in_chunks_takes_the_whole_range() {
    let folder = Folder::new();
    let file = fs::File::create(folder.path()).unwrap();
    sys::allocate(&file, 4096, 600 * 1024).unwrap();
    assert_eq!(file.metadata().unwrap().blocks() * 512, 600 * 1024);
}

/// As with strict overcommit. To change that of the machine would disturb others.
#[test]
fn a_truncated_file_is_all_zeros_also_if_there_is_memory_for_one_page_at_a_time() {
    let folder = Folder::new();
    let control = ControlFile::open(&options(folder.path())).unwrap();
    let sessions = SessionFile::open(&control, SESSIONS_VERSION).unwrap();
    let pages = [0, 3, 9].map(|page| sessions.layout.sessions.slots + page * 512 + 7);
    for word in pages {
        sessions.mapping[word].store(7, Ordering::SeqCst);
    }
    let file = fs::File::options().write(true).open(folder.path().with_extension("v2"));
    file.unwrap().set_len(0).unwrap();
    sigbus::REFUSED_FROM.set(4097);
    for word in pages {
        assert_eq!(sessions.mapping[word].load(Ordering::SeqCst), 0);
        sessions.mapping[word].store(8, Ordering::SeqCst);
    }
    sigbus::REFUSED_FROM.set(usize::MAX);
    assert!(sessions.mapping.is_dead() && !sessions.is_current());
}

#[test]
fn a_truncated_file_is_dead_and_all_zeros() {
    let folder = Folder::new();
    let control = ControlFile::open(&options(folder.path())).unwrap();
    let sessions = SessionFile::open(&control, SESSIONS_VERSION).unwrap();
    let (at, words) = (sessions.layout.sessions.slots, &sessions.mapping);
    words[at].store(7, Ordering::SeqCst);
    fs::File::options()
        .write(true)
        .open(folder.path().with_extension("v2"))
        .unwrap()
        .set_len(0)
        .unwrap();
    assert!(!sessions.mapping.is_dead());
    assert_eq!(words[at].load(Ordering::SeqCst), 0);
    words[at].store(8, Ordering::SeqCst);
    assert!(sessions.mapping.is_dead() && !sessions.is_current());
    assert!(!control.is_dead() && control.is_current());
}
