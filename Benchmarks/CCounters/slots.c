// A slot per thread, never handed on: a thread that ended keeps what it counted.

#include "slots.h"

#include <stddef.h>

#include "CCounters.h"

// Pages of slots that no thread uses are never touched.
enum { slot_count = 4096 };

static struct slot slots[slot_count];
// For all threads beyond.
static struct slot common = {.is_shared = true};
static struct slot left_out = {.is_shared = true};
static _Atomic size_t used;

// The executable's own thread-local variables are there before the first allocation of their thread, and cost no call.
static __thread struct slot *own;

struct slot *ccounters_slot(void) {
  struct slot *slot = own;
  if (__builtin_expect(slot != NULL, true)) return slot;
  size_t index = atomic_fetch_add_explicit(&used, 1, memory_order_relaxed);
  return own = index < slot_count ? &slots[index] : &common;
}

void ccounters_leave_out_this_thread(void) {
  own = &left_out;
}

bool ccounters_are_on(void) {
#ifdef CCOUNTERS_ON
  return true;
#else
  return false;
#endif
}

static void add(uint64_t *sums, const struct slot *slot) {
  for (int counter = 0; counter < counters; counter++) {
    sums[counter] += atomic_load_explicit(&slot->counts[counter], memory_order_relaxed);
  }
}

struct ccounters ccounters_now(void) {
  uint64_t sums[counters] = {0};
  size_t count = atomic_load_explicit(&used, memory_order_relaxed);
  if (count > slot_count) count = slot_count;
  for (size_t i = 0; i < count; i++) add(sums, &slots[i]);
  add(sums, &common);
  struct ccounters result = {
      .allocations = sums[counter_allocations],
      .allocated_bytes = sums[counter_allocated_bytes],
      .reads = sums[counter_reads],
      .writes = sums[counter_writes],
      .polls = sums[counter_polls],
      .other_calls = sums[counter_other_calls],
      .wake_ups = sums[counter_wake_ups],
  };
  return result;
}
