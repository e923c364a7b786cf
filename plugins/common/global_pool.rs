//! rayon's global pool of this image of the library: building it, and calling hooks on its workers.

use crate::abi::WorkerHook;
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

/// Builds the global pool; returns when every worker has been started. False if it exists already.
pub extern "C" fn build(threads: usize, start: Hook) -> bool {
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
pub extern "C" fn broadcast(hook: Hook) {
    rayon::broadcast(|context| hook.call(context.index()));
}
