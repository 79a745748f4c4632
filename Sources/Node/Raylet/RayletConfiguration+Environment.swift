//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayObjectStore
internal import RayRaylet

extension RayletConfiguration {
    /// Takes Ray's settings from the environment: `RAY_object_spilling_directory` and so on.
    ///
    /// - Throws: `invalidArgument` if a value is no value for its setting.
    package mutating func tune(_ variable: (String) -> String?) throws(RayError) {
        if spillDirectory == nil, let folder = variable("RAY_object_spilling_directory"), !folder.isEmpty {
            spillDirectory = folder
        }
        var policy = SpillPolicy()
        try Self.read("object_spilling_threshold", variable, in: 0...1) { policy.threshold = $0 }
        try Self.read("min_spilling_size", variable, in: 0...Self.bytesMax) { policy.batchBytesMin = Int($0) }
        try Self.read("max_fused_object_count", variable, in: 1...1e6) { policy.batchObjectsMax = Int($0) }
        try Self.read("oom_grace_period_s", variable, in: 0...86_400) {
            policy.graceMilliseconds = Int($0 * 1_000)
            fallback.graceMilliseconds = policy.graceMilliseconds
        }
        try Self.read("local_fs_capacity_threshold", variable, in: 0...1) { diskCapacityThreshold = $0 }
        spilling = policy
        try Self.read("memory_usage_threshold", variable, in: 0...1) { memory.threshold = $0 }
        try Self.read("min_memory_free_bytes", variable, in: -1...Self.bytesMax) {
            memory.freeBytesMin = $0 < 0 ? nil : Int($0)
        }
        try Self.read("memory_monitor_refresh_ms", variable, in: 0...86_400_000) { memoryRefreshMilliseconds = Int($0) }
        try Self.read("RUNTIME_ENV_WORKING_DIR_CACHE_SIZE_GB", variable, in: 0...1e6) {
            packageCacheBytesMax = Int($0 * Double(1 << 30))
        }
        try workerStanding.tune(variable)
        trace = try TraceSettings(variable)
        memoryRoot = variable("RAY_memory_monitor_root") ?? ""
        let isPlacing = variable("RAY_numa_placement_enabled").map(Self.isFalse) != true
        memoryNodes = isPlacing ? DeviceTree(variable).memoryNodes() : []
        if variable("RAY_automatic_object_spilling_enabled").map(Self.isFalse) == true { spilling = nil }
    }

    private static func isFalse(_ text: String) -> Bool { ["0", "false"].contains(text.lowercased()) }

    private static let bytesMax = 1e15

    static func read(
        _ name: String, _ variable: (String) -> String?, in range: ClosedRange<Double>, _ set: (Double) -> Void
    ) throws(RayError) {
        guard let text = variable("RAY_" + name), !text.isEmpty else { return }
        guard let value = Double(text), range.contains(value) else {
            throw RayError(
                .invalidArgument,
                "RAY_\(name) is '\(text)'; it must be a number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        set(value)
    }
}
