// Where a thread counts.

#ifndef CCOUNTERS_SLOTS_H
#define CCOUNTERS_SLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Sanitizers bring their own allocator, and glibc's entry points behind malloc are what these counters stand on.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CCOUNTERS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CCOUNTERS_SANITIZED 1
#endif
#endif
#if defined(__linux__) && !defined(CCOUNTERS_SANITIZED)
#include <features.h>
#ifdef __GLIBC__
#define CCOUNTERS_ON 1
#endif
#endif

enum counter {
  counter_allocations,
  counter_allocated_bytes,
  counter_reads,
  counter_writes,
  counter_polls,
  counter_other_calls,
  counter_wake_ups,
  counters
};

// One thread's counters, on cache lines of their own.
struct slot {
  // Written by the slot's thread alone, unless it is the slot that threads share once there is no other; read by all.
  _Alignas(128) _Atomic uint64_t counts[counters];
  bool is_shared;
};

// The calling thread's slot.
struct slot *ccounters_slot(void);

static inline void ccounters_add(struct slot *slot, enum counter counter, uint64_t amount) {
  if (__builtin_expect(slot->is_shared, false)) {
    atomic_fetch_add_explicit(&slot->counts[counter], amount, memory_order_relaxed);
    return;
  }
  uint64_t count = atomic_load_explicit(&slot->counts[counter], memory_order_relaxed);
  atomic_store_explicit(&slot->counts[counter], count + amount, memory_order_relaxed);
}

#endif
