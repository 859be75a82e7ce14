/// Counts what a process asks of its allocator and of the kernel.
///
/// A program that links this has its own malloc family and its own wrappers of the system calls that move bytes, wait and
/// wake; shared libraries then call these too, because a symbol of the executable comes before one of a library. Each
/// passes on to glibc and adds one to a counter of the calling thread: two plain instructions, no atomic operation, no lock.
/// For the benchmark runner only; no library links it.
///
/// Not counted: system calls inside of glibc itself (its mutexes and condition variables, stdio, threads), and those that
/// no steady state makes (connect, accept, open, close). `strace -c -f` agrees with the rest.
///
/// In sanitized builds, which need the allocator themselves, and without glibc nothing is counted.

#ifndef CCOUNTERS_H
#define CCOUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/// Sums over all threads, ended ones included, since the process began. They only grow.
struct ccounters {
  /// Calls that may have got new memory: malloc, calloc, realloc, aligned_alloc and their like.
  uint64_t allocations;
  /// The bytes they asked for.
  uint64_t allocated_bytes;
  /// read, recv and their like.
  uint64_t reads;
  /// write, send and their like, those counted in `wake_ups` included.
  uint64_t writes;
  /// epoll_wait and its like.
  uint64_t polls;
  /// All other system calls that are seen: epoll_ctl, futex, sleeping semaphores, sched_yield, sleeps.
  uint64_t other_calls;
  /// Those of the calls above that let another thread go on: writes to an eventfd, futex wakes, posts of a semaphore that
  /// somebody sleeps at.
  uint64_t wake_ups;
};

/// Whether anything is counted in this build.
bool ccounters_are_on(void);

/// The sums now. A thread that is running may be a few counts ahead of what is seen. Thread-safe.
struct ccounters ccounters_now(void);

/// Leaves the calling thread out from now on: for threads of the instrument itself.
void ccounters_leave_out_this_thread(void);

#endif
