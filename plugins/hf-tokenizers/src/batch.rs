//! Whole batches by the crate's own runtime: rayon's global pool, called from a thread outside it.
//! Each encoder that is used so has an image of this library of its own (../common/image.rs), because
//! a global pool has one size for ever. The tokenizer itself is shared: memory is one heap.

use crate::abi::{EncoderSetup, ENTRY_BATCH, ENTRY_CHAR_OFFSETS};
use crate::global_pool::{Entry, GlobalPool, Hook};
use crate::{encode_one, Encoder};
use rayon::prelude::*;
use std::os::raw::{c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use tokenizers::{Encoding, Result, Tokenizer};

const BATCH_CRATE: c_int = 0;
const BATCH_FORMULA: c_int = 1;
const RESULTS_IDS: c_int = 1;

/// What a batch call gave.
enum Batch {
    Encodings(Vec<Encoding>),
    Ids(Vec<Vec<u32>>),
}

/// A batch call on its way into an image.
struct Call<'a> {
    encoder: &'a Encoder,
    texts: Vec<&'a str>,
    entry: c_int,
    made: Option<Result<Batch>>, /* None: it panicked */
}

extern "C" fn run(call: *mut c_void) {
    let call = unsafe { &mut *(call as *mut Call) };
    let texts = std::mem::take(&mut call.texts);
    let (encoder, entry) = (call.encoder, call.entry);
    call.made = catch_unwind(AssertUnwindSafe(|| run_batch(encoder, entry, texts))).ok();
}

/// As PR 2077 chooses it: a quarter of a thread's share, 1 to 8. None: serially on the caller.
fn formula(texts: usize, threads: usize) -> Option<usize> {
    let threads = threads.min(texts);
    if threads <= 1 {
        return None;
    }
    Some(((texts + 4 * threads - 1) / (4 * threads)).clamp(1, 8))
}

fn run_batch(encoder: &Encoder, entry: c_int, texts: Vec<&str>) -> Result<Batch> {
    let tokenizer: &Tokenizer = &encoder.tokenizer;
    let options = &encoder.options;
    if options.batch == BATCH_CRATE {
        return Ok(Batch::Encodings(match entry {
            ENTRY_BATCH => tokenizer.encode_batch(texts, false)?,
            ENTRY_CHAR_OFFSETS => tokenizer.encode_batch_char_offsets(texts, false)?,
            _ => tokenizer.encode_batch_fast(texts, false)?,
        }));
    }
    let min_len = if options.batch == BATCH_FORMULA {
        formula(texts.len(), rayon::current_num_threads())
    } else {
        Some(options.min_len as usize)
    };
    if options.results == RESULTS_IDS {
        let encode = |text: &str| Ok(encode_one(tokenizer, entry, text)?.get_ids().to_vec());
        Ok(Batch::Ids(map_all(texts, min_len, encode)?))
    } else {
        let encode = |text: &str| encode_one(tokenizer, entry, text);
        Ok(Batch::Encodings(map_all(texts, min_len, encode)?))
    }
}

/// The body of the crate's encode_batch: map and collect, in parallel with a least leaf or serially.
fn map_all<T, F>(texts: Vec<&str>, min_len: Option<usize>, encode: F) -> Result<Vec<T>>
where
    T: Send,
    F: Fn(&str) -> Result<T> + Sync + Send,
{
    match min_len {
        None => texts.into_iter().map(encode).collect(),
        Some(least) => texts.into_par_iter().with_min_len(least).map(encode).collect(),
    }
}

type Run = extern "C" fn(call: *mut c_void);

static ENTRY: Entry<Run> = Entry::new(run);

/// The symbol by which a copy of the library is entered.
#[no_mangle]
extern "C" fn grainbench_hf_entry() -> *const c_void {
    &ENTRY as *const Entry<Run> as *const c_void
}

/// An encoder's own global pool.
pub struct Runtime(GlobalPool<Run>);

impl Runtime {
    pub fn start(setup: &EncoderSetup) -> std::result::Result<Runtime, String> {
        let hook = |function| Hook { function, context: setup.context };
        let (start, stop) = (hook(setup.worker_start), hook(setup.worker_stop));
        let name = b"grainbench_hf_entry\0";
        GlobalPool::claim(grainbench_hf_entry, name, setup.workers as usize, start, stop)
            .map(Runtime)
    }

    /// The batch as an opaque handle, for batch_ids and batch_drop.
    pub fn encode(
        &self,
        encoder: &Encoder,
        entry: c_int,
        texts: Vec<&str>,
    ) -> std::result::Result<*mut c_void, String> {
        let mut call = Call { encoder, texts, entry, made: None };
        self.0.run()(&mut call as *mut Call as *mut c_void);
        match call.made {
            Some(Ok(batch)) => Ok(Box::into_raw(Box::new(batch)) as *mut c_void),
            Some(Err(failure)) => Err(failure.to_string()),
            None => Err("the crate panicked".to_string()),
        }
    }
}

pub unsafe extern "C" fn batch_ids(
    _encoder: *mut c_void,
    handle: *mut c_void,
    index: usize,
    ids: *mut *const u32,
) -> usize {
    let slice: &[u32] = match &*(handle as *const Batch) {
        Batch::Encodings(encodings) => encodings[index].get_ids(),
        Batch::Ids(lists) => &lists[index],
    };
    *ids = slice.as_ptr();
    slice.len()
}

pub unsafe extern "C" fn batch_drop(_encoder: *mut c_void, handle: *mut c_void) {
    drop(Box::from_raw(handle as *mut Batch));
}
