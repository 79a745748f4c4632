//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What Python keeps among the keys and does not take away itself: functions and classes that jobs export, whose keys
/// begin with a kind and the job's id, and what a debugger tells of workers (`swift_ray/raylet/debugger.py`).
extension GCSCore {
    private static let debuggerNamespace = "swift_ray_debugger"
    private static let functionNamespace = "fun"
    private static let functionKinds = ["RemoteFunction", "ActorClass", "FunctionsToRun"]

    /// Deletes what a debugger has told of a worker, which has ended.
    mutating func deleteDebuggerNotes(of worker: WorkerID) {
        _ = removeValue(of: Key(bytes: worker.bytes), in: Self.debuggerNamespace)
    }

    /// Deletes what a job has exported: it and its detached actors have ended. O(what all jobs have exported).
    mutating func deleteFunctions(of job: JobID) {
        for kind in Self.functionKinds {
            let prefix = Array("\(kind):\(job.hex)".utf8)
            for key in keyValues.keys(prefix: prefix, in: Self.functionNamespace) {
                _ = removeValue(of: key, in: Self.functionNamespace)
            }
        }
    }
}
