//! SQLite's file system, with a disk in between.
//!
//! An open file is SQLite's own (`unix`) behind a header of ours: every call does its work through the file behind, and asks
//! the disk first. Locks and shared memory go straight through.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};

use crate::{Change, Disk, Durable, Failure, State, disk_of};

/// SQLite's own file system.
struct Real(*mut sqlite3_vfs);

// SAFETY: SQLite registers its file systems for the life of the process and calls them from any thread; the pointer is only read.
unsafe impl Send for Real {}
// SAFETY: as above.
unsafe impl Sync for Real {}

static REAL: OnceLock<Real> = OnceLock::new();

/// What SQLite takes for an open file. Behind it, in the same allocation, lies the file of SQLite's own file system.
#[repr(C)]
struct Open {
    base: sqlite3_file,
    methods: sqlite3_io_methods,
    disk: *const Disk,
    path: *mut PathBuf,
}

/// Makes this file system the default one of the process. Once; later calls do nothing.
pub(crate) fn register() {
    REAL.get_or_init(|| {
        // SAFETY: a null name asks for the default file system; SQLite initialises itself on the way.
        let real = unsafe {
            ffi::sqlite3_initialize();
            ffi::sqlite3_vfs_find(ptr::null())
        };
        assert!(!real.is_null(), "SQLite has no file system");
        // SAFETY: not null, and valid for the life of the process. It is copied: of the functions that are not replaced below, none looks
        // at which of the two it is called with.
        let mut ours = unsafe { ptr::read(real) };
        ours.szOsFile += size_of::<Open>() as c_int;
        ours.pNext = ptr::null_mut();
        ours.zName = c"vaultscope-faults".as_ptr();
        ours.xOpen = Some(open);
        ours.xDelete = Some(delete);
        // SAFETY: what is registered is leaked, so that it lives as long as the process.
        let done = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(ours)), 1) };
        assert_eq!(done, ffi::SQLITE_OK, "the file system cannot be registered");
        Real(real)
    });
}

fn real() -> *mut sqlite3_vfs {
    REAL.get().map_or(ptr::null_mut(), |real| real.0)
}

/// # Safety
/// `name` is null or a C string.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())).to_path_buf())
}

/// SQLite's `xOpen`.
unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: the real file system was read when ours was registered, and has `xOpen` as every one must.
    let Some(open_real) = (unsafe { (*real()).xOpen }) else { return ffi::SQLITE_CANTOPEN };
    // SAFETY: SQLite hands a C string or null.
    let path = unsafe { path_of(name) };
    let Some((disk, path)) = path.and_then(|path| Some((disk_of(&path)?, path))) else {
        // SAFETY: the allocation is larger than the real file system needs, and becomes its file.
        return unsafe { open_real(real(), name, file, flags, out_flags) };
    };
    let new = !path.exists();
    if new && flags & ffi::SQLITE_OPEN_CREATE != 0 {
        if let Err(code) = disk.state().operation(|_| ffi::SQLITE_CANTOPEN) {
            // SAFETY: SQLite allocated `szOsFile` bytes; null methods say that nothing was opened.
            unsafe { (*file).pMethods = ptr::null() };
            return code;
        }
    } else if disk.state().dead {
        // SAFETY: as above.
        unsafe { (*file).pMethods = ptr::null() };
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: behind the header the allocation has the bytes that the real file system asked for.
    let behind = unsafe { file.cast::<Open>().add(1).cast::<sqlite3_file>() };
    // SAFETY: `behind` points at memory for a file of the real file system; `name` lives as long as the file, as SQLite promises.
    let done = unsafe {
        (*behind).pMethods = ptr::null();
        open_real(real(), name, behind, flags, out_flags)
    };
    // SAFETY: written by the call above, or null.
    let Some(theirs) = (unsafe { (*behind).pMethods.as_ref() }) else {
        // SAFETY: as above.
        unsafe { (*file).pMethods = ptr::null() };
        return done;
    };
    disk.state().files.entry(path.clone()).or_default();
    let header = Open {
        base: sqlite3_file { pMethods: ptr::null() },
        methods: sqlite3_io_methods {
            // Two: shared memory, and no mapped pages.
            iVersion: 2.min(theirs.iVersion),
            xClose: Some(close),
            xRead: Some(read),
            xWrite: Some(write),
            xTruncate: Some(truncate),
            xSync: Some(sync),
            xFileSize: Some(file_size),
            xLock: Some(lock),
            xUnlock: Some(unlock),
            xCheckReservedLock: Some(check_reserved_lock),
            xFileControl: Some(file_control),
            xSectorSize: Some(sector_size),
            xDeviceCharacteristics: Some(device_characteristics),
            xShmMap: Some(shm_map),
            xShmLock: Some(shm_lock),
            xShmBarrier: Some(shm_barrier),
            xShmUnmap: Some(shm_unmap),
            xFetch: None,
            xUnfetch: None,
        },
        disk: Arc::into_raw(disk),
        path: Box::into_raw(Box::new(path)),
    };
    let ours = file.cast::<Open>();
    // SAFETY: SQLite allocated `szOsFile` bytes at `file`, aligned for any object, of which the header takes the first.
    unsafe {
        ours.write(header);
        (*ours).base.pMethods = &raw const (*ours).methods;
    }
    done
}

