//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// How tasks, transfers and spills are recorded for `ray timeline` and `ray list tasks`; names and defaults are Ray's.
package struct TraceSettings: Hashable, Sendable {
    /// Whether anything is recorded at all (`task_events_report_interval_ms` above 0).
    package var isEnabled = false
    /// Whether it is also recorded what takes processes and nodes time, beside tasks (`enable_timeline`).
    package var hasSpans = true
    /// Longest time from an event to its report (`task_events_report_interval_ms`).
    package var reportMilliseconds = 1_000
    /// Ended attempts that one process holds for its next reports
    /// (`task_events_max_num_status_events_buffer_on_worker`); the oldest are dropped and counted.
    package var bufferMax = 100_000
    /// Spans that one process holds for its next reports (`task_events_max_num_profile_events_buffer_on_worker`).
    package var spansMax = 10_000
    /// Most attempts that one process reports in `reportMilliseconds` (`task_events_send_batch_size`).
    package var batchMax = 10_000
    /// Attempts that the GCS keeps (`task_events_max_num_task_in_gcs`); ended ones are dropped first.
    package var keptMax = 100_000
    /// What makes an instant of this machine's clock a time since 1970, in nanoseconds.
    package var unixOffset: Int64 = 0

    /// Nothing is recorded.
    package init() {}

    /// Whether spans of processes and nodes are recorded.
    package var recordsSpans: Bool { isEnabled && hasSpans }

    /// Nanoseconds since 1970.
    package func unixNanoseconds(_ instant: Instant) -> UInt64 {
        instant.nanoseconds &+ UInt64(bitPattern: unixOffset)
    }
}
