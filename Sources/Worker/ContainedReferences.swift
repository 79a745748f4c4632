//===----------------------------------------------------------------------===//
// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

package import RayCore
internal import RayWire

extension RayObject {
    /// The contained references as they lie behind an object in the store.
    package var containedBytes: [UInt8] {
        guard !contained.isEmpty else { return [] }
        var writer = WireWriter()
        writer.write(list: contained)
        return writer.bytes
    }

    /// Reads what `containedBytes` wrote; nothing if the bytes are damaged.
    package static func references(in bytes: UnsafeRawBufferPointer) -> [ObjectReference]? {
        guard !bytes.isEmpty else { return [] }
        var reader = WireReader(bytes)
        return try? reader.values()
    }
}
