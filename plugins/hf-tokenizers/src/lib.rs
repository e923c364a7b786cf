//! The real Hugging Face `tokenizers` crate as an encoder.
//!
//! Two ways to use it: text by text (`encode`), driven by any scheduler of the program or by the real
//! rayon of another module; or batch by batch (`encode_batch`), by its own runtime, rayon's global
//! pool, exactly as an application calls it.

#[path = "../../common/abi.rs"]
mod abi;
mod batch;
#[path = "../../common/global_pool.rs"]
mod global_pool;
#[path = "../../common/image.rs"]
mod image;

use abi::*;
use batch::Runtime;
use std::ffi::CStr;
use std::os::raw::{c_char, c_int, c_uint, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::OnceLock;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Encoding, Result, Tokenizer};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Options {
    cache: i64,
    min_len: i64,
    batch: c_int,
    results: c_int,
}

static OPTION_TABLE: [OptionRow; 5] = [
    OptionRow {
        name: text!("cache"),
        kind: OPTION_INTEGER,
        offset: std::mem::offset_of!(Options, cache),
        argument: text!("N"),
        fallback: text!("10000"),
        minimum: 0.0,
        maximum: 1e9,
        help: text!("words the model remembers per thread, first come; 0: none"),
        ..OPTION_LAST
    },
    OptionRow {
        name: text!("batch"),
        kind: OPTION_CHOICE,
        offset: std::mem::offset_of!(Options, batch),
        argument: text!("HOW"),
        fallback: text!("crate"),
        choices: text!("crate|formula|min-len"),
        help: text!(
            "whole batches: the crate's own call; or as PR 2077 has it (serially at one thread, else \
             with_min_len of n / 4 threads, 1 to 8); or with_min_len of the option min_len"
        ),
        ..OPTION_LAST
    },
    OptionRow {
        name: text!("min_len"),
        kind: OPTION_INTEGER,
        offset: std::mem::offset_of!(Options, min_len),
        argument: text!("N"),
        fallback: text!("1"),
        minimum: 1.0,
        maximum: 1e9,
        help: text!("fewest texts of a leaf, for batch=min-len"),
        ..OPTION_LAST
    },
    OptionRow {
        name: text!("results"),
        kind: OPTION_CHOICE,
        offset: std::mem::offset_of!(Options, results),
        argument: text!("WHICH"),
        fallback: text!("encodings"),
        choices: text!("encodings|ids"),
        help: text!(
            "whole batches, not for batch=crate: return the encodings, which the caller frees, or \
             free them in the worker and return ids alone"
        ),
        ..OPTION_LAST
    },
    OPTION_LAST,
];

pub struct Encoder {
    pub tokenizer: Tokenizer,
    pub options: Options,
    pub setup: EncoderSetup,
    runtime: OnceLock<std::result::Result<Runtime, String>>,
}

/// The benchmark's tokenizer, or plain GPT-2.
fn make_tokenizer(vocab: &str, merges: &str, flags: c_uint, cache: usize) -> Result<Tokenizer> {
    let model = BPE::from_file(vocab, merges).cache_capacity(cache).build()?;
    let bench = flags & TOKENIZER_BENCH != 0;
    let prefix_space = bench || flags & ADD_PREFIX_SPACE != 0;
    let level = ByteLevel::default().add_prefix_space(prefix_space);
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(level));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    if flags & TRIM_OFFSETS != 0 {
        tokenizer.with_post_processor(Some(level.trim_offsets(true)));
    }
    if bench {
        tokenizer.add_tokens([AddedToken::from("ing", false).single_word(false)])?;
        tokenizer.add_special_tokens([AddedToken::from("[ENT]", true).single_word(true)])?;
    }
    Ok(tokenizer)
}

unsafe fn path_text(path: *const c_char) -> String {
    CStr::from_ptr(path).to_string_lossy().into_owned()
}

unsafe extern "C" fn create(
    setup: *const EncoderSetup,
    options: *const c_void,
    message: *mut c_char,
) -> *mut c_void {
    let setup = *setup;
    let options = *(options as *const Options);
    if setup.vocab_path.is_null() || setup.merges_path.is_null() {
        write_message(message, "needs vocab.json and merges.txt");
        return std::ptr::null_mut();
    }
    let (vocab, merges) = (path_text(setup.vocab_path), path_text(setup.merges_path));
    let made = catch_unwind(AssertUnwindSafe(|| {
        make_tokenizer(&vocab, &merges, setup.flags, options.cache as usize)
    }));
    match made {
        Ok(Ok(tokenizer)) => {
            let encoder = Encoder { tokenizer, options, setup, runtime: OnceLock::new() };
            Box::into_raw(Box::new(encoder)) as *mut c_void
        }
        Ok(Err(failure)) => {
            write_message(message, &format!("{failure}"));
            std::ptr::null_mut()
        }
        Err(_) => {
            write_message(message, "reading the vocabulary panicked");
            std::ptr::null_mut()
        }
    }
}