/// SQLite's `xDelete`.
unsafe extern "C" fn delete(_vfs: *mut sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    // SAFETY: SQLite hands a C string.
    let path = unsafe { path_of(name) };
    if let Some((disk, path)) = path.and_then(|path| Some((disk_of(&path)?, path))) {
        let mut state = disk.state();
        if let Err(code) = state.operation(|_| ffi::SQLITE_IOERR_DELETE) {
            return code;
        }
        state.files.remove(&path);
    }
    // SAFETY: as in `open`.
    let Some(delete) = (unsafe { (*real()).xDelete }) else { return ffi::SQLITE_IOERR_DELETE };
    // SAFETY: the arguments are SQLite's.
    unsafe { delete(real(), name, sync_dir) }
}

/// The parts of an open file.
///
/// # Safety
/// `file` was opened by `open` above and is not closed.
unsafe fn parts<'a>(file: *mut sqlite3_file) -> (&'a Disk, &'a Path, *mut sqlite3_file, &'a sqlite3_io_methods) {
    let ours = file.cast::<Open>();
    // SAFETY: the header was written by `open`; disk and path are given back by `close` alone, and the file behind has its methods
    // until then.
    unsafe {
        let behind = file.cast::<Open>().add(1).cast::<sqlite3_file>();
        (&*(*ours).disk, (*(*ours).path).as_path(), behind, &*(*behind).pMethods)
    }
}

fn durable<'a>(state: &'a mut State, path: &Path) -> &'a mut Durable {
    state.files.entry(path.to_path_buf()).or_default()
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes what it opened, once.
    let (_, _, behind, methods) = unsafe { parts(file) };
    // SAFETY: the file behind is open.
    let done = methods.xClose.map_or(ffi::SQLITE_OK, |close| unsafe { close(behind) });
    let ours = file.cast::<Open>();
    // SAFETY: both were made by `into_raw` in `open`, and nobody uses them from here on.
    unsafe {
        drop(Arc::from_raw((*ours).disk));
        drop(Box::from_raw((*ours).path));
        (*ours).base.pMethods = ptr::null();
    }
    done
}

