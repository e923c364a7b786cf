//! The plug-in ABI of include/grainbench/*.h as Rust types. Field for field the same; a module tells
//! the program its sizes, and the program refuses one that does not fit.
#![allow(dead_code)]

use std::os::raw::{c_char, c_int, c_uint, c_void};

pub const MESSAGE_SIZE: usize = 512;
pub const LEAF_SIZES: usize = 2049;
pub const NOT_KNOWN: u64 = u64::MAX;

pub const OPTION_END: c_int = 0;
pub const OPTION_INTEGER: c_int = 2;
pub const OPTION_CHOICE: c_int = 5;

#[repr(C)]
pub struct OptionRow {
    pub name: *const c_char,
    pub letter: c_char,
    pub kind: c_int,
    pub offset: usize,
    pub argument: *const c_char,
    pub fallback: *const c_char,
    pub choices: *const c_char,
    pub minimum: f64,
    pub maximum: f64,
    pub help: *const c_char,
}
unsafe impl Sync for OptionRow {}

pub const OPTION_LAST: OptionRow = OptionRow {
    name: std::ptr::null(),
    letter: 0,
    kind: OPTION_END,
    offset: 0,
    argument: std::ptr::null(),
    fallback: std::ptr::null(),
    choices: std::ptr::null(),
    minimum: 0.0,
    maximum: 0.0,
    help: std::ptr::null(),
};

pub type Body = unsafe extern "C" fn(*mut c_void, usize, usize, c_uint);
pub type WorkerHook = unsafe extern "C" fn(*mut c_void, c_uint);

#[repr(C)]
pub struct Batch {
    pub struct_size: usize,
    pub item_count: usize,
    pub item_costs: *const u32,
    pub body: Body,
    pub context: *mut c_void,
    pub results: *mut c_void,
    pub result_size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Setup {
    pub struct_size: usize,
    pub workers: c_uint,
    pub flags: c_uint,
    pub worker_start: Option<WorkerHook>,
    pub worker_stop: Option<WorkerHook>,
    pub context: *mut c_void,
    pub worker_groups: *const c_uint,
    pub seed: u64,
}

#[repr(C)]
pub struct Statistics {
    pub struct_size: usize,
    pub batches: u64,
    pub leaves: u64,
    pub joins: u64,
    pub steals: u64,
    pub probes: u64,
    pub injections: u64,
    pub pins: u64,
    pub collections: u64,
    pub idle_episodes: u64,
    pub parks: u64,
    pub wakes: u64,
    pub wake_scan_locks: u64,
    pub leaf_sizes: [u64; LEAF_SIZES],
    pub worker_times: *mut c_void,
    pub worker_time_count: c_uint,
    pub list_nodes: u64,
}

pub const COLLECTS: c_uint = 4;

#[repr(C)]
pub struct SchedulerOperations {
    pub struct_size: usize,
    pub abi: c_uint,
    pub name: *const c_char,
    pub summary: *const c_char,
    pub capabilities: c_uint,
    pub options: *const OptionRow,
    pub options_size: usize,
    pub supported: Option<unsafe extern "C" fn(*mut c_char) -> bool>,
    pub create:
        unsafe extern "C" fn(*const Setup, *const c_void, *mut c_char) -> *mut c_void,
    pub run: unsafe extern "C" fn(*mut c_void, *const Batch),
    pub statistics: Option<unsafe extern "C" fn(*mut c_void, *mut Statistics)>,
    pub reset_statistics: Option<unsafe extern "C" fn(*mut c_void)>,
    pub destroy: unsafe extern "C" fn(*mut c_void),
}
unsafe impl Sync for SchedulerOperations {}

pub const ENTRY_BATCH: c_int = 0;
pub const ENTRY_CHAR_OFFSETS: c_int = 1;

pub const TOKENIZER_BENCH: c_uint = 1;
pub const ADD_PREFIX_SPACE: c_uint = 2;
pub const TRIM_OFFSETS: c_uint = 4;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct EncoderSetup {
    pub struct_size: usize,
    pub vocab_path: *const c_char,
    pub merges_path: *const c_char,
    pub flags: c_uint,
    pub workers: c_uint,
    pub worker_start: Option<WorkerHook>,
    pub worker_stop: Option<WorkerHook>,
    pub context: *mut c_void,
}

#[repr(C)]
pub struct EncoderOperations {
    pub struct_size: usize,
    pub abi: c_uint,
    pub name: *const c_char,
    pub summary: *const c_char,
    pub options: *const OptionRow,
    pub options_size: usize,
    pub result_size: usize,
    pub supported: Option<unsafe extern "C" fn(*mut c_char) -> bool>,
    pub create:
        unsafe extern "C" fn(*const EncoderSetup, *const c_void, *mut c_char) -> *mut c_void,
    pub destroy: unsafe extern "C" fn(*mut c_void),
    pub scratch_create: unsafe extern "C" fn(*mut c_void, c_uint, *mut c_char) -> *mut c_void,
    pub scratch_destroy: unsafe extern "C" fn(*mut c_void, *mut c_void),
    pub scratch_reset: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
    pub encode: unsafe extern "C" fn(
        *mut c_void,
        *mut c_void,
        c_int,
        *const c_char,
        usize,
        *mut c_void,
        *mut c_char,
    ) -> bool,
    pub result_ids: unsafe extern "C" fn(*const c_void, *mut *const u32) -> usize,
    pub result_drop: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
    pub encode_ids: Option<
        unsafe extern "C" fn(*mut c_void, *mut c_void, *const c_char, usize, *mut u32) -> usize,
    >,
    pub encode_lines: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *mut c_void,
            *const c_char,
            usize,
            *mut u32,
            *mut u32,
        ) -> usize,
    >,
    pub encode_batch: Option<
        unsafe extern "C" fn(
            *mut c_void,
            c_int,
            *const *const c_char,
            *const usize,
            usize,
            *mut *mut c_void,
            *mut c_char,
        ) -> bool,
    >,
    pub batch_ids:
        Option<unsafe extern "C" fn(*mut c_void, *mut c_void, usize, *mut *const u32) -> usize>,
    pub batch_drop: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
}
unsafe impl Sync for EncoderOperations {}

/// Writes a sentence to a message buffer of the ABI.
///
/// # Safety
/// `message` is NULL or has MESSAGE_SIZE bytes.
pub unsafe fn write_message(message: *mut c_char, text: &str) {
    if message.is_null() {
        return;
    }
    let length = text.len().min(MESSAGE_SIZE - 1);
    std::ptr::copy_nonoverlapping(text.as_ptr(), message as *mut u8, length);
    *message.add(length) = 0;
}

/// A C string literal.
macro_rules! text {
    ($literal:expr) => {
        concat!($literal, "\0").as_ptr() as *const std::os::raw::c_char
    };
}
pub(crate) use text;