unsafe extern "C" fn destroy(encoder: *mut c_void) {
    drop(Box::from_raw(encoder as *mut Encoder));
}

/// The crate keeps its word caches in its own thread-local storage: there is no scratch.
unsafe extern "C" fn scratch_create(
    encoder: *mut c_void,
    _worker: c_uint,
    _message: *mut c_char,
) -> *mut c_void {
    encoder
}

unsafe extern "C" fn scratch_destroy(_encoder: *mut c_void, _scratch: *mut c_void) {}

pub fn encode_one(tokenizer: &Tokenizer, entry: c_int, text: &str) -> Result<Encoding> {
    match entry {
        ENTRY_BATCH => tokenizer.encode(text, false),
        ENTRY_CHAR_OFFSETS => tokenizer.encode_char_offsets(text, false),
        _ => tokenizer.encode_fast(text, false),
    }
}

unsafe fn text_at<'a>(text: *const c_char, length: usize) -> &'a str {
    if length == 0 {
        return "";
    }
    std::str::from_utf8_unchecked(std::slice::from_raw_parts(text as *const u8, length))
}

unsafe extern "C" fn encode(
    encoder: *mut c_void,
    _scratch: *mut c_void,
    entry: c_int,
    text: *const c_char,
    length: usize,
    result: *mut c_void,
    message: *mut c_char,
) -> bool {
    let encoder = &*(encoder as *const Encoder);
    let made = catch_unwind(AssertUnwindSafe(|| {
        encode_one(&encoder.tokenizer, entry, text_at(text, length))
    }));
    match made {
        Ok(Ok(encoding)) => {
            std::ptr::write(result as *mut Encoding, encoding);
            true
        }
        Ok(Err(failure)) => {
            write_message(message, &format!("{failure}"));
            false
        }
        Err(_) => {
            write_message(message, "the crate panicked");
            false
        }
    }
}

unsafe extern "C" fn result_ids(result: *const c_void, ids: *mut *const u32) -> usize {
    let slice = (*(result as *const Encoding)).get_ids();
    *ids = slice.as_ptr();
    slice.len()
}

unsafe extern "C" fn result_drop(_encoder: *mut c_void, result: *mut c_void) {
    std::ptr::drop_in_place(result as *mut Encoding);
}

unsafe extern "C" fn encode_batch(
    encoder: *mut c_void,
    entry: c_int,
    texts: *const *const c_char,
    lengths: *const usize,
    count: usize,
    handle: *mut *mut c_void,
    message: *mut c_char,
) -> bool {
    let encoder = &*(encoder as *const Encoder);
    let runtime = encoder.runtime.get_or_init(|| Runtime::start(&encoder.setup));
    let texts: Vec<&str> = (0..count).map(|i| text_at(*texts.add(i), *lengths.add(i))).collect();
    let made = match runtime {
        Ok(runtime) => runtime.encode(encoder, entry, texts),
        Err(reason) => Err(reason.clone()),
    };
    match made {
        Ok(batch) => {
            *handle = batch;
            true
        }
        Err(reason) => {
            write_message(message, &reason);
            false
        }
    }
}

static OPERATIONS: EncoderOperations = EncoderOperations {
    struct_size: std::mem::size_of::<EncoderOperations>(),
    abi: 1,
    name: text!("hf-tokenizers"),
    summary: text!("the real tokenizers crate 0.23.1, text by text or by its own encode_batch"),
    options: &OPTION_TABLE as *const OptionRow,
    options_size: std::mem::size_of::<Options>(),
    result_size: (std::mem::size_of::<Encoding>() + 15) / 16 * 16,
    supported: None,
    create,
    destroy,
    scratch_create,
    scratch_destroy,
    scratch_reset: None,
    encode,
    result_ids,
    result_drop: Some(result_drop),
    encode_ids: None,
    encode_lines: None,
    encode_batch: Some(encode_batch),
    batch_ids: Some(batch::batch_ids),
    batch_drop: Some(batch::batch_drop),
};

#[no_mangle]
pub extern "C" fn grainbench_encoder() -> *const EncoderOperations {
    &OPERATIONS
}
