//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// The last happenings, kept as values and turned into text only when somebody reads them.
struct TraceRing {
    enum Entry {
        case message(Message, from: String, to: String)
        case note(String)
    }

    let countMax: Int
    private var entries: [(Instant, Entry)] = []
    private var next = 0

    init(countMax: Int) { self.countMax = countMax }

    mutating func add(_ entry: Entry, at now: Instant) {
        guard countMax > 0 else { return }
        if entries.count < countMax {
            entries.append((now, entry))
        } else {
            entries[next] = (now, entry)
            next = (next + 1) % countMax
        }
    }

    /// The entries as text, oldest first.
    var lines: [SimulationTrace] {
        (entries[next...] + entries[..<next]).map { time, entry in
            let text =
                switch entry {
                case .message(let message, let from, let to): "\(from) → \(to): \(message.traceText)"
                case .note(let text): text
                }
            return SimulationTrace(nanoseconds: time.nanoseconds, text: text)
        }
    }
}

extension Message {
    /// Name and the fields that tell most, for people.
    var traceText: String {
        let name = Mirror(reflecting: self).children.first?.label ?? "kind \(kind)"
        return name + detail
    }

    private var detail: String {
        switch self {
        case .pushTask(let message):
            " task \(message.spec.id.short)/\(message.spec.attempt) lease \(message.lease.short)"
        case .taskDone(let message):
            " task \(message.task.short)/\(message.attempt) \(message.error?.message ?? "ok")"
        case .callActor(let message): " task \(message.spec.id.short)/\(message.spec.attempt) to \(message.incarnation)"
        case .handBack(let message): " \(message.tasks.map(\.short)) lease \(message.lease.short)"
        case .stealTasks(let message): " \(message.count) lease \(message.lease.short)"
        case .requestLease(let message): " \(message.lease.short) \(message.shape)"
        case .assignLease(let message): " \(message.lease.short)"
        case .leaseReady(let message): " \(message.lease.short)"
        case .leaseGranted(let message): " \(message.lease.short)"
        case .leaseRefused(let message): " \(message.lease.short): \(message.error.message)"
        case .leaseFailed(let message): " \(message.lease.short): \(message.error.message)"
        case .leaseLost(let message): " \(message.lease.short): \(message.error.message)"
        case .leasePending(let message): " \(message.lease.short): \(message.reason.sentence)"
        case .returnLease(let message): " \(message.lease.short)"
        case .cancelLease(let message): " \(message.lease.short)"
        case .releaseLease(let message): " \(message.lease.short) kill \(message.kill)"
        case .leaseBlocked(let message): " \(message.lease.short)"
        case .leaseUnblocked(let message): " \(message.lease.short)"
        case .leaseResumed(let message): " \(message.lease.short)"
        case .actorUpdate(let message):
            " \(message.state.id) \(message.state.phase) \(message.state.incarnation) "
                + (message.state.error?.message ?? "")
        case .workerExited(let message):
            " \(message.worker.short) lease \(message.lease?.short ?? "-") signal \(message.signal)"
        case .releaseOwned(let message): " \(message.workers.map(\.short)) jobs \(message.jobs.map(\.value))"
        case .createObject(let message): " \(message.object.short) \(message.dataBytes)"
        case .objectCreated(let message): " \(message.object.short) \(message.error?.message ?? "\(message.offset)")"
        case .sealObject(let message): " \(message.object.short)"
        case .abortObject(let message): " \(message.object.short)"
        case .freeObjects(let message): " \(message.objects.map(\.short))"
        case .fetchObject(let message): " \(message.object.short) at \(message.locations.map(\.host))"
        case .objectLocal(let message): " \(message.object.short) \(message.error?.message ?? "ok")"
        case .queryObject(let message): " \(message.object.short)"
        case .objectStatus(let message): " \(message.object.short) \(message.error?.message ?? "ok")"
        case .pullChunk(let message): " \(message.object.short) \(message.offset)+\(message.count)"
        case .objectChunk(let message):
            " \(message.object.short) \(message.offset)+\(message.bytes.count) \(message.error?.message ?? "")"
        default: ""
        }
    }
}

extension Identifier {
    /// Enough of the id to tell it from others in a trace.
    var short: String {
        let bytes = bytes
        let head = Array(bytes.prefix(4)).hex
        return Self.byteCount == 28 ? head + "." + Array(bytes.suffix(4)).hex : head
    }
}
