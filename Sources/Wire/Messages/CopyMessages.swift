//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore

/// Raylet to owner: its node's store holds a further copy now. The owner frees it with the others.
package struct ObjectCopied: Hashable, Sendable, WireCodable {
    package var object: ObjectID
    /// The raylet of the node that has it.
    package var raylet: Address

    package init(object: ObjectID, raylet: Address) {
        self.object = object
        self.raylet = raylet
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(object)
        writer.write(raylet)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        object = try reader.identifier()
        raylet = try reader.value()
    }
}

/// Raylet to owner: its node has no copy of these any more, or never had.
package struct CopiesGone: Hashable, Sendable, WireCodable {
    package var objects: [ObjectID]

    package init(objects: [ObjectID]) {
        self.objects = objects
    }

    package func encode(into writer: inout WireWriter) {
        writer.write(list: objects)
    }

    package init(from reader: inout WireReader) throws(WireError) {
        objects = try reader.identifiers()
    }
}
