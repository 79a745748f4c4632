//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// Seals that were said and not heard yet.
///
/// Nothing is lost between the processes of a node. So a raylet hears each seal, also that of a process which has ended
/// since, and until then it must not give the object up: others were told of it.
struct SealOracle {
    private struct Seal: Hashable {
        var object: ObjectID
        var slot: UInt32
        var raylet: WorkerID
    }

    private var underWay: Set<Seal> = []

    mutating func said(_ message: Message, by process: SimulatedProcess, to raylet: WorkerID) {
        guard case .sealObject(let seal) = message, let writer = process as? WorkerProcess else { return }
        underWay.insert(Seal(object: seal.object, slot: writer.slot, raylet: raylet))
    }

    mutating func heard(_ message: Message, by raylet: RayletProcess) {
        guard case .sealObject(let seal) = message, !underWay.isEmpty else { return }
        underWay = underWay.filter { $0.object != seal.object || $0.raylet != raylet.id }
    }

    /// A raylet gives room back: of one object, or all that the process with this slot has not sealed.
    func givenBack(_ object: ObjectID?, slot: UInt32?, by raylet: RayletProcess, in cluster: Cluster) {
        let lost = underWay.filter {
            $0.raylet == raylet.id && $0.slot == slot && (object == nil || $0.object == object)
        }
        guard let lost = lost.min(by: { $0.object < $1.object }) else { return }
        cluster.fail("\(raylet.name) gives up object \(lost.object.short), whose seal is under way")
    }
}
