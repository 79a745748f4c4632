//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Where in the program references were made, if that is recorded (Ray's `record_ref_creation_sites`).
extension WorkerCore {
    /// Bytes of a place that are kept.
    package static let callSiteBytesMax = 1_000

    /// Begins to record: from now on `listObjects` names places.
    package mutating func recordCallSites() {
        if callSites == nil { callSites = [:] }
    }

    /// Where the first reference of this process to an object was made; later ones change nothing.
    package mutating func noteCallSite(_ site: String, of id: ObjectID) {
        guard callSites != nil, callSites?[id] == nil, objects[id] != nil else { return }
        callSites?[id] =
            site.utf8.count <= Self.callSiteBytesMax ? site : String(site.prefix(Self.callSiteBytesMax / 4))
    }

    /// Places of all objects: for one that only a task here has as its argument, what that task is.
    func knownCallSites() -> [ObjectID: String] {
        guard var sites = callSites else { return [:] }
        let tasks = Array(execution.running.values) + Array(execution.received.values)
        for spec in tasks.map(\.spec).sorted(by: { $0.id < $1.id }) {
            let kind =
                switch spec.kind {
                case .normal: "task"
                case .actorCreation: "actor creation task"
                case .actorCall: "actor task"
                }
            for case .reference(let reference) in spec.arguments where sites[reference.id] == nil {
                sites[reference.id] = "(deserialize \(kind) arg) \(spec.displayName)"
            }
        }
        return sites
    }
}
