//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc
package import RayCore
internal import RayTransport

extension TraceSettings {
    /// Takes Ray's settings from the environment: `RAY_enable_timeline` and so on.
    ///
    /// - Throws: `invalidArgument` if a value is no value for its setting.
    package init(_ variable: (String) -> String?) throws(RayError) {
        self.init()
        hasSpans = !["0", "false"].contains(variable("RAY_enable_timeline")?.lowercased())
        var interval = 1_000
        try RayletConfiguration.read("task_events_report_interval_ms", variable, in: 0...86_400_000) {
            interval = Int($0)
        }
        // Ray's way to record nothing.
        isEnabled = interval > 0
        if isEnabled { reportMilliseconds = interval }
        try RayletConfiguration.read(
            "task_events_max_num_status_events_buffer_on_worker", variable, in: 1...1e7
        ) { bufferMax = Int($0) }
        try RayletConfiguration.read(
            "task_events_max_num_profile_events_buffer_on_worker", variable, in: 1...1e7
        ) { spansMax = Int($0) }
        try RayletConfiguration.read("task_events_send_batch_size", variable, in: 1...1e7) { batchMax = Int($0) }
        try RayletConfiguration.read("task_events_max_num_task_in_gcs", variable, in: 1...1e7) { keptMax = Int($0) }
        unixOffset = Self.unixOffset()
    }

    /// The time since 1970 at the monotonic clock's start, in nanoseconds.
    private static func unixOffset() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        return now - Int64(clamping: MonotonicClock().now().nanoseconds)
    }
}
