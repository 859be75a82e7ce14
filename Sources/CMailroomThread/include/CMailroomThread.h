/// What a thread needs of the machine that Swift does not import.

#ifndef CMAILROOMTHREAD_H
#define CMAILROOMTHREAD_H

#include <pthread.h>
#include <stddef.h>

/// Tells the processor that the caller waits in a loop, so that it saves power and leaves the core's other thread its share.
///
/// Takes tens of nanoseconds; no system call.
static inline void mailroom_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ __volatile__("yield");
#endif
}

/// A number that no other living thread has; never zero.
static inline size_t mailroom_thread(void) {
#if defined(__linux__) && __has_builtin(__builtin_thread_pointer)
  // Where the thread's own storage is: one read of a register, where asking the library is a call.
  return (size_t)__builtin_thread_pointer();
#else
  return (size_t)pthread_self();
#endif
}

/// Has threads that are made with `attributes` run on the given processors only, numbered as the system numbers them.
///
/// Making the thread fails with EINVAL when the system has none of them. Returns 0 or an error number: EINVAL for no processor
/// at all or a number that none can have, ENOMEM, and ENOTSUP where threads cannot be bound.
int mailroom_attributes_set_processors(pthread_attr_t *attributes, const int *processors, size_t count);

/// Writes the numbers of the processors that the calling thread may run on to `processors`, which has room for `capacity`.
///
/// Returns how many there are, at most `capacity`; 0 where that is not known.
size_t mailroom_processors(int *processors, size_t capacity);

// Has the processor fetch the cache line of an address, which may be any number, to be written to soon.
static inline void mailroom_prefetch(unsigned long address) {
  __builtin_prefetch((const void *)address, 1, 3);
}

#endif
