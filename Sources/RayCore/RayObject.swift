//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

/// A reference as it travels: which object, who owns it, where the owner is.
package struct ObjectReference: Hashable, Sendable {
    package var id: ObjectID
    package var owner: Address
    /// Where the reference was made, `file:line`, for people; may be empty.
    package var callSite: String

    package init(id: ObjectID, owner: Address, callSite: String = "") {
        self.id = id
        self.owner = owner
        self.callSite = callSite
    }
}

/// A value of the cluster: bytes, what kind of bytes, and the references inside them.
package struct RayObject: Hashable, Sendable {
    /// The encoded value; meaning as `metadata` says.
    package var data: [UInt8]
    /// A short byte string in Ray's vocabulary: `SWIFT`, `RAW`, `PYTHON`, `XLANG`, or the decimal
    /// number of an `ErrorType`.
    package var metadata: [UInt8]
    /// References found inside `data`, in order.
    package var contained: [ObjectReference]

    package init(data: [UInt8], metadata: [UInt8], contained: [ObjectReference] = []) {
        self.data = data
        self.metadata = metadata
        self.contained = contained
    }

    /// About what it takes inside a message.
    package var messageByteCount: Int { data.count + metadata.count + contained.count * Self.referenceBytes }

    /// An id, an owner's address and the place in a program.
    private static let referenceBytes = 128
}

/// The kinds of plain data that `RayObject.metadata` can name.
package enum ObjectMetadata {
    /// A value of Swift, in the coding of `RayCoder`.
    package static let swift = Array("SWIFT".utf8)
    /// Bytes as they are.
    package static let raw = Array("RAW".utf8)
    /// A value of MessagePack's kinds behind nine bytes that say how long it is.
    package static let crossLanguage = Array("XLANG".utf8)
    /// The same with parts that Python has pickled behind it.
    package static let python = Array("PYTHON".utf8)
    /// What is for Python's task loop and not for the function; MessagePack as in `crossLanguage`.
    package static let extras = Array("EXTRAS".utf8)
}
