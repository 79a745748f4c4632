//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// Shared memory on this machine that object stores may have left behind.
enum SharedMemory {
    /// The files in /dev/shm, and the processes that map an object store: a memfd lives as long as one does.
    static func present() -> Set<String> {
        let manager = FileManager.default
        var found = Set((try? manager.contentsOfDirectory(atPath: "/dev/shm")) ?? []).map { "/dev/shm/" + $0 }
        let store = Data("/memfd:ray-object-store".utf8)
        for name in (try? manager.contentsOfDirectory(atPath: "/proc")) ?? [] where Int(name) != nil {
            guard let maps = manager.contents(atPath: "/proc/\(name)/maps"), maps.range(of: store) != nil else {
                continue
            }
            found.append("an object store mapped by process \(name)")
        }
        return Set(found)
    }
}
