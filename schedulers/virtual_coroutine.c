/* Coroutine switching: own assembly for x86-64 and aarch64, ucontext elsewhere. The sanitizers are
 * told of every switch, so that ASan and TSan builds can run simulated schedulers. See
 * virtual_coroutine.h. */
#define _GNU_SOURCE
#include "schedulers/virtual_coroutine.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COROUTINE_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define COROUTINE_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define COROUTINE_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define COROUTINE_TSAN 1
#endif

#ifdef COROUTINE_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef COROUTINE_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#endif

#if defined(__x86_64__) || defined(__aarch64__)
#define COROUTINE_ASSEMBLY 1
#else
#include <ucontext.h>
#endif

/* Enough for a scheduler and the leaf-size table of its statistics; pages are touched lazily. */
#if defined(COROUTINE_ASAN) || defined(COROUTINE_TSAN)
enum { STACK_BYTES = 512 << 10 };
#else
enum { STACK_BYTES = 192 << 10 };
#endif

struct coroutine {
    void *stack_pointer; /* first: the assembly stores through the struct's address */
    void (*function)(void *);
    void *argument;
    char *mapping; /* guard page, then the stack; NULL for the thread itself */
    size_t mapping_size;
    struct coroutine *next_free;
#ifndef COROUTINE_ASSEMBLY
    ucontext_t context;
#endif
#ifdef COROUTINE_ASAN
    void *fake_stack;
    const void *stack_bottom;
    size_t stack_size;
#endif
#ifdef COROUTINE_TSAN
    void *fiber;
#endif
};

static _Thread_local struct coroutine *free_list;
/* Who was running before the switch in progress, and who runs now: a coroutine that starts or goes
 * on finds both here. */
static _Thread_local struct coroutine *previous, *running;

static void switch_arrived(void) {
#ifdef COROUTINE_ASAN
    __sanitizer_finish_switch_fiber(running->fake_stack, &previous->stack_bottom,
                                    &previous->stack_size);
#endif
}

/* The first frame of every coroutine. */
static void coroutine_main(void) {
    switch_arrived();
    running->function(running->argument);
    abort(); /* a coroutine's function must switch away, never return */
}

#ifdef COROUTINE_ASSEMBLY
void coroutine_switch_stacks(void **save, void *load);

#if defined(__x86_64__)
/* Callee-saved registers of the System V ABI. The floating-point control words are the same in all
 * coroutines, so they are not switched. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl coroutine_switch_stacks\n"
        ".hidden coroutine_switch_stacks\n"
        ".type coroutine_switch_stacks, @function\n"
        "coroutine_switch_stacks:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  ret\n"
        ".size coroutine_switch_stacks, . - coroutine_switch_stacks\n");
enum { SAVED_WORDS = 6 };

static void stack_prepare(struct coroutine *coroutine) {
    uintptr_t *top = (uintptr_t *)(void *)(coroutine->mapping + coroutine->mapping_size);
    *--top = 0; /* keeps the stack 16-byte aligned at the call boundary; ends back-traces */
    *--top = (uintptr_t)coroutine_main;
    for (int i = 0; i < SAVED_WORDS; i++)
        *--top = 0;
    coroutine->stack_pointer = top;
}
#else
/* x19-x28, frame pointer, link register, d8-d15 (AAPCS64). */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl coroutine_switch_stacks\n"
        ".hidden coroutine_switch_stacks\n"
        ".type coroutine_switch_stacks, %function\n"
        "coroutine_switch_stacks:\n"
        "  sub sp, sp, #160\n"
        "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
        "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
        "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
        "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n"
        "  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
        "  add sp, sp, #160\n"
        "  ret\n"
        ".size coroutine_switch_stacks, . - coroutine_switch_stacks\n");
enum { SAVED_WORDS = 20, LINK_REGISTER_WORD = 11 };

