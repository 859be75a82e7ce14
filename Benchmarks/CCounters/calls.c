// System calls that move bytes, wait and wake, in front of glibc's wrappers of them.

#define _GNU_SOURCE // RTLD_NEXT

#include "slots.h"

#ifdef CCOUNTERS_ON

#include <dlfcn.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>

struct epoll_event;
struct iovec;
struct msghdr;
struct sockaddr;

// NEXT(name): glibc's function behind the one of that name here; found once, by whichever threads come first.
#define NEXT(name)                                                                       \
  ({                                                                                     \
    static _Atomic(void *) found;                                                        \
    void *function = atomic_load_explicit(&found, memory_order_relaxed);                 \
    if (__builtin_expect(function == NULL, 0)) {                                         \
      function = dlsym(RTLD_NEXT, #name);                                                \
      atomic_store_explicit(&found, function, memory_order_relaxed);                     \
    }                                                                                    \
    (__typeof__(&name))function;                                                         \
  })

static void count(enum counter counter) { ccounters_add(ccounters_slot(), counter, 1); }

// A wake-up is a system call too, which `kind` says.
static void count_wake_up(enum counter kind) {
  count(kind);
  count(counter_wake_ups);
}

// --- the eventfds of this process ------------------------------------------------------------------------------------

// One bit per descriptor. A descriptor that is used again keeps its bit, which matters for writes of 8 bytes only.
enum { known_descriptors = 65536 };
static _Atomic unsigned char eventfds[known_descriptors / 8];

int eventfd(unsigned int initial, int flags) {
  int fd = NEXT(eventfd)(initial, flags);
  if (fd >= 0 && fd < known_descriptors) atomic_fetch_or(&eventfds[fd / 8], (unsigned char)(1u << (fd % 8)));
  return fd;
}

static int wakes(int fd, size_t length) {
  if (length != 8 || fd < 0 || fd >= known_descriptors) return 0;
  return atomic_load_explicit(&eventfds[fd / 8], memory_order_relaxed) >> (fd % 8) & 1;
}

// --- reading and writing ---------------------------------------------------------------------------------------------

ssize_t write(int fd, const void *bytes, size_t length) {
  if (wakes(fd, length)) count_wake_up(counter_writes);
  else count(counter_writes);
  return NEXT(write)(fd, bytes, length);
}

int eventfd_write(int fd, unsigned long value) {
  count_wake_up(counter_writes);
  return NEXT(eventfd_write)(fd, value);
}

ssize_t writev(int fd, const struct iovec *pieces, int number) {
  count(counter_writes);
  return NEXT(writev)(fd, pieces, number);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  count(counter_writes);
  return NEXT(send)(fd, bytes, length, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  count(counter_writes);
  return NEXT(sendmsg)(fd, message, flags);
}

ssize_t read(int fd, void *bytes, size_t length) {
  count(counter_reads);
  return NEXT(read)(fd, bytes, length);
}

int eventfd_read(int fd, unsigned long *value) {
  count(counter_reads);
  return NEXT(eventfd_read)(fd, value);
}

ssize_t readv(int fd, const struct iovec *pieces, int number) {
  count(counter_reads);
  return NEXT(readv)(fd, pieces, number);
}

ssize_t recv(int fd, void *bytes, size_t length, int flags) {
  count(counter_reads);
  return NEXT(recv)(fd, bytes, length, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  count(counter_reads);
  return NEXT(recvmsg)(fd, message, flags);
}

// --- waiting for descriptors -----------------------------------------------------------------------------------------

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
  count(counter_polls);
  return NEXT(epoll_wait)(fd, events, most, timeout);
}

int epoll_pwait(int fd, struct epoll_event *events, int most, int timeout, const __sigset_t *signals) {
  count(counter_polls);
  return NEXT(epoll_pwait)(fd, events, most, timeout, signals);
}

int epoll_ctl(int fd, int operation, int descriptor, struct epoll_event *event) {
  count(counter_other_calls);
  return NEXT(epoll_ctl)(fd, operation, descriptor, event);
}

// --- threads that sleep and wake -------------------------------------------------------------------------------------

// No call is made when the semaphore has what is wanted.
int sem_wait(sem_t *semaphore) {
  if (sem_trywait(semaphore) == 0) return 0;
  count(counter_other_calls);
  return NEXT(sem_wait)(semaphore);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
  if (sem_trywait(semaphore) == 0) return 0;
  count(counter_other_calls);
  return NEXT(sem_timedwait)(semaphore, until);
}

// Whether a thread sleeps at the semaphore: in glibc's since 2.21, on machines of 64 bits, the upper half of its first
// word counts them. Elsewhere a post counts as a wake-up, which is too many.
static int has_sleeper(const sem_t *semaphore) {
#if __SIZEOF_POINTER__ == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return atomic_load_explicit((const _Atomic uint64_t *)(const void *)semaphore, memory_order_relaxed) >> 32 != 0;
#else
  (void)semaphore;
  return 1;
#endif
}

int sem_post(sem_t *semaphore) {
  if (has_sleeper(semaphore)) count_wake_up(counter_other_calls);
  return NEXT(sem_post)(semaphore);
}

int sched_yield(void) {
  count(counter_other_calls);
  return NEXT(sched_yield)();
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest) {
  count(counter_other_calls);
  return NEXT(clock_nanosleep)(clock, flags, time, rest);
}

// The Swift runtime and libdispatch make their futex calls with this. No call has more than six arguments, and those that
// were not given are not looked at by the kernel.
long syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  int operation = number == SYS_futex ? (int)a[1] & FUTEX_CMD_MASK : -1;
  if (operation == FUTEX_WAKE || operation == FUTEX_UNLOCK_PI) count_wake_up(counter_other_calls);
  else count(counter_other_calls);
  return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#else
// A translation unit holds at least one declaration.
typedef int ccounters_calls_are_not_counted;
#endif
