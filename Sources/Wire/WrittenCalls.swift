//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

internal import RayCore

/// The bytes of calls that were written last: a program makes the same call again and again, and what its tasks have in
/// common is most of what each of them is on the wire.
///
/// A call that is changed is another one from then on (`Shared`), as long as this refers to what it was.
struct WrittenCalls: Sendable {
    /// What a task's record says of its call, in front of the arguments and behind them.
    struct Parts: Sendable {
        let call: Shared<TaskCall>
        let owner: Address
        let function: [UInt8]
        let rest: [UInt8]
    }

    private static let countMax = 64

    private var parts: [ObjectIdentifier: Parts] = [:]
    /// What was written last: only what comes again is kept, as calls with a name each do not.
    private var last: Shared<TaskCall>?

    func find(_ call: Shared<TaskCall>, of owner: Address) -> Parts? {
        guard let found = parts[call.identity], found.owner == owner else { return nil }
        return found
    }

    /// Whether a call that was not found is to be added now that it is written.
    mutating func comesAgain(_ call: Shared<TaskCall>) -> Bool {
        if call.identity == last?.identity { return true }
        last = call
        return false
    }

    mutating func add(_ written: Parts) {
        if parts.count >= Self.countMax { parts.removeAll(keepingCapacity: true) }
        parts[written.call.identity] = written
    }
}
