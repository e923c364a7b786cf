//! rayon's global pool: building that of this image of the library, calling hooks on its workers, and
//! having one of a size of one's own, in an image that nobody else uses.

use crate::abi::WorkerHook;
use crate::image;
use std::os::raw::{c_uint, c_void};

/// A hook of the program with its context, to be called on workers.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Hook {
    pub function: Option<WorkerHook>,
    pub context: *mut c_void,
}
unsafe impl Send for Hook {}
unsafe impl Sync for Hook {}

impl Hook {
    pub fn call(&self, worker: usize) {
        if let Some(function) = self.function {
            unsafe { function(self.context, worker as c_uint) };
        }
    }
}

/// What an image of this library offers the others: functions on its own global pool.
#[repr(C)]
pub struct Entry<Run> {
    build: extern "C" fn(threads: usize, start: Hook) -> bool,
    broadcast: extern "C" fn(hook: Hook),
    run: Run,
}

impl<Run> Entry<Run> {
    pub const fn new(run: Run) -> Self {
        Entry { build, broadcast, run }
    }
}

/// Exported by a module, so that a copy of it is entered: the address of its Entry.
pub type EntryFunction = extern "C" fn() -> *const c_void;

/// A global pool with `threads` workers, used by its owner alone.
pub struct GlobalPool<Run: Copy + 'static> {
    ticket: image::Ticket,
    entry: &'static Entry<Run>,
    stop: Hook,
}

impl<Run: Copy + 'static> GlobalPool<Run> {
    /// `own` is the module's exported function, which returns an Entry<Run>, and `name` its symbol,
    /// ending in NUL. The hooks are called on every worker, now and at last.
    pub fn claim(
        own: EntryFunction,
        name: &[u8],
        threads: usize,
        start: Hook,
        stop: Hook,
    ) -> Result<Self, String> {
        let (ticket, address, built) = image::claim(own as *const c_void, name, threads)?;
        let enter: EntryFunction = unsafe { std::mem::transmute(address) };
        let entry = unsafe { &*(enter() as *const Entry<Run>) };
        if built {
            (entry.broadcast)(start);
        } else if !(entry.build)(threads, start) {
            return Err("the global pool could not be built".to_string());
        }
        Ok(GlobalPool { ticket, entry, stop })
    }

    /// The image's own function, which runs on its pool.
    pub fn run(&self) -> Run {
        self.entry.run
    }
}

/// The pool stays for the next owner that wants its size; the workers are told that they end.
impl<Run: Copy + 'static> Drop for GlobalPool<Run> {
    fn drop(&mut self) {
        (self.entry.broadcast)(self.stop);
        image::release(self.ticket);
    }
}

/// Builds the global pool; returns when every worker has been started. False if it exists already.
extern "C" fn build(threads: usize, start: Hook) -> bool {
    let built = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("rayon-{index}"))
        .start_handler(move |index| start.call(index))
        .build_global()
        .is_ok();
    if built {
        rayon::broadcast(|_| ()); /* waits until all start handlers are done */
    }
    built
}

/// Calls the hook on every worker, by its own thread.
extern "C" fn broadcast(hook: Hook) {
    rayon::broadcast(|context| hook.call(context.index()));
}
