//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// What is to happen at a time.
struct Event {
    enum Kind {
        /// Bytes of connection `epoch` reach the end `side` of a link.
        case arrival(SimulatedLink, side: Int, epoch: Int, bytes: [UInt8])
        /// The end `side` reads what has come on connection `epoch`.
        case read(SimulatedLink, side: Int, epoch: Int)
        /// The connecting side tries.
        case dial(SimulatedLink)
        /// An attempt ends: with a connection, or a reason why there is none.
        case dialed(SimulatedLink, reason: String?)
        /// The end `side` sees that connection `epoch` is gone.
        case closed(SimulatedLink, side: Int, epoch: Int, reason: String, isProcessGone: Bool)
        case linkTick(SimulatedLink, side: Int)
        case processTick(SimulatedProcess)
        /// User code goes on.
        case resume(WorkerProcess, frame: Int)
        case driverStart(nodeIndex: Int?, script: [Operation])
        case nodeStart(likeNode: Int?)
        case headStart
        case spawned(RayletProcess, startToken: UInt64, job: JobID)
        case booted(WorkerProcess)
        case exited(RayletProcess, processID: Int32, code: Int32, signal: Int32)
        case detached(RayletProcess, slot: UInt32)
        case struck(WorkerProcess)
        case fetched(RayletProcess, key: String)
        /// A node's disk is done.
        case disk(RayletProcess, SimulatedDisk.Job)
    }

    var time: Instant
    var sequence: UInt64
    var kind: Kind
}

/// Events in order of time, those of one time in the order in which they were added: a binary heap.
struct EventQueue {
    private var heap: [Event] = []
    private var sequence: UInt64 = 0

    var count: Int { heap.count }

    mutating func add(_ kind: Event.Kind, at time: Instant) {
        sequence += 1
        heap.append(Event(time: time, sequence: sequence, kind: kind))
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard precedes(index, parent) else { break }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    mutating func popFirst() -> Event? {
        guard heap.count > 1 else { return heap.popLast() }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            guard least != index else { break }
            heap.swapAt(index, least)
            index = least
        }
        return first
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (heap[left].time, heap[left].sequence) < (heap[right].time, heap[right].sequence)
    }
}
