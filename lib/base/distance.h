/* SPDX-License-Identifier: ISC */
/* How far apart two processors are. A virtual machine's are moved by its host: now they share a
 * cache, now they do not, for seconds or minutes. What goes from one to the other then takes two to
 * six times as long, and programs that differ in how much does so differ by another ratio. */
#ifndef DISTANCE_H
#define DISTANCE_H

#include <stdint.h>

/* Nanoseconds that a cache line takes from one processor to the other and back, the median of some
 * thousand times; takes some milliseconds, and at most 50. 0: not known, as they were busy or may
 * not be chosen. The caller's affinity is as it was. */
uint64_t distance_ns(unsigned cpu, unsigned other);

#endif
