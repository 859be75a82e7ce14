/// What a thread needs of the machine that Swift does not import.

#ifndef CMAILROOMTHREAD_H
#define CMAILROOMTHREAD_H

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

#endif
