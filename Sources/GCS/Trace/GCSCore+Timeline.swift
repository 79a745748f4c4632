//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore
internal import RayWire

/// What is recorded, for `ray timeline`: in parts, since all of it may be more than one message holds.
extension GCSCore {
    /// Places of task records that one part goes through, and spans in one.
    private static let placesPerPart = 4_000

    mutating func queryTimeline(_ query: QueryTimeline, _ sender: Sender, into effects: inout GCSEffects) {
        answer(.timelinePart(timelinePart(from: query.cursor)), sender, into: &effects)
    }

    /// Spans come first, with negative cursors behind the first part; then the places of task records.
    private func timelinePart(from cursor: Int) -> TimelinePart {
        var part = TimelinePart(tasks: TaskEvents(), spans: [], nodes: [], next: nil)
        if cursor <= 0 {
            let (ofNodes, ofProcesses) = (spans.all, processSpans.all)
            let count = max(ofNodes.count, ofProcesses.count)
            let first = min(count, cursor == .min ? 0 : -cursor)
            let last = min(count, first + Self.placesPerPart)
            part.spans = Array(ofNodes.dropFirst(first).prefix(last - first))
            part.processSpans = Array(ofProcesses.dropFirst(first).prefix(last - first))
            part.nodes = (nodeOrder.compactMap { nodes[$0] } + deadNodes.all).map {
                TimelineNode(id: $0.info.address.node, host: $0.info.address.host)
            }
            part.next = last < count ? -last : 1
            return part
        }
        let first = min(tasks.end, cursor - 1)
        let last = min(tasks.end, first + Self.placesPerPart)
        part.tasks = events(first..<last)
        part.next = last < tasks.end ? last + 1 : nil
        return part
    }

    private func events(_ places: Range<Int>) -> TaskEvents {
        var events = TaskEvents(dropped: unreportedTasks + tasks.dropped)
        var calls: [ObjectIdentifier: UInt32] = [:]
        var workers: [ObjectIdentifier: UInt32] = [:]
        for place in places {
            guard let record = tasks[place] else { continue }
            var trace = TaskTrace(
                task: record.key.task, attempt: record.key.attempt, state: record.state, call: 0,
                parent: record.parent, times: record.times, failure: record.failure?.value)
            trace.call = calls[record.call.identity] ?? UInt32(events.calls.count)
            if trace.call == events.calls.count {
                calls[record.call.identity] = trace.call
                events.calls.append(record.call.value)
            }
            if let worker = record.worker {
                let index = workers[worker.identity] ?? UInt32(events.workers.count)
                if index == events.workers.count {
                    workers[worker.identity] = index
                    events.workers.append(worker.value)
                }
                trace.worker = index
            }
            events.tasks.append(trace)
        }
        return events
    }
}
