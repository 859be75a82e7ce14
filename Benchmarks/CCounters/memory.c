// The malloc family, in front of glibc's.

#include "slots.h"

#ifdef CCOUNTERS_ON

#include <errno.h>
#include <stddef.h>

// What glibc exports for exactly this purpose, under names that nobody else defines.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *pointer);

static void count(size_t size) {
  struct slot *slot = ccounters_slot();
  ccounters_add(slot, counter_allocations, 1);
  ccounters_add(slot, counter_allocated_bytes, size);
}

void *malloc(size_t size) {
  count(size);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count(number * size);
  return __libc_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
  if (size > 0) count(size);
  return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
  count(size);
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void *pointer = memalign(alignment, size);
  if (pointer == NULL) return ENOMEM;
  *result = pointer;
  return 0;
}

void free(void *pointer) { __libc_free(pointer); }

#else
// A translation unit holds at least one declaration.
typedef int ccounters_memory_is_not_counted;
#endif
