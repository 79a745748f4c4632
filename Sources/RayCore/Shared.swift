//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A value that all its copies share until one of them is changed.
///
/// For what is copied on the way of every call and has many strings and arrays inside: a copy costs one count of
/// references instead of one for each of them, and eight bytes in what holds it.
package struct Shared<Value: Hashable & Sendable>: Hashable, Sendable {
    // Unchecked: it is only changed while one value refers to it.
    @usableFromInline
    final class Storage: @unchecked Sendable {
        @usableFromInline var value: Value
        @usableFromInline init(_ value: Value) { self.value = value }
    }

    @usableFromInline var storage: Storage

    @inlinable
    package init(_ value: Value) { storage = Storage(value) }

    /// What is shared; changing it copies it first, unless nobody else has it.
    @inlinable
    package var value: Value {
        _read { yield storage.value }
        _modify {
            if !isKnownUniquelyReferenced(&storage) { storage = Storage(storage.value) }
            yield &storage.value
        }
    }

    /// Equal for values that share, as long as one of them lives.
    package var identity: ObjectIdentifier { ObjectIdentifier(storage) }

    @inlinable
    package static func == (lhs: Self, rhs: Self) -> Bool { lhs.storage === rhs.storage || lhs.value == rhs.value }

    @inlinable
    package func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
}
