//! Where batches run: a global pool (of this image of the library or of a copy), or an explicit one.

use crate::abi::Setup;
use crate::global_pool::{broadcast, build, Hook};
use crate::image;
use crate::leaves::{InList, InPlace, Piece, Watch};
use rayon::iter::plumbing::bridge_producer_consumer;
use std::os::raw::c_void;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What an image of this library offers the others: functions on its own global pool.
#[repr(C)]
struct Entry {
    build: extern "C" fn(threads: usize, start: Hook) -> bool,
    broadcast: extern "C" fn(hook: Hook),
    run: extern "C" fn(watch: *const Watch, listed: bool) -> usize,
}

extern "C" fn run_on_current_pool(watch: *const Watch, listed: bool) -> usize {
    run_here(unsafe { &*watch }, listed)
}

/// Runs the batch by the current pool: the one this thread works for, or else the global one.
/// Returns how many vectors the results were collected in.
fn run_here(watch: &Watch, listed: bool) -> usize {
    let batch = unsafe { &*watch.batch };
    if !listed {
        bridge_producer_consumer(batch.item_count, Piece::whole(watch), InPlace);
        return 0;
    }
    let list = bridge_producer_consumer(batch.item_count, Piece::whole(watch), InList { watch });
    let mut target = batch.results as *mut u8;
    for bytes in &list {
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
            target = target.add(bytes.len());
        }
    }
    list.len()
}

static ENTRY: Entry = Entry { build, broadcast, run: run_on_current_pool };

/// The symbol by which a copy of the library is entered.
#[no_mangle]
extern "C" fn grainbench_rayon_entry() -> *const c_void {
    &ENTRY as *const Entry as *const c_void
}

type EntryFunction = extern "C" fn() -> *const c_void;

pub struct GlobalPool {
    ticket: image::Ticket,
    entry: &'static Entry,
    stop: Hook,
}

pub struct ExplicitPool {
    pool: Option<rayon::ThreadPool>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

pub enum Pool {
    Global(GlobalPool),
    Explicit(ExplicitPool),
}

impl Pool {
    pub fn global(setup: &Setup) -> Result<Pool, String> {
        let start = Hook { function: setup.worker_start, context: setup.context };
        let stop = Hook { function: setup.worker_stop, context: setup.context };
        let threads = setup.workers as usize;
        let own = grainbench_rayon_entry as EntryFunction as *const c_void;
        let (ticket, address, built) = image::claim(own, b"grainbench_rayon_entry\0", threads)?;
        let enter: EntryFunction = unsafe { std::mem::transmute(address) };
        let entry = unsafe { &*(enter() as *const Entry) };
        if built {
            (entry.broadcast)(start);
        } else if !(entry.build)(threads, start) {
            return Err("the global pool could not be built".to_string());
        }
        Ok(Pool::Global(GlobalPool { ticket, entry, stop }))
    }

    pub fn explicit(setup: &Setup) -> Result<Pool, String> {
        let start = Hook { function: setup.worker_start, context: setup.context };
        let stop = Hook { function: setup.worker_stop, context: setup.context };
        let threads = Arc::new(Mutex::new(Vec::new()));
        let handles = Arc::clone(&threads);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(setup.workers as usize)
            .start_handler(move |index| start.call(index))
            .exit_handler(move |index| stop.call(index))
            .spawn_handler(move |thread| {
                let name = format!("rayon-{}", thread.index());
                let handle = std::thread::Builder::new().name(name).spawn(|| thread.run())?;
                handles.lock().expect("no one panics while holding it").push(handle);
                Ok(())
            })
            .build()
            .map_err(|failure| failure.to_string())?;
        pool.broadcast(|_| ());
        Ok(Pool::Explicit(ExplicitPool { pool: Some(pool), threads }))
    }

    pub fn run(&self, watch: &Watch, listed: bool) -> usize {
        match self {
            Pool::Global(global) => (global.entry.run)(watch, listed),
            Pool::Explicit(explicit) => match &explicit.pool {
                Some(pool) => pool.install(|| run_here(watch, listed)),
                None => 0,
            },
        }
    }
}

/// The pool stays for the next scheduler of its size; the workers are told that they end.
impl Drop for GlobalPool {
    fn drop(&mut self) {
        (self.entry.broadcast)(self.stop);
        image::release(self.ticket);
    }
}

impl Drop for ExplicitPool {
    fn drop(&mut self) {
        drop(self.pool.take());
        let handles = std::mem::take(&mut *self.threads.lock().expect("as above"));
        for handle in handles {
            let _ = handle.join();
        }
    }
}
