//! Where batches run: a global pool (of this image of the library or of a copy), or an explicit one.

use crate::abi::Setup;
use crate::global_pool::{Entry, GlobalPool, Hook};
use crate::leaves::{InList, InPlace, Piece, Watch};
use rayon::iter::plumbing::bridge_producer_consumer;
use std::os::raw::c_void;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

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

type Run = extern "C" fn(watch: *const Watch, listed: bool) -> usize;

static ENTRY: Entry<Run> = Entry::new(run_on_current_pool);

/// The symbol by which a copy of the library is entered.
#[no_mangle]
extern "C" fn grainbench_rayon_entry() -> *const c_void {
    &ENTRY as *const Entry<Run> as *const c_void
}

pub struct ExplicitPool {
    pool: Option<rayon::ThreadPool>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

pub enum Pool {
    Global(GlobalPool<Run>),
    Explicit(ExplicitPool),
}

fn hooks(setup: &Setup) -> (Hook, Hook) {
    let hook = |function| Hook { function, context: setup.context };
    (hook(setup.worker_start), hook(setup.worker_stop))
}

impl Pool {
    pub fn global(setup: &Setup) -> Result<Pool, String> {
        let (start, stop) = hooks(setup);
        let name = b"grainbench_rayon_entry\0";
        GlobalPool::claim(grainbench_rayon_entry, name, setup.workers as usize, start, stop)
            .map(Pool::Global)
    }

    pub fn explicit(setup: &Setup) -> Result<Pool, String> {
        let (start, stop) = hooks(setup);
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
            Pool::Global(global) => global.run()(watch, listed),
            Pool::Explicit(explicit) => match &explicit.pool {
                Some(pool) => pool.install(|| run_here(watch, listed)),
                None => 0,
            },
        }
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
