//! The real rayon as a scheduler.
//!
//! `call=outside` is how an application calls a parallel iterator: from a thread that is no worker,
//! on the global pool. `call=install` is a pool of its own, entered first; rayon then divides the
//! work in fewer steps (docs/plugins.md). Workers are bound by the start handler on their own
//! threads; the calling thread takes no part in the work, it waits.

#[path = "../../common/abi.rs"]
mod abi;
#[path = "../../common/global_pool.rs"]
mod global_pool;
#[path = "../../common/image.rs"]
mod image;
mod leaves;
mod pool;

use abi::*;
use leaves::WorkerCounts;
use pool::Pool;
use std::os::raw::{c_char, c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};

const CALL_OUTSIDE: c_int = 0;
const BODY_ITEM: c_int = 1;
const COLLECT_LIST: c_int = 0;

/// The offsets are those of OPTION_TABLE.
#[repr(C)]
#[derive(Clone, Copy)]
struct Options {
    min_len: i64,
    call: c_int,
    body: c_int,
    collect: c_int,
}

static OPTION_TABLE: [OptionRow; 5] = [
    OptionRow {
        name: text!("min_len"),
        kind: OPTION_INTEGER,
        offset: 0,
        argument: text!("N"),
        fallback: text!("1"),
        minimum: 1.0,
        maximum: 1e9,
        help: text!("fewest items of a leaf, as with_min_len sets it"),
        ..OPTION_LAST
    },
    OptionRow {
        name: text!("call"),
        kind: OPTION_CHOICE,
        offset: 8,
        argument: text!("HOW"),
        fallback: text!("outside"),
        choices: text!("outside|install"),
        help: text!("call the global pool from outside, or enter a pool of its own first"),
        ..OPTION_LAST
    },
    OptionRow {
        name: text!("body"),
        kind: OPTION_CHOICE,
        offset: 12,
        argument: text!("UNIT"),
        fallback: text!("leaf"),
        choices: text!("leaf|item"),
        help: text!("call the body once a leaf, or once an item as a closure of for_each is called"),
        ..OPTION_LAST
    },
    OptionRow {
        name: text!("collect"),
        kind: OPTION_CHOICE,
        offset: 16,
        argument: text!("HOW"),
        fallback: text!("list"),
        choices: text!("list|place"),
        help: text!("results as a list of one vector a leaf, moved at last, or straight into place"),
        ..OPTION_LAST
    },
    OPTION_LAST,
];

struct Scheduler {
    options: Options,
    pool: Pool,
    counts: Vec<WorkerCounts>, /* one a worker and one for the caller */
    batches: u64,
    injections: u64,
    caller_steals: u64,
    list_nodes: u64,
}

unsafe extern "C" fn create(
    setup: *const Setup,
    options: *const c_void,
    message: *mut c_char,
) -> *mut c_void {
    let setup = *setup;
    let options = *(options as *const Options);
    let outside = options.call == CALL_OUTSIDE;
    let made = catch_unwind(AssertUnwindSafe(|| {
        if outside {
            Pool::global(&setup)
        } else {
            Pool::explicit(&setup)
        }
    }));
    let pool = match made {
        Ok(Ok(pool)) => pool,
        Ok(Err(reason)) => {
            write_message(message, &reason);
            return std::ptr::null_mut();
        }
        Err(_) => {
            write_message(message, "building the pool panicked");
            return std::ptr::null_mut();
        }
    };
    let counts = (0..=setup.workers).map(|_| WorkerCounts::ZERO).collect();
    let scheduler =
        Scheduler { options, pool, counts, batches: 0, injections: 0, caller_steals: 0, list_nodes: 0 };
    Box::into_raw(Box::new(scheduler)) as *mut c_void
}

unsafe extern "C" fn run(scheduler: *mut c_void, batch: *const Batch) {
    let scheduler = &mut *(scheduler as *mut Scheduler);
    let options = scheduler.options;
    let watch = leaves::Watch::new(
        batch,
        scheduler.counts.as_mut_ptr(),
        scheduler.counts.len() - 1,
        options.min_len as usize,
        options.body == BODY_ITEM,
    );
    let listed = options.collect == COLLECT_LIST && !(*batch).results.is_null();
    scheduler.batches += 1;
    if (*batch).item_count > 0 {
        scheduler.list_nodes += scheduler.pool.run(&watch, listed) as u64;
    }
    scheduler.injections += u64::from((*batch).item_count / 2 >= watch.min_len);
    scheduler.caller_steals += u64::from(watch.second_half_was_stolen());
}

unsafe extern "C" fn statistics(scheduler: *mut c_void, out: *mut Statistics) {
    let scheduler = &*(scheduler as *const Scheduler);
    let out = &mut *out;
    out.batches = scheduler.batches;
    out.injections = scheduler.injections;
    out.leaves = scheduler.counts.iter().map(|each| each.leaves).sum();
    out.joins = scheduler.counts.iter().map(|each| each.joins).sum();
    out.steals = scheduler.counts.iter().map(|each| each.steals).sum();
    out.steals += scheduler.caller_steals;
    out.list_nodes = scheduler.list_nodes;
    for (k, total) in out.leaf_sizes.iter_mut().enumerate() {
        *total = scheduler.counts.iter().map(|each| each.leaf_sizes[k]).sum();
    }
    out.probes = NOT_KNOWN;
    out.pins = NOT_KNOWN;
    out.collections = NOT_KNOWN;
    out.idle_episodes = NOT_KNOWN;
    out.parks = NOT_KNOWN;
    out.wakes = NOT_KNOWN;
    out.wake_scan_locks = NOT_KNOWN;
}

unsafe extern "C" fn reset_statistics(scheduler: *mut c_void) {
    let scheduler = &mut *(scheduler as *mut Scheduler);
    for each in scheduler.counts.iter_mut() {
        *each = WorkerCounts::ZERO;
    }
    scheduler.batches = 0;
    scheduler.injections = 0;
    scheduler.caller_steals = 0;
    scheduler.list_nodes = 0;
}

unsafe extern "C" fn destroy(scheduler: *mut c_void) {
    drop(Box::from_raw(scheduler as *mut Scheduler));
}

static OPERATIONS: SchedulerOperations = SchedulerOperations {
    struct_size: std::mem::size_of::<SchedulerOperations>(),
    abi: 1,
    name: text!("rayon-real"),
    summary: text!("the real rayon: its global pool called from outside, or a pool entered first"),
    capabilities: COLLECTS,
    options: &OPTION_TABLE as *const OptionRow,
    options_size: std::mem::size_of::<Options>(),
    supported: None,
    create,
    run,
    statistics: Some(statistics),
    reset_statistics: Some(reset_statistics),
    destroy,
};

#[no_mangle]
pub extern "C" fn grainbench_scheduler() -> *const SchedulerOperations {
    &OPERATIONS
}
