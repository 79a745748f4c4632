//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import NIOCore

/// The answers that a client may ask for again, after its connection broke, until it has said that it has them.
///
/// Requests have ascending numbers, which begin again after the largest one.
package struct AnswerCache: Sendable {
    /// How a request stands.
    package enum Standing: Equatable, Sendable {
        case new
        /// It was answered here, so.
        case answered(ByteBuffer)
        /// It has come before, and is the program's.
        case seen
    }

    /// Whether the client may ask again; if not, it does not say either what it has.
    package var isUsed = true
    private var answers = CircularBuffer<(id: Int32, answer: ByteBuffer)>()
    /// The last request that has come, the last of them that was the program's, and the last that the client has its
    /// answer to and the program knows that.
    private var newest: Int32 = 0
    private var newestLeft: Int32 = 0
    private var acknowledged: Int32 = 0

    /// No request has come.
    package init() {}

    /// How many answers there are.
    package var count: Int { answers.count }

    /// How a request stands that comes now.
    package func standing(of id: Int32) -> Standing {
        guard id > 0 else { return .seen }
        if Self.isNewer(id, than: newest) { return .new }
        return answer(to: id).map { .answered($0) } ?? .seen
    }

    /// They ascend.
    private func answer(to id: Int32) -> ByteBuffer? {
        var (low, high) = (0, answers.count)
        while low < high {
            let middle = (low + high) / 2
            let found = answers[offset: middle]
            if found.id == id { return found.answer }
            if Self.isNewer(id, than: found.id) { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// A new request is answered here.
    package mutating func add(_ answer: ByteBuffer, to id: Int32) {
        newest = id
        if isUsed { answers.append((id, answer)) }
    }

    /// A request is left to the program.
    package mutating func leave(_ id: Int32) {
        guard id > 0, Self.isNewer(id, than: newest) else { return }
        newest = id
        newestLeft = id
    }

    /// The client has the answers to all requests up to `id`; whether the program must hear of it for its own ones.
    package mutating func acknowledge(_ id: Int32) -> Bool {
        // It cannot have what it has not asked for; what the program says to that is its own.
        guard !Self.isNewer(id, than: newest) else { return true }
        while let first = answers.first, !Self.isNewer(first.id, than: id) { answers.removeFirst() }
        guard Self.isNewer(newestLeft, than: acknowledged) else { return false }
        acknowledged = id
        return true
    }

    /// As Ray has it: where two are half of all apart, the numbers have begun again.
    private static func isNewer(_ one: Int32, than other: Int32) -> Bool {
        let distance = abs(Int(one) - Int(other))
        return distance > Int(Int32.max / 2) ? one < other : one > other
    }
}
