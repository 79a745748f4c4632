//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWorker

extension WorkerCore.Configuration {
    /// Takes Ray's settings from the environment: `RAY_task_oom_retries` and so on.
    ///
    /// - Throws: `invalidArgument` if a value is no value for its setting.
    mutating func tune(_ variable: (String) -> String?) throws(RayError) {
        trace = try TraceSettings(variable)
        try RayletConfiguration.read("task_oom_retries", variable, in: -1...1e9) { oomRetriesMax = Int($0) }
        try RayletConfiguration.read("task_oom_retry_delay_base_ms", variable, in: 0...86_400_000) {
            oomRetryDelayMilliseconds = Int($0)
        }
        try RayletConfiguration.read("max_lineage_bytes", variable, in: 0...1e15) { lineageBytesMax = Int($0) }
        if let text = variable("RAY_lineage_pinning_enabled") {
            keepsLineage = ["1", "true"].contains(text.lowercased())
        }
    }
}
