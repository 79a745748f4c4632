//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What Python keeps among the keys and does not take away itself.
///
/// | namespace | keys | until |
/// | --- | --- | --- |
/// | `fun` | a kind and the job's id: exported functions and classes | the job's record goes |
/// | `swift_ray_jobs` | the job's id: its configuration | the job's record goes |
/// | `swift_ray_programs` | the job's id and a name: programs in Swift | the job's record goes |
/// | `swift_ray_actors` | the actor's id: what its handles know | the actor or the job's record goes |
/// | `swift_ray_debugger` | the worker's id: what a debugger tells of it | the worker ends |
///
/// A job's record goes with the last of its detached actors.
extension GCSCore {
    private static let functionNamespace = "fun"
    private static let functionKinds = ["RemoteFunction", "ActorClass", "FunctionsToRun"]
    private static let jobNamespaces = ["swift_ray_jobs", "swift_ray_programs"]
    private static let actorNamespace = "swift_ray_actors"
    private static let debuggerNamespace = "swift_ray_debugger"

    /// Whether a key belongs to an actor or a job that has ended: nobody would take it away.
    func isLate(_ key: Key, in namespace: String) -> Bool {
        if namespace == Self.actorNamespace, let id = ActorID(key.bytes) {
            if actors[id] != nil { return false }
            return jobs[id.job] == nil || deadActors[id] != nil || forgottenActors[id] != nil
        }
        guard Self.jobNamespaces.contains(namespace), let job = JobID(Array(key.bytes.prefix(JobID.byteCount))) else {
            return false
        }
        return jobs[job] == nil
    }

    /// Deletes what a debugger has told of a worker, which has ended.
    mutating func deleteDebuggerNotes(of worker: WorkerID) {
        _ = removeValue(of: Key(bytes: worker.bytes), in: Self.debuggerNamespace)
    }

    /// Deletes what handles of an actor are to know, which has ended.
    mutating func deleteKeys(of actor: ActorID) {
        _ = removeValue(of: Key(bytes: actor.bytes), in: Self.actorNamespace)
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

    /// Deletes the keys of all jobs and actors that have ended. O(such keys).
    mutating func deleteLateKeys() {
        for namespace in Self.jobNamespaces + [Self.actorNamespace] {
            for key in keyValues.keys(in: namespace, where: { isLate($0, in: namespace) }) {
                _ = removeValue(of: key, in: namespace)
            }
        }
    }
}
