//! The batch as rayon sees it: a producer of item ranges, divided by rayon's own splitter and run
//! leaf by leaf, with counts of what happened. rayon decides everything; this only watches.

use crate::abi::{Batch, LEAF_SIZES};
use rayon::iter::plumbing::{Consumer, Folder, Producer, Reducer};
use std::collections::LinkedList;
use std::sync::atomic::{AtomicU32, Ordering};

const OUTSIDE: u32 = u32::MAX; /* created by a thread that is no worker */
const UNSEEN: u32 = u32::MAX - 1;

/// Counts of one worker, written by its thread alone while a batch runs.
#[repr(align(128))]
pub struct WorkerCounts {
    pub leaves: u64,
    pub joins: u64,
    pub steals: u64,
    pub leaf_sizes: [u64; LEAF_SIZES],
}

impl WorkerCounts {
    pub const ZERO: WorkerCounts =
        WorkerCounts { leaves: 0, joins: 0, steals: 0, leaf_sizes: [0; LEAF_SIZES] };
}

/// One batch in progress. `counts` has a block for each worker and one more for the caller.
pub struct Watch {
    pub batch: *const Batch,
    pub counts: *mut WorkerCounts,
    pub workers: usize,
    pub min_len: usize,
    pub by_item: bool,
    first_half: AtomicU32, /* who began the first and the second half of the whole batch */
    second_half: AtomicU32,
}
unsafe impl Sync for Watch {}

impl Watch {
    pub fn new(
        batch: *const Batch,
        counts: *mut WorkerCounts,
        workers: usize,
        min_len: usize,
        by_item: bool,
    ) -> Watch {
        let unseen = || AtomicU32::new(UNSEEN);
        Watch {
            batch,
            counts,
            workers,
            min_len,
            by_item,
            first_half: unseen(),
            second_half: unseen(),
        }
    }

    /// Of the two halves that an outside caller hands in, one is injected and the other lies in the
    /// queue of the worker that took it: if another worker began that one, it was stolen.
    pub fn second_half_was_stolen(&self) -> bool {
        let first = self.first_half.load(Ordering::Relaxed);
        let second = self.second_half.load(Ordering::Relaxed);
        first != UNSEEN && second != UNSEEN && first != second
    }

    #[allow(clippy::mut_from_ref)]
    unsafe fn counts_of(&self, worker: u32) -> &mut WorkerCounts {
        let index = if worker == OUTSIDE { self.workers } else { worker as usize };
        &mut *self.counts.add(index)
    }

    unsafe fn run_leaf(&self, begin: usize, end: usize, worker: u32) {
        let counts = self.counts_of(worker);
        counts.leaves += 1;
        counts.leaf_sizes[(end - begin).min(LEAF_SIZES - 1)] += 1;
        let batch = &*self.batch;
        /* A batch too small to divide is run by the caller itself; no worker has a part in it. */
        let number = if worker == OUTSIDE { 0 } else { worker };
        if self.by_item {
            for item in begin..end {
                (batch.body)(batch.context, item, item + 1, number);
            }
        } else {
            (batch.body)(batch.context, begin, end, number);
        }
    }
}

fn current_worker() -> u32 {
    rayon::current_thread_index().map_or(OUTSIDE, |index| index as u32)
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Whole,
    FirstHalf,
    SecondHalf,
    Inner,
}

/// A range of items, and the worker that made it by dividing a larger one.
pub struct Piece<'a> {
    watch: &'a Watch,
    begin: usize,
    end: usize,
    maker: u32,
    side: Side,
}

impl<'a> Piece<'a> {
    pub fn whole(watch: &'a Watch) -> Piece<'a> {
        let end = unsafe { (*watch.batch).item_count };
        Piece { watch, begin: 0, end, maker: current_worker(), side: Side::Whole }
    }

    /// Who has this piece now; counts a steal if that is not who made it.
    fn note_owner(&self) -> u32 {
        let worker = current_worker();
        if self.maker == OUTSIDE {
            match self.side {
                Side::FirstHalf => self.watch.first_half.store(worker, Ordering::Relaxed),
                Side::SecondHalf => self.watch.second_half.store(worker, Ordering::Relaxed),
                _ => {}
            }
        } else if worker != self.maker {
            unsafe { self.watch.counts_of(worker).steals += 1 };
        }
        worker
    }
}

impl<'a> Producer for Piece<'a> {
    type Item = (usize, usize);
    type IntoIter = std::vec::IntoIter<(usize, usize)>;

