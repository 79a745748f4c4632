//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import CRaySystem
internal import Glibc

/// What this machine, or the container around this process, has.
package struct MachineResources: Sendable {
    package var cpus: Int
    /// The GPUs, also those that `CUDA_VISIBLE_DEVICES` hides.
    package var gpus: NVIDIADevices
    /// Bytes of memory that this process may use.
    package var memory: Int

    /// Reads CPU affinity, the cgroup's limits (version 2, then 1), and what NVIDIA's driver says.
    package static func detect() -> MachineResources {
        MachineResources(
            cpus: cpuCount(), gpus: NVIDIADevices.detect(in: DeviceTree(environment)), memory: memoryLimit())
    }

    private static func cpuCount() -> Int {
        var count = Int(ray_affinity_cpus())
        if let quota = cgroupCPUs() { count = min(count, max(1, Int(quota.rounded(.up)))) }
        return max(1, count)
    }

    private static func cgroupCPUs() -> Double? {
        if let text = readFile("/sys/fs/cgroup/cpu.max") {
            let fields = text.split(whereSeparator: \.isWhitespace)
            if fields.count == 2, let quota = Double(fields[0]), let period = Double(fields[1]), period > 0 {
                return quota / period
            }
        }
        if let quota = number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), quota > 0,
            let period = number("/sys/fs/cgroup/cpu/cpu.cfs_period_us"), period > 0
        {
            return Double(quota) / Double(period)
        }
        return nil
    }

    private static func memoryLimit() -> Int {
        let physical = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
        let limit = number("/sys/fs/cgroup/memory.max") ?? number("/sys/fs/cgroup/memory/memory.limit_in_bytes")
        return min(physical, limit.flatMap { $0 > 0 ? $0 : nil } ?? physical)
    }

    private static func number(_ path: String) -> Int? {
        readFile(path).flatMap { Int($0.filter { !$0.isWhitespace }) }
    }

    /// Ray's default for the object store: 30 % of memory, at most 200 GB.
    package var defaultStoreCapacity: Int { min(memory / 10 * 3, 200_000_000_000) }
}
