//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire
internal import RayWorker

/// What scripts hand to actors.
extension WorkerProcess {
    func handOver(_ slot: Int, _ actorSlot: Int, _ target: Int, _ frame: Frame) {
        guard let reference = frame.references[slot], let actor = frame.actors[actorSlot] else { return }
        frame.awaited = (target, frame.expectations[slot] ?? .unchecked)
        frame.slots = [slot]
        wait(frame, .answer)
        begin(frame) { core, effects in
            core.handOver(
                reference, to: actor, deadline: nil, from: frame.spec?.id, at: cluster.now, into: &effects)
        }
    }

    /// A request of a frame has ended.
    func handedOver(_ number: Int, _ result: Result<Message, RayError>) {
        guard let frame = frames[number] else { return }
        let awaited = frame.awaited
        frame.awaited = nil
        switch result {
        case .failure(let error): failed(number, error)
        case .success(.handedOver(let answer)):
            if let awaited, let object = answer.object { keep([object], awaited.slot, awaited.expected, frame) }
            frame.waiting = .nothing
            go(number)
        case .success:
            frame.waiting = .nothing
            go(number)
        }
    }
}
