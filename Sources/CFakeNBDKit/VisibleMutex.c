/* For the thread sanitizer alone: Swift's Mutex, made visible to it.
 *
 * Synchronization.Mutex takes a lock that is free in code compiled into its user, which is
 * instrumented, but waits for one that is taken in the library, which is not: the sanitizer misses
 * that acquisition and reports every access behind it as a race. These definitions stand before the
 * library's. They wait in instrumented code: never by futex, so that unlocking never has anybody to
 * wake. */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#define SWIFT(name) __asm__("$s15Synchronization12_MutexHandleV" name)

__attribute__((swiftcall)) void lock_slow(uint32_t self,
                                          __attribute__((swift_context)) _Atomic uint32_t *handle)
    SWIFT("9_lockSlowyys6UInt32VF");

/* 0 is free, anything else the thread that has it. */
__attribute__((swiftcall)) void lock_slow(uint32_t self,
                                          __attribute__((swift_context)) _Atomic uint32_t *handle) {
  uint32_t expected = 0;
  while (!atomic_compare_exchange_weak_explicit(handle, &expected, self, memory_order_acquire,
                                                memory_order_relaxed)) {
    expected = 0;
    sched_yield();
  }
}

#endif
#endif