static void stack_prepare(struct coroutine *coroutine) {
    uintptr_t *top = (uintptr_t *)(void *)(coroutine->mapping + coroutine->mapping_size);
    top -= SAVED_WORDS;
    memset(top, 0, SAVED_WORDS * sizeof *top);
    top[LINK_REGISTER_WORD] = (uintptr_t)coroutine_main;
    coroutine->stack_pointer = top;
}
#endif

static void switch_stacks(struct coroutine *from, struct coroutine *to) {
    coroutine_switch_stacks(&from->stack_pointer, to->stack_pointer);
}

#else /* ucontext: a system call per switch for the signal mask, but everywhere */

static void stack_prepare(struct coroutine *coroutine) {
    getcontext(&coroutine->context);
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    coroutine->context.uc_stack.ss_sp = coroutine->mapping + guard;
    coroutine->context.uc_stack.ss_size = coroutine->mapping_size - guard;
    coroutine->context.uc_link = NULL;
    makecontext(&coroutine->context, coroutine_main, 0);
}

static void switch_stacks(struct coroutine *from, struct coroutine *to) {
    swapcontext(&from->context, &to->context);
}
#endif

static struct coroutine *stack_create(struct error *error) {
    struct coroutine *coroutine = calloc(1, sizeof *coroutine);
    if (!coroutine) {
        error_set(error, "out of memory for a coroutine");
        return NULL;
    }
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    coroutine->mapping_size = guard + STACK_BYTES;
    coroutine->mapping = mmap(NULL, coroutine->mapping_size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (coroutine->mapping == MAP_FAILED || mprotect(coroutine->mapping, guard, PROT_NONE) != 0) {
        error_set_errno(error, "cannot map the stack of a coroutine");
        if (coroutine->mapping != MAP_FAILED) munmap(coroutine->mapping, coroutine->mapping_size);
        free(coroutine);
        return NULL;
    }
    return coroutine;
}

struct coroutine *coroutine_create(void (*function)(void *), void *argument, struct error *error) {
    struct coroutine *coroutine = free_list;
    if (coroutine)
        free_list = coroutine->next_free;
    else
        coroutine = stack_create(error);
    if (!coroutine) return NULL;
    coroutine->function = function;
    coroutine->argument = argument;
#ifdef COROUTINE_ASAN
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    coroutine->fake_stack = NULL;
    coroutine->stack_bottom = coroutine->mapping + guard;
    coroutine->stack_size = STACK_BYTES;
    __asan_unpoison_memory_region(coroutine->mapping + guard, STACK_BYTES);
#endif
#ifdef COROUTINE_TSAN
    coroutine->fiber = __tsan_create_fiber(0);
#endif
    stack_prepare(coroutine);
    return coroutine;
}

struct coroutine *coroutine_of_thread(struct error *error) {
    struct coroutine *coroutine = calloc(1, sizeof *coroutine);
    if (!coroutine) error_set(error, "out of memory for a coroutine");
#ifdef COROUTINE_TSAN
    if (coroutine) coroutine->fiber = __tsan_get_current_fiber();
#endif
    return coroutine;
}

void coroutine_switch(struct coroutine *from, struct coroutine *to) {
    previous = from;
    running = to;
#ifdef COROUTINE_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_bottom, to->stack_size);
#endif
#ifdef COROUTINE_TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    switch_stacks(from, to);
    switch_arrived();
}

bool coroutine_has_on_stack(const struct coroutine *coroutine, const void *address) {
    const char *at = address;
    return coroutine->mapping && at >= coroutine->mapping &&
           at < coroutine->mapping + coroutine->mapping_size;
}

void coroutine_destroy(struct coroutine *coroutine) {
    if (!coroutine) return;
    if (!coroutine->mapping) {
        free(coroutine);
        return;
    }
#ifdef COROUTINE_TSAN
    __tsan_destroy_fiber(coroutine->fiber);
#endif
    coroutine->next_free = free_list;
    free_list = coroutine;
}

void coroutine_release_stacks(void) {
    while (free_list) {
        struct coroutine *coroutine = free_list;
        free_list = coroutine->next_free;
        munmap(coroutine->mapping, coroutine->mapping_size);
        free(coroutine);
    }
}