    fn into_iter(self) -> Self::IntoIter {
        unreachable!("rayon folds a producer through fold_with, which is replaced below")
    }

    fn min_len(&self) -> usize {
        self.watch.min_len
    }

    fn split_at(self, index: usize) -> (Self, Self) {
        let worker = self.note_owner();
        unsafe { self.watch.counts_of(worker).joins += 1 };
        let middle = self.begin + index;
        let halves = worker == OUTSIDE && self.side == Side::Whole;
        let (first, second) =
            if halves { (Side::FirstHalf, Side::SecondHalf) } else { (Side::Inner, Side::Inner) };
        (
            Piece { watch: self.watch, begin: self.begin, end: middle, maker: worker, side: first },
            Piece { watch: self.watch, begin: middle, end: self.end, maker: worker, side: second },
        )
    }

    fn fold_with<F: Folder<Self::Item>>(self, folder: F) -> F {
        let worker = self.note_owner();
        unsafe { self.watch.run_leaf(self.begin, self.end, worker) };
        folder.consume((self.begin, self.end))
    }
}

/// Results stay where the body wrote them.
pub struct InPlace;

impl Consumer<(usize, usize)> for InPlace {
    type Folder = InPlace;
    type Reducer = InPlace;
    type Result = ();
    fn split_at(self, _index: usize) -> (Self, Self, Self) {
        (InPlace, InPlace, InPlace)
    }
    fn into_folder(self) -> Self {
        InPlace
    }
    fn full(&self) -> bool {
        false
    }
}

impl Folder<(usize, usize)> for InPlace {
    type Result = ();
    fn consume(self, _leaf: (usize, usize)) -> Self {
        self
    }
    fn complete(self) {}
    fn full(&self) -> bool {
        false
    }
}

impl Reducer<()> for InPlace {
    fn reduce(self, _left: (), _right: ()) {}
}

/// Results leave in a list of vectors, one a leaf, as `collect` makes them when it does not know the
/// length: each vector grows item by item, lists are appended at the joins.
#[derive(Clone, Copy)]
pub struct InList<'a> {
    pub watch: &'a Watch,
}

pub struct LeafFolder<'a> {
    watch: &'a Watch,
    bytes: Vec<u8>,
}

impl<'a> Consumer<(usize, usize)> for InList<'a> {
    type Folder = LeafFolder<'a>;
    type Reducer = InList<'a>;
    type Result = LinkedList<Vec<u8>>;
    fn split_at(self, _index: usize) -> (Self, Self, Self) {
        (self, self, self)
    }
    fn into_folder(self) -> LeafFolder<'a> {
        LeafFolder { watch: self.watch, bytes: Vec::new() }
    }
    fn full(&self) -> bool {
        false
    }
}

impl<'a> Folder<(usize, usize)> for LeafFolder<'a> {
    type Result = LinkedList<Vec<u8>>;
    fn consume(mut self, (begin, end): (usize, usize)) -> Self {
        let batch = unsafe { &*self.watch.batch };
        let results = batch.results as *const u8;
        for item in begin..end {
            let slot = unsafe {
                std::slice::from_raw_parts(results.add(item * batch.result_size), batch.result_size)
            };
            self.bytes.extend_from_slice(slot);
        }
        self
    }
    fn complete(self) -> LinkedList<Vec<u8>> {
        let mut list = LinkedList::new();
        list.push_back(self.bytes);
        list
    }
    fn full(&self) -> bool {
        false
    }
}

impl<'a> Reducer<LinkedList<Vec<u8>>> for InList<'a> {
    fn reduce(
        self,
        mut left: LinkedList<Vec<u8>>,
        mut right: LinkedList<Vec<u8>>,
    ) -> LinkedList<Vec<u8>> {
        left.append(&mut right);
        left
    }
}
