//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// Why an operation on the store was refused.
package enum ObjectStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operating system refused; what was tried, and its error number.
    case system(String, Int32)
    /// What was mapped is not an arena, or one of another version.
    case incompatible(String)
    /// Something in the arena points outside it or contradicts itself.
    case corrupt(String)
    /// All pin words of this process are in use.
    case pinsExhausted(Int)
    /// The raylet took this process's slot away: it counts as dead.
    case detached
    /// All slots for processes are taken.
    case slotsExhausted(Int)
    /// A range that was asked for is not inside the data part.
    case outOfRange(offset: Int, size: Int)
    /// A setting is unusable.
    case invalidConfiguration(String)

    /// What is wrong and what can be done.
    package var description: String {
        switch self {
        case .system(let call, let number):
            "\(call) failed with error number \(number); check the memory limits of this machine or container"
        case .incompatible(let what):
            "the shared memory is no object store of this version (\(what)); "
                + "start all processes of the node with the same version of swift-ray"
        case .corrupt(let what):
            "the object store's shared memory is damaged (\(what)); restart this node's raylet"
        case .pinsExhausted(let count):
            "this process already reads \(count) stored objects at the same time; let go of some of their values"
        case .detached:
            "this process was removed from the object store because its raylet took it for dead; restart it"
        case .slotsExhausted(let count):
            "the object store already serves \(count) processes, which is its limit; run fewer workers on this node"
        case .outOfRange(let offset, let size):
            "\(size) bytes at \(offset) are not inside the object store's data; the raylet and this process disagree"
        case .invalidConfiguration(let what):
            what
        }
    }
}
