//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// Shared memory on this machine that object stores may have left behind.
enum SharedMemory {
    /// The files in /dev/shm, and those of the processes that map an object store: a memfd lives as long as one does.
    ///
    /// Clusters of others on the machine come and go meanwhile, so only the test's own processes are asked.
    static func present(in processes: [ProcessEntry]) -> Set<String> {
        let manager = FileManager.default
        var found = Set(((try? manager.contentsOfDirectory(atPath: "/dev/shm")) ?? []).map { "/dev/shm/" + $0 })
        let store = Data("/memfd:ray-object-store".utf8)
        for process in processes {
            guard let maps = manager.contents(atPath: "/proc/\(process.processID)/maps"), maps.range(of: store) != nil
            else { continue }
            found.insert("an object store mapped by process \(process.processID) (\(process.name))")
        }
        return found
    }
}
