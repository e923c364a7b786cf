//! Several global rayon pools in one process.
//!
//! rayon's global pool is built once and has one size for ever, but a benchmark compares pools of
//! several sizes, placed differently, in one process and turn by turn. An explicit pool is no
//! substitute: a call through `install` starts inside a worker and divides the work in half as many
//! steps as a call from outside. So each user of a global pool gets an image of this library of its
//! own: the first is the library itself, further ones are copies of its file in anonymous memory,
//! loaded like any other library, with their own statics and therefore their own global pool. An
//! image that is given back is used again by the next user that wants the same number of threads.
//!
//! Profilers find the symbols of the first image only: profile one arm in a process.

use std::ffi::{c_void, CStr, CString};
use std::io::Write;
use std::os::raw::{c_char, c_int, c_uint};
use std::os::unix::io::{FromRawFd, IntoRawFd};
use std::sync::Mutex;

#[repr(C)]
struct DlInfo {
    file_name: *const c_char,
    base: *mut c_void,
    symbol_name: *const c_char,
    symbol: *mut c_void,
}

extern "C" {
    fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn memfd_create(name: *const c_char, flags: c_uint) -> c_int;
}

const RTLD_NOW: c_int = 2;
const MFD_CLOEXEC: c_uint = 1;

struct Image {
    entry: usize, /* address of the image's entry symbol */
    threads: usize,
    busy: bool,
    process: u32, /* threads do not survive a fork: only the process that started them counts */
}

static IMAGES: Mutex<Vec<Image>> = Mutex::new(Vec::new());

/// Number of an image, to give it back by.
pub type Ticket = usize;

/// The entry of an image that no one else uses, and whether its pool was already built, with
/// `threads` threads. `own_entry` is the caller's own entry function, exported as `entry_name`, which
/// ends in NUL.
pub fn claim(
    own_entry: *const c_void,
    entry_name: &[u8],
    threads: usize,
) -> Result<(Ticket, *const c_void, bool), String> {
    let process = std::process::id();
    let mut images = IMAGES.lock().map_err(|_| "a former user panicked".to_string())?;
    let found = images
        .iter()
        .position(|each| !each.busy && each.threads == threads && each.process == process);
    if let Some(ticket) = found {
        images[ticket].busy = true;
        return Ok((ticket, images[ticket].entry as *const c_void, true));
    }
    let entry = if images.is_empty() { own_entry } else { load_copy(own_entry, entry_name)? };
    images.push(Image { entry: entry as usize, threads, busy: true, process });
    Ok((images.len() - 1, entry, false))
}

/// Gives an image back; its pool is idle.
pub fn release(ticket: Ticket) {
    if let Ok(mut images) = IMAGES.lock() {
        images[ticket].busy = false;
    }
}

fn load_copy(own_entry: *const c_void, entry_name: &[u8]) -> Result<*const c_void, String> {
    let bytes = own_file(own_entry)?;
    let descriptor = unsafe { memfd_create(b"grainbench-image\0".as_ptr() as *const c_char, MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(format!("memfd_create: {}", std::io::Error::last_os_error()));
    }
    let mut file = unsafe { std::fs::File::from_raw_fd(descriptor) };
    file.write_all(&bytes).map_err(|failure| format!("copying the library: {failure}"))?;
    /* Stays open: were its number used again, the loader would take the next copy for this one. */
    let descriptor = file.into_raw_fd();
    let path = CString::new(format!("/proc/self/fd/{descriptor}")).map_err(|e| e.to_string())?;
    let handle = unsafe { dlopen(path.as_ptr(), RTLD_NOW) };
    if handle.is_null() {
        return Err("loading a copy of the library failed".to_string());
    }
    let entry = unsafe { dlsym(handle, entry_name.as_ptr() as *const c_char) };
    if entry.is_null() {
        return Err("the copy of the library lacks its entry".to_string());
    }
    Ok(entry)
}

fn own_file(own_entry: *const c_void) -> Result<Vec<u8>, String> {
    let mut info = DlInfo {
        file_name: std::ptr::null(),
        base: std::ptr::null_mut(),
        symbol_name: std::ptr::null(),
        symbol: std::ptr::null_mut(),
    };
    if unsafe { dladdr(own_entry, &mut info) } == 0 || info.file_name.is_null() {
        return Err("the library cannot find its own file".to_string());
    }
    let path = unsafe { CStr::from_ptr(info.file_name) }.to_string_lossy().into_owned();
    std::fs::read(&path).map_err(|failure| format!("{path}: {failure}"))
}