unsafe extern "C" fn read(file: *mut sqlite3_file, to: *mut c_void, count: c_int, at: i64) -> c_int {
    // SAFETY: SQLite reads files that are open.
    let (disk, path, behind, methods) = unsafe { parts(file) };
    let Some(read) = methods.xRead else { return ffi::SQLITE_IOERR_READ };
    let asked = disk.state().read();
    match asked {
        // SAFETY: the arguments are SQLite's.
        Ok(()) => unsafe { read(behind, to, count, at) },
        Err(Failure::Short) => {
            // SAFETY: `to` has room for `count` bytes: half are read, and the rest is zero as SQLite wants it.
            unsafe {
                read(behind, to, count / 2, at);
                to.cast::<u8>().add((count / 2) as usize).write_bytes(0, (count - count / 2) as usize);
            }
            // SQLite takes a short read of the database for its end, and a page of zeros for a page.
            let log = path.extension().is_some_and(|e| e == "db-wal");
            if log { ffi::SQLITE_IOERR_SHORT_READ } else { ffi::SQLITE_IOERR_READ }
        }
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, count: c_int, at: i64) -> c_int {
    // SAFETY: SQLite writes files that are open.
    let (disk, path, behind, methods) = unsafe { parts(file) };
    let Some(write) = methods.xWrite else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: SQLite has `count` bytes there.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), count as usize) }.to_vec();
    let mut state = disk.state();
    let was_dead = state.dead;
    let asked = state.operation(|how| if how == Failure::Enospc { ffi::SQLITE_FULL } else { ffi::SQLITE_IOERR_WRITE });
    if let Err(code) = asked {
        if state.dead && !was_dead {
            // The write that was under way when the power went: some of it may be there.
            durable(&mut state, path).pending.push(Change::Write { at: at as u64, bytes });
        }
        return code;
    }
    durable(&mut state, path).pending.push(Change::Write { at: at as u64, bytes });
    drop(state);
    // SAFETY: the arguments are SQLite's.
    unsafe { write(behind, from, count, at) }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: i64) -> c_int {
    // SAFETY: SQLite truncates files that are open.
    let (disk, path, behind, methods) = unsafe { parts(file) };
    let Some(truncate) = methods.xTruncate else { return ffi::SQLITE_IOERR_TRUNCATE };
    let mut state = disk.state();
    if let Err(code) = state.operation(|_| ffi::SQLITE_IOERR_TRUNCATE) {
        return code;
    }
    durable(&mut state, path).pending.push(Change::Truncate { length: length as u64 });
    drop(state);
    // SAFETY: the arguments are SQLite's.
    unsafe { truncate(behind, length) }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite syncs files that are open.
    let (disk, path, _, _) = unsafe { parts(file) };
    let mut state = disk.state();
    if let Err(code) = state.operation(|_| ffi::SQLITE_IOERR_FSYNC) {
        if !state.dead {
            durable(&mut state, path).pending.clear();
        }
        return code;
    }
    let synced = durable(&mut state, path);
    synced.sync();
    // SQLite's own syncs the folder with the first sync of a log or a journal.
    synced.named |= path.extension().is_some_and(|e| e == "db-wal" || e == "db-journal");
    // The disk is this model; the machine's own need not be waited for.
    ffi::SQLITE_OK
}

/// Calls that go straight to the file behind.
macro_rules! through {
    ($($name:ident = $method:ident($($arg:ident: $kind:ty),*) -> $answer:ty, $none:expr;)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $arg: $kind)*) -> $answer {
            // SAFETY: SQLite calls this for files that are open.
            let (_, _, behind, methods) = unsafe { parts(file) };
            // SAFETY: the arguments are SQLite's.
            methods.$method.map_or($none, |call| unsafe { call(behind $(, $arg)*) })
        }
    )*};
}

through! {
    file_size = xFileSize(size: *mut i64) -> c_int, ffi::SQLITE_IOERR_FSTAT;
    lock = xLock(level: c_int) -> c_int, ffi::SQLITE_IOERR_LOCK;
    unlock = xUnlock(level: c_int) -> c_int, ffi::SQLITE_IOERR_UNLOCK;
    check_reserved_lock = xCheckReservedLock(out: *mut c_int) -> c_int, ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
    file_control = xFileControl(what: c_int, argument: *mut c_void) -> c_int, ffi::SQLITE_NOTFOUND;
    sector_size = xSectorSize() -> c_int, 0;
    device_characteristics = xDeviceCharacteristics() -> c_int, 0;
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, to: *mut *mut c_void) -> c_int, ffi::SQLITE_IOERR_SHMMAP;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int, ffi::SQLITE_IOERR_SHMLOCK;
    shm_barrier = xShmBarrier() -> (), ();
    shm_unmap = xShmUnmap(delete: c_int) -> c_int, ffi::SQLITE_OK;
}
