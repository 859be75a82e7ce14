// The functions that bind threads to processors are GNU extensions.
#define _GNU_SOURCE

#include "CMailroomThread.h"

#include <errno.h>
#include <sched.h>

#ifdef __linux__

// Far more than any system has.
enum { most_processors = 1 << 16 };

int mailroom_attributes_set_processors(pthread_attr_t *attributes, const int *processors, size_t count) {
  int highest = -1;
  for (size_t i = 0; i < count; i++) {
    if (processors[i] < 0 || processors[i] >= most_processors) return EINVAL;
    if (processors[i] > highest) highest = processors[i];
  }
  if (highest < 0) return EINVAL;
  cpu_set_t *set = CPU_ALLOC((size_t)highest + 1);
  if (set == NULL) return ENOMEM;
  size_t size = CPU_ALLOC_SIZE((size_t)highest + 1);
  CPU_ZERO_S(size, set);
  for (size_t i = 0; i < count; i++) CPU_SET_S((size_t)processors[i], size, set);
  int result = pthread_attr_setaffinity_np(attributes, size, set);
  CPU_FREE(set);
  return result;
}

size_t mailroom_processors(int *processors, size_t capacity) {
  cpu_set_t *set = CPU_ALLOC(most_processors);
  if (set == NULL) return 0;
  size_t size = CPU_ALLOC_SIZE(most_processors), found = 0;
  if (pthread_getaffinity_np(pthread_self(), size, set) == 0) {
    for (int number = 0; number < most_processors && found < capacity; number++) {
      if (CPU_ISSET_S((size_t)number, size, set)) processors[found++] = number;
    }
  }
  CPU_FREE(set);
  return found;
}

#else

int mailroom_attributes_set_processors(pthread_attr_t *attributes, const int *processors, size_t count) {
  (void)attributes, (void)processors, (void)count;
  return ENOTSUP;
}

size_t mailroom_processors(int *processors, size_t capacity) {
  (void)processors, (void)capacity;
  return 0;
}

#endif
