//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// One message of a run that does not go its way, named by its kind and number.
extension Cluster {
    /// What happens to a frame that is about to go out; nothing for most.
    func fault(of bytes: [UInt8], _ link: SimulatedLink, _ side: Int) -> SimulationMessageFault.Kind? {
        guard !link.isSameNode else { return nil }
        let header = bytes.withUnsafeBytes { try? FrameHeader($0, payloadBytesMax: Limits.framePayloadBytesMax) }
        guard let header, header.kind >= LinkFrameKind.applicationMin,
            header.sequence > link.ends[side].highestSent
        else { return nil }
        link.ends[side].highestSent = header.sequence
        report.sentKinds[header.kind, default: 0] += 1
        if link.ends[side].losesNext {
            link.ends[side].losesNext = false
            return strikes(.replyLost, link, side)
        }
        guard let wanted = options.messageFault, wanted.message == header.kind,
            wanted.number == report.sentKinds[header.kind]
        else { return nil }
        switch wanted.kind {
        case .lost, .repeated: return strikes(wanted.kind, link, side)
        case .replyLost:
            link.answeredSequence = (1 - side, header.sequence)
            return nil
        case .saidTwice, .unanswered: return nil
        }
    }

    private func strikes(
        _ kind: SimulationMessageFault.Kind, _ link: SimulatedLink, _ side: Int
    ) -> SimulationMessageFault.Kind {
        report.faults.append("at event \(report.eventCount): \(kind) from \(link.ends[side].process.name)")
        note("FAULT: \(kind)")
        return kind
    }

    /// How often a message that has just come to a process is given to its core: once, for most.
    func hearings(of kind: UInt16, _ link: SimulatedLink, _ side: Int) -> Int {
        report.deliveredKinds[kind, default: 0] += 1
        if let (answering, sequence) = link.answeredSequence, answering == side,
            link.ends[side].core.highestReceived == sequence
        {
            link.answeredSequence = nil
            link.ends[side].losesNext = true
        }
        guard let wanted = options.messageFault, wanted.kind == .saidTwice || wanted.kind == .unanswered,
            wanted.message == kind, wanted.number == report.deliveredKinds[kind]
        else { return 1 }
        return strikes(wanted.kind, link, 1 - side) == .saidTwice ? 2 : 0
    }
}
