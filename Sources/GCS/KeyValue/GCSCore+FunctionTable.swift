//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// The functions and classes that jobs in Python export: values whose keys begin with a kind and the job's id.
extension GCSCore {
    private static let functionNamespace = "fun"
    private static let functionKinds = ["RemoteFunction", "ActorClass", "FunctionsToRun"]

    /// Deletes what a job has exported: it and its detached actors have ended. O(what all jobs have exported).
    mutating func deleteFunctions(of job: JobID) {
        for kind in Self.functionKinds {
            let prefix = Array("\(kind):\(job.hex)".utf8)
            for key in keyValues.keys(prefix: prefix, in: Self.functionNamespace) {
                _ = keyValues.remove(key, in: Self.functionNamespace)
                if settings.isDurable { unsaved.append(.keyValue(key, in: Self.functionNamespace, nil)) }
            }
        }
    }
}
